//! The rules of the house that a compiler does not know, one file each. CONTRIBUTING.md gives the reasons.

mod map;
mod names;
mod rooms;
mod sizes;
mod unsafety;

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Tally, root};

/// What the rules look at.
pub(crate) struct House {
    /// Rust files with their text; paths from the root.
    files: Vec<(PathBuf, String)>,
    /// The workspace's members, each with its manifest.
    rooms: Vec<(String, toml::Table)>,
    /// The workspace's own manifest.
    workspace: toml::Table,
    /// ARCHITECTURE.md.
    map: String,
}

/// A rule: what is wrong, in words.
type Rule = fn(&House) -> Vec<String>;

pub(crate) fn check() -> Tally {
    let house = House::read(&root());
    let rules: [(&str, Rule); 5] = [
        ("file sizes", sizes::problems),
        ("file names", names::problems),
        ("who may use whom", rooms::problems),
        ("`unsafe` only in sys", unsafety::problems),
        ("ARCHITECTURE.md", map::problems),
    ];
    let verdicts = rules.map(|(name, rule)| {
        let problems = rule(&house);
        problems.iter().for_each(|problem| println!("{name}: {problem}"));
        Tally::of(name, problems.is_empty())
    });
    verdicts.into_iter().sum()
}

impl House {
    fn read(root: &Path) -> Self {
        let workspace = manifest(root);
        let members = workspace.get("workspace").and_then(|table| table.get("members"));
        let members = members.and_then(toml::Value::as_array).into_iter().flatten();
        let rooms = members.filter_map(toml::Value::as_str);
        let rooms: Vec<_> = rooms.map(|room| (room.to_owned(), manifest(&root.join(room)))).collect();
        let mut paths = Vec::new();
        rooms.iter().for_each(|(room, _)| rust_files(&root.join(room), &mut paths));
        paths.sort();
        let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let files = paths
            .into_iter()
            .map(|path| (path.strip_prefix(root).unwrap_or(&path).to_path_buf(), text(&path)))
            .collect();
        Self { files, rooms, workspace, map: text(&root.join("ARCHITECTURE.md")) }
    }
}

fn manifest(folder: &Path) -> toml::Table {
    // A manifest that cannot be read has stopped cargo before this.
    fs::read_to_string(folder.join("Cargo.toml")).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Files of ours: no build products, no packages of others, no programs under test.
fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    const FOREIGN: [&str; 3] = ["target", "node_modules", "programs"];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && !FOREIGN.iter().any(|foreign| name == *foreign) {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[cfg(test)]
impl House {
    /// A house of one room with these files and this manifest.
    fn of(files: &[(&str, &str)], room: &str, manifest: &str) -> Self {
        let files = files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        let rooms = vec![(room.to_owned(), manifest.parse().unwrap())];
        Self { files, rooms, workspace: toml::Table::new(), map: String::new() }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn this_house_is_read() {
        let house = House::read(&root());
        assert!(
            house.rooms.iter().any(|(room, manifest)| room == "wire" && manifest.contains_key("package"))
        );
        assert!(
            house
                .files
                .iter()
                .any(|(path, text)| path == Path::new("xtask/src/house.rs") && !text.is_empty())
        );
        assert!(house.files.iter().all(|(path, _)| !path.starts_with("check/programs")));
    }
}
