//! `bench packets`: our reader and tshark side by side on a capture made by recipe in `target/bench`.
//!
//! What counts is CPU time of the process (user and system), as the kernel has it for ended children: it moves less than
//! wall time on a machine that does other work. Memory is the peak that the kernel saw of our process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{cargo, root};

/// The fields of the comparison.
const FIELDS: [&str; 8] = [
    "frame.number",
    "frame.time_epoch",
    "frame.len",
    "ip.src",
    "ip.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
];

/// Rounds of the recipe (about 0.5 MB each) of the main capture, of the longest, of the one that becomes JSON, and of
/// the one whose start counts.
const ROUNDS: u32 = 540;
const LONG: u32 = 1560;
const SHORT: u32 = 40;

/// One run: CPU seconds, and the peak of memory in KiB where the process tells.
struct Measured {
    seconds: f64,
    peak: Option<u64>,
}

/// Builds, makes the captures, measures and prints.
pub(crate) fn packets() -> bool {
    let examples = ["build", "--quiet", "--release", "--package", "tongro-trace", "--examples"];
    if !cargo(&examples) {
        return false;
    }
    let (Some(main), Some(long), Some(short)) = (capture(ROUNDS), capture(LONG), capture(SHORT)) else {
        return false;
    };
    let size = fs::metadata(&main).map_or(0, |file| file.len());
    println!("{} MB, tshark beside us, CPU seconds (user + system)\n", size / 1_000_000);
    let tshark_fields = tshark(&main, "fields");
    let full = ours(&["--full"], &main);
    let lazy = ours(&[], &main);
    row("8 fields, all dissected and analysed", &full, &tshark_fields, 25.0);
    row("8 fields, no more than they need", &lazy, &tshark_fields, 60.0);
    row("JSON with byte ranges (smaller capture)", &ours(&["--json"], &short), &tshark(&short, "json"), 50.0);
    let (small, large) = (full.peak.unwrap_or(0), ours(&["--full"], &long).peak.unwrap_or(0));
    println!(
        "\npeak of memory: {} MiB, and {} MiB on three times as many packets (goal 64)",
        small >> 10,
        large >> 10
    );
    small > 0 && large <= 64 << 10
}

fn row(what: &str, ours: &Measured, tshark: &Measured, goal: f64) {
    let ratio = tshark.seconds / ours.seconds.max(0.01);
    println!(
        "{what:<42} {:>8.2} s   tshark {:>8.2} s   {ratio:>6.1} x  (goal {goal})",
        ours.seconds, tshark.seconds
    );
}

/// The capture of so many rounds; made when it is not there.
fn capture(rounds: u32) -> Option<PathBuf> {
    let folder = root().join("target/bench");
    let path = folder.join(format!("packets-{rounds}.pcap"));
    if !path.exists() {
        fs::create_dir_all(&folder).ok()?;
        let status = example("mixed").args(["bulk", "7", &rounds.to_string()]).arg(&path).status();
        status.ok().filter(std::process::ExitStatus::success)?;
    }
    Some(path)
}

fn example(name: &str) -> Command {
    Command::new(root().join("target/release/examples").join(name))
}

fn ours(modes: &[&str], capture: &Path) -> Measured {
    let mut command = example("read");
    command.args(modes).arg(capture).args(FIELDS);
    best(command)
}

fn tshark(capture: &Path, kind: &str) -> Measured {
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(capture).args(["-T", kind]);
    if kind == "fields" {
        command.args(FIELDS.iter().flat_map(|field| ["-e", *field]));
    }
    measure(&mut command)
}

/// The best of three runs.
fn best(mut command: Command) -> Measured {
    let runs = (0..3).map(|_| measure(&mut command));
    runs.min_by(|a, b| a.seconds.total_cmp(&b.seconds)).unwrap_or(Measured { seconds: f64::NAN, peak: None })
}

fn measure(command: &mut Command) -> Measured {
    let before = of_children();
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let seconds = of_children() - before;
    let text = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    Measured { seconds, peak }
}

/// CPU seconds of all children that have ended (proc(5), `cutime` and `cstime`, in ticks of 10 ms).
fn of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(13).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}
