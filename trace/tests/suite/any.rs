//! Logs as no network would write them: everything drawn from them must hold together and nothing may panic.

use proptest::prelude::*;

use crate::scenario::{Log, Seg, end};
use tongro_trace::event::*;
use tongro_trace::inspect::inspect;
use tongro_trace::ladder::{Builder, TextOptions, text};
use tongro_trace::recording::Recording;

#[derive(Debug, Clone)]
enum Happening {
    Segment {
        host: u8,
        flags: u8,
        seq: u32,
        ack: u32,
        payload: usize,
        window: u16,
        fates: Vec<Fate>,
        forged: bool,
    },
    Arrival {
        frame: u32,
        host: u8,
        copy: u32,
    },
    Drop(u32),
    State(u8, u8),
    Call {
        host: u8,
        name: usize,
        result: i64,
        len: f64,
    },
    Bytes(u8, Vec<u8>),
    Peer(usize, Option<i32>),
}

fn happening() -> impl Strategy<Value = Happening> {
    let near = prop_oneof![0u32..40, Just(u32::MAX), Just(u32::MAX - 5), any::<u32>()];
    let fate = prop_oneof![
        Just(Fate::Drop),
        (0u64..1 << 40).prop_map(Fate::Delay),
        (0u32..3).prop_map(Fate::Duplicate),
        any::<u32>().prop_map(Fate::Corrupt),
        (0u32..3).prop_map(Fate::Reorder),
    ];
    let segment =
        (0u8..2, any::<u8>(), near.clone(), near, 0usize..20, prop_oneof![Just(0u16), any::<u16>()])
            .prop_flat_map(move |(host, flags, seq, ack, payload, window)| {
                (prop::collection::vec(fate.clone(), 0..2), prop::bool::weighted(0.05)).prop_map(
                    move |(fates, forged)| Happening::Segment {
                        host,
                        flags,
                        seq,
                        ack,
                        payload,
                        window,
                        fates,
                        forged,
                    },
                )
            });
    prop_oneof![
        8 => segment,
        8 => (0u32..40, 0u8..2, 0u32..3).prop_map(|(frame, host, copy)| Happening::Arrival { frame, host, copy }),
        1 => (0u32..40).prop_map(Happening::Drop),
        2 => (0u8..2, 1u8..13).prop_map(|(host, state)| Happening::State(host, state)),
        2 => (0u8..2, 0usize..5, -200i64..200, 0f64..9.0)
            .prop_map(|(host, name, result, len)| Happening::Call { host, name, result, len }),
        1 => (0u8..2, prop::collection::vec(any::<u8>(), 0..80)).prop_map(|(host, bytes)| Happening::Bytes(host, bytes)),
        1 => (0usize..13, prop::option::of(0i32..140)).prop_map(|(action, errno)| Happening::Peer(action, errno)),
    ]
}

fn recording(happenings: Vec<Happening>) -> Recording {
    let mut log = Log::new();
    for (index, happening) in happenings.into_iter().enumerate() {
        happen(&mut log, index as f64 * 0.7, happening);
    }
    log.finish()
}

fn happen(log: &mut Log, at: f64, happening: Happening) {
    match happening {
        Happening::Segment { host, flags, seq, ack, payload, window, fates, forged } => {
            let seg = Seg::new(flags, seq, ack, payload).window(window).sack(seq, ack);
            log.fated(at, at + 5.0, host, seg, fates);
            let sent = log.events.len() - 2;
            if let What::Sent(sent) = &mut log.events[sent].what {
                sent.forged = forged;
            }
        }
        Happening::Arrival { frame, host, copy } => log.arrive(at, host, frame, copy),
        Happening::Drop(frame) => log.push(at, What::Dropped(Dropped { frame, reason: DropReason::Queue })),
        Happening::State(host, state) => log.state(at, host, TcpState::from_kernel(state).unwrap()),
        Happening::Call { host, name, result, len } => {
            let name = ["recvfrom", "sendto", "accept4", "connect", "epoll_wait"][name];
            log.call((at, at + len), host, name, Some(7), result, b"\x1b[2J\xff");
        }
        Happening::Bytes(host, bytes) => {
            log.frame(at, host, bytes, vec![], None);
        }
        Happening::Peer(action, errno) => {
            let action = ACTIONS[action];
            let (n, total, differs_at, local) = (3, 3, None, Some(end(0)));
            let preview = b"x".to_vec();
            log.push(at, What::Step(Step { peer: 700, action, n, total, differs_at, preview, errno, local }));
        }
    }
}

const ACTIONS: [Action; 13] = [
    Action::Connect,
    Action::Send,
    Action::Receive,
    Action::Eof,
    Action::Reset,
    Action::Shutdown,
    Action::Close,
    Action::Abort,
    Action::Quiet,
    Action::Slow,
    Action::Measure,
    Action::Signal,
    Action::Restart,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_log_is_drawn(happenings in prop::collection::vec(happening(), 0..60), width in 0usize..140, lines in 0usize..20) {
        let recording = recording(happenings);
        let builder = recording.build();
        let ladder = builder.ladder();
        prop_assert!(ladder.states.iter().all(|span| span.until.is_none_or(|until| until > span.from)));
        let evidence = vec![3, 7];
        for is_ascii in [false, true] {
            let drawn = text(ladder, &TextOptions { evidence: evidence.clone(), lines, width, is_ascii });
            prop_assert!(drawn.lines().count() <= lines.max(1));
        }
        for no in 0..recording.frames.len() as u32 {
            let _ = recording.frame(no).map(|bytes| inspect(&builder, no, bytes));
        }
        let mut live = Builder::new();
        for event in &recording.events {
            live.apply(event, None);
            let _ = live.take_changes();
        }
    }
}
