//! The gate: how many connections are inside, and whether one more may come in.
//!
//! The accepting side asks with [`Gate::enter`]; the [`Permit`] it gets lives as long as the connection and gives
//! the place back when dropped, on whatever path the connection ends.
//!
//! The total is kept by not accepting: whoever waits in the backlog has been promised nothing. The share of one address
//! is kept by closing, because its newcomers stand in the same queue as everybody else's, and not accepting them would
//! shut out all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::options::Limits;

/// Counts connections against the limits.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Both limits come from here.
    limits: Limits,
    /// Who is inside.
    counts: Mutex<Counts>,
    /// Told whenever a place becomes free.
    freed: Condvar,
}

/// What the gate remembers.
#[derive(Debug, Default)]
struct Counts {
    /// All connections.
    inside: usize,
    /// Connections by address; kept only if there is a limit for it.
    by_peer: HashMap<IpAddr, usize>,
    /// Connections let in since the start.
    accepted: u64,
    /// Connections closed at once because their address had too many.
    refused: u64,
    /// Connections that did not finish in time at shutdown.
    cut: usize,
}

/// The answer to a newcomer.
pub(crate) enum Entry {
    /// Come in.
    Pass(Permit),
    /// This address has its share: close it.
    TooManyFromPeer,
}

/// A place inside, given back on drop.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    peer: Option<IpAddr>,
}

impl Gate {
    /// An empty house.
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self { limits: limits.clone(), counts: Mutex::default(), freed: Condvar::new() })
    }

    /// Lets one connection in. Callers ask [`Self::is_full`] before they accept, so the total is theirs to keep.
    pub(crate) fn enter(self: &Arc<Self>, peer: Option<IpAddr>) -> Entry {
        let peer = peer.filter(|_| self.limits.per_peer.is_some());
        let mut counts = self.counts();
        if let (Some(ip), Some(limit)) = (peer, self.limits.per_peer) {
            let from_peer = counts.by_peer.entry(ip).or_default();
            if *from_peer >= limit {
                counts.refused += 1;
                return Entry::TooManyFromPeer;
            }
            *from_peer += 1;
        }
        counts.inside += 1;
        counts.accepted += 1;
        Entry::Pass(Permit { gate: Arc::clone(self), peer })
    }

    /// Is there no place left?
    pub(crate) fn is_full(&self) -> bool {
        self.counts().inside >= self.limits.connections
    }

    /// Waits until a place may be free, or `at_most` has passed.
    pub(crate) fn wait_for_place(&self, at_most: Duration) {
        let counts = self.counts();
        let full = |counts: &mut Counts| counts.inside >= self.limits.connections;
        drop(self.freed.wait_timeout_while(counts, at_most, full));
    }

    /// Waits until everybody has left.
    pub(crate) fn wait_until_empty(&self) {
        drop(self.freed.wait_while(self.counts(), |counts| counts.inside > 0));
    }

    /// Connections inside, let in so far, refused so far.
    pub(crate) fn tally(&self) -> (usize, u64, u64) {
        let counts = self.counts();
        (counts.inside, counts.accepted, counts.refused)
    }

    /// Notes connections that are cut at the end of the drain time.
    pub(crate) fn count_cut(&self, connections: usize) {
        self.counts().cut += connections;
    }

    /// How many were cut.
    pub(crate) fn cut(&self) -> usize {
        self.counts().cut
    }

    /// The counts stay true even if a handler panicked, so poison is not a reason to stop.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a place back and wakes whoever waits for one.
    fn leave(&self, peer: Option<IpAddr>) {
        let mut counts = self.counts();
        counts.inside -= 1;
        if let Some(ip) = peer
            && let Some(from_peer) = counts.by_peer.get_mut(&ip)
        {
            *from_peer -= 1;
            if *from_peer == 0 {
                counts.by_peer.remove(&ip);
            }
        }
        drop(counts);
        self.freed.notify_all();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.leave(self.peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_and_an_address_has_its_share() {
        let gate = Gate::new(&Limits { connections: 3, per_peer: Some(1), ..Limits::default() });
        let (one, two) = (Some(IpAddr::from([10, 0, 0, 1])), Some(IpAddr::from([10, 0, 0, 2])));
        let Entry::Pass(first) = gate.enter(one) else { panic!("first of its address") };
        assert!(matches!(gate.enter(one), Entry::TooManyFromPeer));
        let Entry::Pass(_second) = gate.enter(two) else { panic!("another address") };
        let Entry::Pass(_unix) = gate.enter(None) else { panic!("no address, no share") };
        assert!(gate.is_full());
        drop(first);
        assert!(!gate.is_full());
        assert!(matches!(gate.enter(one), Entry::Pass(_)));
        assert_eq!(gate.tally(), (2, 4, 1));
    }
}
