//! The columns: one file per way of waiting for many peers at once.
//!
//! Each model gets the same [`Job`]: doors to accept at, a gate to pass, a bell to heed. Connections come out of
//! [`Job::welcome`] and are driven with the same four calls; no file here knows a protocol.

mod accept;
mod epoll;
mod events;
mod pool;
mod sequential;
mod thread;

use std::io;
use std::sync::Arc;

use crate::options::Model;
use crate::server::Job;

/// Serves until the bell has rung and all have left.
pub(crate) fn run(job: &Arc<Job>) -> io::Result<()> {
    match job.options.model {
        Model::Sequential => sequential::run(job),
        Model::Thread => thread::run(job),
        Model::Pool => pool::run(job),
        Model::Epoll => epoll::run(job),
    }
}
