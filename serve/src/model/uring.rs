//! io_uring: the kernel does the reading. One `recv` is asked for when a peer comes, and from then on its bytes are
//! simply there; one system call brings those of all peers.
//!
//! What the kernel sees of one message, among however many peers:
//!
//! ```text
//! io_uring_enter() = 8 completions, one of them: 8's bytes in buffer 3      send(8, "hi")      io_uring_enter()
//! ```
//!
//! Beside epoll the `recv` of each message is gone. The reply is still sent by a call of its own: a peer that does not
//! read is noticed at once (`EAGAIN`), and back-pressure works as under every other model.
//!
//! **Who owns a buffer?** Under epoll a buffer is filled in the moment it is needed. Here the kernel fills it some time
//! before, so it needs buffers of its own: 512, lent by all peers in common. A peer that is not read from (back-pressure)
//! must not keep them, so its `recv` is cancelled until it is read from again. When none is left the kernel says so
//! (`ENOBUFS`), and the `recv` is asked for again after the next turn has given some back.
//!
//! This is a [`Waiter`] like the others: it brings bytes with the readiness, and hands them to the session in the place
//! of `recv`.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{SocketType, sockopt};
use socket2::Socket;
use tongro_proto::Now;
use tongro_sys::uring::{Done, Uring};

use super::events::{DOORS, EventLoop, Peers, Ready, Waiter, place_of};
use crate::connection::{Connection, Wire};
use crate::job::Job;
use crate::session::{Input, Io, Scratch, Wants};

/// Operations that can be asked for in one call.
const ENTRIES: u32 = 1024;
/// Buffers for all peers together.
const BUFFERS: u16 = 512;
/// Bytes of each.
const BUFFER_LEN: usize = 4096;
/// Marks the token of a peer's wait for room to write; keys of peers leave this bit free.
const WRITING: u64 = 1 << 63;

/// The event loop, waiting with io_uring.
pub(crate) fn run(job: &Arc<Job>) -> io::Result<()> {
    let uring = Uring::new(ENTRIES, BUFFERS, BUFFER_LEN).map_err(|error| error.source)?;
    let ring = Ring {
        uring,
        inboxes: Vec::new(),
        again: Vec::new(),
        starved: Vec::new(),
        room: Vec::new(),
        done: Vec::new(),
    };
    EventLoop::new(job, ring)?.run()
}

/// The rings, and what has come for each peer.
struct Ring {
    uring: Uring,
    /// By place; a place that is free has the key 0.
    inboxes: Vec<Inbox>,
    /// Peers who have something left from their last turn.
    again: Vec<u64>,
    /// Peers whose `recv` ended for want of buffers.
    starved: Vec<u64>,
    /// Peers whose wait for room has ended, and who may want it again.
    room: Vec<u64>,
    /// Completions of this turn.
    done: Vec<Done>,
}

/// What has come for one peer.
#[derive(Default)]
struct Inbox {
    key: u64,
    fd: RawFd,
    /// A stream, whose bytes are brought; datagrams and doors are only told to be ready.
    is_stream: bool,
    wants: Wants,
    /// A `recv` is under way.
    receives: bool,
    /// A wait for room is under way.
    waits_for_room: bool,
    /// Buffer, where its unread part begins, where it ends.
    pieces: VecDeque<(u16, usize, usize)>,
    /// Nothing more will come: the end (0), or an error number.
    end: Option<i32>,
}

impl Inbox {
    /// Would a read give anything?
    fn has_something(&self) -> bool {
        !self.pieces.is_empty() || self.end.is_some()
    }
}

impl Ring {
    /// The inbox of this key, if it is still the same peer's.
    fn find(&mut self, key: u64) -> Option<&mut Inbox> {
        self.inboxes.get_mut(place_of(key) as usize).filter(|inbox| inbox.key == key)
    }

    /// Asks for a peer's bytes, unless that is under way or they are not wanted.
    fn receive(&mut self, key: u64) -> io::Result<()> {
        let Some(inbox) = self.find(key) else { return Ok(()) };
        if !inbox.is_stream || inbox.receives || inbox.end.is_some() || !inbox.wants.read {
            return Ok(());
        }
        inbox.receives = true;
        let fd = inbox.fd;
        self.uring.receive(fd, key).map_err(|error| error.source)
    }

    /// Asks to be told of room to write.
    fn wait_for_room(&mut self, key: u64) -> io::Result<()> {
        let Some(inbox) = self.find(key) else { return Ok(()) };
        if inbox.waits_for_room || !inbox.wants.write {
            return Ok(());
        }
        inbox.waits_for_room = true;
        let fd = inbox.fd;
        self.uring.watch_writable(fd, key | WRITING).map_err(|error| error.source)
    }

    /// Takes the completions there are, at most `at_most` later.
    fn take(&mut self, at_most: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        let mut done = core::mem::take(&mut self.done);
        let waited = self.uring.wait(at_most, &mut done).map_err(|error| error.source);
        for one in done.drain(..) {
            self.put(one, ready)?;
        }
        self.done = done;
        waited
    }

    /// One completion: into its inbox, or told as it is.
    fn put(&mut self, done: Done, ready: &mut Vec<Ready>) -> io::Result<()> {
        let Done { token: key, result, buffer, goes_on } = done;
        if key >= DOORS {
            if result >= 0 {
                ready.push(Ready { key, read: true, broken: false });
            }
            return Ok(());
        }
        if key & WRITING != 0 {
            let key = key & !WRITING;
            if let Some(inbox) = self.find(key) {
                inbox.waits_for_room = false;
                self.room.push(key);
                ready.push(Ready { key, read: false, broken: false });
            }
            return Ok(());
        }
        let Some(inbox) = self.find(key) else {
            buffer.into_iter().for_each(|buffer| self.uring.recycle(buffer)); // of a peer that has left
            return Ok(());
        };
        if !inbox.is_stream {
            ready.push(Ready { key, read: true, broken: result < 0 });
            let fd = inbox.fd;
            return if goes_on { Ok(()) } else { self.uring.watch(fd, key).map_err(|error| error.source) };
        }
        inbox.receives &= goes_on;
        match buffer {
            Some(buffer) if result > 0 => inbox.pieces.push_back((buffer, 0, result as usize)),
            buffer => {
                inbox.end = end_of(result);
                buffer.into_iter().for_each(|buffer| self.uring.recycle(buffer));
            }
        }
        let Some(inbox) = self.find(key) else { return Ok(()) };
        if !inbox.receives && inbox.end.is_none() {
            self.starved.push(key); // whatever ended it, it goes on after this turn if it is wanted
        }
        ready.push(Ready { key, read: true, broken: false });
        Ok(())
    }
}

impl Waiter for Ring {
    fn watch(&mut self, fd: BorrowedFd<'_>, key: u64, wants: Wants) -> io::Result<()> {
        if key >= DOORS {
            return self.uring.watch(fd.as_raw_fd(), key).map_err(|error| error.source);
        }
        let is_stream = sockopt::socket_type(fd).is_ok_and(|kind| kind == SocketType::STREAM);
        let place = place_of(key) as usize;
        if self.inboxes.len() <= place {
            self.inboxes.resize_with(place + 1, Inbox::default);
        }
        self.inboxes[place] = Inbox { key, fd: fd.as_raw_fd(), is_stream, wants, ..Inbox::default() };
        if !is_stream {
            return self.uring.watch(fd.as_raw_fd(), key).map_err(|error| error.source);
        }
        self.receive(key)
    }

    fn change(&mut self, _fd: BorrowedFd<'_>, key: u64, wants: Wants) -> io::Result<()> {
        let Some(inbox) = self.find(key) else { return Ok(()) };
        inbox.wants = wants;
        let stops = inbox.receives && !wants.read;
        if wants.read && inbox.has_something() {
            self.again.push(key);
        }
        if stops {
            self.uring.cancel(key);
        }
        self.receive(key)?;
        self.wait_for_room(key)
    }

    fn forget(&mut self, _fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        if key >= DOORS {
            self.uring.cancel(key);
            return Ok(());
        }
        let Some(inbox) = self.find(key) else { return Ok(()) };
        let gone = core::mem::take(inbox);
        if gone.receives || !gone.is_stream {
            self.uring.cancel(key);
        }
        if gone.waits_for_room {
            self.uring.cancel(key | WRITING);
        }
        gone.pieces.into_iter().for_each(|(buffer, ..)| self.uring.recycle(buffer));
        Ok(())
    }

    fn wait(&mut self, _: &Peers, ready: &mut Vec<Ready>, at_most: Option<Duration>) -> io::Result<()> {
        for key in core::mem::take(&mut self.starved) {
            self.receive(key)?;
        }
        for key in core::mem::take(&mut self.room) {
            self.wait_for_room(key)?;
        }
        for key in core::mem::take(&mut self.again) {
            if self.find(key).is_some_and(|inbox| inbox.wants.read && inbox.has_something()) {
                ready.push(Ready { key, read: true, broken: false });
            }
        }
        let at_most = if ready.is_empty() { at_most } else { Some(Duration::ZERO) };
        self.take(at_most, ready)
    }

    fn collect(&mut self) -> io::Result<()> {
        // Whoever is told ready here is asked anyway: the caller is about to turn to everybody.
        let mut ready = Vec::new();
        self.take(Some(Duration::ZERO), &mut ready)?;
        self.again.extend(ready.into_iter().map(|ready| ready.key).filter(|key| *key < DOORS));
        Ok(())
    }

    fn pump(
        &mut self,
        key: u64,
        connection: &mut Connection,
        scratch: &mut Scratch,
        now: Now,
        may_read: bool,
    ) -> io::Result<Input> {
        let Self { uring, inboxes, again, .. } = self;
        let Some(inbox) = inboxes.get_mut(place_of(key) as usize).filter(|inbox| inbox.key == key) else {
            return connection.pump(scratch, now, may_read);
        };
        let outcome = connection.pump_with(|socket| Brought { socket, inbox, uring }, scratch, now, may_read);
        if inbox.has_something() {
            again.push(key);
        }
        outcome
    }
}

/// What a completion without bytes means: the end, an error, or (`None`) only that `recv` has to be asked for again,
/// since buffers had run out or we had cancelled it.
fn end_of(result: i32) -> Option<i32> {
    let is_passing = [Errno::NOBUFS, Errno::CANCELED, Errno::INTR, Errno::AGAIN];
    let is_passing = is_passing.iter().any(|errno| errno.raw_os_error() == -result);
    (!is_passing).then_some(-result)
}

/// A socket whose bytes have been brought already.
struct Brought<'a> {
    socket: &'a Socket,
    inbox: &'a mut Inbox,
    uring: &'a mut Uring,
}

impl Io for Brought<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len()
            && let Some((number, from, to)) = self.inbox.pieces.front_mut()
        {
            let len = (*to - *from).min(buffer.len() - filled);
            buffer[filled..filled + len].copy_from_slice(&self.uring.bytes(*number, *to)[*from..*from + len]);
            filled += len;
            *from += len;
            if from == to {
                self.uring.recycle(*number);
                self.inbox.pieces.pop_front();
            }
        }
        match self.inbox.end {
            _ if filled > 0 => Ok(filled),
            None => Err(ErrorKind::WouldBlock.into()),
            Some(end) => {
                self.inbox.end = None;
                if end == 0 { Ok(0) } else { Err(io::Error::from_raw_os_error(end)) }
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Wire(self.socket).write(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        Wire(self.socket).finish()
    }
}
