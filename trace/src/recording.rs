//! A recording: the events of a run and the bytes of its frames, joined.
//!
//! The lab fills it while the run goes on; the judge, the ladder and the run folder read it.

use crate::event::{Event, Fate, What};
use crate::ladder::{Builder, Ladder};

/// Events in order of time, and frame bytes by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// What happened.
    pub events: Vec<Event>,
    /// Frame number `n`'s bytes as they were sent, at index `n - 1`.
    pub frames: Vec<Vec<u8>>,
}

impl Recording {
    /// Puts the events in order of time and numbers them from 1. Events of the same moment stay in the order they
    /// were noted, but what stands before everything else (hosts, link, programs) comes first.
    #[must_use]
    pub fn finish(mut self) -> Self {
        self.events.sort_by_key(|event| (event.at, !is_setting(&event.what)));
        for (event, id) in self.events.iter_mut().zip(1..) {
            event.id = id;
        }
        self
    }

    /// The bytes of a frame as they were sent.
    #[must_use]
    pub fn frame(&self, no: u32) -> Option<&[u8]> {
        self.frames.get(no.checked_sub(1)? as usize).map(Vec::as_slice)
    }

    /// The bytes a frame arrived with, where its fates changed them.
    #[must_use]
    pub fn altered(&self, no: u32, fates: &[Fate]) -> Option<Vec<u8>> {
        let mut bytes = None;
        for fate in fates {
            if let Fate::Corrupt(bit) = fate {
                flip(bytes.get_or_insert(self.frame(no)?.to_vec()), *bit);
            }
        }
        bytes
    }

    /// The whole ladder.
    #[must_use]
    pub fn ladder(&self) -> Ladder {
        self.build().into_ladder()
    }

    /// A builder that has seen all events.
    #[must_use]
    pub fn build(&self) -> Builder {
        let mut builder = Builder::new();
        let mut altered: Vec<Option<Vec<u8>>> = vec![None; self.frames.len() + 1];
        for event in &self.events {
            let bytes = match &event.what {
                What::Sent(sent) => {
                    if let Some(slot) = altered.get_mut(sent.frame as usize) {
                        *slot = self.altered(sent.frame, &sent.fates);
                    }
                    self.frame(sent.frame)
                }
                What::Arrived(arrived) => altered.get(arrived.frame as usize).and_then(Option::as_deref),
                _ => None,
            };
            builder.apply(event, bytes);
        }
        builder
    }
}

fn is_setting(what: &What) -> bool {
    matches!(what, What::Host(_) | What::Link(_) | What::Started(_))
}

/// Flips a bit, counted from the most significant one of the first byte, as everywhere in packet diagrams.
pub fn flip(bytes: &mut [u8], bit: u32) {
    if let Some(byte) = bytes.get_mut((bit / 8) as usize) {
        *byte ^= 0x80 >> (bit % 8);
    }
}
