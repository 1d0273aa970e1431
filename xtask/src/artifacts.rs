//! Builds everything that tests need, and knows where cargo put it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::run::root;

/// What one build made.
pub(crate) struct Artifacts(Vec<Executable>);

/// One executable of the workspace.
struct Executable {
    /// The package's directory: the room.
    room: String,
    /// `bin`, `test`, `example` …
    kind: String,
    name: String,
    path: PathBuf,
    /// Whether it is the test harness of its target: a binary's unit tests bear the binary's name.
    is_test: bool,
}

impl Artifacts {
    /// Builds all targets with their tests, exactly as the runners will. `None` when that failed; cargo has said why.
    pub(crate) fn build() -> Option<Self> {
        Self::of(Command::new("cargo").args(["test", "--no-run", "--workspace"]))
    }

    /// Builds the lab's tests and the binary once more, in another target directory.
    pub(crate) fn build_lab_in(target: &Path) -> Option<Self> {
        let mut cargo = Command::new("cargo");
        cargo.args(["test", "--no-run", "--package", "tongro-lab", "--package", "tongro"]);
        Self::of(cargo.arg("--target-dir").arg(target))
    }

    fn of(cargo: &mut Command) -> Option<Self> {
        let cargo = cargo.args(["--message-format", "json-render-diagnostics"]).current_dir(root());
        let output = cargo.stderr(Stdio::inherit()).output().ok()?;
        output.status.success().then(|| Self::read(&String::from_utf8_lossy(&output.stdout)))
    }

    fn read(messages: &str) -> Self {
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Self(messages.filter_map(|message| Executable::read(&message)).collect())
    }

    /// The integration tests of a room.
    pub(crate) fn tests(&self, room: &str) -> Vec<&Path> {
        let meant = |one: &&Executable| one.room == room && one.kind == "test";
        self.0.iter().filter(meant).map(|one| one.path.as_path()).collect()
    }

    /// An executable that is no test.
    pub(crate) fn executable(&self, kind: &str, name: &str) -> Option<&Path> {
        let meant = |one: &&Executable| one.kind == kind && one.name == name && !one.is_test;
        self.0.iter().find(meant).map(|one| one.path.as_path())
    }
}

impl Executable {
    fn read(message: &Value) -> Option<Self> {
        let path = message["executable"].as_str()?;
        let room = Path::new(message["manifest_path"].as_str()?).parent()?.file_name()?;
        let target = &message["target"];
        Some(Self {
            room: room.to_string_lossy().into_owned(),
            kind: target["kind"][0].as_str()?.to_owned(),
            name: target["name"].as_str()?.to_owned(),
            path: PathBuf::from(path),
            is_test: message["profile"]["test"] == true,
        })
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    const MESSAGES: &str = r#"
{"reason":"compiler-artifact","manifest_path":"/p/lab/Cargo.toml","target":{"kind":["lib"],"name":"tongro_lab"},"profile":{"test":true},"executable":"/t/lab-unit"}
{"reason":"compiler-artifact","manifest_path":"/p/lab/Cargo.toml","target":{"kind":["test"],"name":"lab"},"profile":{"test":true},"executable":"/t/lab-1"}
{"reason":"compiler-artifact","manifest_path":"/p/web/Cargo.toml","target":{"kind":["test"],"name":"server"},"profile":{"test":true},"executable":"/t/server-1"}
{"reason":"compiler-artifact","manifest_path":"/p/tongro/Cargo.toml","target":{"kind":["bin"],"name":"tongro"},"profile":{"test":true},"executable":"/t/tongro-unit"}
{"reason":"compiler-artifact","manifest_path":"/p/tongro/Cargo.toml","target":{"kind":["bin"],"name":"tongro"},"profile":{"test":false},"executable":"/t/tongro"}
{"reason":"compiler-artifact","manifest_path":"/p/wire/Cargo.toml","target":{"kind":["lib"],"name":"tongro_wire"},"profile":{"test":false},"executable":null}
{"reason":"build-finished","success":true}"#;

    #[test]
    fn executables_are_found_by_room_and_kind() {
        let artifacts = Artifacts::read(MESSAGES);
        assert_eq!(artifacts.tests("lab"), [Path::new("/t/lab-1")]);
        assert_eq!(artifacts.executable("bin", "tongro"), Some(Path::new("/t/tongro")));
        assert_eq!(artifacts.executable("example", "fixture"), None);
    }
}
