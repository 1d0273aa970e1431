//! `pack`, `unpack`, `craft`, `capture`, `ping` and `traceroute` as processes: on the command line, in network
//! namespaces of their own (a chain of routers, a pair of hosts), and against Wireshark and Scapy.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

#[path = "packets/hosts.rs"]
mod hosts;
#[path = "packets/interop.rs"]
mod interop;
#[path = "packets/live.rs"]
mod live;
#[path = "packets/making.rs"]
mod making;

use std::process::{Command, Output};

/// Exit code, stdout, stderr of a command in English.
fn tongro(arguments: &[&str]) -> (i32, String, String) {
    told(
        Command::new(env!("CARGO_BIN_EXE_tongro"))
            .args(arguments)
            .env("LANG", "en_US.UTF-8")
            .env_remove("LC_ALL"),
    )
}

fn told(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// A fresh file name for a test.
fn file(name: &str) -> String {
    format!("{}/packets-{name}", env!("CARGO_TARGET_TMPDIR"))
}
