//! The link: one thread that reads every frame of both hosts, decides its fate, and hands it on in its own time.
//!
//! Frames come from and go to one packet socket per host. Because nothing else connects the hosts, the capture is the
//! forwarder itself: no frame is missed, and a dropped one is known to be dropped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use tongro_sys::packet::PacketSocket;
use tongro_sys::poll::{self, Waker};
use tongro_sys::sock_diag::Diag;
use tongro_sys::{clock, socket};
use tongro_trace::event::{Arrived, DropReason, Dropped, HostId, LinkSettings, Sent, What};
use tongro_wire::view::{self, View, flag};

use crate::fate::{Decision, Fates};
use crate::forge;
use crate::looks::Looks;
use crate::message::Health;
use crate::record::Recorder;
use crate::script::Rule;
use crate::states::States;

/// Frames read from one host before the other gets its turn.
const TURN: usize = 32;
/// A frame held back to be overtaken goes at last after this long, when nothing follows it.
const REORDER_LIMIT: u64 = 50_000_000;
/// Bytes that wait for a rate-limited link when the script doesn't say.
const QUEUE_DEFAULT: u64 = 256 * 1024;
const FRAME_MAX: usize = 65_550;

/// What other threads ask of the link.
#[derive(Debug)]
pub(crate) enum Order {
    Settings(LinkSettings),
    Rules(Vec<Rule>),
    DropNext(Option<HostId>),
    Blackhole(HostId, bool),
    /// Forge RSTs to both ends of the conversation that spoke last.
    Reset,
    /// Forge a FIN to this host in the conversation that spoke last.
    HalfClose(HostId),
    /// Answer with what chance wrote and how late frames came.
    Report(Sender<Health>),
}

/// The link's own state.
pub(crate) struct Link {
    sockets: [PacketSocket; 2],
    looks: Looks,
    recorder: Arc<Recorder>,
    fates: Fates,
    frames: u32,
    timers: BinaryHeap<Reverse<Held>>,
    order: u64,
    /// Per direction: when the rate limit lets the next frame start, and the last due time (order is kept).
    free_at: [u64; 2],
    last_due: [u64; 2],
    /// Per direction: frames that wait to be overtaken.
    waiting: [Vec<(u32, Held)>; 2],
    latest: u64,
}

/// A frame on its way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    due: u64,
    order: u64,
    frame: u32,
    copy: u32,
    to: HostId,
    bytes: Vec<u8>,
    is_altered: bool,
}

/// A handle for other threads.
#[derive(Debug, Clone)]
pub(crate) struct LinkHandle {
    orders: Sender<Order>,
    waker: Arc<Waker>,
}

impl LinkHandle {
    pub(crate) fn order(&self, order: Order) {
        if self.orders.send(order).is_ok() {
            self.waker.wake();
        }
    }
}

impl Link {
    /// Starts the thread.
    pub(crate) fn start(
        sockets: [PacketSocket; 2],
        diags: [Diag; 2],
        states: Arc<States>,
        recorder: Arc<Recorder>,
        fates: Fates,
    ) -> std::io::Result<LinkHandle> {
        let (orders, receiver) = std::sync::mpsc::channel();
        let waker = Arc::new(Waker::new().map_err(|error| error.source)?);
        let handle = LinkHandle { orders, waker: Arc::clone(&waker) };
        let mut link = Self {
            sockets,
            looks: Looks::new(diags, states),
            recorder,
            fates,
            frames: 0,
            timers: BinaryHeap::new(),
            order: 0,
            free_at: [0; 2],
            last_due: [0; 2],
            waiting: [Vec::new(), Vec::new()],
            latest: 0,
        };
        std::thread::Builder::new().name("link".into()).spawn(move || {
            // Only a question of exactness: without it delays are up to 50 µs longer.
            let _ = clock::exact_timers();
            link.run(&receiver, &waker);
        })?;
        Ok(handle)
    }

    fn run(&mut self, orders: &Receiver<Order>, waker: &Waker) {
        let mut buffer = vec![0u8; FRAME_MAX];
        loop {
            let now = self.recorder.now();
            let pause = self.timers.peek().map(|Reverse(held)| held.due.saturating_sub(now));
            let fds = [self.sockets[0].as_fd(), self.sockets[1].as_fd(), waker.as_fd()];
            let Ok(ready) = poll::readable(fds, pause) else { return };
            for host in [0, 1] {
                if ready[usize::from(host)] {
                    self.read(host, &mut buffer);
                }
            }
            // After the frames that were there already: who asks for a report has them in it.
            if ready[2] {
                waker.clear();
                orders.try_iter().for_each(|order| self.obey(order));
            }
            self.release();
        }
    }

    fn read(&mut self, host: HostId, buffer: &mut [u8]) {
        for _ in 0..TURN {
            // ENETDOWN while a host's link goes down: nothing to read, and nothing lost.
            let Ok(Some(len)) = self.sockets[usize::from(host)].receive(buffer) else { break };
            let frame = &buffer[..len];
            self.take(host, frame);
        }
        self.looks.end_turn();
    }

    /// A frame has come from a host: look, decide, write down, and pass it on or hold it.
    fn take(&mut self, host: HostId, frame: &[u8]) {
        let at = self.recorder.now();
        let view = view::ethernet(frame);
        self.frames += 1;
        let number = self.frames;
        if let Some((ends, is_turning)) = watched(view.as_ref()) {
            self.looks.at_sender((host, ends.0, ends.1), is_turning, number);
        }
        let mut decision = self.fates.decide(host, frame.len(), view.as_ref());
        let due = self.due(host, at, frame.len(), &mut decision);
        self.recorder.put_at(at, sent(number, host, false, frame, &decision, due - at), Some(frame.to_vec()));
        if let Some(reason) = decision.drop {
            self.recorder.put_at(at, What::Dropped(Dropped { frame: number, reason }), None);
        } else {
            self.pass_on(host, at, due, number, frame, &decision);
        }
        if decision.reset {
            self.reset(decision.position.as_ref().map(|position| position.flow));
        }
        if decision.half_close {
            self.half_close(1 - host, decision.position.as_ref().map(|position| position.flow));
        }
    }

    /// When the frame arrives: the link's delay, its own, the rate; never before the one ahead of it.
    fn due(&mut self, host: HostId, at: u64, len: usize, decision: &mut Decision) -> u64 {
        let settings = self.fates.settings();
        let (rate, queue) = (settings.rate, settings.queue);
        // Jitter is drawn from 0 to 2 × jitter, so the base lies one jitter below the delay.
        let base = (settings.delay_us.saturating_sub(settings.jitter_us)) * 1000;
        let side = usize::from(host & 1);
        let mut start = at;
        if rate > 0 && decision.drop.is_none() {
            start = at.max(self.free_at[side]);
            let waiting = (start - at).saturating_mul(rate) / 1_000_000_000;
            if waiting > if queue == 0 { QUEUE_DEFAULT } else { queue } {
                decision.drop = Some(DropReason::Queue);
                return at;
            }
            start += len as u64 * 1_000_000_000 / rate;
            self.free_at[side] = start;
        }
        let due = (start + base + decision.delay).max(if decision.drop.is_some() {
            0
        } else {
            self.last_due[side]
        });
        if decision.drop.is_none() && decision.reorder == 0 {
            self.last_due[side] = due;
        }
        due
    }

    fn pass_on(&mut self, host: HostId, at: u64, due: u64, number: u32, frame: &[u8], decision: &Decision) {
        let mut bytes = frame.to_vec();
        if let Some(bit) = decision.corrupt {
            bytes[bit as usize / 8] ^= 0x80 >> (bit % 8);
        }
        let to = 1 - host;
        let is_altered = decision.corrupt.is_some();
        let held = Held { due, order: self.next_order(), frame: number, copy: 0, to, bytes, is_altered };
        if decision.reorder > 0 {
            let limit = Held { due: due + REORDER_LIMIT, ..held };
            self.waiting[usize::from(host)].push((decision.reorder, limit.clone()));
            self.timers.push(Reverse(limit));
            return;
        }
        for copy in 1..=decision.copies {
            let again = Held { copy, order: self.next_order(), ..held.clone() };
            self.timers.push(Reverse(again));
        }
        if due <= at {
            self.deliver(held)
        } else {
            self.timers.push(Reverse(held))
        }
        self.overtake(host, due);
    }

    /// A frame of this direction went past those that wait to be overtaken.
    fn overtake(&mut self, host: HostId, due: u64) {
        let mut waiting = std::mem::take(&mut self.waiting[usize::from(host)]);
        waiting.retain_mut(|(left, held)| {
            *left -= 1;
            if *left == 0 {
                // The copy in the heap with the limit is recognised by its order and passed over.
                self.timers.retain(|Reverse(other)| other.order != held.order);
                self.timers.push(Reverse(Held { due: due + 1, ..held.clone() }));
            }
            *left > 0
        });
        self.waiting[usize::from(host)] = waiting;
    }

    fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    fn release(&mut self) {
        loop {
            let now = self.recorder.now();
            match self.timers.peek() {
                Some(Reverse(held)) if held.due <= now => {
                    self.latest = self.latest.max(now - held.due);
                    if let Some(Reverse(held)) = self.timers.pop() {
                        for waiting in &mut self.waiting {
                            waiting.retain(|(_, other)| other.order != held.order);
                        }
                        self.deliver(held);
                    }
                }
                _ => break,
            }
        }
        self.looks.end_turn();
    }

    /// Gives a frame to its host: when the write returns, the host's kernel has handled it.
    fn deliver(&mut self, held: Held) {
        let view = view::ethernet(&held.bytes);
        let receiver =
            watched(view.as_ref()).map(|((src, dst), is_turning)| ((held.to, dst, src), is_turning));
        if let Some((ends, true)) = receiver {
            self.looks.before(ends, held.frame);
        }
        let at = self.recorder.now();
        let what = if self.write(held.to, &held.bytes) {
            What::Arrived(Arrived { frame: held.frame, host: held.to, copy: held.copy })
        } else {
            What::Dropped(Dropped { frame: held.frame, reason: DropReason::Gone })
        };
        // At once: a program on another CPU may act within microseconds, and CLOSE-WAIT be over.
        if let Some((ends, is_turning)) = receiver {
            self.looks.at_receiver(ends, is_turning, held.frame);
        }
        self.recorder.put_at(at, what, held.is_altered.then(|| held.bytes.clone()));
        if let Some((_, tcp)) = view.as_ref().and_then(View::tcp) {
            self.fates.note_delivered(1 - held.to, view.as_ref(), tcp);
        }
    }

    fn write(&self, to: HostId, bytes: &[u8]) -> bool {
        // The kernel may be out of buffers for a moment; a frame that the link has promised is not lost for that.
        for _ in 0..1000 {
            match self.sockets[usize::from(to)].send(bytes) {
                Ok(()) => return true,
                Err(error) if socket::is_later(&error) || error.errno() == libc::ENOBUFS => {
                    std::thread::yield_now()
                }
                Err(_) => return false,
            }
        }
        false
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Settings(settings) => {
                self.recorder.put(What::Link(settings.clone()));
                self.fates.set_settings(settings);
            }
            Order::Rules(rules) => self.fates.add_rules(rules),
            Order::DropNext(from) => self.fates.drop_next(from),
            Order::Blackhole(from, is_on) => self.fates.blackhole[usize::from(from & 1)] = is_on,
            Order::Reset => self.reset(None),
            Order::HalfClose(toward) => self.half_close(toward, None),
            Order::Report(to) => {
                let lost = self.sockets.iter().map(|socket| socket.drops().unwrap_or(0)).sum();
                let written = self.fates.written.iter().map(ToString::to_string).collect();
                let _ = to.send(Health {
                    lost_frames: lost,
                    latest_us: self.latest / 1000,
                    written,
                    began_at: 0,
                });
            }
        }
    }

    fn reset(&mut self, flow: Option<usize>) {
        for to in [0, 1] {
            self.forge(to, flow, flag::RST);
        }
    }

    fn half_close(&mut self, toward: HostId, flow: Option<usize>) {
        self.forge(toward, flow, flag::FIN | flag::ACK);
    }

    /// Sends a frame that neither host made, and shows it as what it is.
    fn forge(&mut self, to: HostId, flow: Option<usize>, flags: u8) {
        let Some(bytes) = forge::segment_to(&self.fates.flows, flow, to, flags) else { return };
        self.frames += 1;
        let number = self.frames;
        let decision = Decision::default();
        let at = self.recorder.now();
        self.recorder.put_at(at, sent(number, 1 - to, true, &bytes, &decision, 0), Some(bytes.clone()));
        let order = self.next_order();
        self.deliver(Held { due: at, order, frame: number, copy: 0, to, bytes, is_altered: false });
        self.looks.end_turn();
    }
}

/// The ends of the frame's TCP connection, source first, if it has one; and whether the frame begins or ends something.
fn watched(view: Option<&View>) -> Option<((SocketAddr, SocketAddr), bool)> {
    let (ip, tcp) = view?.tcp()?;
    let ends = (SocketAddr::new(ip.src, tcp.src_port), SocketAddr::new(ip.dst, tcp.dst_port));
    Some((ends, tcp.flags & (flag::SYN | flag::FIN | flag::RST) != 0))
}

fn sent(frame: u32, host: HostId, forged: bool, bytes: &[u8], decision: &Decision, held: u64) -> What {
    What::Sent(Sent {
        frame,
        host,
        forged,
        len: bytes.len() as u32,
        fates: decision.fates(held),
        rule: decision.rule.clone(),
    })
}

/// Shared access to a value that a panicking thread may have left behind.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
