//! Sequential: accept one, serve it to its end, accept the next.
//!
//! The simplest server there is, and the shortest lesson: while one client thinks, all others wait in the backlog
//! (head of line). Only the idle timeout frees them from a silent one.

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
