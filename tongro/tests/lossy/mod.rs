//! Runs of labs whose link loses, reorders and doubles, and what tshark prints of their captures.
#![allow(dead_code)] // Each test file needs a part.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A link with every fault.
pub(crate) const SETTINGS: &str =
    "delay_us = 4000\nloss_ppm = 25000\nreorder_ppm = 15000\nduplicate_ppm = 5000\n";

/// Sends much in several ways: at once, in small pieces, and to a reader who is slow at first.
const CLIENT: &str = "
import socket, time
for size, count in ((60000, 6), (700, 40), (200000, 2)):
    s = socket.create_connection(('10.77.0.2', 9101))
    s.settimeout(50)
    for n in range(count):
        data = bytes([n]) * size
        got = 0
        sent = 0
        while got < len(data):
            if sent < len(data):
                sent += s.send(data[sent:sent + 32768])
            got += len(s.recv(65536))
    s.close()
";

/// The standard output of a program that must succeed.
pub(crate) fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output =
        output.unwrap_or_else(|error| panic!("`{program}` is needed: cargo xtask test installs it: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs an echo server and a client over a link of this seed; yields the run's folder.
pub(crate) fn run(name: &str, seed: u64, settings: &str) -> PathBuf {
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/programs/echo/good/threads.py");
    programs(
        name,
        &format!("seed = {seed}\n[link]\n{settings}"),
        &format!("python3 {}", server.display()),
        CLIENT,
    )
}

/// Runs a server's command line and a client in Python; yields the run's folder.
pub(crate) fn programs(name: &str, script: &str, server: &str, client: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let (script_file, client_file) = (folder.with_extension("toml"), folder.with_extension("py"));
    std::fs::write(&script_file, script).unwrap();
    std::fs::write(&client_file, client).unwrap();
    let (script, save) = (script_file.to_string_lossy(), folder.to_string_lossy());
    let client = format!("python3 {}", client_file.display());
    let arguments = [
        "lab", "run", "--limit", "300", "--script", &script, "--server", server, "--client", &client,
        "--save", &save,
    ];
    output(env!("CARGO_BIN_EXE_tongro"), &arguments);
    folder
}

/// The capture of the client's host alone.
pub(crate) fn client_side(folder: &Path) -> PathBuf {
    let (all, one) = (folder.join("trace.pcapng"), folder.join("client.pcapng"));
    output(
        "tshark",
        &["-r", &all.to_string_lossy(), "-Y", "frame.interface_id == 0", "-w", &one.to_string_lossy()],
    );
    one
}

/// What tshark prints for these fields, a row for each frame.
pub(crate) fn fields(capture: &Path, ids: &[&str]) -> Vec<Vec<String>> {
    let path = capture.to_string_lossy();
    let mut arguments = vec!["-n", "-r", &path, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"];
    for checked in ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE"] {
        arguments.extend(["-o", checked]);
    }
    arguments.extend(ids.iter().flat_map(|id| ["-e", *id]));
    let lines = output("tshark", &arguments);
    lines.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}
