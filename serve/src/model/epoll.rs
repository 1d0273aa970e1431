//! Epoll: the kernel keeps the list of sockets and tells which are ready; the cost of a wait is the number of ready
//! ones, not of all. One thread, no locks, no buffer per idle peer: the default engine.
//!
//! What the kernel sees of one message, among however many peers:
//!
//! ```text
//! epoll_wait() = [8]   recv(8) = "hi"   send(8, "hi")   epoll_wait()
//! ```
//!
//! With many busy peers one `epoll_wait` brings many of them, so a message costs two calls and a small part of a third.
//! The list of sockets lives in the kernel and is changed (`epoll_ctl`) only when a wish changes: when a peer comes,
//! when it stops reading and output has to wait, when it reads again.
//!
//! **Level-triggered**: what is not taken now is told again by the next wait. Edge-triggered would save nothing here,
//! and forgetting to read until `EAGAIN` would lose a peer for ever.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::events::{EventLoop, Peers, Ready, Waiter};
use crate::doors::timespec;
use crate::job::Job;
use crate::session::Wants;

/// The event loop, waiting with epoll.
pub(crate) fn run(job: &Arc<Job>) -> io::Result<()> {
    EventLoop::new(job, Epoll::new()?)?.run()
}

/// The kernel's list, and room for its answers.
struct Epoll {
    fd: OwnedFd,
    events: Vec<Event>,
}

impl Epoll {
    /// An empty list.
    fn new() -> io::Result<Self> {
        Ok(Self { fd: epoll::create(CreateFlags::CLOEXEC)?, events: Vec::with_capacity(1024) })
    }
}

impl Waiter for Epoll {
    fn watch(&mut self, fd: BorrowedFd<'_>, key: u64, wants: Wants) -> io::Result<()> {
        Ok(epoll::add(&self.fd, fd, EventData::new_u64(key), flags(wants))?)
    }

    fn change(&mut self, fd: BorrowedFd<'_>, key: u64, wants: Wants) -> io::Result<()> {
        Ok(epoll::modify(&self.fd, fd, EventData::new_u64(key), flags(wants))?)
    }

    fn forget(&mut self, fd: BorrowedFd<'_>, _key: u64) -> io::Result<()> {
        Ok(epoll::delete(&self.fd, fd)?)
    }

    fn wait(&mut self, _: &Peers, ready: &mut Vec<Ready>, at_most: Option<Duration>) -> io::Result<()> {
        self.events.clear();
        match epoll::wait(&self.fd, spare_capacity(&mut self.events), at_most.map(timespec).as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &self.events {
            let flags = event.flags;
            let broken = flags.intersects(EventFlags::HUP | EventFlags::ERR);
            ready.push(Ready { key: event.data.u64(), read: flags.contains(EventFlags::IN), broken });
        }
        Ok(())
    }
}

/// Readable or writable; errors and hang-ups are always told.
fn flags(wants: Wants) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, wants.read);
    flags.set(EventFlags::OUT, wants.write);
    flags
}
