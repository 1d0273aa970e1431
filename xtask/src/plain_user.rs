//! The lab as a user who may nothing: what a learner is. The tests have run as root before; here they run again, with
//! nobody's ids, no group, no capability, and none to be had.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::artifacts::Artifacts;
use crate::peers;
use crate::run::{Tally, counted, root, succeeds};
use crate::summary::Runner;
use crate::watched::watched;

/// Nobody's ids, which every system has.
const NOBODY: u32 = 65534;
const LIMIT: Duration = Duration::from_secs(10 * 60);
/// For one run of the binary.
const CHECK_LIMIT: Duration = Duration::from_secs(3 * 60);

pub(crate) fn all(artifacts: &Artifacts) -> Tally {
    if !peers::is_root() {
        println!("the lab's tests ran as a plain user already");
        return Tally::default();
    }
    let home = match Home::new() {
        Ok(home) => home,
        Err(error) => {
            println!("a home for the plain user: {error}");
            return Tally::of("plain user", false);
        }
    };
    if is_reachable(artifacts, &home) {
        return run(artifacts, &home);
    }
    // The project stands where others may not look: the tests know their own paths, so they are built elsewhere.
    match Artifacts::build_lab_in(&home.0.join("target")) {
        Some(artifacts) => run(&artifacts, &home),
        None => Tally::of("build for the plain user", false),
    }
}

fn run(artifacts: &Artifacts, home: &Home) -> Tally {
    let tests = artifacts.tests("lab");
    if tests.is_empty() {
        return Tally::of("find the lab's tests", false);
    }
    let lab = tests.into_iter().map(|test| {
        counted("the lab's tests as a plain user", Runner::Cargo, home.command(test, &[]), LIMIT)
    });
    let lab: Tally = lab.sum();
    [lab, judge(artifacts, home)].into_iter().sum()
}

/// The binary itself: it can work here, a correct server passes, a broken one fails.
fn judge(artifacts: &Artifacts, home: &Home) -> Tally {
    let Some(tongro) = artifacts.executable("bin", "tongro") else { return Tally::of("find tongro", false) };
    let mut tally = Tally::of("doctor as a plain user", ends_with(home.command(tongro, &["doctor"]), 0));
    for (name, code) in [("good/threads.py", 0), ("broken/decode-per-recv.py", 1)] {
        let program = home.copy(&root().join("check/programs/echo").join(name));
        let mut check = home.command(tongro, &["check", "--json", "--contract", "echo", "--", "python3"]);
        check.arg(program);
        let is_ok = ends_with(check, code);
        tally = [tally, Tally::of(&format!("check of {name} as a plain user"), is_ok)].into_iter().sum();
    }
    tally
}

/// Whether a command ends with this code and leaves nothing; where it does not, shows what it wrote.
fn ends_with(command: Command, code: i32) -> bool {
    let mut lines = Vec::new();
    let end = watched(command, CHECK_LIMIT, |line| lines.push(line.to_owned()));
    let is_ok = matches!(end, Ok(end) if end.code() == Some(code));
    if !is_ok {
        lines.iter().for_each(|line| println!("{line}"));
        let end = end.map_or_else(|error| error.to_string(), |end| end.to_string());
        println!("{end}; {code} was wanted");
    }
    is_ok
}

fn is_reachable(artifacts: &Artifacts, home: &Home) -> bool {
    let tests = artifacts.tests("lab");
    let all = tests.iter().copied().chain(artifacts.executable("bin", "tongro"));
    all.into_iter().all(|path| {
        let path = path.to_string_lossy();
        succeeds(&mut home.command(Path::new("/usr/bin/test"), &["-x", &path]))
    })
}

/// The plain user's home, gone with this value.
struct Home(PathBuf);

impl Home {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("tongro-plain-user-{}", std::process::id()));
        // Fails where somebody else has put something there.
        std::fs::create_dir(&path)?;
        let home = Self(path);
        chown(&home.0, Some(NOBODY), Some(NOBODY))?;
        Ok(home)
    }

    /// A copy of a file, which may stand where the plain user may not look.
    fn copy(&self, file: &Path) -> PathBuf {
        let to = self.0.join(file.file_name().unwrap_or_default());
        // Without it the check that needs it fails and says so.
        let _ = std::fs::copy(file, &to);
        to
    }

    /// A program run by the plain user.
    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let id = NOBODY.to_string();
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
            .args(["--inh-caps", "-all", "--bounding-set", "-all", "--no-new-privs", "--"])
            .arg(program)
            .args(arguments)
            // Only what everybody can reach.
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8")])
            .envs([("HOME", &self.0), ("TMPDIR", &self.0)])
            .current_dir(&self.0);
        command
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
