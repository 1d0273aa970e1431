//! Running other programs, and counting what they say.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Tests that passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Tally {
    /// One step that is a test of its own.
    pub(crate) fn of(name: &str, is_ok: bool) -> Self {
        println!("{} {name}", if is_ok { "ok    " } else { "FAILED" });
        Self { passed: u32::from(is_ok), failed: u32::from(!is_ok) }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The project's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// A command in the project's root.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Whether a cargo command succeeded.
pub(crate) fn cargo(arguments: &[&str]) -> bool {
    succeeds(&mut command("cargo", arguments))
}

pub(crate) fn succeeds(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            println!("{command:?}: {error}");
            false
        }
    }
}

/// Runs a test runner, shows what it prints, and adds up its summaries. One that fails without having counted a
/// failure has crashed: that is a failure of its own.
pub(crate) fn counted(command: &mut Command) -> Tally {
    let mut tally = Tally::default();
    let child = command.stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return Tally::of(&format!("{command:?}"), false) };
    for line in
        child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()).map_while(Result::ok)
    {
        println!("{line}");
        tally.add(summary(&line));
    }
    let is_ok = child.wait().is_ok_and(|status| status.success());
    if !is_ok && tally.failed == 0 {
        tally.failed = 1;
    }
    tally
}

/// The numbers in a runner's closing line: cargo test's `test result: ok. 5 passed; 0 failed; …`, node's `# pass 5`
/// or `ℹ pass 5`.
fn summary(line: &str) -> Tally {
    let words: Vec<&str> = line.split_whitespace().collect();
    let before = |unit: &str| {
        let at = words.iter().position(|word| word.trim_end_matches(';') == unit)?;
        words.get(at.checked_sub(1)?)?.parse().ok()
    };
    match words.as_slice() {
        ["test", "result:", ..] => {
            Tally { passed: before("passed").unwrap_or(0), failed: before("failed").unwrap_or(0) }
        }
        ["#" | "ℹ", "pass", count] => Tally { passed: count.parse().unwrap_or(0), failed: 0 },
        ["#" | "ℹ", "fail", count] => Tally { passed: 0, failed: count.parse().unwrap_or(0) },
        _ => Tally::default(),
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn closing_lines_are_understood() {
        let line =
            "test result: FAILED. 96 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 3s";
        assert_eq!(summary(line), Tally { passed: 96, failed: 1 });
        assert_eq!(summary("# pass 30"), Tally { passed: 30, failed: 0 });
        assert_eq!(summary("ℹ fail 2"), Tally { passed: 0, failed: 2 });
        assert_eq!(summary("12 passed in a sentence"), Tally::default());
    }

    #[test]
    fn a_runner_that_crashes_is_a_failure() {
        assert_eq!(counted(&mut command("sh", &["-c", "exit 3"])), Tally { passed: 0, failed: 1 });
    }
}
