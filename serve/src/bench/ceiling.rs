//! The kernel's ceiling: what the server's half of an echo costs if nothing is done but the two system calls.
//!
//! One thread holds both ends of 64 loopback connections, so that no scheduler and no wakeup is measured:
//!
//! ```text
//!   64 × send (client)     64 × { recv, send } (server) ← timed     64 × recv (client)
//! ```
//!
//! Time is the thread's CPU clock, so a busy machine costs precision and not truth. No server that makes these two
//! calls for a message can be cheaper; what it costs beyond is waiting, waking and its own code.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::error::{Error, Result};

/// Connections of the measurement, as in the race's middle field.
const CONNECTIONS: usize = 64;

/// What a message costs at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Ceiling {
    /// CPU nanoseconds of one `recv` and one `send`: the cheapest tenth of all batches.
    pub floor_ns: f64,
    /// The same for the middle batch: how far it is above the floor tells how quiet the machine is.
    pub median_ns: f64,
}

impl Ceiling {
    /// Measures `batches` times 64 messages of `message_len` bytes.
    ///
    /// # Errors
    /// What a socket said.
    pub fn measure(message_len: usize, batches: usize) -> Result<Self> {
        measure(message_len, batches).map_err(Error::io("measure the ceiling"))
    }

    /// Messages per second of one processor.
    pub fn per_second(self) -> f64 {
        if self.floor_ns > 0.0 { 1e9 / self.floor_ns } else { 0.0 }
    }
}

fn measure(message_len: usize, batches: usize) -> io::Result<Ceiling> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut pairs = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (server, _) = listener.accept()?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        pairs.push((client, server));
    }
    let message = vec![7; message_len];
    let mut buffer = vec![0; message_len];
    let mut costs = Vec::with_capacity(batches);
    for _ in 0..batches.max(1) {
        for (client, _) in &mut pairs {
            client.write_all(&message)?;
        }
        let before = thread_cpu();
        for (_, server) in &mut pairs {
            server.read_exact(&mut buffer)?;
            server.write_all(&buffer)?;
        }
        costs.push((thread_cpu() - before).as_nanos() as f64 / CONNECTIONS as f64);
        for (client, _) in &mut pairs {
            client.read_exact(&mut buffer)?;
        }
    }
    costs.sort_by(f64::total_cmp);
    Ok(Ceiling { floor_ns: costs[costs.len() / 10], median_ns: costs[costs.len() / 2] })
}

/// Time on a processor of this thread.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_costs_something_and_a_long_one_more() {
        let (small, large) = (Ceiling::measure(64, 20).unwrap(), Ceiling::measure(16 * 1024, 20).unwrap());
        assert!(small.floor_ns > 100.0 && small.median_ns >= small.floor_ns, "{small:?}");
        assert!(large.floor_ns > small.floor_ns, "{large:?}");
        assert!(small.per_second() > 1000.0);
    }
}
