//! All tests: the crates' own, those in their documentation, the lab's once more as a plain user, and the browser's.

use std::process::Command;
use std::time::Duration;

use crate::artifacts::Artifacts;
use crate::run::{Tally, cargo, command, counted, root, runs, succeeds};
use crate::summary::Runner;
use crate::{peers, plain_user};

/// Longer than the slowest runner takes on a busy machine of two cores.
const LIMIT: Duration = Duration::from_secs(25 * 60);

pub(crate) fn all() -> Tally {
    let missing = peers::install();
    let Some(artifacts) = Artifacts::build() else { return Tally::of("build", false) };
    let tallies = [
        missing_ones(&missing),
        crates(),
        documentation(),
        fuzz(),
        plain_user::all(&artifacts),
        browser(&artifacts, &missing),
    ];
    tallies.into_iter().sum()
}

/// The course's own linter is a test of its crate.
pub(crate) fn content() -> Tally {
    counted("content", Runner::Cargo, command("cargo", &["test", "--package", "tongro-course"]), LIMIT)
}

/// At a desk it is enough to say loudly what is missing.
fn missing_ones(missing: &[&str]) -> Tally {
    if missing.is_empty() || !peers::is_ci() { Tally::default() } else { Tally::of("peers", false) }
}

fn crates() -> Tally {
    if runs("cargo", &["nextest", "--version"]) {
        let config = root().join("xtask/nextest.toml");
        let mut nextest = command("cargo", &["nextest", "run", "--workspace", "--color", "never"]);
        nextest.arg("--config-file").arg(config);
        counted("crates", Runner::Nextest, nextest, LIMIT)
    } else {
        let test = ["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"];
        counted("crates", Runner::Cargo, command("cargo", &test), LIMIT)
    }
}

fn documentation() -> Tally {
    let test = ["test", "--workspace", "--doc", "--no-fail-fast"];
    counted("examples in the documentation", Runner::Cargo, command("cargo", &test), LIMIT)
}

/// A short look at every parser with mutated bytes, with the checks of the development profile.
fn fuzz() -> Tally {
    let run = ["run", "--quiet", "--package", "tongro-trace", "--example", "fuzz", "--", "all"];
    Tally::of("parsers fed with mutated bytes", cargo(&[&run[..], &["--packets", "4000"]].concat()))
}

fn browser(artifacts: &Artifacts, missing: &[&str]) -> Tally {
    let absent = ["chromium", "nodejs", "npm"].into_iter().find(|package| missing.contains(package));
    if let Some(package) = absent {
        println!("NOT RUN: the workbench's tests, for want of {package}");
        return if peers::is_ci() { Tally::of("browser", false) } else { Tally::default() };
    }
    if !peers::install_browser_packages() {
        return Tally::of("the browser tests' packages", false);
    }
    let npm = |arguments: &[&str]| {
        let mut npm = Command::new("npm");
        npm.args(arguments).current_dir(root().join("web/browser"));
        npm
    };
    let types = Tally::of("types of the browser's modules", succeeds(&mut npm(&["run", "types"])));
    let mut test = npm(&["test"]);
    for (variable, kind, name) in [("TONGRO_FIXTURE", "example", "fixture"), ("TONGRO", "bin", "tongro")] {
        test.envs(artifacts.executable(kind, name).map(|path| (variable, path)));
    }
    [types, counted("browser", Runner::Node, test, LIMIT)].into_iter().sum()
}
