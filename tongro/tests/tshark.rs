//! Wireshark's own reader on our captures: it opens every one, finds nothing malformed, and what it calls a
//! retransmission is one of ours. tshark is installed by `cargo xtask test`.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const CLIENT: &str = "
import socket
s = socket.create_connection(('10.77.0.2', 9101))
for n in range(12):
    data = bytes([n]) * 3000
    s.sendall(data)
    got = 0
    while got < len(data):
        got += len(s.recv(65536))
";

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output =
        output.unwrap_or_else(|error| panic!("`{program}` is needed: cargo xtask test installs it: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A run with seeded loss and reordering, kept in a folder.
fn run(seed: u64) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tshark-{seed}"));
    let script = folder.with_extension("toml");
    std::fs::write(&script, format!("seed = {seed}\n[link]\ndelay_us = 3000\nloss_ppm = 60000\n")).unwrap();
    let client = folder.with_extension("py");
    std::fs::write(&client, CLIENT).unwrap();
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/programs/echo/good/threads.py");
    let (server, client) = (format!("python3 {}", server.display()), format!("python3 {}", client.display()));
    let (script, save) = (script.to_string_lossy(), folder.to_string_lossy());
    let arguments =
        ["lab", "run", "--script", &script, "--server", &server, "--client", &client, "--save", &save];
    output(env!("CARGO_BIN_EXE_tongro"), &arguments);
    folder
}

/// Numbers of the frames with a finding of retransmission, as the ladder has them.
fn ours(folder: &Path) -> BTreeSet<u32> {
    let ladder = output(env!("CARGO_BIN_EXE_tongro"), &["ladder", "--json", &folder.to_string_lossy()]);
    let ladder: Value = serde_json::from_str(&ladder).unwrap();
    let is_again = |arrow: &&Value| arrow["kind"] == "retransmission";
    let arrows = ladder["arrows"].as_array().unwrap().iter().filter(is_again);
    arrows.map(|arrow| arrow["no"].as_u64().unwrap() as u32).collect()
}

#[test]
fn every_capture_opens_without_a_malformed_packet() {
    for seed in [1, 2, 3] {
        let folder = run(seed);
        let capture = folder.join("trace.pcapng");
        let capture = capture.to_string_lossy();
        assert_eq!(output("tshark", &["-r", &capture, "-Y", "_ws.malformed"]), "");
        let interfaces = output("tshark", &["-r", &capture, "-T", "fields", "-e", "frame.interface_name"]);
        let names: BTreeSet<&str> = interfaces.lines().collect();
        assert_eq!(names.len(), 2, "both ends are interfaces: {names:?}");
        let comments = output("tshark", &["-r", &capture, "-T", "fields", "-e", "frame.comment"]);
        assert!(comments.lines().all(|comment| comment.starts_with('#')), "a comment on every packet");
        let (ours, theirs) = (ours(&folder), theirs(&folder));
        assert!(!theirs.is_empty(), "seed {seed} lost nothing that tshark saw");
        assert!(theirs.is_subset(&ours), "seed {seed}: tshark {theirs:?}, ours {ours:?}");
    }
}

/// Frames that tshark calls retransmissions in what the client's host saw.
fn theirs(folder: &Path) -> BTreeSet<u32> {
    let (all, one) = (folder.join("trace.pcapng"), folder.join("client.pcapng"));
    let (all, one) = (all.to_string_lossy(), one.to_string_lossy());
    output("tshark", &["-r", &all, "-Y", "frame.interface_id == 0", "-w", &one]);
    let marked = ["-r", &one, "-Y", "tcp.analysis.retransmission", "-T", "fields", "-e", "frame.comment"];
    let numbers = output("tshark", &marked);
    let number = |comment: &str| comment.trim_start_matches('#').split_whitespace().next()?.parse().ok();
    numbers.lines().filter_map(number).collect()
}
