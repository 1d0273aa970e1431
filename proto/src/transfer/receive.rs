//! The receiving side of one file: say how much is here, append what comes, take it only if it is whole.
//!
//! Pieces come from the peer as `DATA` and go to the driver as writes to a partial file. What an earlier attempt
//! left is read once, for the hash. The file gets its name after its hash has been compared and not before.
//!
//! ```text
//!   Waiting ──OFFER──▶ Opening ──▶ Rehashing ──▶ Receiving ──DONE, hash right──▶ Committing ──▶ through
//!   (fetch only)                   what is here    ACCEPT, DATA                   fsync, rename   DONE
//! ```
//!
//! Every claim of the peer is checked where it is made: the place of a piece, the length of all, the hash. What is
//! refused is refused with a reason; the partial file stays unless it is known to be wrong.

use sha2::{Digest, Sha256};

use super::wire::{Frame, Kind};
use super::{PIECE_LEN, Refusal, Step};
use crate::{Actions, FileAction, FileEvent, Notice};

/// One file on its way in.
pub(super) struct Receive {
    name: String,
    len: u64,
    /// What an earlier attempt left.
    had: u64,
    /// How far it is here and hashed.
    at: u64,
    sha: Sha256,
    phase: Phase,
}

/// What is waited for.
#[derive(PartialEq, Eq)]
enum Phase {
    /// Asked for it; the offer has not come.
    Waiting,
    Opening,
    /// Reading what was already here.
    Rehashing,
    Receiving,
    Committing,
}

impl Receive {
    /// Asked for a file; its offer is to come.
    pub(super) fn waiting(name: String) -> Self {
        Self { name, len: 0, had: 0, at: 0, sha: Sha256::new(), phase: Phase::Waiting }
    }

    /// A file of this length was offered.
    pub(super) fn open(name: String, len: u64, actions: &mut Actions) -> Self {
        let mut this = Self::waiting(name);
        this.offered(len, actions);
        this
    }

    /// A frame of the peer.
    pub(super) fn frame(&mut self, frame: Frame<'_>, actions: &mut Actions) -> Step {
        match (&self.phase, frame.kind) {
            (Phase::Waiting, Kind::Offer) if frame.name == self.name => {
                self.offered(frame.offset, actions);
                Step::Going
            }
            (Phase::Receiving, Kind::Data) => self.data(frame, actions),
            (Phase::Receiving, Kind::Done) => self.done(frame, actions),
            _ => Step::Failed(Refusal::Ours("a frame that does not belong here")),
        }
    }

    /// An answer from the shelf.
    pub(super) fn file(&mut self, event: FileEvent<'_>, actions: &mut Actions) -> Step {
        match event {
            FileEvent::Opened { len } => self.opened(len, actions),
            FileEvent::Read { bytes, .. } => {
                self.sha.update(bytes);
                self.at += bytes.len() as u64;
                // Shorter than it was a moment ago: go on from where it ends.
                self.had = if bytes.is_empty() { self.at } else { self.had };
                self.rehash(actions);
            }
            FileEvent::Committed => {
                let hash = self.sha.clone().finalize();
                Frame { kind: Kind::Done, flags: 0, name: "", offset: self.len, payload: &hash }
                    .write(actions);
                let (name, len, resumed_at) = (self.name.clone(), self.len, self.had);
                return Step::Through(Notice::FileReceived { name, len, resumed_at });
            }
            FileEvent::Failed(_) => {}
        }
        Step::Going
    }

    /// Name, place and length while pieces come.
    pub(super) fn progress(&self) -> Option<(&str, u64, u64)> {
        matches!(self.phase, Phase::Receiving | Phase::Committing).then_some((&self.name, self.at, self.len))
    }

    /// The offer says how long it will be; now see what is here.
    fn offered(&mut self, len: u64, actions: &mut Actions) {
        self.len = len;
        self.phase = Phase::Opening;
        actions.file(FileAction::OpenPartial { name: self.name.clone() });
    }

    /// This much is here: to be hashed, or to be thrown away if it cannot be a prefix.
    fn opened(&mut self, len: u64, actions: &mut Actions) {
        if len > self.len {
            actions.file(FileAction::Discard); // left over from a longer file of this name
            actions.file(FileAction::OpenPartial { name: self.name.clone() });
            return;
        }
        self.had = len;
        self.rehash(actions);
    }

    /// Hashes the next piece of what is here; after the last one asks for the rest.
    fn rehash(&mut self, actions: &mut Actions) {
        let len = (self.had - self.at).min(PIECE_LEN as u64) as usize;
        if len > 0 {
            self.phase = Phase::Rehashing;
            return actions.file(FileAction::Read { offset: self.at, len });
        }
        self.phase = Phase::Receiving;
        Frame { kind: Kind::Accept, flags: 0, name: "", offset: self.at, payload: b"" }.write(actions);
    }

    /// A piece: it must begin where the last one ended, and end within the length.
    fn data(&mut self, frame: Frame<'_>, actions: &mut Actions) -> Step {
        if frame.offset != self.at {
            return Step::Failed(Refusal::Ours("DATA with a gap or an overlap"));
        }
        if frame.payload.len() as u64 > self.len - self.at {
            return Step::Failed(Refusal::Ours("DATA beyond the offered length"));
        }
        actions.write_file(self.at, frame.payload);
        self.sha.update(frame.payload);
        self.at += frame.payload.len() as u64;
        Step::Going
    }

    /// The hash of the whole: equal, and the file is taken; different, and what is here is worth nothing.
    fn done(&mut self, frame: Frame<'_>, actions: &mut Actions) -> Step {
        if self.at != self.len {
            return Step::Failed(Refusal::Ours("DONE before the end of the file"));
        }
        if frame.payload != self.sha.clone().finalize().as_slice() {
            actions.file(FileAction::Discard);
            return Step::Failed(Refusal::Ours("another SHA-256: what was here is not a prefix; send again"));
        }
        self.phase = Phase::Committing;
        actions.file(FileAction::Commit);
        Step::Going
    }
}
