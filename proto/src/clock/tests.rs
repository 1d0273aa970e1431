//! Time over networks that lose, double and reorder.

use core::time::Duration;

use super::*;
use crate::pair::{Network, Pair};
use crate::{Actions, Event, Machine, Now};

type ClockPair = Pair<Listener, Server>;

fn run(seed: u64, network: Network, ticks: u32) -> Report {
    let every = Duration::from_millis(100);
    let announce = Announce { to: ClockPair::address(0), every };
    let ask = (ClockPair::address(1), Duration::from_millis(250));
    let mut pair = Pair::new(seed, network, Listener::new(Some(ask)), Server::new(Some(announce)));
    pair.clock_offset = Duration::from_millis(1500);
    pair.run_for(every * (ticks - 1));
    pair.network.loss = 1000; // what is sent from here on does not arrive
    pair.run_for(Duration::from_millis(99));
    pair.left.report()
}

#[test]
fn a_good_network_loses_nothing_and_the_offset_is_exact() {
    let report = run(1, Network::default(), 100);
    assert_eq!((report.received, report.lost, report.duplicates, report.reordered), (100, 0, 0, 0));
    assert_eq!(report.jitter, 0);
    assert_eq!(report.best, Some(Sample { offset: 1_500_000_000, delay: 20_000_000 }));
}

#[test]
fn what_the_network_did_is_told() {
    for (loss, jitter, duplicate) in [(100, 0, 0), (0, 400, 0), (0, 0, 300), (200, 250, 200)] {
        for seed in 0..20 {
            let network =
                Network { loss, duplicate, jitter: Duration::from_millis(jitter), ..Network::default() };
            let report = run(seed, network, 200);
            // The network is cut at the end, so the last ticks may be on their way still.
            assert!(
                report.received + report.lost <= 200 && report.received + report.lost >= 185,
                "{report:?}"
            );
            assert_eq!(report.lost > 0, loss > 0 || jitter > 0 && report.lost > 0, "{report:?}");
            assert_eq!(report.duplicates > 0, duplicate > 0, "{report:?}");
            assert_eq!(report.reordered > 0, jitter > 100, "{report:?}");
            let best = report.best.unwrap();
            let error = best.offset.abs_diff(1_500_000_000);
            assert!(error <= best.delay.unsigned_abs() / 2, "off by more than half the delay: {report:?}");
        }
    }
}

#[test]
fn junk_strangers_and_old_answers_change_nothing() {
    let server = ClockPair::address(1);
    let mut listener = Listener::new(Some((server, Duration::from_secs(1))));
    let mut actions = Actions::default();
    let now = Now { steady: Duration::ZERO, wall: Duration::from_secs(1_700_000_000) };
    listener.handle(Event::Open, now, &mut actions);
    let ask = Packet::parse(actions.bytes()).unwrap();
    let answer = Packet { kind: Kind::Answer, t2: ask.t1 + 5, t3: ask.t1 + 5, ..ask };
    let wrong = Packet { number: 77, ..answer };
    let mut hear = |from, bytes: &[u8]| {
        listener.handle(Event::Datagram { from, bytes }, now, &mut Actions::default());
        listener.report()
    };
    for junk in [&b""[..], b"\xff\xfe\x80", &[0; 65_507], &answer.to_bytes()[..35]] {
        hear(server, junk);
    }
    assert_eq!(hear(server, b"x").junk, 5);
    hear(ClockPair::address(0), &answer.to_bytes());
    assert_eq!(hear(server, &wrong.to_bytes()).strangers, 2);
    assert_eq!(hear(server, &answer.to_bytes()).answered, 1);
    assert_eq!(hear(server, &answer.to_bytes()).answered, 1, "an answer counts once");
}

#[test]
fn a_server_answers_questions_and_nothing_else() {
    let mut server = Server::new(None);
    let from = ClockPair::address(0);
    let ask = Packet { kind: Kind::Ask, stream: 3, number: 9, t1: 7, t2: 0, t3: 0 };
    let mut actions = Actions::default();
    for bytes in [&b""[..], b"junk", &Packet { kind: Kind::Answer, ..ask }.to_bytes()] {
        server.handle(Event::Datagram { from, bytes }, Now::default(), &mut actions);
        assert!(actions.datagrams().is_empty());
    }
    server.handle(Event::Datagram { from, bytes: &ask.to_bytes() }, Now::default(), &mut actions);
    let answer = Packet::parse(actions.bytes()).unwrap();
    assert_eq!((answer.kind, answer.number, answer.t1), (Kind::Answer, 9, 7));
    assert_eq!(actions.datagrams()[0].to, from);
}

#[test]
fn numbers_go_round() {
    let from = ClockPair::address(1);
    let mut listener = Listener::new(None);
    for number in [u32::MAX - 1, u32::MAX, 0, 1, u32::MAX, 5, 3] {
        let tick = Packet { kind: Kind::Tick, stream: 1, number, t1: 0, t2: 0, t3: 0 };
        let now = Now::default();
        listener.handle(Event::Datagram { from, bytes: &tick.to_bytes() }, now, &mut Actions::default());
    }
    let report = listener.report();
    assert_eq!((report.received, report.lost, report.duplicates, report.reordered), (6, 2, 1, 1));
}

#[test]
fn the_layout_is_the_one_of_pythons_struct() {
    let tick = Packet { kind: Kind::Tick, stream: 2, number: 3, t1: 4, t2: 5, t3: 6 };
    let bytes = tick.to_bytes();
    assert_eq!(&bytes[..12], b"TGCK\x01\0\0\x02\0\0\0\x03");
    assert_eq!(Packet::parse(&bytes), Some(tick));
}
