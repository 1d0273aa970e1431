//! A sender that wants out of the folder: names, links, lies about lengths, broken frames. Nothing outside may change,
//! nothing half may stand under a final name, and the server must serve the next one.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tongro_proto::Actions;
use tongro_proto::transfer::wire::{Frame, Kind};
use tongro_sync::file::Server;

/// A root with traps, and beside it what must not be touched.
struct Ground {
    top: PathBuf,
    root: PathBuf,
}

impl Ground {
    fn new(name: &str) -> Self {
        let top = std::env::temp_dir().join(format!("tongro-hostile-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&top);
        let root = top.join("root");
        std::fs::create_dir_all(root.join("folder")).unwrap();
        std::fs::create_dir_all(top.join("outside")).unwrap();
        std::fs::write(top.join("outside/secret"), "secret").unwrap();
        std::fs::write(top.join("precious"), "precious").unwrap();
        let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        link("../outside", "out");
        link("../outside/secret", "file");
        link("/etc", "etc");
        link("nowhere", "dangling");
        link("..", "folder/up");
        link(".", "self");
        link("/proc/self/cwd", "magic");
        Self { top, root }
    }

    /// All that is not in the root.
    fn outside(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let read = |path: PathBuf| (path.clone(), std::fs::read(&path).unwrap_or_default());
        for folder in [&self.top, &self.top.join("outside")] {
            found.extend(std::fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())));
        }
        found
    }

    /// Regular files under final names, anywhere in the root.
    fn finals(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let kind = entry.file_type().unwrap();
                let name = entry.file_name().to_string_lossy().into_owned();
                if kind.is_dir() {
                    walk(&entry.path(), found);
                } else if kind.is_file() && !(name.starts_with('.') && name.ends_with(".part")) {
                    found.push(entry.path());
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.root, &mut found);
        found
    }
}

fn bytes(frames: &[Frame<'_>]) -> Vec<u8> {
    let mut actions = Actions::default();
    frames.iter().for_each(|frame| frame.write(&mut actions));
    actions.bytes().to_vec()
}

fn frame<'a>(kind: Kind, name: &'a str, offset: u64, payload: &'a [u8]) -> Frame<'a> {
    Frame { kind, flags: 0, name, offset, payload }
}

/// Says all of it, step by step as answers come, and gives what came back.
fn say(address: SocketAddr, steps: &[Vec<u8>]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut answers = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        if socket.write_all(step).is_err() {
            break;
        }
        if number + 1 < steps.len() {
            // One answer per step: at least a header.
            let mut answer = [0; 24];
            if socket.read_exact(&mut answer).is_err() {
                break;
            }
            answers.extend_from_slice(&answer);
        }
    }
    let _ = socket.shutdown(std::net::Shutdown::Write);
    let _ = socket.read_to_end(&mut answers); // a reset ends it too
    answers
}

const CONTENT: &[u8] = b"pwned";

/// A whole, honest-looking transfer under this name.
fn transfer(name: &str) -> Vec<Vec<u8>> {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(CONTENT);
    vec![
        bytes(&[frame(Kind::Offer, name, CONTENT.len() as u64, b"")]),
        bytes(&[frame(Kind::Data, "", 0, CONTENT), frame(Kind::Done, "", CONTENT.len() as u64, &hash)]),
    ]
}

/// Names that must be refused or stay inside.
fn names() -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let ups = [
        "..",
        "../precious",
        "../outside/x",
        "../../x",
        "folder/../../precious",
        "./../precious",
        "a/..",
        "a/../../x",
    ];
    let absolutes = ["/tmp/x", "/etc/passwd", "//etc/passwd", "C:x", "C:\\x", "\\\\host\\share", "\\x", "/"];
    let links = [
        "out/x",
        "out/secret",
        "file",
        "etc/x",
        "dangling",
        "dangling/x",
        "folder/up/precious",
        "folder/up/x",
        "self/x",
        "self/self/out/x",
        "magic/x",
        "out",
        "folder/up",
        "out/../x",
        "folder/up/../precious",
    ];
    let devices = [
        "CON",
        "con.txt",
        "PRN",
        "AUX",
        "NUL",
        "nul.tar.gz",
        "COM1",
        "com9.x",
        "LPT1",
        "lpt9",
        "a/NUL",
        "a.",
        "a ",
        "a/b. ",
    ];
    let odd = [
        "",
        ".",
        "./a",
        "a//b",
        "a/",
        "a\0b",
        "\0",
        "a\nb",
        "a\rb",
        "a\x1b[2Jb",
        "a\tb",
        "a:b",
        "x/a:stream",
        "a\\b",
        ".hidden",
        ".ssh/authorized_keys",
        ".bashrc",
        "..\\x",
        "a/.x.part",
        ".x.part",
        "\u{7f}",
    ];
    for list in [&ups[..], &absolutes, &links, &devices, &odd] {
        all.extend(list.iter().map(|name| (*name).to_owned()));
    }
    for depth in 1..12 {
        all.push("../".repeat(depth) + "x");
        all.push("a/".repeat(depth) + &"../".repeat(depth + 1) + "x");
        all.push("folder/".to_owned() + &"up/".repeat(depth) + "x");
        all.push(format!("{}out/x", "self/".repeat(depth)));
    }
    for len in [256, 300, 1000, 4000] {
        all.push("x".repeat(len));
        all.push(format!("folder/{}", "가".repeat(len / 3 + 1)));
    }
    all.push("d/".repeat(2040) + "x");
    for c in 0..0x20u8 {
        all.push(format!("c{}", char::from(c)));
    }
    all
}

#[test]
fn nothing_leads_out_of_the_folder() {
    let ground = Ground::new("names");
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), &ground.root, None, None).unwrap();
    let address = server.address().unwrap();
    let (names, broken) = (names(), broken_streams());
    let before = ground.outside();
    let cases = names.len() * 2 + broken.len();
    let serving = std::thread::spawn(move || server.run(Some(cases + 1), &|_| {}));
    {
        for name in &names {
            say(address, &transfer(name));
            assert_eq!(ground.outside(), before, "{name:?}");
            let wish = Frame { flags: 1, ..frame(Kind::Offer, name, 0, b"") };
            let answer = say(address, &[bytes(&[wish])]);
            let has = |words: &[u8]| answer.windows(words.len()).any(|window| window == words);
            assert!(!has(b"secret") && !has(b"precious") && !has(b"root:"), "{name:?}");
        }
        for path in ground.finals() {
            assert_eq!(std::fs::read(&path).unwrap(), CONTENT, "{}", path.display());
            std::fs::remove_file(path).unwrap();
        }
        for (what, steps) in &broken {
            say(address, steps);
            assert_eq!(ground.outside(), before, "{what}");
            assert_eq!(ground.finals(), [] as [PathBuf; 0], "{what}");
        }
        say(address, &transfer("good"));
    }
    serving.join().unwrap().unwrap();
    assert_eq!(std::fs::read(ground.root.join("good")).unwrap(), CONTENT);
    assert!(cases >= 350, "{cases} cases");
    std::fs::remove_dir_all(&ground.top).unwrap();
}

/// Streams that no honest sender makes; none may leave a file.
fn broken_streams() -> Vec<(String, Vec<Vec<u8>>)> {
    let mut all = Vec::new();
    let whole = transfer("victim");
    for cut in 0..whole[0].len() {
        all.push((format!("offer cut at {cut}"), vec![whole[0][..cut].to_vec()]));
    }
    for cut in 0..whole[1].len() {
        all.push((format!("rest cut at {cut}"), vec![whole[0].clone(), whole[1][..cut].to_vec()]));
    }
    for at in 0..whole[1].len() {
        let mut rest = whole[1].clone();
        rest[at] ^= 0x55;
        all.push((format!("byte {at} changed"), vec![whole[0].clone(), rest]));
    }
    let offer = |len| bytes(&[frame(Kind::Offer, "victim", len, b"")]);
    let lies: [(&str, Vec<Frame<'_>>); 6] = [
        ("gap", vec![frame(Kind::Data, "", 3, b"xy")]),
        ("far beyond", vec![frame(Kind::Data, "", u64::MAX, b"xy")]),
        ("too much", vec![frame(Kind::Data, "", 0, b"too much of it")]),
        ("another hash", vec![frame(Kind::Data, "", 0, CONTENT), frame(Kind::Done, "", 5, &[0; 32])]),
        ("no hash", vec![frame(Kind::Data, "", 0, CONTENT), frame(Kind::Done, "", 5, b"")]),
        ("nothing", vec![frame(Kind::Done, "", 5, &[0; 32])]),
    ];
    for (what, frames) in lies {
        all.push((what.to_owned(), vec![offer(5), bytes(&frames)]));
    }
    for len in [u64::MAX, u64::MAX / 2, 1 << 62, 1 << 40] {
        all.push((format!("length {len}"), vec![offer(len), bytes(&[frame(Kind::Data, "", 0, CONTENT)])]));
    }
    for (at, value) in [(6, 0xff), (7, 0xff), (16, 0xff), (17, 0xff), (4, 0), (4, 6), (4, 0xff)] {
        let mut bytes = whole[0].clone();
        bytes[at] = value;
        all.push((format!("header byte {at} = {value}"), vec![bytes]));
    }
    all
}

/// Somebody on the host swaps a folder for a link while the sender sends.
#[test]
fn a_folder_that_becomes_a_link_leads_nowhere() {
    let ground = Ground::new("race");
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), &ground.root, None, None).unwrap();
    let address = server.address().unwrap();
    let before = ground.outside();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let rounds = 150;
    std::thread::scope(|scope| {
        scope.spawn(|| server.run(Some(rounds), &|_| {}).unwrap());
        scope.spawn(|| {
            let (trap, parked) = (ground.root.join("trap"), ground.root.join("parked"));
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = std::fs::create_dir(&trap);
                let _ = std::fs::rename(&trap, &parked);
                let _ = std::os::unix::fs::symlink("../outside", &trap);
                let _ = std::fs::remove_file(&trap);
                let _ = std::fs::remove_dir_all(&parked);
            }
        });
        for _ in 0..rounds {
            say(address, &transfer("trap/x"));
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(ground.outside(), before);
    std::fs::remove_dir_all(&ground.top).unwrap();
}
