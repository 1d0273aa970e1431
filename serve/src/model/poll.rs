//! Poll: the whole list of sockets goes to the kernel with each wait, and the whole list is looked through after it.
//!
//! The same loop as epoll, on systems older than it. The cost of a wait is the number of *all* sockets, not of the
//! ready ones: fine for tens, slow for thousands.
//!
//! What the kernel sees of one message among three peers:
//!
//! ```text
//! poll([bell, listener, 7, 8, 9]) = 1     five entries copied in, looked at, copied out
//! recv(8) = "hi"   send(8, "hi")
//! poll([bell, listener, 7, 8, 9])         and again
//! ```
//!
//! The keys beside the entries say whose each is; a peer that wants nothing keeps its entry, for errors are told
//! unasked.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::events::{EventLoop, Peers, Ready, Waiter};
use crate::doors::poll_retrying;
use crate::drive::poll_flags;
use crate::job::Job;
use crate::session::Wants;

/// The event loop, waiting with poll.
pub(crate) fn run(job: &Arc<Job>) -> io::Result<()> {
    EventLoop::new(job, Poll::default())?.run()
}

/// What is watched besides the peers: bell and doors. Peers are listed anew for each wait.
#[derive(Default)]
struct Poll {
    others: Vec<(u64, OwnedFd)>,
}

/// Is this a peer's key?
fn is_peer(key: u64) -> bool {
    key < super::events::DOORS
}

impl Waiter for Poll {
    fn watch(&mut self, fd: BorrowedFd<'_>, key: u64, _: Wants) -> io::Result<()> {
        if !is_peer(key) {
            self.others.push((key, fd.try_clone_to_owned()?));
        }
        Ok(())
    }

    fn change(&mut self, _: BorrowedFd<'_>, _: u64, _: Wants) -> io::Result<()> {
        Ok(())
    }

    fn forget(&mut self, _: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        self.others.retain(|(other, _)| *other != key);
        Ok(())
    }

    fn wait(&mut self, peers: &Peers, ready: &mut Vec<Ready>, at_most: Option<Duration>) -> io::Result<()> {
        let others = self.others.iter().map(|(key, fd)| (*key, PollFd::new(fd, PollFlags::IN)));
        let peers = peers.iter().map(|(key, peer)| (key, PollFd::new(peer, poll_flags(peer.wants))));
        let (keys, mut fds): (Vec<u64>, Vec<PollFd<'_>>) = others.chain(peers).unzip();
        poll_retrying(&mut fds, at_most)?;
        for (key, fd) in keys.into_iter().zip(&fds) {
            let flags = fd.revents();
            if !flags.is_empty() {
                let broken = flags.intersects(PollFlags::HUP | PollFlags::ERR);
                ready.push(Ready { key, read: flags.contains(PollFlags::IN), broken });
            }
        }
        Ok(())
    }
}
