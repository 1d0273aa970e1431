//! Other people's programs against our servers: a learner must be able to write the other side in an evening.
//!
//! Skipped, with the reason, where there is no Python.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod process;

use std::process::Command;

use process::Process;
use tongro_proto::Proto;
use tongro_serve::Model;

#[test]
fn serve_if_asked() {
    process::serve_if_asked();
}

/// Runs a script with the server's port; `None` if there is no Python.
fn python(script: &str, server: &Process, more: &[&str]) -> Option<String> {
    let path = format!("{}/tests/python/{script}", env!("CARGO_MANIFEST_DIR"));
    let port = server.address.port().to_string();
    let output = Command::new("python3").arg(path).arg(port).args(more).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
#[allow(clippy::print_stderr, reason = "says why it was skipped")]
fn a_python_client_sends_a_file_in_sixty_lines() {
    let server = Process::start(Model::Epoll, Proto::Transfer, false);
    let file: Vec<u8> = (0..500_000u32).map(|n| ((n * 31) >> 5) as u8).collect();
    let path = server.directory.join("source.bin");
    std::fs::write(&path, &file).unwrap();
    std::fs::write(server.directory.join(".보고서.bin.part"), &file[..123_456]).unwrap();
    match python("send.py", &server, &[path.to_str().unwrap(), "보고서.bin"]) {
        None => eprintln!("skipped: no python3"),
        Some(said) => {
            assert_eq!(said, "resumed at 123456, confirmed\n");
            assert!(std::fs::read(server.directory.join("보고서.bin")).unwrap() == file);
        }
    }
    assert_eq!(server.end(), 0);
}

#[test]
#[allow(clippy::print_stderr, reason = "says why it was skipped")]
fn a_python_client_asks_the_clock() {
    let server = Process::start(Model::Epoll, Proto::Clock, false);
    match python("ask.py", &server, &[]) {
        None => eprintln!("skipped: no python3"),
        Some(said) => assert_eq!(said, "answer 7\n"),
    }
    assert_eq!(server.end(), 0);
}

/// Forked children are reaped while the server runs, and its descriptors come back: 40 visits may leave no 40 of
/// anything. Ten are allowed, for a prefork server may still be starting its processes at the first visit.
#[test]
fn forty_visits_leave_no_child_and_no_descriptor() {
    for model in [Model::Fork, Model::Prefork, Model::Thread, Model::Epoll, Model::AsyncMulti] {
        let server = Process::start(model, Proto::Echo, false);
        let visit = || {
            let mut client = tongro_serve::Client::connect(server.address).unwrap();
            client.send(b"x").unwrap();
            client.finish().unwrap();
            assert_eq!(client.recv_to_end().unwrap(), b"x");
        };
        let count = |what: &str| std::fs::read_dir(format!("/proc/{}/{what}", server.id())).unwrap().count();
        visit();
        let before = count("fd");
        for _ in 0..40 {
            visit();
        }
        wait_until(
            || count("fd") <= before + 10 && zombies_of(server.id()) == 0,
            || format!("{} {before} {} {}", model.name(), count("fd"), zombies_of(server.id())),
        );
        assert_eq!(server.end(), 0);
    }
}

/// Children that outlive a killed parent would hold its port and its peers for ever.
#[test]
fn a_killed_server_takes_its_children_with_it() {
    for model in [Model::Fork, Model::Prefork] {
        let server = Process::start(model, Proto::Echo, false);
        let address = server.address;
        let mut client = tongro_serve::Client::connect(address).unwrap();
        client.send(b"x").unwrap();
        client.recv_exactly(1).unwrap();
        server.kill();
        let _ = client.recv_to_end(); // an end or a reset, but not silence
        wait_until(
            || matches!(tongro_serve::Client::connect(address), Err(tongro_serve::Error::Refused { .. })),
            || format!("{} still listens", model.name()),
        );
    }
}

/// Children in state Z.
fn zombies_of(parent: u32) -> usize {
    let stats = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    let is_one = |stat: &String| {
        let mut words = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        words.next() == Some("Z") && words.next() == Some(parent.to_string().as_str())
    };
    stats.filter(is_one).count()
}

/// The last visit's end is noticed by the server in its own time: looked at until it is so.
fn wait_until(is_so: impl Fn() -> bool, what: impl Fn() -> String) {
    let started = std::time::Instant::now();
    while !is_so() {
        assert!(started.elapsed().as_secs() < 10, "never: {}", what());
        std::thread::yield_now();
    }
}
