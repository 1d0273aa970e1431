//! The rules of the house that a compiler does not know: file sizes, names, and who may use whom.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Tally, root};

/// Lines of a file beyond which it must be split, tests included.
const LINES_MAX: usize = 900;
const BANNED_NAMES: [&str; 6] = ["util", "utils", "common", "helper", "helpers", "misc"];

/// Who may use whom among the rooms: the plan's table, with the changes that ARCHITECTURE.md tells.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("wire", &[]),
    ("trace", &["wire"]),
    ("sys", &[]),
    ("lab", &["sys", "trace", "wire"]),
    ("proto", &["wire"]),
    ("serve", &["proto"]),
    ("check", &["lab", "trace", "proto", "sys", "wire"]),
    ("course", &[]),
    ("web", &["lab", "check", "trace", "course", "chat", "http"]),
    ("tongro", &["wire", "trace", "sys", "lab", "proto", "serve", "check", "course", "web"]),
];

pub(crate) fn check() -> Tally {
    let mut problems = Vec::new();
    let mut files = Vec::new();
    for (room, _) in MAY_USE {
        rust_files(&root().join(room), &mut files);
    }
    rust_files(&root().join("xtask"), &mut files);
    files.iter().for_each(|file| check_file(file, &mut problems));
    for (room, allowed) in MAY_USE {
        let manifest = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap_or_default();
        problems.extend(
            foreign(&manifest, allowed).into_iter().map(|other| format!("{room} may not use {other}")),
        );
    }
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap_or_default();
    for (room, _) in MAY_USE {
        if !has_heading(&map, room) {
            problems.push(format!("ARCHITECTURE.md has no heading for {room}"));
        }
    }
    problems.iter().for_each(|problem| println!("house: {problem}"));
    Tally::of("the rules of the house", problems.is_empty())
}

fn check_file(file: &Path, problems: &mut Vec<String>) {
    let shown = file.strip_prefix(root()).unwrap_or(file).display().to_string();
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        problems.push(format!("{shown} has {lines} lines, more than {LINES_MAX}"));
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if BANNED_NAMES.contains(&stem.as_str()) {
        problems.push(format!("{shown}: nothing is called {stem}"));
    }
}

/// Rooms that a manifest's own dependencies name and the table does not allow.
fn foreign(manifest: &str, allowed: &[&str]) -> Vec<String> {
    let table: BTreeMap<String, toml::Value> = toml::from_str(manifest).unwrap_or_default();
    let dependencies = table.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let rooms = dependencies.keys().filter_map(|name| name.strip_prefix("tongro-"));
    rooms.filter(|room| !allowed.contains(room)).map(ToOwned::to_owned).collect()
}

fn has_heading(text: &str, room: &str) -> bool {
    text.lines().any(|line| {
        line.starts_with('#') && line.split(|c: char| !c.is_alphanumeric()).any(|word| word == room)
    })
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != "node_modules" && name != "programs" {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_forbidden_room_is_found() {
        let manifest = "[dependencies]\ntongro-lab.workspace = true\nserde = \"1\"\n[dev-dependencies]\ntongro-web = \"1\"";
        assert_eq!(foreign(manifest, &["trace"]), ["lab"]);
        assert!(foreign(manifest, &["lab"]).is_empty());
    }

    #[test]
    fn headings_are_found_whatever_stands_round_the_name() {
        assert!(has_heading("## `wire`: bytes and fields", "wire"));
        assert!(!has_heading("wire is a room\n## rewired", "wire"));
    }
}
