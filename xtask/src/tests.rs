//! All tests: the crates' own, the lab once more as a plain user without a capability, and the browser's.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::peers;
use crate::run::{Tally, cargo, command, counted, root};

/// The plain user: nobody's ids, which every system has.
const NOBODY: &str = "65534";

pub(crate) fn all() -> Tally {
    let mut tally = Tally::default();
    let missing = peers::install();
    if !missing.is_empty() {
        // Tests that need them say so and fail: nothing is passed over in silence.
        println!("MISSING: {}", missing.join(" "));
        tally.failed += 1;
    }
    if !cargo(&["build", "--workspace", "--all-targets"]) {
        return Tally::of("build", false);
    }
    tally.add(counted(&mut command("cargo", &["test", "--workspace", "--no-fail-fast"])));
    tally.add(as_plain_user());
    tally.add(in_browser());
    tally
}

/// The lab's tests by a user who may nothing: what a learner is.
fn as_plain_user() -> Tally {
    if !peers::is_root() {
        println!("lab tests ran as a plain user already");
        return Tally::default();
    }
    println!("── the lab's tests as a plain user without a capability");
    let mut tally = Tally::default();
    for name in ["lab", "faults"] {
        let Some(binary) = test_binary("tongro-lab", name) else {
            return Tally::of("find the lab's tests", false);
        };
        tally.add(counted(
            Command::new("setpriv")
                .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--bounding-set", "-all"])
                .args(["--inh-caps", "-all", "--no-new-privs"])
                .arg(binary)
                .env("PATH", "/usr/bin:/bin")
                .env("HOME", "/tmp")
                .current_dir("/"),
        ));
    }
    tally
}

/// The path of a compiled integration test.
fn test_binary(package: &str, name: &str) -> Option<PathBuf> {
    let output = command("cargo", &["test", "--no-run", "--package", package, "--test", name])
        .args(["--message-format", "json"])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found =
        messages.filter(|message| message["target"]["name"] == name && message["executable"].is_string());
    found.next().and_then(|message| message["executable"].as_str().map(PathBuf::from))
}

fn in_browser() -> Tally {
    if !peers::browser() {
        return Tally::of("install the browser tests' packages", false);
    }
    let npm = |arguments: &[&str]| {
        let mut npm = Command::new("npm");
        npm.args(arguments).current_dir(root().join("web/browser"));
        npm
    };
    let mut tally = Tally::of("browser modules' types", crate::run::succeeds(&mut npm(&["run", "types"])));
    let fixture = root().join("target/debug/examples/fixture");
    let binary = root().join("target/debug/tongro");
    tally.add(counted(npm(&["test"]).env("TONGRO_FIXTURE", fixture).env("TONGRO", binary)));
    tally
}
