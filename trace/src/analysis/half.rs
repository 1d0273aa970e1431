//! What is remembered of one direction of a connection.

use std::collections::VecDeque;

use super::Labels;

/// Segments that may be unacknowledged at a time; a capture of one direction must not grow without end.
const MAX_UNACKED: usize = 10_000;

/// A segment with content that is not yet acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unacked {
    pub(super) no: u32,
    pub(super) at: i64,
    pub(super) seq: u32,
    pub(super) end: u32,
}

/// The shift of a direction's windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Scale {
    /// The handshake was not seen.
    #[default]
    Unknown,
    /// The handshake was seen and asked for none.
    None,
    /// The shift.
    By(u8),
}

/// One direction.
#[derive(Debug, Clone, Default)]
pub(super) struct Half {
    /// The first sequence number.
    pub(super) base: Option<u32>,
    /// The number after the highest byte seen; `None` before the first.
    pub(super) next: Option<u32>,
    /// When that byte came, and in which frame.
    pub(super) next_at: i64,
    pub(super) next_no: u32,
    /// What an acknowledgment may name at most.
    pub(super) max_to_ack: Option<u32>,
    pub(super) last_ack: Option<u32>,
    pub(super) last_ack_at: i64,
    /// The frame that acknowledged this first.
    pub(super) first_ack_no: u32,
    pub(super) duplicate_acks: u32,
    /// Bytes that the last segment acknowledged selectively.
    pub(super) sacked: u32,
    pub(super) window: Option<u16>,
    pub(super) scale: Scale,
    pub(super) last_labels: Labels,
    pub(super) unacked: VecDeque<Unacked>,
    /// A hole was seen, and no content since: what is in flight is a guess.
    pub(super) has_hole: bool,
    pub(super) pushed: u32,
    pub(super) last_was_push: bool,
}

impl Half {
    /// The last window in bytes, where the shift is known.
    pub(super) fn window_bytes(&self) -> Option<u32> {
        let window = u32::from(self.window?);
        match self.scale {
            Scale::Unknown => None,
            Scale::None => Some(window),
            Scale::By(shift) => Some(window << shift),
        }
    }

    pub(super) fn send(&mut self, segment: Unacked) {
        if self.unacked.len() == MAX_UNACKED {
            self.unacked.pop_front();
        }
        self.unacked.push_back(segment);
    }
}
