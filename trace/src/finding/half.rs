//! One end of a connection: what it sent, what was acknowledged to it, what it acknowledged.

use std::collections::VecDeque;

use crate::event::Nanos;
use crate::segment::{Segment, before};

use super::Delivery;

/// How many acknowledged segments are remembered, to name the original of a needless retransmission.
const REMEMBERED: usize = 64;

/// The least retransmission timeout of Linux (TCP_RTO_MIN), for ends whose own is not known.
const LEAST_TIMEOUT: Nanos = 200_000_000;

/// One transmission of a range of sequence numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transmission {
    pub(super) no: u32,
    pub(super) at: Nanos,
    pub(super) seq: u32,
    pub(super) end: u32,
    pub(super) delivery: Delivery,
}

impl Transmission {
    pub(super) fn is_lost(&self) -> bool {
        self.delivery == Delivery::Lost
    }
}

/// The last acknowledgment this end sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastAck {
    pub(super) ack: u32,
    pub(super) no: u32,
    pub(super) window: u16,
    /// Its first SACK block.
    pub(super) block: Option<(u32, u32)>,
    /// How many times it was repeated since.
    pub(super) repeats: u32,
}

/// What this end last got from the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastArrival {
    pub(super) no: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) seq_len: u32,
    pub(super) is_probe: bool,
}

/// Something with content that this end got and that no acknowledgment of its own answered yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) no: u32,
    pub(super) seq: u32,
    pub(super) end: u32,
}

/// The first data this end sent after the other's FIN had arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct AfterFin {
    pub(super) fin: u32,
    pub(super) data: u32,
    pub(super) end: u32,
    /// The other end has acknowledged it.
    pub(super) is_taken: bool,
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct Half {
    /// The frame with its SYN, and its window shift.
    pub(super) syn: Option<u32>,
    pub(super) scale: Option<u8>,
    /// The next new sequence number; `None` before the first segment.
    pub(super) next: Option<u32>,
    /// The lowest number not yet acknowledged, as far as this end knows.
    pub(super) unacked: u32,
    /// What was sent and is not yet acknowledged, then the last that were.
    pub(super) flying: VecDeque<Transmission>,
    pub(super) settled: VecDeque<Transmission>,
    /// Repeated acknowledgments that arrived since one that advanced.
    pub(super) duplicate_acks: Vec<u32>,
    /// Until here a recovery goes on.
    pub(super) recover: Option<u32>,
    pub(super) timeout: Nanos,
    /// The other end's window as it last arrived here, in bytes; `None` while the shift is unknown.
    pub(super) window: Option<u32>,
    pub(super) fin: Option<Transmission>,
    pub(super) fin_acked: bool,
    pub(super) fin_arrived: Option<u32>,
    pub(super) after_fin: Option<AfterFin>,
    pub(super) last_ack: Option<LastAck>,
    pub(super) last_arrival: Option<LastArrival>,
    pub(super) unanswered: VecDeque<Arrival>,
    /// The last arrival has been answered by an acknowledgment.
    pub(super) is_answered: bool,
    /// It has no connection any more: it sent or got a reset, in this frame.
    pub(super) gone: Option<u32>,
}

impl Default for Half {
    fn default() -> Self {
        Self {
            syn: None,
            scale: None,
            next: None,
            unacked: 0,
            flying: VecDeque::new(),
            settled: VecDeque::new(),
            duplicate_acks: Vec::new(),
            recover: None,
            timeout: LEAST_TIMEOUT,
            window: None,
            fin: None,
            fin_acked: false,
            fin_arrived: None,
            after_fin: None,
            last_ack: None,
            last_arrival: None,
            unanswered: VecDeque::new(),
            is_answered: true,
            gone: None,
        }
    }
}

impl Half {
    /// Everything it sent is acknowledged.
    pub(super) fn is_idle(&self) -> bool {
        self.next.is_none_or(|next| self.unacked == next)
    }

    /// Notes a transmission.
    pub(super) fn transmit(&mut self, segment: &Segment, delivery: Delivery) {
        let Segment { no, at, seq, .. } = *segment;
        let end = segment.end();
        self.flying.push_back(Transmission { no, at, seq, end, delivery });
        if self.next.is_none_or(|next| before(next, end)) {
            self.next = Some(end);
        }
    }

    /// Takes an acknowledgment that arrived; repeats are the duplicate ones.
    pub(super) fn acknowledge(&mut self, no: u32, ack: u32, repeats: bool) {
        if before(self.unacked, ack) {
            self.unacked = ack;
            self.duplicate_acks.clear();
            self.recover = self.recover.filter(|recover| before(ack, *recover));
            while let Some(first) = self.flying.front().copied()
                && !before(ack, first.end)
            {
                self.flying.pop_front();
                self.settled.push_back(first);
                if self.settled.len() > REMEMBERED {
                    self.settled.pop_front();
                }
            }
        } else if ack == self.unacked && repeats && !self.is_idle() {
            self.duplicate_acks.push(no);
        }
    }

    /// Notes that content arrived.
    pub(super) fn receive(&mut self, segment: &Segment) {
        if self.unanswered.len() == REMEMBERED {
            self.unanswered.pop_front();
        }
        let arrival = Arrival { no: segment.no, seq: segment.seq, end: segment.end() };
        self.unanswered.push_back(arrival);
    }

    /// The arrival that an acknowledgment of this end answers: the first SACK block holds it (RFC 2018 section 4),
    /// without one it is the oldest. What is answered with it is forgotten.
    pub(super) fn answer(&mut self, segment: &Segment) -> Option<Arrival> {
        let is_in_block = |arrival: &Arrival| match segment.options.sack().first() {
            Some((left, right)) => !before(arrival.seq, *left) && !before(*right, arrival.end),
            None => true,
        };
        let at = self.unanswered.iter().position(is_in_block);
        let answered = at.and_then(|at| self.unanswered.drain(..=at).next_back());
        self.unanswered.retain(|arrival| before(segment.ack, arrival.end));
        answered
    }

    /// Earlier transmissions that share bytes with this segment, oldest first.
    pub(super) fn earlier(&self, segment: &Segment) -> Vec<Transmission> {
        let (seq, end) = (segment.seq, segment.end());
        let all = self.settled.iter().chain(&self.flying);
        all.filter(|old| before(old.seq, end) && before(seq, old.end)).copied().collect()
    }
}

/// Whether transmissions that are known to arrive hold every byte from `seq` to `end`.
pub(super) fn covers(transmissions: &[Transmission], mut seq: u32, end: u32) -> bool {
    while before(seq, end) {
        let next = transmissions.iter().find(|old| {
            matches!(old.delivery, Delivery::Arrives(_)) && !before(seq, old.seq) && before(seq, old.end)
        });
        match next {
            Some(old) => seq = old.end,
            None => return false,
        }
    }
    true
}
