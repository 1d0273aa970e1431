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
//!
//! Entries are for *places* and not for peers. A peer that leaves leaves its entry to whoever gets its place, so the
//! heap grows with the peers that are here at once, not with all that ever came.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Times and the places they are for.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// The earliest on top. May hold entries that an earlier one has replaced.
    heap: BinaryHeap<Reverse<(Duration, u32)>>,
    /// The entry of each place that counts.
    earliest: Vec<Option<Duration>>,
}

impl Timers {
    /// Wakes `place` at `at`, unless it will be woken earlier anyway.
    pub(crate) fn enter(&mut self, at: Duration, place: u32) {
        let index = place as usize;
        if index >= self.earliest.len() {
            self.earliest.resize(index + 1, None);
        }
        if self.earliest[index].is_none_or(|entered| at < entered) {
            self.earliest[index] = Some(at);
            self.heap.push(Reverse((at, place)));
        }
    }

    /// How long until the next, from `now`.
    pub(crate) fn patience(&self, now: Duration) -> Option<Duration> {
        self.heap.peek().map(|Reverse((at, _))| at.saturating_sub(now))
    }

    /// Takes the next place that is due.
    pub(crate) fn due(&mut self, now: Duration) -> Option<u32> {
        while let Some(Reverse((at, place))) = self.heap.peek().copied()
            && at <= now
        {
            self.heap.pop();
            if self.earliest[place as usize] == Some(at) {
                self.earliest[place as usize] = None;
                return Some(place);
            }
        }
        None
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

    #[test]
    fn a_place_has_one_entry_however_many_have_been_there() {
        let mut timers = Timers::default();
        for peer in 0..1000 {
            timers.enter(Duration::from_secs(300 + peer), 7);
        }
        assert_eq!(timers.heap.len(), 1);
        timers.enter(Duration::from_secs(30), 7);
        let all = Duration::from_secs(9999);
        assert_eq!((timers.due(all), timers.due(all)), (Some(7), None), "the replaced entry is not told");
    }
}
