//! Limits and timeouts: what a hostile or unlucky peer may take, and what happens then.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::net::SocketAddr;
use std::time::Duration;

use tongro_proto::Proto;
use tongro_serve::{Client, Limits, Model, Options, Server, ServerTls, Timeouts, start};

/// One model of each kind: a thread that blocks, a loop, a task.
const MODELS: [Model; 4] = [Model::Thread, Model::Poll, Model::Epoll, Model::AsyncMulti];

const SOON: Duration = Duration::from_millis(30);

fn serve(options: Options) -> (Server, SocketAddr) {
    let server = start(options).unwrap();
    let address = server.local_addrs()[0];
    (server, address)
}

fn assert_is_let_go(mut client: Client, model: Model) {
    let outcome = client.recv_to_end();
    assert!(matches!(outcome, Ok(_) | Err(tongro_serve::Error::Reset)), "{}: {outcome:?}", model.name());
}

#[test]
fn half_a_message_has_less_time_than_silence() {
    for model in MODELS {
        for proto in [Proto::Line, Proto::Frame, Proto::Transfer, Proto::Chat] {
            let timeouts = Timeouts { read: SOON, ..Timeouts::default() };
            let (_server, address) = serve(Options { model, proto, timeouts, ..Options::default() });
            let silent = Client::connect(address).unwrap();
            let mut slow = Client::connect(address).unwrap();
            slow.send(if proto == Proto::Transfer { b"TG" } else { &[0; 2] }).unwrap();
            assert_is_let_go(slow, model);
            drop(silent);
        }
    }
}

#[test]
fn a_stream_of_messages_that_always_has_one_open_is_not_slow() {
    // Each event ends one message and begins the next; the read timeout must run for each anew.
    for model in MODELS {
        let timeouts = Timeouts { read: Duration::from_secs(5), ..Timeouts::default() };
        let (_server, address) = serve(Options { model, proto: Proto::Line, timeouts, ..Options::default() });
        let mut client = Client::connect(address).unwrap();
        client.send(b"ECHO 0").unwrap();
        for n in 1..200 {
            client.send(format!("\nECHO {n}").as_bytes()).unwrap();
            let answer = format!("{}\n", n - 1);
            assert_eq!(client.recv_exactly(answer.len()).unwrap(), answer.as_bytes());
        }
    }
}

#[test]
fn a_handshake_that_never_comes_is_not_waited_for() {
    for model in MODELS {
        let timeouts = Timeouts { handshake: SOON, ..Timeouts::default() };
        let tls = Some(ServerTls::self_signed(&["localhost"]).unwrap());
        let (server, address) = serve(Options { model, tls, timeouts, ..Options::default() });
        let mut half = Client::connect(address).unwrap();
        half.send(b"\x16\x03\x01").unwrap();
        assert_is_let_go(half, model);
        assert_is_let_go(Client::connect(address).unwrap(), model);
        server.shutdown();
        assert_eq!(server.join().unwrap().cut, 0);
    }
}

#[test]
fn a_member_who_does_not_read_is_cut_off_and_holds_nobody_up() {
    for model in MODELS {
        let limits = Limits { output_len: 64 * 1024, ..Limits::default() };
        let (server, address) = serve(Options { model, proto: Proto::Chat, limits, ..Options::default() });
        let mut deaf = Client::connect(address).unwrap();
        deaf.send(b"deaf\n").unwrap();
        deaf.recv_exactly("* your nick?\n* here: deaf\n".len()).unwrap();
        let mut talker = Client::connect(address).unwrap();
        talker.send(b"talker\n").unwrap();
        talker.recv_exactly("* your nick?\n* here: deaf, talker\n".len()).unwrap();
        let line = [vec![b'x'; 32_000], vec![b'\n']].concat();
        // More than the kernel's buffers and our limit together can hold.
        for _ in 0..400 {
            talker.send(&line).unwrap();
        }
        let left = "* deaf left\n";
        assert_eq!(talker.recv_exactly(left.len()).unwrap(), left.as_bytes(), "{}", model.name());
        server.shutdown();
    }
}

#[test]
fn a_long_message_is_refused_without_being_stored() {
    for model in MODELS {
        let (_server, address) = serve(Options { model, proto: Proto::Line, ..Options::default() });
        let mut client = Client::connect(address).unwrap();
        for _ in 0..64 {
            client.send(&[b'a'; 65_536]).unwrap();
        }
        client.send(b"\nECHO still here\n").unwrap();
        let answer = "ERR a line may have 65536 bytes\nstill here\n";
        assert_eq!(client.recv_exactly(answer.len()).unwrap(), answer.as_bytes(), "{}", model.name());
    }
}

#[test]
fn a_drained_server_lets_a_handshaking_peer_go_at_once() {
    for model in MODELS {
        let tls = Some(ServerTls::self_signed(&["localhost"]).unwrap());
        let (server, address) = serve(Options { model, tls, ..Options::default() });
        let mut silent = Client::connect(address).unwrap();
        let mut partner = Client::connect(address).unwrap();
        partner.send(b"junk, answered with an alert, so both are inside").unwrap();
        partner.recv_to_end().unwrap_or_default();
        server.shutdown();
        silent.recv_to_end().unwrap_or_default();
        assert_eq!(server.join().unwrap().cut, 0, "{}", model.name());
    }
}
