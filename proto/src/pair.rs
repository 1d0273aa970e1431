//! Two machines and a bad network between them, in virtual time, from a seed.
//!
//! Bytes come from one machine's [`Actions`] and reach the other after whatever the network does to them. The same
//! seed gives the same run, to the byte; nothing here waits, so an hour of timeouts takes microseconds.
//!
//! ```
//! use tongro_proto::echo::Echo;
//! use tongro_proto::pair::{Network, Pair, Says};
//!
//! let mut pair = Pair::new(7, Network { loss: 200, ..Network::default() }, Says::new(b"hello"), Echo);
//! pair.run();
//! assert_eq!(pair.received[0], b"hello");
//! ```
//!
//! What it models: the time on the way, its jitter, loss (a datagram is gone; a segment of a stream is late by one or
//! more retransmission timeouts, and everything behind it waits), duplicates, cuts after any number of bytes. What it
//! does not: rate, queues, windows. For those there is a lab with a real kernel.

use core::net::SocketAddr;
use core::time::Duration;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::{Actions, Event, FileAction, FileEvent, FileProblem, Machine, Notice, Now};

/// What the network does. Chances are in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The longest segment; streams are cut at random up to it.
    pub segment_len: usize,
    /// The time on the way.
    pub delay: Duration,
    /// The most that is added to it at random.
    pub jitter: Duration,
    /// A datagram is lost; a stream segment is late by a retransmission.
    pub loss: u32,
    /// A datagram comes twice.
    pub duplicate: u32,
}

impl Default for Network {
    fn default() -> Self {
        let delay = Duration::from_millis(10);
        Self { segment_len: 1460, delay, jitter: Duration::ZERO, loss: 0, duplicate: 0 }
    }
}

/// How late a lost segment of a stream is: the smallest retransmission timeout of Linux.
const RTO: Duration = Duration::from_millis(200);

/// The longest, after many losses of one segment.
const RTO_MAX: Duration = Duration::from_secs(120);

/// When a run that does not end by itself is stopped.
const RUN_LEN: Duration = Duration::from_secs(24 * 3600);

/// Chances from a seed (SplitMix64): small, fast, the same everywhere.
#[derive(Clone, Debug)]
pub struct Dice(
    /// The seed, moved on with each throw.
    pub u64,
);

impl Dice {
    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        if bound == 0 { 0 } else { z % bound }
    }

    /// True with this chance in thousandths.
    pub fn hits(&mut self, thousandths: u32) -> bool {
        self.below(1000) < u64::from(thousandths)
    }
}

/// A peer that says its piece and listens.
#[derive(Clone, Debug)]
pub struct Says(Vec<u8>);

impl Says {
    /// Says this and finishes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }
}

impl Machine for Says {
    fn handle(&mut self, event: Event<'_>, _now: Now, actions: &mut Actions) {
        if event == Event::Open {
            actions.send(&self.0);
            actions.finish();
        }
    }
}

/// Files in memory: what the driver of a pair offers its machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// Whole files.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What broken transfers left.
    pub partials: BTreeMap<String, Vec<u8>>,
    /// The open file, and whether it is a partial one.
    open: Option<(String, bool)>,
}

impl Shelf {
    /// A shelf with one file.
    pub fn holding(name: &str, bytes: &[u8]) -> Self {
        Self { files: [(name.to_owned(), bytes.to_vec())].into(), ..Self::default() }
    }

    /// Does one action; the answer, if it has one, goes to `answer`.
    fn carry_out(&mut self, action: FileAction, written: &[u8], answer: impl FnOnce(FileEvent<'_>)) {
        match action {
            FileAction::OpenSource { name } => match self.files.get(&name) {
                None => answer(FileEvent::Failed(FileProblem::Missing)),
                Some(file) => {
                    answer(FileEvent::Opened { len: file.len() as u64 });
                    self.open = Some((name, false));
                }
            },
            FileAction::OpenPartial { name } => {
                let len = self.partials.entry(name.clone()).or_default().len() as u64;
                self.open = Some((name, true));
                answer(FileEvent::Opened { len });
            }
            FileAction::Read { offset, len } => {
                let bytes = self.opened().get(offset as usize..).unwrap_or_default();
                answer(FileEvent::Read { offset, bytes: &bytes[..len.min(bytes.len())] });
            }
            FileAction::Write { offset, range } => {
                let bytes = self.opened();
                bytes.truncate(offset as usize);
                bytes.extend_from_slice(&written[range]);
            }
            FileAction::Commit => {
                if let Some((name, true)) = &self.open
                    && let Some(bytes) = self.partials.remove(name)
                {
                    self.files.insert(name.clone(), bytes);
                    answer(FileEvent::Committed);
                }
            }
            FileAction::Discard => self.opened().clear(),
            FileAction::Close => self.open = None,
        }
    }

    /// The open file, made if it does not exist.
    fn opened(&mut self) -> &mut Vec<u8> {
        let (name, is_partial) = self.open.clone().unwrap_or_default();
        let shelf = if is_partial { &mut self.partials } else { &mut self.files };
        shelf.entry(name).or_default()
    }
}

/// What is on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cargo {
    Bytes(Vec<u8>),
    End,
    Datagram(Vec<u8>),
    /// Back to the sender: all has arrived.
    Sent,
}

/// Two machines, the network between them, and their time.
#[derive(Debug)]
pub struct Pair<L, R> {
    /// One machine; it opens first.
    pub left: L,
    /// The other.
    pub right: R,
    /// What the network does from now on.
    pub network: Network,
    /// The files of each side.
    pub shelves: [Shelf; 2],
    /// All stream bytes that reached each side.
    pub received: [Vec<u8>; 2],
    /// What each side told.
    pub notices: [Vec<Notice>; 2],
    /// How far the right side's wall clock is ahead of the left's.
    pub clock_offset: Duration,
    /// The stream breaks once this many bytes have arrived, in both directions together.
    pub cut_after: Option<usize>,
    dice: Dice,
    steady: Duration,
    /// By arrival; the number keeps those of one moment in order.
    in_flight: BinaryHeap<Reverse<(Duration, u64, usize, Cargo)>>,
    sent: u64,
    /// No stream segment may arrive before its predecessor.
    in_order: [Duration; 2],
    wakes: [Option<Duration>; 2],
    /// A side ends once, however often its machine says so.
    finished: [bool; 2],
    arrived: usize,
}

impl<L: Machine, R: Machine> Pair<L, R> {
    /// Two machines that have not begun.
    pub fn new(seed: u64, network: Network, left: L, right: R) -> Self {
        Self {
            left,
            right,
            network,
            shelves: Default::default(),
            received: Default::default(),
            notices: Default::default(),
            clock_offset: Duration::ZERO,
            cut_after: None,
            dice: Dice(seed),
            steady: Duration::ZERO,
            in_flight: BinaryHeap::new(),
            sent: 0,
            in_order: Default::default(),
            wakes: Default::default(),
            finished: [false; 2],
            arrived: 0,
        }
    }

    /// Lets both talk until nothing is left to happen, the stream is cut, or a day has passed.
    pub fn run(&mut self) {
        self.run_for(RUN_LEN);
    }

    /// Lets both talk for this long at most. The first call opens both.
    pub fn run_for(&mut self, at_most: Duration) {
        let until = self.steady + at_most;
        if self.sent == 0 {
            self.tell(0, Event::Open);
            self.tell(1, Event::Open);
        }
        while let Some(at) = self.next_at().filter(|at| *at <= until) {
            self.steady = at;
            if self.cut_after.is_some_and(|limit| self.arrived >= limit) {
                return;
            }
            self.step();
        }
    }

    /// The virtual time since the start.
    pub fn elapsed(&self) -> Duration {
        self.steady
    }

    /// The address of each side, for datagrams.
    pub fn address(side: usize) -> SocketAddr {
        ([10, 0, 0, side as u8 + 1], 7).into()
    }

    /// When the next thing happens.
    fn next_at(&self) -> Option<Duration> {
        let arrival = self.in_flight.peek().map(|Reverse((at, ..))| *at);
        [arrival, self.wakes[0], self.wakes[1]].into_iter().flatten().min()
    }

    /// Lets the next thing happen: a timer, or an arrival.
    fn step(&mut self) {
        for side in 0..2 {
            if self.wakes[side].is_some_and(|at| at <= self.steady) {
                self.wakes[side] = None;
                return self.tell(side, Event::Wake);
            }
        }
        let Some(Reverse((_, _, side, cargo))) = self.in_flight.pop() else { return };
        match cargo {
            Cargo::Bytes(bytes) => {
                self.arrived += bytes.len();
                self.received[side].extend_from_slice(&bytes);
                self.tell(side, Event::Bytes(&bytes));
            }
            Cargo::End => self.tell(side, Event::End),
            Cargo::Sent => self.tell(side, Event::Sent),
            Cargo::Datagram(bytes) => {
                self.tell(side, Event::Datagram { from: Self::address(1 - side), bytes: &bytes });
            }
        }
    }

    /// Hands one event to one side and carries out its answer. File actions are done at once and answered by further
    /// events.
    fn tell(&mut self, side: usize, event: Event<'_>) {
        let offset = if side == 1 { self.clock_offset } else { Duration::ZERO };
        let now =
            Now { steady: self.steady, wall: Duration::from_secs(1_700_000_000) + self.steady + offset };
        let mut actions = Actions::default();
        match side {
            0 => self.left.handle(event, now, &mut actions),
            _ => self.right.handle(event, now, &mut actions),
        }
        self.send(side, &actions);
        self.wakes[side] = actions.take_wake().or(self.wakes[side]);
        self.notices[side].extend(actions.take_notices());
        let (files, written) = actions.take_files();
        for action in files {
            let mut answers = Vec::new();
            let mut shelf = core::mem::take(&mut self.shelves[side]);
            shelf.carry_out(action, &written, |answer| answers.push(Answer::from(answer)));
            self.shelves[side] = shelf;
            for answer in answers {
                self.tell(side, Event::File(answer.event()));
            }
        }
    }

    /// Puts the output of one side on its way.
    fn send(&mut self, side: usize, actions: &Actions) {
        for datagram in actions.datagrams() {
            self.send_datagram(side, &actions.bytes()[datagram.range.clone()]);
        }
        if actions.datagrams().is_empty() && !actions.bytes().is_empty() {
            let mut rest = actions.bytes();
            while !rest.is_empty() {
                let longest = self.network.segment_len.min(rest.len()) as u64;
                let (segment, later) = rest.split_at(1 + self.dice.below(longest) as usize);
                self.send_segment(side, Cargo::Bytes(segment.to_vec()));
                rest = later;
            }
            self.fly(self.in_order[side], side, Cargo::Sent);
        }
        if actions.is_finished() && !core::mem::replace(&mut self.finished[side], true) {
            self.send_segment(side, Cargo::End);
        }
    }

    /// A segment of a stream: late if it is lost, and never before its predecessor (head of line).
    fn send_segment(&mut self, side: usize, cargo: Cargo) {
        let mut at = self.steady + self.way();
        let mut timeout = RTO;
        while self.dice.hits(self.network.loss.min(900)) {
            at += timeout;
            timeout = (timeout * 2).min(RTO_MAX);
        }
        at = at.max(self.in_order[side]);
        self.in_order[side] = at;
        self.fly(at, 1 - side, cargo);
    }

    /// A datagram: lost, doubled, overtaken.
    fn send_datagram(&mut self, side: usize, bytes: &[u8]) {
        let copies = if self.dice.hits(self.network.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            if !self.dice.hits(self.network.loss) {
                let at = self.steady + self.way();
                self.fly(at, 1 - side, Cargo::Datagram(bytes.to_vec()));
            }
        }
    }

    /// The time on the way, for one packet.
    fn way(&mut self) -> Duration {
        let jitter = u64::try_from(self.network.jitter.as_nanos()).unwrap_or(u64::MAX);
        self.network.delay + Duration::from_nanos(self.dice.below(jitter))
    }

    /// Puts something on its way, to arrive at this time.
    fn fly(&mut self, at: Duration, to: usize, cargo: Cargo) {
        self.sent += 1;
        self.in_flight.push(Reverse((at, self.sent, to, cargo)));
    }
}

/// A [`FileEvent`] that owns its bytes, so that the shelf is free again when the machine hears of it.
enum Answer {
    Opened(u64),
    Read(u64, Vec<u8>),
    Committed,
    Failed(FileProblem),
}

impl From<FileEvent<'_>> for Answer {
    fn from(event: FileEvent<'_>) -> Self {
        match event {
            FileEvent::Opened { len } => Self::Opened(len),
            FileEvent::Read { offset, bytes } => Self::Read(offset, bytes.to_vec()),
            FileEvent::Committed => Self::Committed,
            FileEvent::Failed(problem) => Self::Failed(problem),
        }
    }
}

impl Answer {
    fn event(&self) -> FileEvent<'_> {
        match self {
            Self::Opened(len) => FileEvent::Opened { len: *len },
            Self::Read(offset, bytes) => FileEvent::Read { offset: *offset, bytes },
            Self::Committed => FileEvent::Committed,
            Self::Failed(problem) => FileEvent::Failed(*problem),
        }
    }
}

#[cfg(test)]
mod tests;
