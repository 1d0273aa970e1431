//! When to wake for whom, for one thread that serves thousands.
//!
//! Timeouts are almost never reached: each message moves them on. So an entry is not moved with every message; it
//! stays at the earliest time that was ever true, and when it comes up the owner looks again and enters the new
//! time. One heap operation per connection and *timeout*, not per message.
//!
//! ```text
//!   message ─▶ deadline moves on (a number in the session); the heap is not touched
//!   heap: (10 s, A)  comes up at 10 s ─▶ A's deadline is 14 s now ─▶ enter (14 s, A)
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Times and whom they are for.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// The earliest on top.
    heap: BinaryHeap<Reverse<(Duration, u64)>>,
}

impl Timers {
    /// Wakes `key` at `at`.
    pub(crate) fn enter(&mut self, at: Duration, key: u64) {
        self.heap.push(Reverse((at, key)));
    }

    /// How long until the next, from `now`.
    pub(crate) fn patience(&self, now: Duration) -> Option<Duration> {
        self.heap.peek().map(|Reverse((at, _))| at.saturating_sub(now))
    }

    /// Takes the next that is due.
    pub(crate) fn due(&mut self, now: Duration) -> Option<u64> {
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, key))| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_none_before_its_time() {
        let mut timers = Timers::default();
        let s = Duration::from_secs;
        timers.enter(s(5), 50);
        timers.enter(s(3), 30);
        assert_eq!(timers.patience(s(1)), Some(s(2)));
        assert_eq!(timers.due(s(2)), None);
        assert_eq!((timers.due(s(9)), timers.due(s(9)), timers.due(s(9))), (Some(30), Some(50), None));
    }
}
