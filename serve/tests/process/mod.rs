//! A server in a process of its own, for tests: forked children must not inherit the sockets of the test.
//!
//! The test program starts itself again and asks for the one test [`serve_if_asked`]. That process prints where it
//! listens, serves until its standard input ends, and prints its summary.

#![allow(dead_code, reason = "each test program uses a part")]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use tongro_proto::Proto;
use tongro_serve::{ClientTls, Model, Options, ServerTls, Timeouts, start};

/// What the server process is asked for, one word each.
const ASK: &str = "TONGRO_TEST_SERVER";

/// A server in another process. Dropped without `end`, it sees the end of its input and leaves.
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
    /// Its directory: files of the transfer, and the certificate.
    pub(crate) directory: PathBuf,
    tls: bool,
}

impl Process {
    pub(crate) fn start(model: Model, proto: Proto, tls: bool) -> Self {
        let name = format!("tongro-{}-{}-{tls}-{}", model.name(), proto.name(), std::process::id());
        let directory = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "serve_if_asked", "--nocapture", "--test-threads=1"])
            .env(ASK, format!("{} {} {tls} {}", model.name(), proto.name(), directory.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let address = line_with(&mut output, "listening ").parse().unwrap();
        Self { child, output, address, directory, tls }
    }

    /// How to trust it, if it speaks TLS.
    pub(crate) fn tls(&self) -> Option<ClientTls> {
        let pem = self.tls.then(|| std::fs::read_to_string(self.directory.join("cert.pem")).unwrap());
        pem.map(|pem| ClientTls::trusting(&pem, "localhost").unwrap())
    }

    /// The process number, for a look into procfs.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as the user or the kernel may.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::fs::remove_dir_all(&self.directory).unwrap();
    }

    /// Lets it shut down; returns how many connections it had to cut.
    pub(crate) fn end(mut self) -> usize {
        drop(self.child.stdin.take());
        let cut = line_with(&mut self.output, "cut ").parse().unwrap();
        assert!(self.child.wait().unwrap().success());
        std::fs::remove_dir_all(&self.directory).unwrap();
        cut
    }
}

fn line_with(output: &mut impl BufRead, word: &str) -> String {
    let mut lines = output.lines().map(|line| line.unwrap());
    let found = lines.find_map(|line| line.split_once(word).map(|(_, rest)| rest.to_owned()));
    found.unwrap_or_else(|| panic!("the server ended without `{word}`"))
}

/// The other process.
#[allow(clippy::print_stdout, reason = "it talks to the test through its output")]
pub(crate) fn serve_if_asked() {
    let Ok(asked) = std::env::var(ASK) else { return };
    let words: Vec<&str> = asked.splitn(4, ' ').collect();
    let directory = PathBuf::from(words[3]);
    let tls = (words[2] == "true").then(|| {
        let tls = ServerTls::self_signed(&["localhost", "127.0.0.1"]).unwrap();
        std::fs::write(directory.join("cert.pem"), tls.certificate()).unwrap();
        tls
    });
    let timeouts = Timeouts { drain: std::time::Duration::from_secs(10), ..Timeouts::default() };
    let server = start(Options {
        model: words[0].parse().unwrap(),
        proto: words[1].parse().unwrap(),
        tls,
        directory,
        timeouts,
        ..Options::default()
    });
    let server = server.unwrap();
    println!("listening {}", server.local_addrs()[0]);
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    server.shutdown();
    println!("cut {}", server.join().unwrap().cut);
}
