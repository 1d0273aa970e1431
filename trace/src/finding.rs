//! Findings: what happened to a frame, which frames prove it, and the numbers behind it.
//!
//! Segments come in as they are sent and as they arrive, together with what the link did to them; findings go out as
//! ids, parameters and evidence that `course` has words for. Parameters share their names: `first` the frame it all
//! began with, `dups` repeated acknowledgments, `seq`, `ack`, `len`, `ms`, `rule`; whoever shows a finding adds the
//! frame's own `n`, `from`, `to` and `len`. Frame numbers are plain, lists of them as `10,11,12`. Because the link's
//! log says what was dropped, "lost", "spurious" and "out of order" are facts here, not guesses.

mod checksum;
mod half;
mod link;
mod plain;
mod report;
mod tcp;

use std::collections::HashMap;

use crate::event::Nanos;
use crate::ladder::Finding;
use crate::segment::{Direction, Segment};

pub use checksum::bad_checksum;
pub use link::{lost, of_fates};
pub use plain::{PlainAnalyser, quoted};
pub use report::{id, is_retransmission};
pub(crate) use report::{millis, sort};

/// What the link will do with a segment, as far as analysis is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives, this many times.
    Arrives(u32),
    /// It never arrives, or arrives with a wrong checksum.
    Lost,
    /// Nobody knows; in a capture it is seen to arrive when it is seen at all.
    Unknown,
}

/// A finding and the frame it is about: as a rule the one just sent, but some make sense of an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The frame.
    pub frame: u32,
    /// What was found.
    pub finding: Finding,
}

/// Finds; one for a whole log.
#[derive(Debug, Default)]
pub struct Analyser {
    connections: HashMap<u32, tcp::Connection>,
    in_flight: HashMap<u32, InFlight>,
    newest: HashMap<(u32, Direction), u32>,
}

#[derive(Debug)]
struct InFlight {
    flow: u32,
    segment: Segment,
    role: Role,
    arrivals_left: u32,
}

/// What a segment means to its receiver beyond its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    DuplicateAck,
    Probe,
}

impl Role {
    fn of(findings: &[Found]) -> Self {
        let has = |id| findings.iter().any(|found| found.finding.id == id);
        match () {
            () if has(id::DUPLICATE_ACK) => Self::DuplicateAck,
            () if has(id::KEEP_ALIVE) || has(id::ZERO_WINDOW_PROBE) => Self::Probe,
            () => Self::Plain,
        }
    }
}

impl Analyser {
    /// A segment of a flow goes onto the link.
    pub fn sent(&mut self, flow: u32, segment: &Segment, delivery: Delivery) -> Vec<Found> {
        let findings = self.connections.entry(flow).or_default().sent(segment, delivery);
        let arrivals_left = match delivery {
            Delivery::Arrives(times) => times,
            Delivery::Lost => 0,
            Delivery::Unknown => 1,
        };
        if arrivals_left > 0 {
            let (segment, role) = (segment.clone(), Role::of(&findings));
            self.in_flight.insert(segment.no, InFlight { flow, segment, role, arrivals_left });
        }
        findings
    }

    /// A reset that no host sent goes onto the link in the name of one.
    pub fn forged(&mut self, flow: u32, segment: &Segment, rule: &str) -> Vec<Found> {
        let in_flight = InFlight { flow, segment: segment.clone(), role: Role::Plain, arrivals_left: 1 };
        self.in_flight.insert(segment.no, in_flight);
        vec![Found { frame: segment.no, finding: report::forged_reset(segment, rule) }]
    }

    /// A segment reaches its host, for the first time or as a copy.
    pub fn arrived(&mut self, no: u32) {
        let Some(in_flight) = self.in_flight.get_mut(&no) else { return };
        let connection = self.connections.entry(in_flight.flow).or_default();
        connection.arrived(&in_flight.segment, in_flight.role);
        if in_flight.segment.is_bare_ack() {
            in_flight.role = Role::DuplicateAck;
        }
        in_flight.arrivals_left -= 1;
        if in_flight.arrivals_left == 0 {
            self.in_flight.remove(&no);
        }
    }

    /// The link dropped a frame after all: its queue was full, its host gone.
    pub fn lost(&mut self, no: u32) {
        if let Some(in_flight) = self.in_flight.remove(&no) {
            self.connections.entry(in_flight.flow).or_default().lost(in_flight.segment.dir, no);
        }
    }

    /// The retransmission timeout of the end that sends in this direction, as its kernel has it.
    pub fn timeout_is(&mut self, flow: u32, dir: Direction, timeout: Nanos) {
        self.connections.entry(flow).or_default().timeout_is(dir, timeout);
    }

    /// The shift of the window field of a segment (RFC 7323); `None` when the handshake was not seen.
    #[must_use]
    pub fn window_shift(&self, flow: u32, segment: &Segment) -> Option<u8> {
        self.connections.get(&flow)?.shift(segment)
    }

    /// Whether a frame with content arrived after one that was sent later; `None` when in order.
    pub fn overtaken(&mut self, flow: u32, dir: Direction, no: u32) -> Option<Finding> {
        let newest = self.newest.entry((flow, dir)).or_default();
        if no > *newest {
            *newest = no;
            return None;
        }
        (no < *newest).then(|| report::out_of_order(*newest))
    }
}
