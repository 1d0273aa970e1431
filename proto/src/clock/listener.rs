//! The clock's listener: what became of each tick, and how far the clocks are apart.
//!
//! Ticks come from one server, the first that is heard; questions go to one server, and only its answers to open
//! questions count. The result is a [`Report`], and a [`Notice`] for each tick and sample.

use core::net::SocketAddr;
use core::time::Duration;

use super::{Kind, Packet, nanoseconds};
use crate::{Actions, Event, Machine, Notice, Now};

/// What became of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickFate {
    /// It is the next.
    Next,
    /// It is newer than the next; so many are missing so far.
    Skipped(u32),
    /// It was missing, and comes after its successors.
    Reordered,
    /// It was here already.
    Duplicate,
}

/// One question and its answer, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The server's clock minus ours: `((t2 - t1) + (t3 - t4)) / 2`. Off by at most half the delay.
    pub offset: i64,
    /// Time on the way, there and back: `(t4 - t1) - (t3 - t2)`.
    pub delay: i64,
}

/// Everything found out so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Different ticks that came.
    pub received: u64,
    /// Ticks between the first and the newest that did not.
    pub lost: u64,
    /// Ticks that came again.
    pub duplicates: u64,
    /// Ticks that came late, after a newer one.
    pub reordered: u64,
    /// Datagrams that were no packet of this protocol.
    pub junk: u64,
    /// Packets of somebody we did not ask or do not listen to.
    pub strangers: u64,
    /// How unevenly ticks arrive, in nanoseconds, smoothed over 16 (RFC 3550 § 6.4.1).
    pub jitter: u64,
    /// The sample with the shortest delay, the least spoilt by queues.
    pub best: Option<Sample>,
    /// Questions sent.
    pub asked: u64,
    /// Answers that were taken.
    pub answered: u64,
}

/// How many ticks back a duplicate is still recognised.
const WINDOW: u32 = 128;

/// The machine behind one UDP socket.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Whom to ask, and how often.
    ask: Option<(SocketAddr, Duration)>,
    /// The open question: number and t1. A new question closes it.
    open: Option<(u32, u64)>,
    /// Whose ticks count.
    source: Option<(SocketAddr, u16)>,
    /// The newest tick.
    newest: u32,
    /// Which of the [`WINDOW`] ticks up to the newest have come; bit 0 is the newest.
    seen: u128,
    /// Arrival minus sending time of the last tick in order.
    transit: i64,
    report: Report,
}

impl Listener {
    /// A listener that also asks `server` each interval, if given.
    pub fn new(ask: Option<(SocketAddr, Duration)>) -> Self {
        Self { ask, open: None, source: None, newest: 0, seen: 0, transit: 0, report: Report::default() }
    }

    /// What was found out so far.
    pub fn report(&self) -> Report {
        self.report
    }

    /// Asks the server, and asks again later whether or not an answer comes: datagrams are lost.
    fn question(&mut self, now: Now, actions: &mut Actions) {
        let Some((server, every)) = self.ask else { return };
        let (number, t1) = (self.report.asked as u32, nanoseconds(now));
        let packet = Packet { kind: Kind::Ask, stream: 0, number, t1, t2: 0, t3: 0 };
        actions.send_to(server, &packet.to_bytes());
        self.report.asked += 1;
        self.open = Some((number, t1));
        actions.wake_at(now.steady + every.max(Duration::from_millis(1)));
    }

    /// An answer counts if it comes from whom we asked and to the question that is open.
    fn answer(&mut self, from: SocketAddr, packet: Packet, now: Now, actions: &mut Actions) {
        let is_server = self.ask.is_some_and(|(server, _)| server == from);
        if !is_server || self.open != Some((packet.number, packet.t1)) {
            self.report.strangers += 1; // also the late answer to an older question: its t4 means nothing now
            return;
        }
        self.open = None;
        self.report.answered += 1;
        let t4 = nanoseconds(now);
        let there = packet.t2.wrapping_sub(packet.t1) as i64;
        let back = packet.t3.wrapping_sub(t4) as i64;
        let sample = Sample {
            offset: ((i128::from(there) + i128::from(back)) / 2) as i64,
            delay: there.saturating_sub(back),
        };
        if self.report.best.is_none_or(|best| sample.delay < best.delay) {
            self.report.best = Some(sample);
        }
        actions.notice(Notice::ClockSample(sample));
    }

    /// A tick counts if it comes from the source we follow; a new stream number of that source is its restart.
    fn tick(&mut self, from: SocketAddr, packet: Packet, now: Now, actions: &mut Actions) {
        let source = *self.source.get_or_insert((from, packet.stream));
        if source.0 != from {
            self.report.strangers += 1;
            return;
        }
        if source.1 != packet.stream {
            self.source = Some((from, packet.stream)); // it was restarted and counts from 0 again
            (self.newest, self.seen) = (packet.number, 0);
        }
        let fate = self.fate(packet.number);
        self.count(fate);
        let transit = nanoseconds(now).wrapping_sub(packet.t1) as i64;
        if matches!(fate, TickFate::Next | TickFate::Skipped(_)) {
            let difference = transit.abs_diff(self.transit);
            if self.report.received > 1 {
                let jitter = self.report.jitter;
                self.report.jitter = jitter + difference / 16 - jitter / 16;
            }
            self.transit = transit;
        }
        actions.notice(Notice::ClockTick { number: packet.number, transit, fate });
    }

    /// Places a number in the window.
    fn fate(&mut self, number: u32) -> TickFate {
        if self.seen == 0 {
            (self.newest, self.seen) = (number, 1);
            return TickFate::Next;
        }
        let ahead = number.wrapping_sub(self.newest);
        if ahead == 0 {
            return TickFate::Duplicate;
        }
        if ahead < u32::MAX / 2 {
            self.newest = number;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            return if ahead == 1 { TickFate::Next } else { TickFate::Skipped(ahead - 1) };
        }
        let back = self.newest.wrapping_sub(number);
        let bit = if back < WINDOW { 1u128 << back } else { 0 };
        if bit == 0 || self.seen & bit != 0 {
            return TickFate::Duplicate; // or so old that nobody can tell
        }
        self.seen |= bit;
        TickFate::Reordered
    }

    /// Moves the counters by one fate.
    fn count(&mut self, fate: TickFate) {
        let report = &mut self.report;
        match fate {
            TickFate::Next => report.received += 1,
            TickFate::Skipped(missing) => {
                report.received += 1;
                report.lost += u64::from(missing);
            }
            TickFate::Reordered => {
                report.received += 1;
                report.reordered += 1;
                report.lost = report.lost.saturating_sub(1); // it was counted as lost when it was skipped
            }
            TickFate::Duplicate => report.duplicates += 1,
        }
    }
}

impl Machine for Listener {
    fn handle(&mut self, event: Event<'_>, now: Now, actions: &mut Actions) {
        match event {
            Event::Open | Event::Wake => self.question(now, actions),
            Event::Datagram { from, bytes } => match Packet::parse(bytes) {
                Some(packet) if packet.kind == Kind::Tick => self.tick(from, packet, now, actions),
                Some(packet) if packet.kind == Kind::Answer => self.answer(from, packet, now, actions),
                Some(_) => self.report.strangers += 1,
                None => self.report.junk += 1,
            },
            Event::Drain => actions.finish(),
            _ => {}
        }
    }
}
