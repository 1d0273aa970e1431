//! The accept loop of all models whose accepting thread does nothing else, or nothing else meanwhile.
//!
//! ```text
//!           ┌── full ──▶ wait until somebody leaves ──┐
//!   next ───┼── bell ──▶ None                         ├──▶ again
//!           ├── nobody (another process took it) ─────┤
//!           ├── out of descriptors ──▶ a breath ──────┘
//!           └── a peer ──▶ Some(connection)
//! ```

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use crate::connection::Connection;
use crate::doors::{Arrival, Doors, Knock, poll_retrying};
use crate::job::Job;

/// How long the queue is left alone when descriptors have run out and nobody has left.
pub(crate) const BREATH: Duration = Duration::from_millis(100);

/// The next connection, or `None` once the bell has rung. A UDP socket is one connection, to everybody.
///
/// At the connection limit it does not accept: newcomers wait in the backlog, and nobody is lied to.
pub(crate) fn next(doors: &Doors, job: &Job) -> io::Result<Option<Connection>> {
    loop {
        if let Some(connection) = job.next_datagrams() {
            return Ok(Some(connection));
        }
        if job.gate.is_full() {
            if job.bell.is_rung() {
                return Ok(None);
            }
            job.gate.wait_for_place(BREATH);
            continue;
        }
        let door = match doors.wait(&job.bell, &[], None)? {
            Knock::Bell => return Ok(None),
            Knock::Nothing | Knock::Other => continue,
            Knock::Door(door) => door,
        };
        match doors.accept(door)? {
            Arrival::Peer(socket, from) => {
                if let Some(connection) = job.welcome(socket, from) {
                    return Ok(Some(connection));
                }
            }
            Arrival::Nobody => {} // another process was quicker, or the peer has gone
            Arrival::Exhausted => rest(job),
        }
    }
}

/// Waits for a free descriptor: until the bell rings or a breath has passed.
pub(crate) fn rest(job: &Job) {
    let mut fds = [PollFd::new(&*job.bell, PollFlags::IN)];
    let _ = poll_retrying(&mut fds, Some(BREATH));
}
