//! Prefork: a fixed number of processes, all accepting at the same doors, each serving one peer at a time.
//!
//! No fork while a peer waits, and a crash costs one process, which is replaced. But as with the pool, as many quiet
//! peers as processes, and nobody else is served.
//!
//! All processes sleep in `poll` on the *same* listener. One newcomer wakes them all; one `accept` succeeds, the others
//! get `EAGAIN` and sleep again (the thundering herd). Therefore the listener is non-blocking: with a blocking one the
//! losers would sleep inside `accept`, where they do not hear the bell.
//!
//! Counts and limits (`Limits::per_peer`, `Summary::accepted`) are each process's own, for they share no memory.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::accept::rest;
use super::child::{Child, wait_for_all};
use super::sequential::one_by_one;
use crate::doors::{Doors, Knock};
use crate::drive::Sleep;
use crate::job::Job;

/// `hands` processes. One is enough for datagrams: any of them would take each.
pub(crate) fn run(job: &Arc<Job>) -> io::Result<()> {
    let doors = job.take_doors()?;
    let hands = if doors.has_listeners() { job.options.hands.max(1) } else { 1 };
    let mut children = Vec::new();
    let nobody_knocks = Doors::closed();
    loop {
        while children.len() < hands {
            children.push(Child::start(job, (), |theirs| {
                let _ = one_by_one(theirs, &doors, Sleep::InPoll);
            })?);
        }
        let ended: Vec<BorrowedFd<'_>> = children.iter().map(AsFd::as_fd).collect();
        if nobody_knocks.wait(&job.bell, &ended, None)? == Knock::Bell {
            break;
        }
        children.retain(|child| !child.has_ended());
        rest(job); // a child that dies at once must not become a storm of forks
    }
    drop(doors);
    wait_for_all(children, job)
}
