//! Running other programs, and counting what test runners say.

use std::iter::Sum;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::summary::Runner;
use crate::watched::{End, watched};

/// Tests that passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Tally {
    /// One step that is a test of its own; says how it went.
    pub(crate) fn of(name: &str, is_ok: bool) -> Self {
        println!("{} {name}", if is_ok { "ok    " } else { "FAILED" });
        Self { passed: u32::from(is_ok), failed: u32::from(!is_ok) }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, one| Self {
            passed: sum.passed + one.passed,
            failed: sum.failed + one.failed,
        })
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

/// Whether a command, which may talk, succeeded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            println!("{}: {error}", command.get_program().display());
            false
        }
    }
}

/// Whether a program is there and can tell its version.
pub(crate) fn runs(program: &str, arguments: &[&str]) -> bool {
    command(program, arguments).output().is_ok_and(|output| output.status.success())
}

/// Runs a test runner, shows what it prints, and adds up its summaries. One that ends badly without having counted a
/// failure has crashed, one that counted nothing has not tested, and one may hang or leave something running: each is
/// a failure of its own.
pub(crate) fn counted(name: &str, runner: Runner, command: Command, limit: Duration) -> Tally {
    println!("── {name}");
    let mut tally = Tally::default();
    let end = watched(command, limit, |line| {
        println!("{line}");
        tally = [tally, runner.summary(line)].into_iter().sum();
    });
    match end {
        Ok(End::Whole(_)) if tally.failed > 0 => {}
        Ok(end) if end.is_success() && tally.passed > 0 => {}
        Ok(end) => {
            println!("{name}: {end}; {} passed", tally.passed);
            tally.failed += 1;
        }
        Err(error) => {
            println!("{name}: {error}");
            tally.failed += 1;
        }
    }
    tally
}

#[cfg(test)]
mod unit {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn shell(script: &str, limit: Duration) -> Tally {
        counted("sh", Runner::Node, command("sh", &["-c", script]), limit)
    }

    #[test]
    fn summaries_on_either_output_are_added_up() {
        let script = "echo '# pass 2'; echo '# pass 3' >&2";
        assert_eq!(shell(script, LIMIT), Tally { passed: 5, failed: 0 });
    }

    #[test]
    fn a_runner_that_crashes_is_a_failure() {
        assert_eq!(shell("echo '# pass 2'; kill -SEGV $$", LIMIT), Tally { passed: 2, failed: 1 });
    }

    #[test]
    fn a_runner_that_tests_nothing_is_a_failure() {
        assert_eq!(shell("exit 0", LIMIT), Tally { passed: 0, failed: 1 });
    }

    #[test]
    fn a_runner_that_is_not_there_is_a_failure() {
        let missing = Command::new("/nonexistent/runner");
        assert_eq!(counted("missing", Runner::Cargo, missing, LIMIT), Tally { passed: 0, failed: 1 });
    }

    #[test]
    fn a_runner_that_hangs_is_a_failure() {
        assert_eq!(
            shell("echo '# pass 1'; sleep 1000", Duration::from_millis(300)),
            Tally { passed: 1, failed: 1 }
        );
    }
}
