//! Every fault of the lab on real programs: what the script says is what the hosts meet, and the log tells it.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

#[allow(dead_code)] // each test file uses its own part of the bench
mod peer;

use std::io::{Read, Write};

use peer::{Bench, echo_server};
use tongro_lab::{CLIENT, CallDo, CallRule, Do, FrameKind, Rule, SERVER, Script, Tracing};
use tongro_trace::event::{DropReason, Fate, Fault, TcpState, What};

/// An echo of `len` bytes through a link that does `rule`; the bench to look at afterwards.
fn echo_under(rule: Rule, len: usize) -> Bench {
    let mut bench = Bench::new(Script { rule: vec![rule], ..Script::default() });
    let (_, address) = bench.serve(&echo_server());
    let mut client = bench.connect(address);
    let sent: Vec<u8> = (0..len).map(|at| at as u8).collect();
    client.write_all(&sent).unwrap();
    let mut reply = vec![0u8; len];
    client.read_exact(&mut reply).unwrap();
    assert_eq!(reply, sent, "TCP repairs it");
    bench.sync();
    bench
}

#[test]
fn a_duplicate_arrives_twice() {
    let mut bench = echo_under(Rule::to_server(FrameKind::Data, Some(1), Do::Duplicate(1)), 100);
    let copy = bench.until(|what| matches!(what, What::Arrived(arrived) if arrived.copy == 1));
    let What::Arrived(copy) = copy.what else { unreachable!() };
    assert_eq!((copy.host, bench.sent(copy.frame).fates), (SERVER, vec![Fate::Duplicate(1)]));
}

#[test]
fn a_corrupt_frame_arrives_and_is_not_believed() {
    let rule = Rule::to_server(FrameKind::Data, Some(1), Do::Corrupt(70 * 8));
    let mut bench = echo_under(rule, 100);
    let altered = bench
        .until(|what| matches!(what, What::Arrived(arrived) if arrived.host == SERVER && arrived.frame > 3));
    let What::Arrived(arrived) = altered.what else { unreachable!() };
    assert_eq!(bench.sent(arrived.frame).fates, [Fate::Corrupt(70 * 8)]);
    assert!(altered.bytes.is_some(), "the log has what arrived");
    assert!(bench.is_retransmitted(arrived.frame), "the checksum caught it");
}

#[test]
fn a_reordered_frame_is_overtaken() {
    let mut bench = echo_under(Rule::to_server(FrameKind::Data, Some(1), Do::Reorder(1)), 4000);
    let sent = bench.until(|what| matches!(what, What::Sent(sent) if sent.fates == [Fate::Reorder(1)]));
    let What::Sent(first) = sent.what else { unreachable!() };
    let order = bench.arrivals(SERVER);
    let at = |frame: u32| order.iter().position(|other| *other == frame).unwrap();
    let next = order.iter().copied().filter(|frame| *frame > first.frame).min().unwrap();
    assert!(at(next) < at(first.frame), "{order:?}");
}

#[test]
fn a_slow_link_queues_and_then_drops() {
    let mut script = Script::default();
    script.link.rate = 200_000;
    script.link.queue = 8_000;
    let mut bench = Bench::new(script);
    let (_, address) = bench.serve(&echo_server());
    let mut client = bench.connect(address);
    client.write_all(&[7; 60_000]).unwrap();
    let full =
        bench.until(|what| matches!(what, What::Dropped(dropped) if dropped.reason == DropReason::Queue));
    assert!(full.at > 0);
    client.read_exact(&mut [0; 60_000]).unwrap();
    bench.sync();
    let late = bench.travel_times().into_iter().max().unwrap();
    assert!(late >= 30_000_000, "8,000 bytes at 200,000 a second are 40 ms: {late} ns");
}

#[test]
fn a_blackhole_swallows_until_it_is_switched_off() {
    let mut bench = Bench::new(Script::default());
    let (_, address) = bench.serve(&echo_server());
    let mut client = bench.connect(address);
    bench.lab.blackhole(CLIENT, true).unwrap();
    client.write_all(b"into the dark").unwrap();
    bench.until(|what| matches!(what, What::Dropped(dropped) if dropped.reason == DropReason::Blackhole));
    bench.lab.blackhole(CLIENT, false).unwrap();
    client.read_exact(&mut [0; 13]).unwrap();
}

#[test]
fn the_users_hand_drops_the_next_segment_and_writes_the_rule() {
    let mut bench = Bench::new(Script::default());
    let (_, address) = bench.serve(&echo_server());
    let mut client = bench.connect(address);
    bench.lab.drop_next(Some(CLIENT)).unwrap();
    client.write_all(b"lost by hand").unwrap();
    client.read_exact(&mut [0; 12]).unwrap();
    let written = bench.lab.finish().unwrap().written;
    assert_eq!(written, [r#"{flow = 0, dir = "c2s", bytes = [0, 12], nth = 1, do = "drop"}"#]);
}

#[test]
fn a_destroyed_socket_aborts_its_program_and_resets_its_peer() {
    let mut bench = Bench::new(Script::default());
    let (_, address) = bench.serve(&echo_server());
    let mut client = bench.connect(address);
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    bench.lab.destroy(SERVER, address, client.local_addr().unwrap()).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_err().raw_os_error(), Some(104));
    bench.until(|what| matches!(what, What::Fault(Fault::SocketDestroyed { host: SERVER, .. })));
    bench.until(|what| matches!(what, What::CallExit(exit) if exit.result == -103));
}

#[test]
fn a_forged_fin_half_closes() {
    let mut bench = Bench::new(Script::default());
    let (_, address) = bench.serve(&echo_server());
    let mut client = bench.connect(address);
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    bench.lab.half_close(SERVER).unwrap();
    bench.until(|what| matches!(what, What::CallExit(exit) if exit.result == 0 && exit.call > 6));
    let states = bench.states(SERVER, address);
    assert!(states.contains(&TcpState::CloseWait), "{states:?}");
}

#[test]
fn a_call_fails_with_the_errno_of_the_script_exactly_once() {
    let rule = CallRule { call: "recv".into(), nth: Some(2), action: CallDo::Fail(104) };
    let mut bench = Bench::new(Script::default());
    let (_, address) = bench.serve_with(&echo_server(), vec![rule], Tracing::Network);
    let mut client = bench.connect(address);
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    let enter = bench.until(|what| matches!(what, What::CallEnter(call) if call.fault.is_some()));
    let What::CallEnter(enter) = enter.what else { unreachable!() };
    assert_eq!(enter.fault.as_deref(), Some("ECONNRESET"));
    bench
        .until(|what| matches!(what, What::CallExit(exit) if exit.call == enter.call && exit.result == -104));
}

#[test]
fn a_low_limit_brings_a_real_emfile() {
    let mut bench = Bench::new(Script::default());
    let (program, address) = bench.serve(&echo_server());
    bench.lab.limit_open_files(program, 4).unwrap();
    // An accept that waited already has its descriptor; the one after this client meets the limit.
    drop(bench.connect(address));
    bench.until(|what| matches!(what, What::CallExit(exit) if exit.result == -24));
}
