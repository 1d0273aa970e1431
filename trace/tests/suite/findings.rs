//! Findings in truth mode: each scenario's frames with ids, parameters and evidence, one line a finding.

use crate::ladder::build;
use crate::scenario::{self, Log, Seg, end, ms};
use tongro_trace::event::*;
use tongro_trace::ladder::Ladder;
use tongro_wire::view::flag::{ACK, FIN, RST, SYN};

/// `#13 fast_retransmission cause=duplicate_acks … [5 10 11 12]`, without handshake and close.
fn findings(ladder: &Ladder) -> Vec<String> {
    let is_quiet = |id: &str| id.starts_with("handshake_") || id.starts_with("teardown_");
    all_findings(ladder)
        .into_iter()
        .filter(|line| line.split(' ').nth(1).is_some_and(|id| !is_quiet(id)))
        .collect()
}

fn all_findings(ladder: &Ladder) -> Vec<String> {
    let mut lines = Vec::new();
    for arrow in &ladder.arrows {
        for found in &arrow.findings {
            let params: String =
                found.params.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            lines.push(format!("#{} {}{params} {:?}", arrow.no, found.id, found.evidence));
        }
    }
    lines
}

/// A handshake at 20 ms each way, done at 60 ms: frames 1 to 3.
fn opened() -> Log {
    let mut log = Log::new();
    log.send(0.0, 20.0, 0, Seg::new(SYN, 0, 0, 0));
    log.send(20.0, 40.0, 1, Seg::new(SYN | ACK, 0, 1, 0));
    log.send(40.0, 60.0, 0, Seg::new(ACK, 1, 1, 0));
    log
}

fn found_in(log: Log) -> Vec<String> {
    findings(build(&log.finish()).ladder())
}

#[test]
fn the_picture() {
    assert_eq!(
        all_findings(build(&scenario::upload()).ladder()),
        [
            "#1 handshake_syn []",
            "#2 handshake_syn_ack first=1 [1]",
            "#3 handshake_ack first=2 [1, 2]",
            "#5 lost reason=script rule=drop c2s bytes 64..1512 resent_in=13 [13]",
            "#10 duplicate_ack nth=1 ack=65 first=9 caused_by=6 [9, 6]",
            "#11 duplicate_ack nth=2 ack=65 first=9 caused_by=7 [9, 7]",
            "#12 duplicate_ack nth=3 ack=65 first=9 caused_by=8 [9, 8]",
            "#13 fast_retransmission cause=duplicate_acks seq=65 len=1448 nth=1 first=5 ms=41.3 wait_ms=41.3 lost=5 ack=65 \
             dups=10,11,12 blocked_call=recv() blocked_ms=41.3 [5, 10, 11, 12]",
            "#13 call_blocked call=recv() host=server ms=41.3 []",
            "#15 teardown_fin []",
            "#16 teardown_fin_ack first=15 [15]",
            "#17 teardown_second_fin first=15 [15]",
            "#18 teardown_last_ack first=17 [17]",
        ]
    );
}

#[test]
fn a_timeout_after_the_last_segment_is_lost() {
    let mut log = opened();
    log.lose(60.0, 0, Seg::new(ACK, 1, 1, 100));
    log.lose(281.0, 0, Seg::new(ACK, 1, 1, 100));
    log.send(703.0, 723.0, 0, Seg::new(ACK, 1, 1, 100));
    assert_eq!(
        found_in(log),
        [
            "#4 lost reason=script rule=drop c2s bytes 64..1512 resent_in=5 [5]",
            "#5 lost reason=script rule=drop c2s bytes 64..1512 resent_in=6 [6]",
            "#5 rto_retransmission cause=timeout seq=1 len=100 nth=1 first=4 ms=221.0 wait_ms=221.0 lost=4 [4]",
            "#6 rto_retransmission cause=timeout seq=1 len=100 nth=2 first=4 ms=643.0 wait_ms=422.0 lost=4,5 [4, 5]",
        ]
    );
}

#[test]
fn a_lost_acknowledgment_makes_a_needless_retransmission() {
    let mut log = opened();
    log.send(60.0, 80.0, 0, Seg::new(ACK, 1, 1, 100));
    log.lose(80.0, 1, Seg::new(ACK, 1, 101, 0));
    log.send(281.0, 301.0, 0, Seg::new(ACK, 1, 1, 100));
    log.send(301.0, 321.0, 1, Seg::new(ACK, 1, 101, 0).sack(1, 101));
    assert_eq!(
        found_in(log),
        [
            "#5 lost reason=script rule=drop c2s bytes 64..1512 []",
            "#6 spurious_retransmission cause=timeout seq=1 len=100 nth=1 first=4 ms=221.0 wait_ms=221.0 [4]",
            "#7 duplicate_ack nth=1 ack=101 first=5 caused_by=6 [5, 6]",
        ]
    );
}

#[test]
fn reordering_is_not_loss() {
    let mut log = opened();
    log.fated(60.0, 95.0, 0, Seg::new(ACK, 1, 1, 100), vec![Fate::Reorder(1), Fate::Delay(ms(35.0))]);
    log.send(61.0, 81.0, 0, Seg::new(ACK, 101, 1, 100));
    log.send(81.0, 101.0, 1, Seg::new(ACK, 1, 1, 0).sack(101, 201));
    assert_eq!(
        found_in(log),
        [
            "#4 out_of_order overtaken_by=5 [5]",
            "#4 reordered frames=1 rule=rule 1 []",
            "#4 delayed ms=35.0 rule=rule 1 []",
            "#6 duplicate_ack nth=1 ack=1 first=2 caused_by=5 [2, 5]",
        ]
    );
}

#[test]
fn a_closed_window_is_probed_and_opens() {
    let mut log = opened();
    log.send(60.0, 80.0, 0, Seg::new(ACK, 1, 1, 1000));
    log.send(80.0, 100.0, 1, Seg::new(ACK, 1, 1001, 0).window(2));
    log.send(101.0, 121.0, 0, Seg::new(ACK, 1001, 1, 256));
    log.send(122.0, 142.0, 1, Seg::new(ACK, 1, 1257, 0).window(0));
    log.send(400.0, 420.0, 0, Seg::new(ACK, 1256, 1, 0));
    log.send(420.0, 440.0, 1, Seg::new(ACK, 1, 1257, 0).window(0));
    log.send(500.0, 520.0, 1, Seg::new(ACK, 1, 1257, 0).window(500));
    assert_eq!(
        found_in(log),
        [
            "#6 window_full window=256 [5]",
            "#7 zero_window []",
            "#8 zero_window_probe [7]",
            "#9 zero_window []",
            "#10 window_update len=64000 before=0 []",
        ]
    );
}

#[test]
fn keep_alives_and_their_answers() {
    let mut log = opened();
    log.send(60.0, 80.0, 0, Seg::new(ACK, 1, 1, 10));
    log.send(80.0, 100.0, 1, Seg::new(ACK, 1, 11, 0));
    log.send(7200.0, 7220.0, 0, Seg::new(ACK, 10, 1, 0));
    log.send(7220.0, 7240.0, 1, Seg::new(ACK, 1, 11, 0));
    assert_eq!(found_in(log), ["#6 keep_alive seq=10 []", "#7 keep_alive_ack first=6 [6]"]);
}

#[test]
fn one_byte_in_flight_is_no_keep_alive() {
    let mut log = opened();
    log.send(60.0, 80.0, 0, Seg::new(ACK, 1, 1, 1));
    log.send(60.1, 80.1, 0, Seg::new(ACK, 2, 1, 1));
    log.send(80.0, 100.0, 1, Seg::new(ACK, 1, 2, 0));
    log.send(80.1, 100.1, 1, Seg::new(ACK, 1, 3, 0));
    log.send(81.0, 101.1, 1, Seg::new(ACK, 1, 3, 2));
    assert_eq!(found_in(log), Vec::<String>::new());
}

#[test]
fn resets_have_causes() {
    let mut log = Log::new();
    log.send(0.0, 20.0, 0, Seg::new(SYN, 0, 0, 0));
    log.send(20.0, 40.0, 1, Seg::new(RST | ACK, 0, 1, 0));
    assert_eq!(found_in(log), ["#2 refused first=1 [1]"]);

    let mut log = opened();
    log.send(60.0, 80.0, 1, Seg::new(RST | ACK, 1, 1, 0));
    assert_eq!(found_in(log), ["#4 reset cause=abort seq=1 []"]);

    let mut log = opened();
    log.send(60.0, 80.0, 1, Seg::new(FIN | ACK, 1, 1, 0));
    log.send(80.0, 100.0, 0, Seg::new(ACK, 1, 2, 0));
    log.send(81.0, 101.0, 0, Seg::new(ACK, 1, 2, 10));
    log.send(101.0, 121.0, 1, Seg::new(RST, 2, 0, 0));
    assert_eq!(found_in(log), ["#7 reset cause=data_after_close seq=2 first=6 [6]"]);

    let mut log = opened();
    let frame = log.send(60.0, 80.0, 0, Seg::new(RST, 1, 0, 0));
    for event in &mut log.events {
        if let What::Sent(sent) = &mut event.what {
            sent.forged = sent.frame == frame;
        }
    }
    log.send(90.0, 110.0, 0, Seg::new(ACK, 1, 1, 10));
    log.send(110.0, 130.0, 1, Seg::new(RST, 1, 0, 0));
    assert_eq!(
        found_in(log),
        [
            "#4 forged_reset rule=reset seq=1 []",
            "#5 half_open [6, 4]",
            "#6 reset cause=no_connection seq=1 first=5 [5]"
        ]
    );
}

#[test]
fn a_flipped_bit_is_caught_by_a_checksum() {
    let mut log = opened();
    let fates = vec![Fate::Corrupt(8 * 70 + 3)];
    log.fated(60.0, 80.0, 0, Seg::new(ACK, 1, 1, 100), fates);
    log.send(281.0, 301.0, 0, Seg::new(ACK, 1, 1, 100));
    let builder = build(&log.finish());
    assert_eq!(
        findings(builder.ladder()),
        [
            "#4 corrupted byte=70 bit=3 rule=rule 1 resent_in=5 [5]",
            "#4 checksum_bad layer=tcp when=arrived []",
            "#5 rto_retransmission cause=timeout seq=1 len=100 nth=1 first=4 ms=221.0 wait_ms=221.0 lost=4 [4]",
        ]
    );
}

#[test]
fn copies_and_full_queues() {
    let mut log = opened();
    let frame = log.fated(60.0, 80.0, 0, Seg::new(ACK, 1, 1, 100), vec![Fate::Duplicate(1)]);
    log.arrive(80.5, 1, frame, 1);
    let queued = log.send(61.0, 81.0, 0, Seg::new(ACK, 101, 1, 100));
    log.events.pop();
    log.push(62.0, What::Dropped(Dropped { frame: queued, reason: DropReason::Queue }));
    let builder = build(&log.finish());
    assert_eq!(builder.ladder().arrows[3].copies, [ms(80.5)]);
    assert!(builder.ladder().arrows[4].is_lost);
    assert_eq!(
        findings(builder.ladder()),
        ["#4 duplicated first=4 copies=1 rule=rule 1 []", "#5 lost reason=queue rule=queue []"]
    );
}

#[test]
fn the_kernels_own_timeout_tells_probe_from_timeout() {
    let mut log = opened();
    log.lose(60.0, 0, Seg::new(ACK, 1, 1, 100));
    let info = TcpInfo {
        rto_us: 240_000,
        rtt_us: 40_000,
        cwnd: 10,
        ssthresh: 99,
        unacked: 1,
        total_retrans: 0,
        snd_wnd: 64_000,
    };
    log.state(60.1, 0, TcpState::Established);
    if let Some(Event { what: What::Socket(socket), .. }) = log.events.last_mut() {
        socket.info = Some(info);
        socket.local = end(0);
    }
    log.send(145.0, 165.0, 0, Seg::new(ACK, 1, 1, 100));
    let found = found_in(log);
    assert_eq!(
        found[1],
        "#5 retransmission cause=probe seq=1 len=100 nth=1 first=4 ms=85.0 wait_ms=85.0 lost=4 [4]"
    );
}

#[test]
fn a_lost_syn_is_sent_again() {
    let mut log = Log::new();
    log.lose(0.0, 0, Seg::new(SYN, 0, 0, 0));
    log.send(1000.0, 1020.0, 0, Seg::new(SYN, 0, 0, 0));
    assert_eq!(
        found_in(log),
        [
            "#1 lost reason=script rule=drop c2s bytes 64..1512 resent_in=2 [2]",
            "#2 syn_retransmission cause=timeout seq=0 len=0 nth=1 first=1 ms=1000.0 wait_ms=1000.0 lost=1 [1]",
        ]
    );
}

#[test]
fn questions_and_answers_without_a_connection() {
    let mut log = Log::new();
    let datagram = scenario::udp(0, b"hello");
    log.frame(1.0, 0, datagram.clone(), vec![], None);
    let mut error = b"\x03\x03\0\0\0\0\0\0".to_vec();
    error.extend(&datagram[14..]);
    let ip = |host, icmp: &[u8]| scenario::ethernet(host, 0x0800, &scenario::ipv4(host, 1, &with_sum(icmp)));
    log.frame(2.0, 1, ip(1, &error), vec![], None);
    log.frame(3.0, 0, ip(0, b"\x08\0\0\0\0\x07\0\x01data"), vec![], None);
    log.frame(43.5, 1, ip(1, b"\0\0\0\0\0\x07\0\x01data"), vec![], None);
    assert_eq!(
        found_in(log),
        [
            "#1 udp_datagram len=5 []",
            "#2 icmp_unreachable first=1 [1]",
            "#3 icmp_echo_request []",
            "#4 icmp_echo_reply first=3 ms=40.5 [3]",
        ]
    );
}

fn with_sum(icmp: &[u8]) -> Vec<u8> {
    let mut icmp = icmp.to_vec();
    let sum = tongro_wire::checksum::internet(&icmp);
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    icmp
}

/// As Linux does: its window grows while it sends duplicates, and it sends them after several arrivals.
#[test]
fn duplicates_come_in_bursts_and_with_other_windows() {
    let mut log = opened();
    log.lose(60.0, 0, Seg::new(ACK, 1, 1, 100));
    for n in 1..4 {
        let seq = 1 + 100 * n;
        log.send(60.0 + f64::from(n) * 0.1, 80.0 + f64::from(n) * 0.1, 0, Seg::new(ACK, seq, 1, 100));
    }
    for n in 1..4u32 {
        let window = 502 + 8 * n as u16;
        let ack = Seg::new(ACK, 1, 1, 0).sack(101, 101 + 100 * n).window(window);
        log.send(81.0 + f64::from(n) * 0.1, 101.0 + f64::from(n) * 0.1, 1, ack);
    }
    log.send(101.4, 121.4, 0, Seg::new(ACK, 1, 1, 100));
    assert_eq!(
        found_in(log)[1..],
        [
            "#8 duplicate_ack nth=1 ack=1 first=2 caused_by=5 [2, 5]",
            "#9 duplicate_ack nth=2 ack=1 first=2 caused_by=6 [2, 6]",
            "#10 duplicate_ack nth=3 ack=1 first=2 caused_by=7 [2, 7]",
            "#11 fast_retransmission cause=duplicate_acks seq=1 len=100 nth=1 first=4 ms=41.4 wait_ms=41.4 lost=4 \
             ack=1 dups=8,9,10 [4, 8, 9, 10]",
        ]
    );
}

#[test]
fn a_half_closed_end_still_takes_data() {
    let mut log = opened();
    log.send(60.0, 80.0, 0, Seg::new(FIN | ACK, 1, 1, 0));
    log.send(80.0, 100.0, 1, Seg::new(ACK, 1, 2, 5));
    log.send(100.0, 120.0, 0, Seg::new(ACK, 2, 6, 0));
    assert_eq!(found_in(log), ["#4 half_close data=5 [5, 6]"]);
}

#[test]
fn a_host_may_let_segments_out_in_another_order() {
    let mut log = opened();
    log.send(60.0, 80.0, 0, Seg::new(ACK, 101, 1, 100));
    log.send(60.1, 80.1, 0, Seg::new(ACK, 1, 1, 100));
    log.send(80.1, 100.0, 1, Seg::new(ACK, 1, 201, 0));
    assert_eq!(found_in(log), ["#5 out_of_order seq=1 []"]);
}
