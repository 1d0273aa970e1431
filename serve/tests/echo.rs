//! Echo under every model: what learners' servers get wrong, ours must not.
//!
//! Nothing here sleeps: a test waits for the bytes, the end or the reset it is about.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tongro_serve::{Client, Error, Limits, Model, Options, Server, Timeouts, start};

fn serve(model: Model) -> (Server, SocketAddr) {
    serve_with(Options { model, ..Options::default() })
}

fn serve_with(options: Options) -> (Server, SocketAddr) {
    let server = start(options).unwrap();
    let address = server.local_addrs()[0];
    (server, address)
}

fn end(server: Server) -> tongro_serve::Summary {
    server.shutdown();
    server.join().unwrap()
}

fn assert_serves(address: SocketAddr) {
    let mut client = Client::connect(address).unwrap();
    client.send("안녕".as_bytes()).unwrap();
    assert_eq!(client.recv_exactly(6).unwrap(), "안녕".as_bytes());
    client.finish().unwrap();
    assert_eq!(client.recv_to_end().unwrap(), b"");
}

/// Models that live in this process. Forking ones have a test program of their own: a child inherits the sockets
/// of all other tests.
const MODELS: &[Model] = &[
    Model::Sequential,
    Model::Thread,
    Model::Pool,
    Model::Poll,
    Model::Epoll,
    Model::IoUring,
    Model::Async,
    Model::AsyncMulti,
];

/// Models that serve a second peer while the first is silent.
fn concurrent() -> impl Iterator<Item = Model> {
    MODELS.iter().copied().filter(|model| !model.waits_for_one())
}

#[test]
fn every_byte_comes_back() {
    let all: Vec<u8> = (0..=255).collect();
    for model in MODELS {
        let (server, address) = serve(*model);
        let mut client = Client::connect(address).unwrap();
        for piece in [&b"hello"[..], &all, &"가".as_bytes()[..2], &"가".as_bytes()[2..]] {
            client.send(piece).unwrap();
            assert_eq!(client.recv_exactly(piece.len()).unwrap(), piece, "{}", model.name());
        }
        client.finish().unwrap();
        assert_eq!(client.recv_to_end().unwrap(), b"");
        assert_eq!(end(server).accepted, 1);
    }
}

#[test]
fn a_half_closed_megabyte_comes_back_whole() {
    let big: Vec<u8> = (0..1 << 20).map(|n: u32| ((n * 31) >> 3) as u8).collect();
    for model in MODELS {
        let (server, address) = serve(*model);
        let mut reader = Client::connect(address).unwrap();
        let mut writer = reader.try_clone().unwrap();
        let answer = std::thread::scope(|scope| {
            let answer = scope.spawn(move || {
                reader.recv_to_end().map_err(|error| format!("{}: {error}", model.name())).unwrap()
            });
            writer.send(&big).unwrap();
            writer.finish().unwrap();
            answer.join().unwrap()
        });
        assert!(answer == big, "{}", model.name());
        end(server);
    }
}

#[test]
fn rude_clients_do_not_stop_it() {
    for model in MODELS {
        let (server, address) = serve(*model);
        drop(Client::connect(address).unwrap()); // connects and leaves
        for _ in 0..3 {
            let mut rude = Client::connect(address).unwrap();
            rude.send(&[7; 100_000]).unwrap();
            rude.reset().unwrap();
        }
        assert_serves(address);
        end(server);
    }
}

#[test]
fn a_silent_client_stops_nobody() {
    for model in concurrent() {
        let (server, address) = serve(model);
        let silent = Client::connect(address).unwrap();
        assert_serves(address);
        drop(silent);
        end(server);
    }
}

#[test]
fn a_client_that_never_reads_stops_nobody_and_is_cut() {
    let timeouts = Timeouts { write: Duration::from_millis(50), ..Timeouts::default() };
    for model in concurrent() {
        let (server, address) =
            serve_with(Options { model, timeouts: timeouts.clone(), ..Options::default() });
        let mut deaf = Client::connect_within(address, Duration::from_secs(20)).unwrap();
        let flood = std::thread::spawn(move || {
            loop {
                if let Err(error) = deaf.send(&[1; 65536]) {
                    return error;
                }
            }
        });
        assert_serves(address);
        assert!(matches!(flood.join().unwrap(), Error::Reset), "{}", model.name());
        end(server);
    }
}

#[test]
fn an_idle_client_is_let_go() {
    let timeouts = Timeouts { idle: Duration::from_millis(20), ..Timeouts::default() };
    for model in MODELS {
        let (server, address) =
            serve_with(Options { model: *model, timeouts: timeouts.clone(), ..Options::default() });
        let mut idle = Client::connect(address).unwrap();
        assert_eq!(idle.recv_to_end().unwrap(), b"", "{}", model.name());
        end(server);
    }
}

#[test]
fn what_has_arrived_is_answered_after_the_bell() {
    for model in MODELS {
        let (server, address) = serve(*model);
        let mut client = Client::connect(address).unwrap();
        client.send(b"first").unwrap();
        assert_eq!(client.recv_exactly(5).unwrap(), b"first");
        client.send(b"last").unwrap();
        server.shutdown();
        assert_eq!(client.recv_to_end().unwrap(), b"last", "{}", model.name());
        drop(client);
        assert_eq!(server.join().unwrap().cut, 0);
        assert!(matches!(Client::connect(address), Err(Error::Refused { .. })));
    }
}

#[test]
fn a_restart_takes_the_port_at_once() {
    for model in MODELS {
        let (server, address) = serve(*model);
        let mut client = Client::connect(address).unwrap();
        client.send(b"x").unwrap();
        client.recv_exactly(1).unwrap();
        end(server); // it closes first, so TIME_WAIT is on its side
        let (again, _) = serve_with(Options { model: *model, port: address.port(), ..Options::default() });
        assert_serves(address);
        end(again);
    }
}

#[test]
fn a_full_house_makes_newcomers_wait_and_then_serves_them() {
    for model in concurrent() {
        let limits = Limits { connections: 1, ..Limits::default() };
        let (server, address) = serve_with(Options { model, limits, ..Options::default() });
        let mut first = Client::connect(address).unwrap();
        first.send(b"1").unwrap();
        first.recv_exactly(1).unwrap();
        let mut second = Client::connect(address).unwrap(); // the kernel shakes hands, nobody accepts
        second.send(b"2").unwrap();
        assert_eq!(server.connections(), 1);
        drop(first);
        assert_eq!(second.recv_exactly(1).unwrap(), b"2", "{}", model.name());
        drop(second);
        end(server);
    }
}

#[test]
fn one_address_has_its_share() {
    for model in concurrent() {
        let limits = Limits { per_peer: Some(1), ..Limits::default() };
        let (server, address) = serve_with(Options { model, limits, ..Options::default() });
        let mut first = Client::connect(address).unwrap();
        first.send(b"1").unwrap();
        first.recv_exactly(1).unwrap();
        let mut second = Client::connect(address).unwrap();
        assert_eq!(second.recv_to_end().unwrap(), b"", "{}", model.name());
        drop(first);
        assert_eq!(end(server).refused, 1);
    }
}

#[test]
fn forty_visits_leave_no_descriptor_behind() {
    for model in MODELS {
        let (server, address) = serve(*model);
        for _ in 0..40 {
            assert_serves(address);
        }
        assert_eq!(end(server).accepted, 40);
    }
}

#[test]
fn both_families_are_served_on_one_port() {
    let (server, address) = serve_with(Options { host: String::new(), ..Options::default() });
    assert_serves(([127, 0, 0, 1], address.port()).into());
    match Client::connect((std::net::Ipv6Addr::LOCALHOST, address.port()).into()) {
        Ok(_) => assert!(address.is_ipv6()),
        Err(_) => assert!(address.is_ipv4(), "IPv6 may be missing on this host, then IPv4 alone is right"),
    }
    end(server);
}

#[test]
fn a_unix_socket_is_served_and_removed() {
    let path = std::env::temp_dir().join(format!("tongro-echo-{}.sock", std::process::id()));
    for model in MODELS {
        let server =
            start(Options { unix: Some(path.clone()), model: *model, ..Options::default() }).unwrap();
        let mut client = Client::connect_unix(&path).unwrap();
        client.send(b"local").unwrap();
        assert_eq!(client.recv_exactly(5).unwrap(), b"local");
        let second = start(Options { unix: Some(path.clone()), ..Options::default() });
        assert!(matches!(second, Err(Error::AddressInUse { .. })));
        drop(client);
        end(server);
        assert_eq!(path.metadata().unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[test]
fn an_address_in_use_is_named() {
    let (server, address) = serve(Model::Epoll);
    let error = start(Options { port: address.port(), ..Options::default() }).unwrap_err();
    assert_eq!(error.to_string(), format!("address in use: `{address}`"));
    end(server);
}
