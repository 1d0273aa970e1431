//! `tongro file` as processes: pairing, folders, pipes, kill -9 in the middle, and a peer written in Python.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sync/tests/python/peer.py");

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tongro-file-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        ["there", "here", "id-a", "id-b"]
            .iter()
            .for_each(|part| std::fs::create_dir_all(path.join(part)).unwrap());
        Self(path)
    }

    fn path(&self, part: &str) -> String {
        self.0.join(part).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn tongro(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tongro"));
    command.arg("file").args(arguments).env("LANG", "en_US.UTF-8").env_remove("LC_ALL");
    command
}

/// A server that is killed when it is dropped.
struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    address: String,
    code: String,
}

impl Serving {
    fn start(folder: &Folder, more: &[&str]) -> Self {
        let (there, data) = (folder.path("there"), folder.path("id-a"));
        let mut arguments = vec!["serve", &there, "--port", "0", "--json", "--data", &data];
        arguments.extend(more);
        let mut child = tongro(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut this = Self { child, out, address: String::new(), code: String::new() };
        let line = this.line();
        this.address = line["addr"].as_str().unwrap().to_owned();
        this.code = line["code"].as_str().unwrap_or_default().to_owned();
        this
    }

    fn line(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bytes(len: u32) -> Vec<u8> {
    (0..len).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn ok(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_code_pairs_once_and_folders_go_both_ways() {
    let folder = Folder::new("pair");
    let serving = Serving::start(&folder, &[]);
    let (here, data) = (folder.0.join("here"), folder.path("id-b"));
    std::fs::create_dir_all(here.join("사진/깊은 곳")).unwrap();
    std::fs::write(here.join("사진/하나.jpg"), bytes(200_000)).unwrap();
    std::fs::write(here.join("사진/깊은 곳/둘.jpg"), bytes(10)).unwrap();
    let photos = folder.path("here/사진");
    let send = |more: &[&str]| {
        let mut arguments = vec!["send", &serving.address, &photos, "--data", &data];
        arguments.extend(more);
        tongro(&arguments).output().unwrap()
    };
    let refused = send(&[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is not paired with this device\n\nhint: "));
    ok(&send(&["--code", &serving.code]));
    ok(&send(&[])); // known from now on
    let there = folder.0.join("there/사진");
    assert!(std::fs::read(there.join("하나.jpg")).unwrap() == bytes(200_000));
    assert!(std::fs::read(there.join("깊은 곳/둘.jpg")).unwrap() == bytes(10));
    let back = folder.path("back");
    ok(&tongro(&["recv", &serving.address, "--to", &back, "--data", &data]).output().unwrap());
    assert!(std::fs::read(folder.0.join("back/사진/하나.jpg")).unwrap() == bytes(200_000));
    let missing =
        tongro(&["recv", &serving.address, "none", "--to", &back, "--data", &data]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there is no such file"));
}

#[test]
fn pipes_carry_whole_files_only() {
    let folder = Folder::new("pipe");
    let serving = Serving::start(&folder, &["--plain"]);
    let mut child = tongro(&["send", &serving.address, "-", "--name", "log", "--plain"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bytes(300_000)).unwrap();
    ok(&child.wait_with_output().unwrap());
    assert!(std::fs::read(folder.0.join("there/log")).unwrap() == bytes(300_000));
    let output = tongro(&["recv", &serving.address, "log", "--to", "-", "--plain"]).output().unwrap();
    ok(&output);
    assert!(output.stdout == bytes(300_000));
    let none = tongro(&["recv", &serving.address, "none", "--to", "-", "--plain"]).output().unwrap();
    assert!(none.status.code() == Some(1) && none.stdout.is_empty());
}

/// The size of the partial file, once it has one.
fn wait_for_part(path: &Path, at_least: u64) -> u64 {
    let started = std::time::Instant::now();
    loop {
        let len = std::fs::metadata(path).map_or(0, |about| about.len());
        if len >= at_least {
            return len;
        }
        assert!(started.elapsed().as_secs() < 120, "it never comes");
        std::thread::yield_now();
    }
}

#[test]
fn a_killed_sender_and_a_killed_receiver_lose_no_chunk() {
    let folder = Folder::new("kill");
    let content = bytes(3_000_000);
    std::fs::write(folder.0.join("here/big"), &content).unwrap();
    let (big, part) = (folder.path("here/big"), folder.0.join("there/.big.part"));
    let mut had = 0;
    for round in 0..4 {
        let mut serving = Serving::start(&folder, &["--plain"]);
        let mut sender =
            tongro(&["send", &serving.address, &big, "--plain", "--limit", "2M"]).spawn().unwrap();
        let len = wait_for_part(&part, had + 200_000);
        if round % 2 == 0 {
            sender.kill().unwrap();
        } else {
            serving.child.kill().unwrap(); // the other one sees a reset
        }
        sender.wait().unwrap();
        assert!(!folder.0.join("there/big").exists(), "a part under the final name");
        had = len;
    }
    let mut serving = Serving::start(&folder, &["--plain"]);
    ok(&tongro(&["send", &serving.address, &big, "--plain", "--json"]).output().unwrap());
    assert!(std::fs::read(folder.0.join("there/big")).unwrap() == content && !part.exists());
    let line = serving.line();
    assert!(line["resumed_at"].as_u64().unwrap() >= had, "{line} {had}");
}

#[test]
fn a_peer_of_python_sends_and_receives() {
    let folder = Folder::new("python");
    let content = bytes(700_000);
    std::fs::write(folder.0.join("here/f"), &content).unwrap();
    std::fs::write(folder.0.join("there/.보고서.part"), &content[..123_456]).unwrap();
    let serving = Serving::start(&folder, &["--plain"]);
    let port = serving.address.rsplit(':').next().unwrap();
    let file = folder.path("here/f");
    let output = Command::new("python3").args([PEER, "send", port, &file, "보고서"]).output().unwrap();
    ok(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "resumed at 123456, confirmed\n");
    assert!(std::fs::read(folder.0.join("there/보고서")).unwrap() == content);

    let back = folder.path("id-b");
    std::fs::write(folder.0.join("id-b/.f.part"), &content[..70_000]).unwrap();
    let mut peer =
        Command::new("python3").args([PEER, "serve", &back]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(peer.stdout.take().unwrap());
    let mut port = String::new();
    out.read_line(&mut port).unwrap();
    let address = format!("127.0.0.1:{}", port.trim());
    let sent = tongro(&["send", &address, &file, "--plain", "--json"]).output().unwrap();
    ok(&sent);
    assert!(String::from_utf8_lossy(&sent.stdout).contains("\"resumed_at\":70000"));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "received f\n");
    assert!(peer.wait().unwrap().success());
    assert!(std::fs::read(folder.0.join("id-b/f")).unwrap() == content);
}
