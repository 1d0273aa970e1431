//! Thread per connection: the accepting thread starts one for each peer and forgets it.
//!
//! Every peer has a thread that may block for it alone, so the code reads like the sequential one. The price is a
//! stack per peer and a context switch per message.
//!
//! What the kernel sees of one message, with one thread per peer:
//!
//! ```text
//! thread of A:  recv(7) ← asleep … woken, = "hi"   send(7, "hi")   recv(7) ← asleep again
//! ```
//!
//! Two system calls, and one switch from whatever ran before to this thread. With 64 busy peers that switch is about
//! a third of the cost of a message; with one peer nobody else wants the processor, and it costs nothing extra.
//!
//! **At shutdown** nobody can tell a thread inside `recv` that it should leave. So the socket is told:
//! `shutdown(SHUT_RD)` makes `recv` return what has arrived, and then 0, as if the peer had finished.
//!
//! **At the limit** of threads (`EAGAIN` from `clone`) the newcomer is dropped and the others go on.

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
