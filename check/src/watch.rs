//! Waiting without a clock: a probe ends when what it waits for has come, or when the program cannot bring it any more.
//!
//! *Quiet*: every thread waits without a timeout and nothing of ours is under way. A deadline may only speak against a
//! program that made no progress in the whole period; one that moves is *slow*, which is never a failure.

use tongro_lab::{Lab, Observation};

use crate::error::CheckError;
use crate::peer::Peer;

/// Looks in a row that must agree before quiet is believed.
const AGREEING: u32 = 2;
/// The same where our own bytes still lie in a queue: a window that never opens.
const AGREEING_STUCK: u32 = 30;
/// Without progress while a timer may still wake the program, ns.
const TIMED_PERIOD: u64 = 3_000_000_000;
/// CPU time burnt without moving a byte, ns.
const SPIN_PERIOD: u64 = 1_000_000_000;
/// With progress, but without an end, ns.
const SLOW_PERIOD: u64 = 20_000_000_000;

/// Why a wait ended without what was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Nothing more will come.
    Quiet,
    /// It burns CPU time and moves nothing.
    Spinning {
        /// CPU time burnt, ms.
        ms: u64,
    },
    /// It still moves, but this has gone on for long.
    Slow,
}

/// What earlier looks of one wait saw.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    started_at: Option<u64>,
    quiet: u32,
    stuck: u32,
    queued: u32,
    /// Since when nothing moved: the clock, the progress counter, the CPU time.
    still_since: Option<(u64, u64, u64)>,
}

impl Watch {
    /// A byte of ours has moved: what was seen before says nothing about quiet any more.
    pub(crate) fn moved(&mut self) {
        let started_at = self.started_at;
        *self = Self { started_at, ..Self::default() };
    }

    /// Looks once; `Some` when the wait is over.
    pub(crate) fn look(
        &mut self,
        lab: &Lab,
        seen: &Observation,
        peers: &[&Peer],
        server: u8,
    ) -> Result<Option<Idle>, CheckError> {
        let now = lab.now();
        if now - *self.started_at.get_or_insert(now) > SLOW_PERIOD {
            return Ok(Some(Idle::Slow));
        }
        let (since, progress, cpu) = *self.still_since.get_or_insert((now, seen.progress, seen.cpu_ns));
        if progress != seen.progress {
            self.still_since = Some((now, seen.progress, seen.cpu_ns));
            (self.quiet, self.stuck) = (0, 0);
            return Ok(None);
        }
        if seen.is_quiet() {
            return self.count_quiet(lab, peers, server);
        }
        (self.quiet, self.stuck) = (0, 0);
        let burnt = seen.cpu_ns.saturating_sub(cpu);
        if burnt > SPIN_PERIOD {
            return Ok(Some(Idle::Spinning { ms: burnt / 1_000_000 }));
        }
        Ok((seen.is_still() && now - since > TIMED_PERIOD).then_some(Idle::Quiet))
    }

    fn count_quiet(&mut self, lab: &Lab, peers: &[&Peer], server: u8) -> Result<Option<Idle>, CheckError> {
        let mut queued = 0;
        for peer in peers {
            queued += peer.unacknowledged();
            if let Some(local) = peer.local {
                queued += lab.lookup(server, peer.remote, local)?.map_or(0, |row| row.wqueue);
            }
        }
        if queued == 0 {
            self.quiet += 1;
        } else {
            self.stuck = if queued == self.queued { self.stuck + 1 } else { 0 };
            self.queued = queued;
        }
        Ok((self.quiet >= AGREEING || self.stuck >= AGREEING_STUCK).then_some(Idle::Quiet))
    }
}
