//! The ladder of the picture's 18 packets, built event by event.

use crate::scenario::{self, Log, Seg, end, ms, udp};
use tongro_trace::event::*;
use tongro_trace::ladder::{ArrowKind, Builder, Ladder};
use tongro_trace::recording::Recording;
use tongro_trace::stream::Piece;
use tongro_wire::view::flag::{ACK, RST, SYN};

pub(crate) fn build(recording: &Recording) -> Builder {
    recording.build()
}

fn bytes_of<'a>(event: &Event, frames: &'a [Vec<u8>]) -> Option<&'a [u8]> {
    match &event.what {
        What::Sent(sent) => Some(&frames[sent.frame as usize - 1]),
        _ => None,
    }
}

#[test]
fn arrows_have_the_labels_of_the_picture() {
    let builder = build(&scenario::upload());
    let labels: Vec<_> = builder.ladder().arrows.iter().map(|arrow| arrow.label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "SYN seq 0",
            "SYN ACK seq 0",
            "ACK 1",
            "seq 1 · 64 B",
            "seq 65 · 1448 B",
            "seq 1513 · 1448 B",
            "seq 2961 · 1448 B",
            "seq 4409 · 1448 B",
            "ACK 65",
            "ACK 65 · SACK 1513–2961",
            "ACK 65 · SACK 1513–4409",
            "ACK 65 · SACK 1513–5857",
            "seq 65 · 1448 B",
            "seq 1 · 3 B",
            "FIN ACK seq 5857",
            "ACK 5858",
            "FIN ACK seq 4",
            "ACK 5",
        ]
    );
    let lost = &builder.ladder().arrows[4];
    assert!(lost.is_lost && lost.arrived_at.is_none());
    assert_eq!((lost.flow, lost.payload, lost.len), (Some(0), 1448, 1514));
}

#[test]
fn calls_have_the_labels_and_results_of_the_picture() {
    let builder = build(&scenario::upload());
    let calls = |host| -> Vec<String> {
        let mine = builder.ladder().calls.iter().filter(move |call| call.host == host);
        mine.map(|call| {
            let bar = if call.is_blocked { "▒" } else { "-" };
            format!("{bar} {} {}", call.label, call.result.as_deref().unwrap_or_default())
        })
        .collect()
    };
    assert_eq!(
        calls(0),
        ["▒ connect() → 0", "- send() 64 ", "- send() 5792 ", "▒ recv() → 3 “OK”", "- close() "]
    );
    assert_eq!(
        calls(1),
        [
            "▒ accept() → fd 4",
            "- recv() 64 ",
            "▒ recv() → 5792",
            "- send() 3 ",
            "▒ recv() → 0 (EOF)",
            "- close() "
        ]
    );
    assert!(builder.ladder().calls.iter().all(|call| call.flow == Some(0)), "{:#?}", builder.ladder().calls);
}

#[test]
fn states_of_both_hosts_become_columns() {
    let builder = build(&scenario::upload());
    let column = |host, flow| -> Vec<_> {
        let spans = builder.ladder().states.iter().filter(move |span| (span.host, span.flow) == (host, flow));
        spans.map(|span| (span.state.name(), span.from, span.until)).collect()
    };
    assert_eq!(
        column(0, Some(0)),
        [
            ("CLOSED", 0, Some(ms(0.001))),
            ("SYN-SENT", ms(0.001), Some(ms(40.6))),
            ("ESTABLISHED", ms(40.6), Some(ms(123.55))),
            ("FIN-WAIT-1", ms(123.55), Some(ms(164.6))),
            ("FIN-WAIT-2", ms(164.6), Some(ms(170.4))),
            ("TIME-WAIT", ms(170.4), None),
        ]
    );
    assert_eq!(column(1, None), [("LISTEN", 0, None)]);
    let server: Vec<_> = column(1, Some(0)).iter().map(|(name, ..)| *name).collect();
    assert_eq!(server, ["SYN-RECV", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]);
}

#[test]
fn hosts_show_program_and_address() {
    let builder = build(&scenario::upload());
    let hosts: Vec<_> =
        builder.ladder().hosts.iter().map(|host| (host.program.as_str(), host.addr.as_str())).collect();
    assert_eq!(hosts, [("uploader.py", "10.77.0.2:40312"), ("receiver.py", "10.77.0.3:9000")]);
    assert_eq!(builder.ladder().output.len(), 3);
    assert_eq!(builder.ladder().marks.len(), 2);
}

/// Puts a patch into a drawn ladder, as a front end does.
fn draw(drawn: &mut Ladder, patch: Ladder) {
    fn put<T, K: PartialEq>(drawn: &mut Vec<T>, items: Vec<T>, key: impl Fn(&T) -> K) {
        for item in items {
            match drawn.iter().position(|old| key(old) == key(&item)) {
                Some(at) => drawn[at] = item,
                None => drawn.push(item),
            }
        }
    }
    put(&mut drawn.hosts, patch.hosts, |host| host.host);
    put(&mut drawn.arrows, patch.arrows, |arrow| arrow.no);
    put(&mut drawn.states, patch.states, |span| (span.host, span.flow, span.from));
    put(&mut drawn.calls, patch.calls, |call| call.no);
    drawn.output.extend(patch.output);
    drawn.marks.extend(patch.marks);
    drawn.link = patch.link.or_else(|| drawn.link.take());
    drawn.now = patch.now;
}

#[test]
fn patches_add_up_to_the_whole() {
    let Recording { events, frames } = scenario::upload();
    for step in [1, 2, 3, 7, 50] {
        let (mut builder, mut drawn) = (Builder::new(), Ladder::default());
        for some in events.chunks(step) {
            for event in some {
                builder.apply(event, bytes_of(event, &frames));
            }
            draw(&mut drawn, builder.take_changes());
        }
        assert_eq!(&drawn, builder.ladder(), "in steps of {step}");
        let rest = builder.take_changes();
        assert!(rest.arrows.is_empty() && rest.calls.is_empty() && rest.output.is_empty());
    }
}

#[test]
fn a_call_that_does_not_return_is_blocked() {
    let mut log = Log::new();
    log.call((1.0, 50.0), 1, "recvfrom", Some(10), 10, b"");
    log.events.pop();
    log.output(3.0, 1, "tick");
    let mut builder = build(&log.finish());
    assert!(builder.take_changes().calls[0].is_blocked);
}

#[test]
fn errors_and_faults_show_on_calls() {
    let mut log = Log::new();
    log.call((1.0, 1.1), 1, "recvmsg", Some(10), -104, b"");
    log.call((2.0, 2.1), 1, "write", Some(100), 3, b"");
    log.call((3.0, 3.1), 1, "accept", None, -24, b"");
    let builder = build(&log.finish());
    let shown: Vec<_> =
        builder.ladder().calls.iter().map(|call| (call.label.as_str(), call.result.as_deref())).collect();
    assert_eq!(
        shown,
        [("recv()", Some("→ ECONNRESET")), ("send() 100", Some("→ 3")), ("accept()", Some("→ EMFILE"))]
    );
}

#[test]
fn steps_of_a_peer_are_calls_or_marks() {
    let mut log = Log::new();
    log.send(0.1, 20.0, 0, Seg::new(SYN, 0, 0, 0));
    let mut step = |at, action, n, preview: &[u8], errno| {
        let (total, differs_at, local) = (n, None, Some(end(0)));
        let preview = preview.to_vec();
        log.push(at, What::Step(Step { peer: 0, action, n, total, differs_at, preview, errno, local }));
    };
    step(40.0, Action::Connect, 0, b"", None);
    step(41.0, Action::Send, 2, b"hi", None);
    step(80.0, Action::Receive, 2, b"hi", None);
    step(81.0, Action::Quiet, 0, b"", None);
    step(90.0, Action::Eof, 0, b"", None);
    step(91.0, Action::Reset, 0, b"", Some(104));
    step(92.0, Action::Close, 0, b"", None);
    let builder = build(&log.finish());
    let ladder = builder.ladder();
    let shown: Vec<_> = ladder
        .calls
        .iter()
        .map(|call| (call.from, call.label.as_str(), call.result.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        shown,
        [
            (ms(0.1), "connect()", "→ 0"),
            (ms(41.0), "send() 2", ""),
            (ms(41.0), "recv()", "→ 2 “hi”"),
            (ms(80.0), "recv()", "→ 0 (EOF)"),
            (ms(90.0), "recv()", "→ ECONNRESET"),
            (ms(92.0), "close()", ""),
        ]
    );
    assert!(ladder.calls.iter().all(|call| call.flow == Some(0) && call.tid == -1 && call.host == 0));
    assert_eq!(ladder.marks.last().map(|mark| mark.id.as_str()), Some("quiet"));
}

#[test]
fn other_protocols_have_labels() {
    let mut log = Log::new();
    log.frame(1.0, 0, udp(0, b"hello"), vec![], None);
    let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 77, 0, 2];
    arp.extend([0, 0, 0, 0, 0, 0, 10, 77, 0, 3]);
    log.frame(2.0, 0, scenario::ethernet(0, 0x0806, &arp), vec![], None);
    arp[7] = 2;
    log.frame(3.0, 1, scenario::ethernet(1, 0x0806, &arp), vec![], None);
    let echo = scenario::ipv4(0, 1, b"\x08\0\0\0\0\x07\0\x01data");
    log.frame(4.0, 0, scenario::ethernet(0, 0x0800, &echo), vec![], None);
    let mut later = scenario::ipv4(0, 17, &[0; 520]);
    later[6..8].copy_from_slice(&(1480u16 / 8).to_be_bytes());
    log.frame(5.0, 0, scenario::ethernet(0, 0x0800, &later), vec![], None);
    log.frame(6.0, 1, vec![1, 2, 3], vec![], None);
    let builder = build(&log.finish());
    let arrows: Vec<_> = builder.ladder().arrows.iter().map(|a| (a.kind, a.label.as_str(), a.flow)).collect();
    assert_eq!(
        arrows,
        [
            (ArrowKind::Data, "UDP 40312 → 9000 · 5 B", Some(0)),
            (ArrowKind::Control, "ARP who has 10.77.0.3", None),
            (ArrowKind::Control, "ARP 10.77.0.2 is at 02:00:00:00:00:02", None),
            (ArrowKind::Control, "ICMP echo request seq 1", None),
            (ArrowKind::Data, "fragment 1480 · 520 B", None),
            (ArrowKind::Control, "3 B", None),
        ]
    );
}

#[test]
fn a_reused_port_opens_a_new_flow() {
    let mut log = Log::new();
    log.send(1.0, 2.0, 0, Seg::new(SYN, 0, 0, 0));
    log.send(2.0, 3.0, 1, Seg::new(RST | ACK, 0, 1, 0));
    log.send(4.0, 5.0, 0, Seg::new(SYN, 1000, 0, 0));
    log.send(6.0, 7.0, 0, Seg::new(SYN, 1000, 0, 0));
    let builder = build(&log.finish());
    let flows: Vec<_> = builder.ladder().arrows.iter().map(|arrow| arrow.flow).collect();
    assert_eq!(flows, [Some(0), Some(0), Some(1), Some(1)]);
    assert_eq!(builder.ladder().arrows[2].label, "SYN seq 0");
}

#[test]
fn a_socket_that_gives_way_to_time_wait_is_not_closed() {
    let mut log = Log::new();
    log.send(0.0, 1.0, 0, Seg::new(SYN, 0, 0, 0));
    use TcpState::{Closed, FinWait2, TimeWait};
    for (at, state) in [(2.0, FinWait2), (3.0, Closed), (3.1, TimeWait), (3.2, Closed)] {
        log.state(at, 0, state);
    }
    let builder = build(&log.finish());
    let names: Vec<_> = builder.ladder().states.iter().map(|span| span.state).collect();
    assert_eq!(names, [FinWait2, TimeWait]);
}

#[test]
fn a_followed_stream_is_what_the_programs_read() {
    let recording = scenario::upload();
    let said = tongro_trace::stream::follow_recorded(&recording, 0);
    let mut streams = [Vec::new(), Vec::new()];
    for one in said {
        let Piece::Bytes { bytes, offset, .. } = one.piece else { panic!("a gap: {one:?}") };
        assert_eq!(offset, streams[one.dir].len() as u64);
        streams[one.dir].extend(bytes);
    }
    assert_eq!((streams[0].len(), streams[1].as_slice()), (5856, &b"OK\n"[..]));
    let flows = build(&recording).flows().flows().to_vec();
    assert_eq!((flows.len(), flows[0].frames, flows[0].ends), (1, [10, 8], [end(0), end(1)]));
}
