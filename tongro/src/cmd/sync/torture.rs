//! `tongro sync torture`: real processes on a real disk, killed at any operation or cut off at any byte; then everything
//! that was written must be there, whole, and the same on both sides. A seed repeats the users and the faults.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use clap::Args;
use serde_json::json;
use tongro_sync::{Error, Result};

use crate::talk::Talk;

/// Kill synchronisations anywhere and see whether anything is lost
#[derive(Debug, Args)]
pub(super) struct Torture {
    /// How many rounds of edits, faults and repairs
    #[arg(long, default_value_t = 20)]
    rounds: u64,
    /// What repeats them
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Default)]
struct Tally {
    kills: u64,
    cuts: u64,
    lost: usize,
    torn: usize,
    unequal: u64,
}

impl Torture {
    pub(super) fn run(&self, talk: &mut Talk) -> Result<u8> {
        let mut ground = Ground::new(self.seed)?;
        let mut tally = Tally::default();
        for round in 0..self.rounds {
            ground.act()?;
            for _ in 0..1 + ground.dice(4) {
                match ground.dice(3) {
                    0 => ground.cut_network(&mut tally)?,
                    _ => ground.kill_local(&mut tally)?,
                }
                ground.act()?;
            }
            let before = (tally.lost, tally.torn, tally.unequal);
            ground.check(&mut tally)?;
            if before != (tally.lost, tally.torn, tally.unequal) {
                talk.say(&format!("round {round}, seed {}: {}", self.seed, ground.top.display()));
                ground.is_kept = true;
                break;
            }
        }
        let text = |number: u64| number.to_string();
        if self.json {
            let line = json!({"type": "torture", "rounds": self.rounds, "seed": self.seed, "kills": tally.kills, "cuts": tally.cuts, "lost": tally.lost, "torn": tally.torn, "unequal": tally.unequal});
            talk.say(&line.to_string());
        } else {
            let (rounds, kills) = (text(self.rounds), text(tally.kills + tally.cuts));
            let (lost, torn) = (text(tally.lost as u64), text(tally.torn as u64));
            let unequal = text(tally.unequal);
            let params = [
                ("rounds", &*rounds),
                ("kills", &*kills),
                ("lost", &*lost),
                ("torn", &*torn),
                ("unequal", &*unequal),
            ];
            talk.say(&talk.text("sync.sync.torture", &params));
        }
        Ok(u8::from(tally.lost + tally.torn > 0 || tally.unequal > 0))
    }
}

/// Two folders, their users, and what was written.
struct Ground {
    top: PathBuf,
    state: u64,
    number: u64,
    written: BTreeSet<Vec<u8>>,
    given_up: BTreeSet<Vec<u8>>,
    is_kept: bool,
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Path { path, source }
}

impl Ground {
    fn new(seed: u64) -> Result<Self> {
        let top = std::env::temp_dir().join(format!("tongro-torture-{}-{seed}", std::process::id()));
        for side in ["a", "b"] {
            std::fs::create_dir_all(top.join(side)).map_err(io(&top))?;
        }
        let (written, given_up) = (BTreeSet::new(), BTreeSet::new());
        Ok(Self { top, state: seed, number: 0, written, given_up, is_kept: false })
    }

    /// splitmix64.
    fn dice(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }

    /// Some files change on both sides.
    fn act(&mut self) -> Result<()> {
        for _ in 0..1 + self.dice(6) {
            let which = if self.dice(2) == 0 { "a" } else { "b" };
            let side = self.top.join(which);
            let files = files_below(&side);
            let pick = self.dice(files.len() as u64) as usize;
            match (self.dice(10), files.get(pick)) {
                (0..6, _) | (_, None) => self.write(&side)?,
                (6..8, Some(file)) => {
                    self.give_up(file);
                    std::fs::remove_file(file).map_err(io(file))?;
                }
                (_, Some(file)) => {
                    let to = side.join(self.name());
                    if to.is_dir() {
                        continue;
                    }
                    self.make_folder_of(&to)?;
                    self.give_up(&to);
                    std::fs::rename(file, &to).map_err(io(file))?;
                }
            }
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        const PARTS: [&str; 5] = ["가", "나.txt", "b", "c.hwp", "big"];
        let part = PARTS[self.dice(5) as usize];
        if self.dice(2) == 0 { format!("폴더{}/{part}", self.dice(3)) } else { part.to_owned() }
    }

    fn make_folder_of(&self, path: &Path) -> Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        if folder.exists() && !folder.is_dir() {
            std::fs::remove_file(folder).map_err(io(folder))?;
        }
        std::fs::create_dir_all(folder).map_err(io(folder))
    }

    /// A content that nobody else writes; sometimes so large that it goes in chunks.
    fn write(&mut self, side: &Path) -> Result<()> {
        let path = side.join(self.name());
        if path.is_dir() {
            return Ok(());
        }
        self.make_folder_of(&path)?;
        self.give_up(&path);
        self.number += 1;
        let mut content = format!("content {:08}\n", self.number).into_bytes();
        if self.dice(6) == 0 {
            let len = 300_000 + self.dice(400_000) as usize;
            let mut word = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            while content.len() < len {
                word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                content.extend_from_slice(&word.to_be_bytes());
            }
        }
        std::fs::write(&path, &content).map_err(io(&path))?;
        self.written.insert(content);
        Ok(())
    }

    fn give_up(&mut self, path: &Path) {
        if let Ok(content) = std::fs::read(path) {
            self.given_up.insert(content);
        }
    }

    fn sync(&self, arguments: &[&str], fuse: Option<u64>) -> Result<Command> {
        let program = std::env::current_exe().map_err(|source| Error::Io { step: "find tongro", source })?;
        let mut command = Command::new(program);
        command.arg("sync").args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match fuse {
            Some(fuse) => command.env("TONGRO_SYNC_FUSE", fuse.to_string()),
            None => command.env_remove("TONGRO_SYNC_FUSE"),
        };
        Ok(command)
    }

    fn side(&self, side: &str) -> String {
        self.top.join(side).display().to_string()
    }

    /// Killed before some operation on the disk.
    fn kill_local(&mut self, tally: &mut Tally) -> Result<()> {
        let fuse = 1 + self.dice(150);
        let (a, b) = (self.side("a"), self.side("b"));
        let ends = if self.dice(2) == 0 { [a.as_str(), &b] } else { [b.as_str(), &a] };
        let status = self.sync(&[ends[0], ends[1], "--allow-empty"], Some(fuse))?.status();
        let status = status.map_err(|source| Error::Io { step: "start tongro", source })?;
        tally.kills += u64::from(status.code().is_none());
        Ok(())
    }

    /// Over the network, reset or swallowed at some byte, sometimes byte by byte.
    fn cut_network(&mut self, tally: &mut Tally) -> Result<()> {
        let net = |source| Error::Io { step: "proxy", source };
        let b = self.side("b");
        let serve = ["serve", &b, "--plain", "--port", "0", "--json", "--count", "1", "--allow-empty"];
        let mut server = self.sync(&serve, None)?.stdout(Stdio::piped()).spawn().map_err(net)?;
        let mut line = String::new();
        if let Some(out) = server.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(net)?;
        }
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let target = said["addr"].as_str().unwrap_or_default().to_owned();
        let door = TcpListener::bind("127.0.0.1:0").map_err(net)?;
        let address = door.local_addr().map_err(net)?.to_string();
        let fault = Fault { at: self.dice(40_000), kind: self.dice(3), is_slow: self.dice(3) == 0 };
        let a = self.side("a");
        let mut client =
            self.sync(&[&a, &address, "--plain", "--allow-empty"], None)?.spawn().map_err(net)?;
        let was_cut = proxy(&door, &target, &fault, &mut client).map_err(net)?;
        tally.cuts += u64::from(was_cut);
        client.wait().map_err(net)?;
        let _ = server.kill(); // it may have ended by itself
        server.wait().map_err(net)?;
        Ok(())
    }

    /// Without faults now: equal, whole, nothing lost.
    fn check(&mut self, tally: &mut Tally) -> Result<()> {
        let (a, b) = (self.side("a"), self.side("b"));
        for _ in 0..3 {
            let status = self.sync(&[&a, &b, "--allow-empty"], None)?.status();
            status.map_err(|source| Error::Io { step: "start tongro", source })?;
        }
        let read = |side: &str| -> Vec<(PathBuf, Vec<u8>)> {
            let top = self.top.join(side);
            let relative = |path: &PathBuf| path.strip_prefix(&top).unwrap_or(path).to_owned();
            let files = files_below(&top);
            files.iter().map(|path| (relative(path), std::fs::read(path).unwrap_or_default())).collect()
        };
        let (one, two) = (read("a"), read("b"));
        tally.unequal += u64::from(one != two);
        let live: BTreeSet<&Vec<u8>> = one.iter().chain(&two).map(|(_, content)| content).collect();
        tally.torn += live.iter().filter(|content| !self.written.contains(**content)).count();
        tally.lost +=
            self.written.difference(&self.given_up).filter(|content| !live.contains(content)).count();
        Ok(())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = std::fs::remove_dir_all(&self.top);
        }
    }
}

/// All files of a side, sorted, without our own folder.
fn files_below(top: &Path) -> Vec<PathBuf> {
    let (mut found, mut ways) = (Vec::new(), vec![top.to_owned()]);
    while let Some(way) = ways.pop() {
        for entry in std::fs::read_dir(way).into_iter().flatten().flatten() {
            let is_own = entry.file_name() == ".tongro";
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !is_own => ways.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// What the proxy does.
struct Fault {
    /// After so many bytes in both directions together.
    at: u64,
    /// 1: swallow everything from now on and kill the client; otherwise end both at once, with what is unread lost.
    kind: u64,
    /// One byte at a time.
    is_slow: bool,
}

/// One connection through the fault; says whether it struck.
fn proxy(door: &TcpListener, target: &str, fault: &Fault, client: &mut Child) -> std::io::Result<bool> {
    use std::sync::atomic::{AtomicU64, Ordering};
    let (near, _) = door.accept()?;
    let far = TcpStream::connect(target)?;
    let passed = AtomicU64::new(0);
    let pump = |mut from: &TcpStream, mut to: &TcpStream| -> bool {
        let mut buffer = [0; 4096];
        loop {
            let most = if fault.is_slow { 1 } else { buffer.len() };
            let Ok(len @ 1..) = from.read(&mut buffer[..most]) else {
                let _ = to.shutdown(Shutdown::Write); // an end is passed on
                return false;
            };
            if passed.fetch_add(len as u64, Ordering::Relaxed) + len as u64 > fault.at {
                return true;
            }
            if to.write_all(&buffer[..len]).is_err() {
                let _ = from.shutdown(Shutdown::Both);
                return false;
            }
        }
    };
    let client = std::sync::Mutex::new(client);
    let strike = |struck: bool| {
        if struck {
            if fault.kind == 1
                && let Ok(mut client) = client.lock()
            {
                let _ = client.kill(); // to it the network is silent, for ever
            }
            let _ = near.shutdown(Shutdown::Both);
            let _ = far.shutdown(Shutdown::Both);
        }
        struck
    };
    std::thread::scope(|scope| {
        let there = scope.spawn(|| strike(pump(&near, &far)));
        let here = strike(pump(&far, &near));
        Ok(there.join().unwrap_or(false) || here)
    })
}
