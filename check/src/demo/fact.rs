//! Facts held against a recording; pure, so that a demonstration can be judged from its run folder too.

use tongro_trace::event::What;
use tongro_trace::ladder::{Arrow, Ladder};
use tongro_trace::recording::Recording;
use tongro_wire::filter::Filter;
use tongro_wire::{LinkType, dissect};

use super::scenario::{Fact, Frames};

/// What there is where a fact is not so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The numbers of the frames that there are.
    pub found: Vec<u32>,
}

/// The numbers of a run's frames that are meant.
#[must_use]
pub fn pointed(recording: &Recording, ladder: &Ladder, frames: &Frames) -> Vec<u32> {
    // Checked when the scenario was read.
    let filter = frames.filter.as_deref().and_then(|text| Filter::parse(text).ok());
    let is_meant = |arrow: &&Arrow| {
        let passes = filter.as_ref().is_none_or(|filter| {
            let bytes = recording.frame(arrow.no).unwrap_or_default();
            filter.matches(&dissect(LinkType::Ethernet, bytes))
        });
        let bears = frames.finding.as_ref().is_none_or(|id| arrow.findings.iter().any(|one| one.id == *id));
        passes && bears && frames.lost.is_none_or(|lost| lost == arrow.is_lost)
    };
    let numbers: Vec<u32> = ladder.arrows.iter().filter(is_meant).map(|arrow| arrow.no).collect();
    match frames.nth {
        Some(nth) => numbers.get(nth.saturating_sub(1)).copied().into_iter().collect(),
        None => numbers,
    }
}

impl Fact {
    /// Whether it is so; what there is instead otherwise.
    ///
    /// # Errors
    /// [`Broken`] with the frames that were found.
    pub fn hold(&self, recording: &Recording, ladder: &Ladder) -> Result<(), Broken> {
        let found = pointed(recording, ladder, &self.frames);
        let is_before = self.before.as_ref().is_none_or(|later| {
            let later = pointed(recording, ladder, later);
            matches!((found.first(), later.first()), (Some(first), Some(second)) if first < second)
        });
        let holds = self.count.is_none_or(|count| found.len() == count)
            && self.at_least.is_none_or(|least| found.len() >= least)
            && is_before
            && self
                .output
                .as_ref()
                .is_none_or(|line| ladder.output.iter().any(|one| one.text.contains(line)))
            && self.state.as_ref().is_none_or(|state| has_state(recording, state));
        if holds { Ok(()) } else { Err(Broken { found }) }
    }
}

fn has_state(recording: &Recording, state: &str) -> bool {
    recording
        .events
        .iter()
        .any(|event| matches!(&event.what, What::Socket(socket) if socket.state.name() == state))
}
