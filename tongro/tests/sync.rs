//! `tongro sync` as processes: two folders, the network, conflicts, moves, history, names, and killed processes.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

struct Ground(PathBuf);

impl Ground {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tongro-sync-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        ["a", "b", "c", "id-a", "id-b"]
            .iter()
            .for_each(|part| std::fs::create_dir_all(path.join(part)).unwrap());
        Self(path)
    }

    fn path(&self, part: &str) -> String {
        self.0.join(part).to_str().unwrap().to_owned()
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.0.join(path)).unwrap()
    }

    /// The summary of `tongro sync ONE TWO`.
    fn sync(&self, one: &str, two: &str) -> serde_json::Value {
        let (code, lines) = tongro(&[&self.path(one), &self.path(two), "--json"]);
        assert_eq!(code, 0, "{lines:?}");
        lines.last().unwrap().clone()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tongro"));
    command.arg("sync").args(arguments).env("LANG", "en_US.UTF-8").env_remove("LC_ALL");
    command
}

fn tongro(arguments: &[&str]) -> (i32, Vec<serde_json::Value>) {
    let output = command(arguments).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    (
        output.status.code().unwrap(),
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
    )
}

/// Names and contents, without our own folder.
fn tree(top: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut ways) = (Vec::new(), vec![top.to_owned()]);
    while let Some(way) = ways.pop() {
        for entry in std::fs::read_dir(way).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_name() == ".tongro" {
                continue;
            }
            let kind = entry.file_type().unwrap();
            let content = match (kind.is_dir(), kind.is_symlink()) {
                (true, _) => Vec::new(),
                (_, true) => std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                _ => std::fs::read(&path).unwrap(),
            };
            found.push((path.strip_prefix(top).unwrap().to_owned(), content));
            if kind.is_dir() {
                ways.push(path);
            }
        }
    }
    found.sort();
    found
}

fn big(seed: u64, len: usize) -> Vec<u8> {
    let mut word = seed;
    let mut next = || {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (word >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn two_folders_become_one_and_stay_so() {
    let ground = Ground::new("two");
    ground.write("a/문서/보고서.hwp", b"one");
    ground.write("a/run.sh", b"#!/bin/sh\n");
    std::fs::set_permissions(ground.0.join("a/run.sh"), std::fs::Permissions::from_mode(0o750)).unwrap();
    std::os::unix::fs::symlink("문서/보고서.hwp", ground.0.join("a/link")).unwrap();
    std::fs::hard_link(ground.0.join("a/run.sh"), ground.0.join("a/run2.sh")).unwrap();
    ground.write("b/from b", b"b");
    ground.write("b/large", &big(1, 900_000));
    let first = ground.sync("a", "b");
    assert_eq!((&first["is_equal"], &first["was_equal"]), (&true.into(), &false.into()), "{first}");
    assert_eq!(tree(&ground.0.join("a")), tree(&ground.0.join("b")));
    let about = std::fs::metadata(ground.0.join("b/run.sh")).unwrap();
    assert_eq!((about.mode() & 0o777, about.nlink()), (0o750, 2));
    assert_eq!(about.mtime_nsec(), std::fs::metadata(ground.0.join("a/run.sh")).unwrap().mtime_nsec());
    assert_eq!(ground.sync("a", "b")["was_equal"], true);

    std::fs::remove_file(ground.0.join("b/from b")).unwrap();
    std::fs::rename(ground.0.join("a/문서"), ground.0.join("a/자료")).unwrap();
    std::fs::rename(ground.0.join("b/large"), ground.0.join("b/larger")).unwrap();
    let moved = ground.sync("a", "b");
    assert_eq!(
        (&moved["is_equal"], &moved["fetched"]),
        (&true.into(), &0.into()),
        "moves are not sent: {moved}"
    );
    assert_eq!(tree(&ground.0.join("a")), tree(&ground.0.join("b")));
    assert!(!ground.0.join("a/from b").exists() && ground.0.join("b/자료/보고서.hwp").exists());

    let (code, _) = tongro(&["restore", &ground.path("a"), "from b"]);
    assert_eq!((code, ground.read("a/from b")), (0, b"b".to_vec()));
    let (code, verified) = tongro(&["verify", &ground.path("b"), "--json"]);
    assert_eq!((code, &verified[0]["broken"]), (0, &0.into()));
}

#[test]
fn an_edit_that_keeps_size_and_mtime_is_noticed() {
    let ground = Ground::new("racy");
    ground.write("a/f", b"old!");
    ground.sync("a", "b");
    let path = ground.0.join("a/f");
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, b"new!").unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    ground.sync("a", "b");
    assert_eq!(ground.read("b/f"), b"new!");
}

#[test]
fn conflicts_keep_both_and_can_be_decided() {
    let ground = Ground::new("conflict");
    ground.write("a/f.txt", b"start");
    ground.sync("a", "b");
    ground.sync("a", "c");
    ground.write("a/f.txt", b"by a");
    ground.write("b/f.txt", b"by b!");
    std::fs::remove_file(ground.0.join("c/f.txt")).unwrap();
    std::fs::create_dir(ground.0.join("c/f.txt")).unwrap();
    ground.write("c/f.txt/inside", b"by c");
    for (one, two) in [("a", "b"), ("b", "c"), ("a", "c"), ("a", "b"), ("b", "c")] {
        ground.sync(one, two);
    }
    let all = tree(&ground.0.join("a"));
    assert_eq!(all, tree(&ground.0.join("b")));
    assert_eq!(all, tree(&ground.0.join("c")));
    for content in [&b"by a"[..], b"by b!", b"by c"] {
        assert!(all.iter().any(|(_, found)| found == content), "{all:?}");
    }
    let (_, conflicts) = tongro(&["conflicts", &ground.path("a"), "--json"]);
    assert_eq!(conflicts.len(), 2, "{conflicts:?}");
    let copy = conflicts[0]["copy"].as_str().unwrap();
    assert!(copy.ends_with(".txt") && conflicts[0]["original"] == "f.txt");
    let (code, _) = tongro(&["conflicts", &ground.path("a"), "--keep", "original", copy]);
    assert_eq!(code, 0);
    ground.sync("a", "b");
    assert!(!ground.0.join("b").join(copy).exists());
    assert!(tongro(&["history", &ground.path("a"), "--json"]).1.iter().any(|line| line["path"] == copy));
}

#[test]
fn a_root_that_is_empty_all_at_once_deletes_nothing() {
    let ground = Ground::new("empty");
    for name in ["x", "y", "z"] {
        ground.write(&format!("a/{name}"), name.as_bytes());
    }
    ground.sync("a", "b");
    ["x", "y", "z"].iter().for_each(|name| std::fs::remove_file(ground.0.join("a").join(name)).unwrap());
    let output = command(&[&ground.path("a"), &ground.path("b")]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--allow-empty"));
    assert_eq!(tree(&ground.0.join("b")).len(), 3);
    let gone = command(&[&ground.path("nowhere"), &ground.path("b")]).output().unwrap();
    assert_eq!(gone.status.code(), Some(2));
    let (code, _) = tongro(&[&ground.path("a"), &ground.path("b"), "--allow-empty"]);
    assert_eq!((code, tree(&ground.0.join("b")).len()), (0, 0));
}

#[test]
fn ignored_files_stay_and_twins_are_told() {
    let ground = Ground::new("names");
    ground.write("a/.tongroignore", b"*.o\n/build/\n!keep.o\n");
    for name in ["x.o", "keep.o", "build/y", "src/build/z", "src/w.o"] {
        ground.write(&format!("a/{name}"), name.as_bytes());
    }
    ground.write("a/\u{ac01}", b"nfc");
    ground.write("a/\u{1100}\u{1161}\u{11a8}", b"nfd");
    let (code, lines) = tongro(&[&ground.path("a"), &ground.path("b"), "--json"]);
    assert_eq!(code, 0);
    assert!(lines.iter().any(|line| line["problem"] == "twin"), "{lines:?}");
    let there: Vec<String> =
        tree(&ground.0.join("b")).into_iter().map(|(path, _)| path.to_str().unwrap().to_owned()).collect();
    assert_eq!(there, [".tongroignore", "keep.o", "src", "src/build", "src/build/z", "\u{ac01}"]);
    let (code, names) = tongro(&["names", &ground.path("a"), "--json"]);
    let count = |problem: &str| names.iter().filter(|line| line["problem"] == problem).count();
    assert_eq!((code, count("twins"), count("decomposed")), (1, 2, 1));
}

/// A server that is killed when it is dropped.
struct Serving {
    child: Child,
    address: String,
    code: String,
}

impl Serving {
    fn start(ground: &Ground, folder: &str) -> Self {
        let (folder, data) = (ground.path(folder), ground.path("id-a"));
        let mut child = command(&["serve", &folder, "--port", "0", "--json", "--data", &data])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        Self { child, address: text("addr"), code: text("code") }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_network_costs_what_changed() {
    let ground = Ground::new("net");
    let mut content = big(7, 4 << 20);
    ground.write("a/large", &content);
    for number in 0..300 {
        ground.write(&format!("a/d{}/{number}", number % 7), format!("file {number}").as_bytes());
    }
    let serving = Serving::start(&ground, "b");
    let (a, data) = (ground.path("a"), ground.path("id-b"));
    let sync = |more: &[&str]| {
        let mut arguments = vec![a.as_str(), &serving.address, "--json", "--data", &data];
        arguments.extend(more);
        let (code, lines) = tongro(&arguments);
        (code, lines.last().cloned().unwrap_or_default())
    };
    let wire = |line: &serde_json::Value| {
        line["bytes_sent"].as_u64().unwrap() + line["bytes_received"].as_u64().unwrap()
    };
    assert_eq!(sync(&[]).0, 2, "not paired yet");
    let (code, first) = sync(&["--code", &serving.code]);
    assert_eq!((code, &first["is_equal"]), (0, &true.into()), "{first}");
    assert_eq!(tree(&ground.0.join("a")), tree(&ground.0.join("b")));

    let (_, same) = sync(&[]);
    assert_eq!(same["was_equal"], true);
    assert!(wire(&same) < 4096, "{same}"); // the handshake of TLS is most of it

    content.splice(1 << 20..1 << 20, big(8, 10_000));
    ground.write("a/large", &content);
    let (_, inserted) = sync(&[]);
    assert_eq!(ground.read("b/large"), content);
    assert!(wire(&inserted) < 500_000, "a chunk or three of 4 MiB: {inserted}");

    std::fs::rename(ground.0.join("a/large"), ground.0.join("a/renamed")).unwrap();
    let (_, moved) = sync(&[]);
    assert!(wire(&moved) < 8192 && ground.read("b/renamed") == content, "{moved}");
    std::fs::remove_file(ground.0.join("b/renamed")).unwrap();
    let (_, dry) = sync(&["--dry-run"]);
    assert_eq!((&dry["what"], &dry["path"]), (&"delete".into(), &"renamed".into()));
    assert!(ground.0.join("a/renamed").exists());
}

#[test]
fn killed_and_cut_off_anywhere_nothing_is_lost() {
    let (code, lines) = tongro(&["torture", "--rounds", "12", "--seed", "7", "--json"]);
    let line = lines.last().unwrap();
    assert_eq!(code, 0, "{line}");
    assert!(line["kills"].as_u64().unwrap() >= 5, "{line}");
}
