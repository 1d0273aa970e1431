//! The event loop: one thread, all sockets. The `poll`, `epoll` and `io_uring` models differ only in
//! the [`Waiter`] they bring.
//!
//! ```text
//!          ┌────────────▶ wait ◀───────────┐
//!          │    door │      │ socket  │ bell, timer
//!          │  accept until  pump      drain, expire
//!          │  nobody waits   │         │
//!          └── watch ◀───────┴─────────┘
//! ```
//!
//! Readiness is level-triggered and each ready socket is read once per turn, so a peer that floods gets one
//! buffer's worth before the next peer has its turn.
//!
//! A peer is in one of these states, told by what it is watched for:
//!
//! | watched for | because |
//! |---|---|
//! | readable | nothing waits to be sent |
//! | readable, writable | the socket did not take all output; what comes is still read, up to a limit |
//! | writable | more output waits than the limit allows: reading would make it more (back-pressure) |
//! | neither | the peer has finished, and so have we, all but the end of a file or a timer |
//!
//! Errors are told to all of them, unasked. One in the last state would be told again and again, so it is closed.
//!
//! **The order of a turn**: events, then timers, then doors. A peer whose answer came in this turn has moved its deadline
//! on before the timers are looked at, so it is not thrown out in the moment it speaks.
//!
//! **Mail from other threads** does not exist here: all peers live in this loop. But a machine that serves one peer may
//! have something for another, in the middle of the first one's turn; it goes through a mailbox and a queue of keys all
//! the same, so that no turn begins inside another.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::Duration;

use tongro_proto::Now;

use super::accept::BREATH;
use crate::bell::Bell;
use crate::connection::Connection;
use crate::doors::{Arrival, Doors};
use crate::job::Job;
use crate::session::{Input, Scratch, Wants};
use crate::timers::Timers;

/// One thing that is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// Whose it is, as given to [`Waiter::watch`].
    pub(crate) key: u64,
    /// Readable, or at its end.
    pub(crate) read: bool,
    /// Broken: told even to those who wait for nothing, again and again.
    pub(crate) broken: bool,
}

/// A way of waiting for many descriptors.
pub(crate) trait Waiter {
    /// Begins to watch.
    fn watch(&mut self, fd: BorrowedFd<'_>, key: u64, wants: Wants) -> io::Result<()>;
    /// Changes what is watched for.
    fn change(&mut self, fd: BorrowedFd<'_>, key: u64, wants: Wants) -> io::Result<()>;
    /// Stops.
    fn forget(&mut self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()>;
    /// Sleeps until something is ready or `at_most` has passed. `watched` is everything, for a waiter that keeps
    /// no list of its own in the kernel.
    fn wait(&mut self, watched: &Peers, ready: &mut Vec<Ready>, at_most: Option<Duration>) -> io::Result<()>;
    /// Takes what has come but was not told yet, before everybody is asked for the last time.
    fn collect(&mut self) -> io::Result<()> {
        Ok(())
    }
    /// One turn of a connection; a waiter that brings the bytes itself hands them over here.
    fn pump(
        &mut self,
        _key: u64,
        connection: &mut Connection,
        scratch: &mut Scratch,
        now: Now,
        may_read: bool,
    ) -> io::Result<Input> {
        connection.pump(scratch, now, may_read)
    }
}

/// Reads only: what a listener and the bell are watched for.
pub(crate) const READ: Wants = Wants { read: true, write: false };

/// Keys that are not peers: the bells, and from [`DOORS`] upward the listeners.
const BELL: u64 = u64::MAX;
/// The bell that tells of mail.
const MAIL: u64 = u64::MAX - 1;
/// The first listener; there are few, so the keys below stay free.
pub(crate) const DOORS: u64 = u64::MAX - 1024;

/// All peers by key. A key is a slot number and how often the slot was used before, so that a late event for a
/// closed connection cannot reach the next one in its slot.
#[derive(Default)]
pub(crate) struct Peers {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Slots in use.
    len: usize,
}

/// A place for one peer, and how often it was taken.
#[derive(Default)]
struct Slot {
    uses: u32,
    peer: Option<Peer>,
}

/// A connection and what the waiter believes about it.
pub(crate) struct Peer {
    connection: Connection,
    /// What is watched for now.
    pub(crate) wants: Wants,
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

impl Peers {
    /// Takes a free place, or makes one.
    fn insert(&mut self, peer: Peer) -> u64 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let place = &mut self.slots[slot as usize];
        place.uses = place.uses.wrapping_add(1) & 0x7fff_ffff; // keeps peers' keys below DOORS
        place.peer = Some(peer);
        self.len += 1;
        u64::from(place.uses) << 32 | u64::from(slot)
    }

    /// The peer of this key, if it is still the same.
    fn find(&mut self, key: u64) -> Option<&mut Peer> {
        let slot = self.slots.get_mut(place_of(key) as usize)?;
        if u64::from(slot.uses) == key >> 32 { slot.peer.as_mut() } else { None }
    }

    /// Frees the place; dropping the connection closes it.
    fn remove(&mut self, key: u64) {
        if self.find(key).is_some() {
            self.slots[place_of(key) as usize].peer = None;
            self.free.push(place_of(key));
            self.len -= 1;
        }
    }

    /// The key of whoever is in this place now.
    fn key_at(&self, place: u32) -> Option<u64> {
        let slot = self.slots.get(place as usize)?;
        slot.peer.is_some().then_some(u64::from(slot.uses) << 32 | u64::from(place))
    }

    /// All keys, for a walk during which peers may leave.
    fn keys(&self) -> Vec<u64> {
        self.iter().map(|(key, _)| key).collect()
    }

    /// Every peer with its key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Peer)> {
        self.slots.iter().enumerate().filter_map(|(number, slot)| {
            Some((u64::from(slot.uses) << 32 | number as u64, slot.peer.as_ref()?))
        })
    }
}

/// The place in a key; the rest says how often it was taken before.
pub(crate) fn place_of(key: u64) -> u32 {
    key as u32
}

/// The loop and all it holds.
pub(crate) struct EventLoop<'a, W> {
    /// What is served, and the rules.
    job: &'a Job,
    /// How to wait.
    waiter: W,
    /// Gone once the bell has rung.
    doors: Option<Doors>,
    /// Not watching the doors: full, or out of descriptors until the given time.
    closed_until: Option<Duration>,
    /// Everybody inside.
    peers: Peers,
    /// When to look at whom, unasked.
    timers: Timers,
    /// One working space for all of them.
    scratch: Scratch,
    /// When everything left is cut.
    drain_until: Option<Duration>,
    /// Whose mailbox has got something, from whatever connection.
    mail: Arc<MailQueue>,
}

/// Peers with mail, and the bell that tells of it.
struct MailQueue {
    keys: Mutex<Vec<u64>>,
    bell: Bell,
}

/// Wakes one peer of the loop.
struct PeerWaker {
    key: u64,
    queue: Arc<MailQueue>,
}

impl Wake for PeerWaker {
    fn wake(self: Arc<Self>) {
        self.queue.keys().push(self.key);
        self.queue.bell.ring();
    }
}

impl MailQueue {
    /// A list of numbers is whole after each call.
    fn keys(&self) -> MutexGuard<'_, Vec<u64>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, W: Waiter> EventLoop<'a, W> {
    /// A loop that watches doors and bell.
    pub(crate) fn new(job: &'a Job, waiter: W) -> io::Result<Self> {
        let mut this = Self {
            job,
            waiter,
            doors: Some(job.take_doors()?),
            closed_until: None,
            peers: Peers::default(),
            timers: Timers::default(),
            scratch: job.scratch(),
            drain_until: None,
            mail: Arc::new(MailQueue { keys: Mutex::default(), bell: Bell::new()? }),
        };
        this.waiter.watch(job.bell.as_fd(), BELL, READ)?;
        this.waiter.watch(this.mail.bell.as_fd(), MAIL, READ)?;
        this.watch_doors()?;
        Ok(this)
    }

    /// Turns until the bell has rung and all have left.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut ready = Vec::with_capacity(1024);
        while let Some(connection) = self.job.next_datagrams() {
            self.begin(connection, self.job.clock.now());
        }
        while self.doors.is_some() || self.peers.len > 0 {
            let now = self.job.clock.now();
            if self.drain_until.is_some_and(|until| until <= now.steady) {
                break;
            }
            ready.clear();
            self.waiter.wait(&self.peers, &mut ready, self.patience(now.steady))?;
            let now = self.job.clock.now();
            for event in &ready {
                match event.key {
                    BELL => self.begin_drain(now)?,
                    MAIL => self.deliver_mail(now),
                    key if key >= DOORS => self.accept((key - DOORS) as usize, now)?,
                    key => self.serve(key, *event, now),
                }
            }
            self.expire(now);
            self.reopen(now)?;
        }
        self.job.gate.count_cut(self.peers.len);
        Ok(())
    }

    /// How long the next wait may be.
    fn patience(&self, now: Duration) -> Option<Duration> {
        let until = |at: Duration| at.saturating_sub(now);
        let times = [self.timers.patience(now), self.closed_until.map(until), self.drain_until.map(until)];
        times.into_iter().flatten().min()
    }

    /// Takes everybody who waits at a door.
    fn accept(&mut self, door: usize, now: Now) -> io::Result<()> {
        while let Some(doors) = &self.doors {
            if self.job.gate.is_full() {
                return self.close_doors(Duration::MAX);
            }
            match doors.accept(door)? {
                Arrival::Nobody => return Ok(()),
                Arrival::Exhausted => return self.close_doors(now.steady + BREATH),
                Arrival::Peer(socket, from) => {
                    if let Some(connection) = self.job.welcome(socket, from) {
                        self.begin(connection, now);
                    }
                }
            }
        }
        Ok(())
    }

    /// The first turn of a connection: it may have something to say before it is asked.
    fn begin(&mut self, connection: Connection, now: Now) {
        let wants = READ;
        let key = self.peers.insert(Peer { connection, wants });
        let Some(peer) = self.peers.find(key) else { return };
        if let Some(mailbox) = peer.connection.mailbox() {
            mailbox.set_waker(Waker::from(Arc::new(PeerWaker { key, queue: Arc::clone(&self.mail) })));
        }
        if self.waiter.watch(peer.as_fd(), key, wants).is_err() {
            return self.peers.remove(key);
        }
        self.serve(key, Ready { key, read: false, broken: false }, now);
    }

    /// One turn of one connection.
    fn serve(&mut self, key: u64, ready: Ready, now: Now) {
        let Some(peer) = self.peers.find(key) else { return };
        let is_lost = ready.broken && peer.wants == Wants::default();
        let may_read = ready.read || ready.broken;
        let outcome = self.waiter.pump(key, &mut peer.connection, &mut self.scratch, now, may_read);
        let is_over = is_lost || outcome.is_err() || peer.connection.is_done();
        self.settle(key, is_over);
    }

    /// Brings waiter and timers up to date after a turn, or lets the connection go.
    fn settle(&mut self, key: u64, is_over: bool) {
        let Some(peer) = self.peers.find(key) else { return };
        let wants = peer.connection.wants(&self.scratch);
        let is_over = is_over || {
            let was = core::mem::replace(&mut peer.wants, wants);
            was != wants && self.waiter.change(peer.connection.as_fd(), key, wants).is_err()
        };
        if is_over {
            let _ = self.waiter.forget(peer.connection.as_fd(), key);
            return self.peers.remove(key);
        }
        if let Some(at) = peer.connection.deadline(&self.scratch) {
            self.timers.enter(at, place_of(key));
        }
    }

    /// Lets everybody with mail send it.
    fn deliver_mail(&mut self, now: Now) {
        self.mail.bell.hush();
        let keys = core::mem::take(&mut *self.mail.keys());
        for key in keys {
            self.serve(key, Ready { key, read: false, broken: false }, now);
        }
    }

    /// Looks at everybody whose entry in the timers is due. Most have moved on meanwhile.
    fn expire(&mut self, now: Now) {
        while let Some(place) = self.timers.due(now.steady) {
            let Some(key) = self.peers.key_at(place) else { continue };
            let Some(peer) = self.peers.find(key) else { continue };
            let is_due = peer.connection.deadline(&self.scratch).is_some_and(|at| at <= now.steady);
            let outcome = if is_due { peer.connection.expire(&mut self.scratch, now) } else { Ok(()) };
            let is_over = outcome.is_err() || peer.connection.is_done();
            self.settle(key, is_over);
        }
    }

    /// The bell: no more newcomers; everybody answers what has arrived and says goodbye.
    fn begin_drain(&mut self, now: Now) -> io::Result<()> {
        self.waiter.forget(self.job.bell.as_fd(), BELL)?;
        self.close_doors(Duration::MAX)?;
        self.doors = None;
        self.closed_until = None;
        self.drain_until = Some(now.steady + self.job.options.timeouts.drain);
        self.waiter.collect()?;
        for key in self.peers.keys() {
            if let Some(peer) = self.peers.find(key) {
                peer.connection.drain();
                self.serve(key, Ready { key, read: true, broken: false }, now);
            }
        }
        Ok(())
    }

    /// Opens the doors, again after a pause.
    fn watch_doors(&mut self) -> io::Result<()> {
        for (number, door) in self.doors.iter().flat_map(Doors::fds).enumerate() {
            self.waiter.watch(door, DOORS + number as u64, READ)?;
        }
        self.closed_until = None;
        Ok(())
    }

    /// Leaves the queue alone: for a while, or until somebody leaves.
    fn close_doors(&mut self, until: Duration) -> io::Result<()> {
        if self.closed_until.is_none() {
            for (number, door) in self.doors.iter().flat_map(Doors::fds).enumerate() {
                self.waiter.forget(door, DOORS + number as u64)?;
            }
        }
        self.closed_until = Some(until);
        Ok(())
    }

    /// Opens the doors when there is a place again, or when the breath is over.
    fn reopen(&mut self, now: Now) -> io::Result<()> {
        match self.closed_until {
            Some(Duration::MAX) if !self.job.gate.is_full() => self.watch_doors(),
            Some(until) if until <= now.steady => self.watch_doors(),
            _ => Ok(()),
        }
    }
}
