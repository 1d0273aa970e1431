//! Sequential: accept one, serve it to its end, accept the next.
//!
//! The simplest server there is, and the shortest lesson: while one client thinks, all others wait in the backlog
//! (head of line). Only the idle timeout frees them from a silent one.
//!
//! What the kernel sees of two clients, the second of whom waits for the first to leave:
//!
//! ```text
//! poll(bell, listener)          accept4() = 7          client A
//! recv(7) = "hi"   send(7)                             A is answered
//! recv(7)          ← blocks here                       B: handshake done by the kernel, in the backlog, unanswered
//! recv(7) = 0      shutdown(7)                         A finishes
//! poll(bell, listener)          accept4() = 7          B is accepted at last
//! ```
//!
//! Client B cannot tell this from a slow server: it is connected, its bytes are acknowledged (by the kernel), and
//! nothing comes back. That signature, *connected but never answered*, has other causes under other models.

use std::io;

use crate::doors::Doors;
use crate::drive::{Sleep, drive};
use crate::job::Job;

/// One after the other, in this thread.
pub(crate) fn run(job: &Job) -> io::Result<()> {
    let doors = job.take_doors()?;
    one_by_one(job, &doors, job.sleep())
}

/// The loop, also run by each process of the prefork model.
pub(crate) fn one_by_one(job: &Job, doors: &Doors, sleep: Sleep) -> io::Result<()> {
    let mut scratch = job.scratch();
    while let Some(mut connection) = super::accept::next(doors, job)? {
        let _ = drive(&mut connection, job, &mut scratch, sleep);
    }
    Ok(())
}
