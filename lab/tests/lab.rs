//! The lab on this machine's real kernel: programs run, frames pass, fates come true, nothing is left behind.

#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

#[allow(dead_code)] // each test file uses its own part of the bench
mod peer;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};

use peer::{Bench, echo_server};
use tongro_lab::{CLIENT, CallDo, CallRule, Do, FrameKind, Rule, SERVER, Script, Tracing};
use tongro_trace::event::{Fate, TcpState, What};

#[test]
fn an_unchanged_program_is_run_seen_and_reached() {
    let mut bench = Bench::new(Script::default());
    let (program, address) = bench.serve(&echo_server());
    let mut client = bench.connect(address);
    client.write_all("안녕".as_bytes()).unwrap();
    let mut reply = [0u8; 6];
    client.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, "안녕".as_bytes());
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut reply).unwrap(), 0);
    bench.until(|what| matches!(what, What::CallExit(exit) if exit.result == 0 && exit.call > 5));
    let states = bench.states(SERVER, address);
    for wanted in [TcpState::Listen, TcpState::SynRecv, TcpState::Established] {
        assert!(states.contains(&wanted), "{wanted:?} in {states:?}");
    }
    // A program on another CPU may close within microseconds of the FIN.
    let has_heard = [TcpState::CloseWait, TcpState::LastAck].iter().any(|state| states.contains(state));
    assert!(has_heard, "{states:?}");
    let calls = bench.calls();
    for wanted in ["socket", "bind", "listen", "accept4", "recvfrom", "sendto"] {
        assert!(calls.iter().any(|call| call == wanted), "{wanted} in {calls:?}");
    }
    assert!(bench.output(program).contains("listening"));
}

#[test]
fn a_dropped_segment_is_retransmitted_and_known_to_be_lost() {
    let drop = Rule::to_server(FrameKind::Data, Some(1), Do::Drop);
    let mut bench = Bench::new(Script { rule: vec![drop], ..Script::default() });
    let (_, address) = bench.serve(&echo_server());
    let mut client = bench.connect(address);
    client.write_all(b"lost once").unwrap();
    let mut reply = [0u8; 9];
    client.read_exact(&mut reply).unwrap();
    let dropped = bench.until(|what| matches!(what, What::Dropped(_)));
    let What::Dropped(dropped) = dropped.what else { unreachable!() };
    let sent = bench.sent(dropped.frame);
    assert_eq!((sent.host, sent.fates), (CLIENT, vec![Fate::Drop]));
    assert!(bench.is_retransmitted(dropped.frame));
}

#[test]
fn calls_are_shortened_truthfully() {
    let rule = CallRule { call: "recv".into(), nth: None, action: CallDo::Short(3) };
    let mut bench = Bench::new(Script::default());
    let (_, address) = bench.serve_with(&echo_server(), vec![rule], Tracing::Network);
    let mut client = bench.connect(address);
    client.write_all(b"eight by").unwrap();
    let mut reply = [0u8; 8];
    client.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"eight by");
    bench.sync();
    let results = bench.results_of("recvfrom");
    assert_eq!(results[..3], [3, 3, 2]);
}

#[test]
fn both_ends_get_a_forged_reset_that_they_believe() {
    let mut bench = Bench::new(Script::default());
    let (_, address) = bench.serve(&echo_server());
    let mut client = bench.connect(address);
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    bench.lab.reset().unwrap();
    let error = client.read(&mut [0]).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(104), "{error}");
    let exit = bench.until(|what| matches!(what, What::CallExit(exit) if exit.result == -104));
    assert!(exit.at > 0);
}

#[test]
fn a_foreign_hard_coded_address_is_given_to_the_host() {
    let mut bench = Bench::new(Script::default());
    let source = echo_server().replace("0.0.0.0", "10.154.0.3").replace("9000", "80");
    let (_, address) = bench.serve(&source);
    assert_eq!(address, "10.154.0.3:80".parse::<SocketAddr>().unwrap());
    bench.lab.add_address(SERVER, address.ip()).unwrap();
    let mut client = bench.connect(address);
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
}

#[test]
fn delay_is_kept_and_a_rate_has_a_queue() {
    let mut script = Script::default();
    script.link.delay_us = 10_000;
    let mut bench = Bench::new(script);
    let (_, address) = bench.serve(&echo_server());
    let mut client = bench.connect(address);
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    bench.sync();
    let late: Vec<u64> = bench.travel_times();
    assert!(late.iter().all(|ns| *ns >= 10_000_000), "{late:?}");
}

#[test]
fn the_same_seed_drops_the_same_segments() {
    let dropped = |seed: u64| {
        let mut script = Script { seed, ..Script::default() };
        script.link.loss_ppm = 200_000;
        let mut bench = Bench::new(script);
        let (_, address) = bench.serve(&echo_server());
        let mut client = bench.connect(address);
        for number in 0..15u8 {
            client.write_all(&[number; 10]).unwrap();
            client.read_exact(&mut [0; 10]).unwrap();
        }
        let mut written = bench.lab.finish().unwrap().written;
        written.retain(|rule| rule.contains("bytes") && rule.contains("nth = 1"));
        written.sort();
        written
    };
    let first = dropped(42);
    assert!(!first.is_empty());
    assert_eq!(dropped(42), first);
}

#[test]
fn errors_name_the_program_and_the_reason() {
    let bench = Bench::new(Script::default());
    for (argv, errno) in [("/no/such/server", 2), ("/etc/passwd", 13)] {
        let error = bench.run(&[argv], Vec::new(), Tracing::Network).unwrap_err();
        assert!(
            matches!(&error, tongro_lab::LabError::Spawn { errno: seen, .. } if *seen == errno),
            "{error}"
        );
        assert!(error.to_string().contains(argv));
    }
}

#[test]
fn nothing_is_left_when_a_lab_is_dropped() {
    let mut bench = Bench::new(Script::default());
    let (program, _) = bench.serve(&echo_server());
    let marker = bench.marker(program);
    assert!(peer::is_alive(&marker));
    drop(bench);
    assert!(!peer::is_alive(&marker), "the program died with its lab");
}
