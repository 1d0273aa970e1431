//! The table: every protocol × every model × {plain, TLS} passes the same suite, or says why it cannot be had.
//!
//! No cell has code of its own. Nothing sleeps: each step waits for the bytes, the end or the notice it is about.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod process;

use std::sync::mpsc::channel;
use std::time::Duration;

use process::Process;
use tongro_proto::transfer::Errand;
use tongro_proto::{Notice, Proto, Transport};
use tongro_serve::{Client, ClockListener, ListenOptions, Model, Options, Watch, start, transfer};

#[test]
fn serve_if_asked() {
    process::serve_if_asked();
}

#[test]
fn every_protocol_under_every_model_plain_and_encrypted() {
    for proto in Proto::ALL {
        for model in Model::ALL {
            for tls in [false, true] {
                let cell = format!("{} × {} × tls {tls}", proto.name(), model.name());
                if model.check(*proto).is_err() || (tls && proto.transport() == Transport::Datagram) {
                    assert_is_refused(*proto, *model, tls);
                    continue;
                }
                let passed = std::panic::catch_unwind(|| run_cell(*proto, *model, tls));
                assert!(passed.is_ok(), "{cell}");
            }
        }
    }
}

/// A cell that cannot be had is refused before anything listens, with the reason.
fn assert_is_refused(proto: Proto, model: Model, tls: bool) {
    let tls = tls.then(|| tongro_serve::ServerTls::self_signed(&["localhost"]).unwrap());
    let refused = start(Options { proto, model, tls, ..Options::default() });
    assert!(matches!(refused, Err(tongro_serve::Error::NotPossible { .. })));
}

fn run_cell(proto: Proto, model: Model, tls: bool) {
    let server = Process::start(model, proto, tls);
    if proto.transport() == Transport::Stream {
        visit_rudely(&server);
    }
    match proto {
        Proto::Echo => echo(&server),
        Proto::Line => line(&server),
        Proto::Frame => frame(&server),
        Proto::Daytime => daytime(&server),
        Proto::Clock => clock(&server),
        Proto::Transfer => files(&server),
        Proto::Chat => chat(&server, model),
    }
    let silent = (!model.waits_for_one() && proto.transport() == Transport::Stream).then(|| visit(&server));
    if silent.is_some() && proto != Proto::Chat {
        visit(&server).finish().unwrap(); // served while another says nothing
    }
    drop(silent);
    assert_eq!(server.end(), 0, "connections were cut");
}

/// A connection, encrypted if the server is.
fn visit(server: &Process) -> Client {
    let client = Client::connect(server.address).unwrap();
    match server.tls() {
        Some(tls) => client.secure(&tls).unwrap(),
        None => client,
    }
}

/// What kills learners' servers: nothing at all, half a message and a reset, junk where a handshake should be.
fn visit_rudely(server: &Process) {
    drop(Client::connect(server.address).unwrap());
    for junk in [&b"\xff\xfe\x80"[..], b"GET / HTTP/1.1\r\n\r\n", &[0; 3000]] {
        let mut rude = Client::connect(server.address).unwrap();
        rude.send(junk).unwrap();
        rude.reset().unwrap();
        let mut patient = Client::connect(server.address).unwrap();
        patient.send(junk).unwrap();
        let _ = patient.finish(); // a server that has had enough may have closed already
        let _ = patient.recv_to_end();
    }
}

fn say(client: &mut Client, said: &[u8], answer: &[u8]) {
    client.send(said).unwrap();
    let got = client.recv_exactly(answer.len()).unwrap();
    assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(answer));
}

fn assert_ends(mut client: Client) {
    assert_eq!(client.recv_to_end().unwrap(), b"");
}

fn echo(server: &Process) {
    let all: Vec<u8> = (0..=255).cycle().take(16_384).collect();
    let mut client = visit(server);
    for piece in [&b"h"[..], &"가".as_bytes()[..2], &"가".as_bytes()[2..], &all] {
        say(&mut client, piece, piece);
    }
    client.send(b"the last").unwrap();
    client.finish().unwrap();
    assert_eq!(client.recv_to_end().unwrap(), b"the last");
}

fn line(server: &Process) {
    let mut client = visit(server);
    client.send(b"ECHO o").unwrap();
    say(&mut client, "ne\r\necho 둘\necho three\nwhat\n".as_bytes(), {
        "one\r\n둘\nthree\nERR unknown command, try HELP\n".as_bytes()
    });
    say(&mut client, b"QUIT\n", b"BYE\n");
    assert_ends(client);
}

fn frame(server: &Process) {
    let mut client = visit(server);
    client.send(b"\0\0").unwrap();
    say(&mut client, b"\0\x05hello\0\0\0\0\0\0\0\x01x", b"\0\0\0\x05hello\0\0\0\0\0\0\0\x01x");
    say(&mut client, b"\xff\xff\xff\xff", b"\0\0\0\x23ERR length 4294967295 is over 65536");
    assert_ends(client);
}

fn daytime(server: &Process) {
    let line = visit(server).recv_to_end().unwrap();
    assert!(line.starts_with(b"20") && line.ends_with(b"Z\r\n"), "{line:?}");
}

fn clock(server: &Process) {
    let junk = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for bytes in [&b""[..], b"\xff\xfe\x80", &[0; 60_000]] {
        junk.send_to(bytes, server.address).unwrap();
    }
    let (tell, told) = channel();
    let listener = ClockListener::start(ListenOptions {
        at: "127.0.0.1:0".parse().unwrap(),
        group: None,
        interface: None,
        ask: Some((server.address, Duration::from_millis(20))),
        watch: Some(Watch::new(move |notice| drop(tell.send(notice)))),
    });
    let listener = listener.unwrap();
    let Notice::ClockSample(sample) = told.recv_timeout(Duration::from_secs(10)).unwrap() else {
        panic!("no sample")
    };
    assert!(sample.delay > 0 && sample.offset.unsigned_abs() < 1_000_000_000, "{sample:?}");
    assert!(listener.report().answered >= 1);
}

fn files(server: &Process) {
    let here = server.directory.join("client");
    std::fs::create_dir(&here).unwrap();
    let file: Vec<u8> = (0..300_000u32).map(|n| ((n * 7) >> 3) as u8).collect();
    let name = "큰 파일.bin".to_owned();
    std::fs::write(here.join(&name), &file).unwrap();
    std::fs::write(server.directory.join(format!(".{name}.part")), &file[..100_000]).unwrap();
    let tls = server.tls();
    let go = |errand| transfer(server.address, errand, &here, tls.as_ref());
    let sent = go(Errand::Send { name: name.clone() }).unwrap();
    assert_eq!(sent, Notice::FileSent { name: name.clone(), len: 300_000, resumed_at: 100_000 });
    assert!(std::fs::read(server.directory.join(&name)).unwrap() == file);
    std::fs::remove_file(here.join(&name)).unwrap();
    go(Errand::Fetch { name: name.clone() }).unwrap();
    assert!(std::fs::read(here.join(&name)).unwrap() == file);
    let refused = go(Errand::Fetch { name: "../cert.pem".to_owned() }).unwrap_err();
    assert_eq!(refused.to_string(), "file refused: not a plain file name: `.` or `..` leads elsewhere");
    let refused = go(Errand::Fetch { name: "none".to_owned() }).unwrap_err();
    assert_eq!(refused.to_string(), "file refused: no such file");
}

fn chat(server: &Process, model: Model) {
    let mut first = visit(server);
    say(&mut first, "하나\n".as_bytes(), "* your nick?\n* here: 하나\n".as_bytes());
    if !model.waits_for_one() {
        let mut second = visit(server);
        say(&mut second, "둘\r\n".as_bytes(), "* your nick?\n* here: 하나, 둘\n".as_bytes());
        second.send("안녕\n".as_bytes()).unwrap();
        say(&mut first, b"", "* 둘 joined\n둘: 안녕\n".as_bytes());
        first.send(b"hi\n").unwrap();
        say(&mut second, b"", "하나: hi\n".as_bytes());
        second.finish().unwrap();
        assert_ends(second);
        say(&mut first, b"", "* 둘 left\n".as_bytes());
    }
    say(&mut first, b"/quit\n", b"* bye\n");
    assert_ends(first);
}
