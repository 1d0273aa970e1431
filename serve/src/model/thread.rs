//! Thread per connection: the accepting thread starts one for each peer and forgets it.
//!
//! Every peer has a thread that may block for it alone, so the code reads like the sequential one. The price is a
//! stack per peer and a context switch per message.

use std::io;
use std::sync::Arc;

use crate::drive::drive;
use crate::job::Job;

/// Small stacks: the buffers are on the heap, and thousands of peers are thousands of stacks.
const STACK_LEN: usize = 64 * 1024;

/// A thread for each.
pub(crate) fn run(job: &Arc<Job>) -> io::Result<()> {
    let doors = job.take_doors()?;
    while let Some(mut connection) = super::accept::next(&doors, job)? {
        let theirs = Arc::clone(job);
        let thread = std::thread::Builder::new().stack_size(STACK_LEN);
        // No thread to be had (EAGAIN) is like no descriptor: this peer is dropped, the server goes on.
        let _ = thread.spawn(move || {
            let mut scratch = theirs.small_scratch();
            let _ = drive(&mut connection, &theirs, &mut scratch, theirs.sleep());
        });
    }
    drop(doors);
    job.gate.wait_until_empty();
    Ok(())
}
