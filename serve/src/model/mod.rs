//! The columns: one file per way of waiting for many peers at once.
//!
//! Each model gets the same [`Job`]: doors to accept at, a gate to pass, a bell to heed. Connections come out of
//! [`Job::welcome`] and are driven with the same few calls; no file here knows a protocol.
//!
//! | file | waits in | for | memory of an idle peer |
//! |---|---|---|---|
//! | `sequential` | `recv` | one peer | – |
//! | `thread` | `recv`, in a thread each | one peer per thread | a stack and a buffer |
//! | `pool` | `recv`, in one of few threads | one peer per thread | – |
//! | `fork` | `poll`, in a process each | one peer per process | a process |
//! | `prefork` | `poll`, in one of few processes | one peer per process | – |
//! | `poll`, `epoll` | the call of that name | all peers | the session alone |
//! | `uring` | `io_uring_enter`, which also brings the bytes | all peers | the session alone |
//! | `task` | epoll, inside tokio | all peers of a thread | a task |

mod accept;
mod child;
mod epoll;
mod events;
mod fork;
mod poll;
mod pool;
mod prefork;
mod sequential;
mod task;
mod thread;
mod uring;

use std::io;
use std::sync::Arc;

use crate::job::Job;
use crate::options::Model;

/// Serves until the bell has rung and all have left.
pub(crate) fn run(job: &Arc<Job>) -> io::Result<()> {
    match job.options.model {
        Model::Sequential => sequential::run(job),
        Model::Thread => thread::run(job),
        Model::Pool => pool::run(job),
        Model::Fork => fork::run(job),
        Model::Prefork => prefork::run(job),
        Model::Poll => poll::run(job),
        Model::Epoll => epoll::run(job),
        Model::IoUring => uring::run(job),
        Model::Async => task::run_in_one(job),
        Model::AsyncMulti => task::run_in_many(job),
    }
}
