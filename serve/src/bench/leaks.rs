//! Does a server keep anything of connections that have ended?
//!
//! A program is started, used a little so that what it makes once is made, then visited many times by clients that say
//! something and leave: four of five by a reset (which leaves no TIME-WAIT, so ports do not run out), one in order.
//! Afterwards descriptors, threads and processes must be what they were, and memory nearly so.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::program::Program;
use super::usage::{self, Usage};
use crate::client::Client;
use crate::error::Result;

/// What there was before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Leaks {
    /// Open descriptors.
    pub descriptors: (u64, u64),
    /// Threads.
    pub threads: (u64, u64),
    /// Processes.
    pub processes: (u64, u64),
    /// Memory (PSS) in KiB.
    pub kib: (u64, u64),
}

/// Memory that an allocator may keep, in KiB: more is a leak.
const SLACK_KIB: u64 = 4096;

/// Visits before the first reading.
const WARM_UP: u32 = 200;

impl Leaks {
    /// Has nothing been kept?
    pub fn is_clean(&self) -> bool {
        self.counts_are_back() && self.kib.1 <= self.kib.0 + SLACK_KIB
    }

    /// Descriptors, threads, processes.
    fn counts_are_back(&self) -> bool {
        [self.descriptors, self.threads, self.processes].iter().all(|(before, after)| after <= before)
    }
}

/// Visits a program `count` times; gives it `patience` to let go of the last visitors.
///
/// # Errors
/// The program cannot be started, or does not answer.
pub fn look(argv: &[String], count: u32, patience: Duration) -> Result<Leaks> {
    let program = Program::start(argv, patience)?;
    (0..WARM_UP).try_for_each(|number| visit(program.address(), number))?;
    let read = || {
        let usage = Usage::of_tree(program.id(), true);
        let open: u64 =
            usage::tree(program.id()).into_iter().filter_map(usage::descriptors).map(|(open, _)| open).sum();
        (open, usage)
    };
    let before = settled(&read, patience);
    (0..count).try_for_each(|number| visit(program.address(), number))?;
    let until = Instant::now() + patience;
    loop {
        let after = read();
        let leaks = Leaks {
            descriptors: (before.0, after.0),
            threads: (before.1.threads, after.1.threads),
            processes: (before.1.processes, after.1.processes),
            kib: (before.1.pss_kib, after.1.pss_kib),
        };
        // The last visitors may still be leaving.
        if leaks.counts_are_back() || Instant::now() > until {
            return Ok(leaks);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A reading that the next one repeats: the visitors of the warm-up have left.
fn settled(read: &dyn Fn() -> (u64, Usage), patience: Duration) -> (u64, Usage) {
    let until = Instant::now() + patience;
    let mut last = read();
    loop {
        std::thread::sleep(Duration::from_millis(100));
        let now = read();
        let is_same = (last.0, last.1.threads, last.1.processes) == (now.0, now.1.threads, now.1.processes);
        if is_same || Instant::now() > until {
            return now;
        }
        last = now;
    }
}

/// Says something, hears it, leaves.
fn visit(address: SocketAddr, number: u32) -> Result<()> {
    let mut client = Client::connect_within(address, Duration::from_secs(60))?;
    client.send(b"hello")?;
    client.recv_exactly(5)?;
    if number.is_multiple_of(5) {
        client.finish()?;
        return client.recv_to_end().map(drop);
    }
    client.reset()
}
