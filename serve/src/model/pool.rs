//! Pool: a fixed number of threads take connections from a queue as short as the pool.
//!
//! No more threads than asked for, whatever arrives. But a thread belongs to a peer until it leaves: as many quiet
//! peers as threads, and nobody else is served (head of line again, a little later).
//!
//! The handing over is a rendezvous: the acceptor stands at the counter with one connection until a thread takes it.
//! A longer queue would only move the waiting from the kernel's backlog, where `ss -lt` shows it, into our memory,
//! where nobody sees it.
//!
//! ```text
//!               ┌─ thread 1: drive(A) …
//! accept ──▶ ●──┼─ thread 2: drive(B) …        ● = one connection at the counter
//!               └─ thread 3: drive(C) …        D waits at the counter, E, F, … in the backlog
//! ```
//!
//! The lock around the receiving end is held while *waiting* for work, by one idle thread at a time; the others wait
//! for the lock. It is let go before the work begins: a lock held during `drive` would make this sequential.

use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::connection::Connection;
use crate::drive::drive;
use crate::job::Job;

/// `hands` threads, one queue.
pub(crate) fn run(job: &Arc<Job>) -> io::Result<()> {
    let doors = job.take_doors()?;
    let hands = job.options.hands.max(1);
    // A rendezvous: the acceptor hands over only when a thread is free, so the real queue stays in the kernel,
    // where a peer can see that it is not served yet.
    let (give, queue) = sync_channel::<Connection>(0);
    let queue = Arc::new(Mutex::new(queue));
    let threads: Vec<_> = (0..hands).map(|_| hand(job, &queue)).collect::<io::Result<_>>()?;
    drop(queue);
    while let Some(connection) = super::accept::next(&doors, job)? {
        if give.send(connection).is_err() {
            break;
        }
    }
    drop((doors, give));
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

/// One thread that serves until the queue is closed.
fn hand(job: &Arc<Job>, queue: &Arc<Mutex<Receiver<Connection>>>) -> io::Result<std::thread::JoinHandle<()>> {
    let (job, queue) = (Arc::clone(job), Arc::clone(queue));
    std::thread::Builder::new().name("pool".to_owned()).spawn(move || {
        let mut scratch = job.scratch();
        loop {
            // The lock is held while waiting and let go before serving.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(mut connection) = next else { return };
            let _ = drive(&mut connection, &job, &mut scratch, job.sleep());
        }
    })
}
