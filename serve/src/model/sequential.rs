//! Sequential: accept one, serve it to its end, accept the next.
//!
//! The simplest server there is, and the shortest lesson: while one client thinks, all others wait in the backlog
//! (head of line). Only the idle timeout frees them from a silent one.

use std::io;

use crate::drive::{Sleep, drive};
use crate::server::Job;

/// One after the other, in this thread.
pub(crate) fn run(job: &Job) -> io::Result<()> {
    let doors = job.take_doors()?;
    let mut scratch = job.scratch();
    while let Some(connection) = super::accept::next(&doors, job)? {
        drive(connection, job, &mut scratch, Sleep::InRecv);
    }
    Ok(())
}
