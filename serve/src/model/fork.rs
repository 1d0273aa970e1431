//! Fork: a process for each peer, as servers were written before there were threads.
//!
//! The child has a copy of everything and shares nothing, so no peer can spoil another's data and no lock is
//! needed. The price is a process per peer, and some dozens of forks a second at most.
//!
//! What the kernel sees of one peer:
//!
//! ```text
//! parent:  accept4() = 7   fork() = 4242   pidfd_open(4242) = 8   close(7)   poll(bell, listener, 8)
//! child:                   fork() = 0      close(listener)   poll(7, bell)   recv   send … exit(0)
//! parent:                                                         8 is readable   waitpid(4242)   close(8)
//! ```
//!
//! - The parent **must** close its copy of the connection: as long as one copy is open anywhere, the peer gets no FIN.
//! - The child **must** close the listener: otherwise the port stays taken after the parent has ended.
//! - The parent **must** `waitpid` for each child: until then the child is a zombie, and process numbers run out.
//! - A chat cannot be served like this: each child has a copy of the room, with one member.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::accept::{BREATH, rest};
use super::child::{Child, wait_for_all};
use crate::connection::Connection;
use crate::doors::{Arrival, Doors, Knock};
use crate::drive::{Sleep, drive};
use crate::gate::Permit;
use crate::job::Job;

/// A process for each.
pub(crate) fn run(job: &Arc<Job>) -> io::Result<()> {
    let mut doors = job.take_doors()?;
    let mut children: Vec<Child<Option<Permit>>> = Vec::new();
    while let Some(connection) = job.next_datagrams() {
        children.extend(hand_over(connection, &mut doors, job));
    }
    loop {
        match wait(&doors, &children, job)? {
            Knock::Bell => break,
            Knock::Other => children.retain(|child| !child.has_ended()),
            Knock::Nothing => {}
            Knock::Door(door) => match doors.accept(door)? {
                Arrival::Peer(socket, from) => {
                    if let Some(connection) = job.welcome(socket, from) {
                        children.extend(hand_over(connection, &mut doors, job));
                    }
                }
                Arrival::Nobody => {}
                Arrival::Exhausted => rest(job),
            },
        }
    }
    drop(doors);
    wait_for_all(children, job)
}

/// At the limit only for children and the bell, otherwise also for newcomers.
fn wait(doors: &Doors, children: &[Child<Option<Permit>>], job: &Job) -> io::Result<Knock> {
    let ended: Vec<BorrowedFd<'_>> = children.iter().map(AsFd::as_fd).collect();
    if !job.gate.is_full() {
        return doors.wait(&job.bell, &ended, None);
    }
    Doors::closed().wait(&job.bell, &ended, (children.is_empty()).then_some(BREATH))
}

/// Gives the connection to a new child and closes our copy. If no process can be had, this peer is dropped and the
/// server goes on.
fn hand_over(mut connection: Connection, doors: &mut Doors, job: &Job) -> Option<Child<Option<Permit>>> {
    let started = Child::start(job, (), |theirs| {
        doors.abandon();
        let _ = drive(&mut connection, theirs, &mut theirs.small_scratch(), Sleep::InPoll);
    });
    Some(started.ok()?.keeping(connection.into_permit()))
}
