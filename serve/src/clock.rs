//! The one place where this room looks at a clock; machines are handed the result.
//!
//! One reading serves a whole turn of an event loop: the time of a message is the time of the wait that brought it. Where
//! that is not good enough (the clock protocol itself) the clock is read for each datagram.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tongro_proto::Now;

/// Both clocks of the host, the steady one counted from a start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Zero of [`Now::steady`].
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The time.
    pub(crate) fn now(self) -> Now {
        Now {
            steady: self.start.elapsed(),
            wall: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }
}
