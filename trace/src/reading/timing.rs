//! Round trips and bytes in flight: which acknowledgment answers which segment, and how long that took.

use std::collections::VecDeque;

use crate::segment::before;

/// The most segments of a direction that wait for their acknowledgment; older ones are forgotten.
const WAITING: usize = 1024;

/// What one direction has sent.
#[derive(Debug, Default)]
pub(super) struct Timing {
    unacked: VecDeque<Sent>,
    /// The highest sequence number after a segment, and the lowest not acknowledged.
    next: Option<u32>,
    acked: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    end: u32,
    no: u32,
    at: i64,
}

/// An acknowledgment and what it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    /// The frame that is acknowledged.
    pub(super) no: u32,
    /// How long ago it was, in nanoseconds.
    pub(super) rtt: i64,
}

impl Timing {
    /// A segment with content is sent; yields the bytes in flight with it.
    pub(super) fn sent(&mut self, seq: u32, end: u32, no: u32, at: i64) -> Option<u32> {
        let is_new = self.next.is_none_or(|next| before(next, end));
        if is_new {
            self.next = Some(end);
            if self.unacked.len() == WAITING {
                self.unacked.pop_front();
            }
            self.unacked.push_back(Sent { end, no, at });
        }
        let acked = *self.acked.get_or_insert(seq);
        self.next.map(|next| next.wrapping_sub(acked)).filter(|flight| *flight < 1 << 31)
    }

    /// The other end acknowledges up to `ack`.
    pub(super) fn acknowledged(&mut self, ack: u32, at: i64) -> Option<Answered> {
        if self.acked.is_some_and(|acked| !before(acked, ack)) {
            return None;
        }
        self.acked = Some(ack);
        let mut answered = None;
        while let Some(first) = self.unacked.front().filter(|first| !before(ack, first.end)) {
            answered =
                (first.end == ack).then_some(Answered { no: first.no, rtt: at.saturating_sub(first.at) });
            self.unacked.pop_front();
        }
        answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_segment_is_what_is_answered() {
        let mut sent = Timing::default();
        assert_eq!(sent.sent(1, 101, 4, 1000), Some(100));
        assert_eq!(sent.sent(101, 201, 5, 2000), Some(200));
        assert_eq!(sent.acknowledged(201, 5000), Some(Answered { no: 5, rtt: 3000 }));
        assert_eq!(sent.acknowledged(201, 6000), None);
        assert_eq!(sent.sent(201, 301, 7, 7000), Some(100));
    }
}
