//! Fates over hand-made frames: the same seed meets the same bytes in any order of arrival.

use super::*;
use tongro_wire::view;

/// An Ethernet/IPv4/TCP frame from host 0 (port 40000 + flow) to host 1 (port 9000), or back.
fn frame(flow: u16, host: HostId, seq: u32, flags: u8, payload: usize) -> Vec<u8> {
    let (from, to) = ([10, 77, 0, 1], [10, 77, 0, 2]);
    let (src, dst, ports) =
        if host == 0 { (from, to, [40_000 + flow, 9000]) } else { (to, from, [9000, 40_000 + flow]) };
    let mut bytes = vec![0; 12];
    bytes.extend_from_slice(&[8, 0, 0x45, 0]);
    bytes.extend_from_slice(&(40 + payload as u16).to_be_bytes());
    bytes.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
    bytes.extend_from_slice(&src);
    bytes.extend_from_slice(&dst);
    ports.iter().for_each(|port| bytes.extend_from_slice(&port.to_be_bytes()));
    bytes.extend_from_slice(&seq.to_be_bytes());
    bytes.extend_from_slice(&[0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.resize(bytes.len() + payload, b'x');
    bytes
}

fn decide(fates: &mut Fates, flow: u16, host: HostId, seq: u32, flags: u8, payload: usize) -> Decision {
    let bytes = frame(flow, host, seq, flags, payload);
    fates.decide(host, bytes.len(), view::ethernet(&bytes).as_ref())
}

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

fn lossy(seed: u64) -> Fates {
    Fates::new(seed, LinkSettings { loss_ppm: 200_000, ..LinkSettings::default() }, Vec::new())
}

#[test]
fn a_rule_names_bytes_and_their_nth_passing() {
    let rule = crate::script::Script::parse(
        r#"rule = [{flow = 1, dir = "c2s", bytes = [1000, 1001], nth = 1, do = "drop"}]"#,
    );
    let mut fates = Fates::new(0, LinkSettings::default(), rule.unwrap().rule);
    for flow in [0, 1] {
        assert!(decide(&mut fates, flow, 0, 7, SYN, 0).drop.is_none());
    }
    assert!(decide(&mut fates, 0, 0, 8, ACK, 1448).drop.is_none(), "another conversation");
    assert!(decide(&mut fates, 1, 1, 8, ACK, 1448).drop.is_none(), "the other direction");
    let dropped = decide(&mut fates, 1, 0, 8, ACK, 1448);
    assert_eq!(dropped.drop, Some(DropReason::Script));
    assert!(dropped.rule.unwrap().contains("bytes = [1000, 1001]"));
    assert!(decide(&mut fates, 1, 0, 8, ACK, 1448).drop.is_none(), "the retransmission passes");
}

/// The (flow, offset) pairs that are dropped when segments come in the given order.
fn dropped(seed: u64, order: &[(u16, u32)]) -> Vec<(u16, u32)> {
    let mut fates = lossy(seed);
    for flow in 0..4 {
        decide(&mut fates, flow, 0, 0, SYN, 0);
    }
    let mut hit: Vec<(u16, u32)> = order
        .iter()
        .copied()
        .filter(|(flow, offset)| decide(&mut fates, *flow, 0, 1 + offset, ACK, 100).drop.is_some())
        .collect();
    hit.sort_unstable();
    hit
}

#[test]
fn chance_depends_on_the_stream_and_not_on_the_order() {
    let mut order: Vec<(u16, u32)> = (0..4).flat_map(|flow| (0..50).map(move |n| (flow, n * 100))).collect();
    let first = dropped(11, &order);
    assert!((15..70).contains(&first.len()), "about a fifth of 200: {}", first.len());
    order.reverse();
    assert_eq!(dropped(11, &order), first);
    order.sort_by_key(|(flow, offset)| (offset * 7 % 1300, *flow));
    assert_eq!(dropped(11, &order), first);
    assert_ne!(dropped(12, &order), first);
}

#[test]
fn what_chance_did_is_written_as_rules_that_do_it_again() {
    let segments: Vec<u32> = (0..100).map(|n| 1 + n * 100).collect();
    let mut fates = lossy(3);
    decide(&mut fates, 0, 0, 0, SYN, 0);
    let by_chance: Vec<bool> =
        segments.iter().map(|seq| decide(&mut fates, 0, 0, *seq, ACK, 100).drop.is_some()).collect();
    let texts: Vec<String> = fates.written.iter().map(ToString::to_string).collect();
    let mut again = Fates::new(99, LinkSettings::default(), crate::message::parse_rules(&texts));
    let repeated: Vec<bool> = std::iter::once(decide(&mut again, 0, 0, 0, SYN, 0).drop.is_some())
        .chain(segments.iter().map(|seq| decide(&mut again, 0, 0, *seq, ACK, 100).drop.is_some()))
        .skip(1)
        .collect();
    assert!(by_chance.contains(&true));
    assert_eq!(by_chance, repeated);
}

#[test]
fn bare_acknowledgments_are_exempt_from_chance_and_from_the_hand() {
    let mut fates =
        Fates::new(1, LinkSettings { loss_ppm: 1_000_000, ..LinkSettings::default() }, Vec::new());
    assert!(decide(&mut fates, 0, 0, 0, SYN, 0).drop.is_some());
    assert!(decide(&mut fates, 0, 0, 1, ACK, 0).drop.is_none());
    let mut fates = Fates::new(1, LinkSettings::default(), Vec::new());
    fates.drop_next(None);
    assert!(decide(&mut fates, 0, 0, 1, ACK, 0).drop.is_none());
    assert!(decide(&mut fates, 0, 1, 1, ACK, 3).drop.is_some());
    assert!(decide(&mut fates, 0, 0, 1, ACK, 3).drop.is_none(), "only one of both");
}

#[test]
fn jitter_is_bounded_and_repeats() {
    let settings = LinkSettings { delay_us: 20_000, jitter_us: 300, ..LinkSettings::default() };
    let delays = |seed| {
        let mut fates = Fates::new(seed, settings.clone(), Vec::new());
        (0..50).map(|n| decide(&mut fates, 0, 0, 1 + n * 10, ACK, 10).delay).collect::<Vec<_>>()
    };
    assert!(delays(5).iter().all(|delay| *delay <= 600_000));
    assert!(delays(5).iter().any(|delay| *delay != delays(5)[0]));
    assert_eq!(delays(5), delays(5));
}
