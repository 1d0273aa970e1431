//! The sending side of one file: offer it, read from where the peer wants it, say its hash.
//!
//! Pieces come from the driver ([`FileEvent::Read`]) and go to the peer as `DATA`. The next piece is asked for only
//! when the last one has left ([`Event::Sent`](crate::Event::Sent)), so however large the file, one piece is in
//! memory. What the peer already has is read too, for the hash, but not sent.
//!
//! ```text
//!   Opening ──▶ Offered ──ACCEPT──▶ Reading ⇄ Leaving ──end──▶ Confirming ──DONE, same hash──▶ through
//! ```
//!
//! The length is promised once, in the offer. A file that shrinks while it is sent is an error; one that grows is sent
//! as long as it was.

use sha2::{Digest, Sha256};

use super::wire::{Frame, Kind};
use super::{PIECE_LEN, Refusal, Step};
use crate::{Actions, FileAction, FileEvent, Notice};

/// One file on its way out.
pub(super) struct Send {
    name: String,
    len: u64,
    /// Where the peer wants it from.
    from: u64,
    /// How far it has been read and hashed.
    at: u64,
    sha: Sha256,
    phase: Phase,
}

/// What is waited for.
#[derive(PartialEq, Eq)]
enum Phase {
    Opening,
    Offered,
    /// A piece is being read.
    Reading,
    /// A piece is leaving.
    Leaving,
    /// All is said; the peer checks it.
    Confirming,
}

impl Send {
    /// Begins: the length is needed before anything can be offered.
    pub(super) fn open(name: String, actions: &mut Actions) -> Self {
        actions.file(FileAction::OpenSource { name: name.clone() });
        Self { name, len: 0, from: 0, at: 0, sha: Sha256::new(), phase: Phase::Opening }
    }

    /// A frame of the peer.
    pub(super) fn frame(&mut self, frame: Frame<'_>, actions: &mut Actions) -> Step {
        match (&self.phase, frame.kind) {
            (Phase::Offered, Kind::Accept) if frame.offset <= self.len => {
                self.from = frame.offset;
                self.read_on(actions);
                Step::Going
            }
            (Phase::Offered, Kind::Accept) => {
                Step::Failed(Refusal::Ours("ACCEPT beyond the end of the file"))
            }
            (Phase::Confirming, Kind::Done) => self.confirmed(frame),
            _ => Step::Failed(Refusal::Ours("a frame that does not belong here")),
        }
    }

    /// An answer from the shelf.
    pub(super) fn file(&mut self, event: FileEvent<'_>, actions: &mut Actions) -> Step {
        match event {
            FileEvent::Opened { len } => {
                self.len = len;
                self.phase = Phase::Offered;
                let offer =
                    Frame { kind: Kind::Offer, flags: 0, name: &self.name, offset: len, payload: b"" };
                offer.write(actions);
            }
            FileEvent::Read { bytes: [], .. } => {
                return Step::Failed(Refusal::Ours("the file became shorter while it was sent"));
            }
            FileEvent::Read { bytes, .. } => self.piece(bytes, actions),
            FileEvent::Committed | FileEvent::Failed(_) => {}
        }
        Step::Going
    }

    /// Is a piece to be made as soon as it may leave?
    pub(super) fn has_piece_to_make(&self) -> bool {
        self.phase == Phase::Leaving && self.at < self.len
    }

    /// Name, place and length while pieces go.
    pub(super) fn progress(&self) -> Option<(&str, u64, u64)> {
        matches!(self.phase, Phase::Leaving | Phase::Confirming).then_some((&self.name, self.at, self.len))
    }

    /// The last piece has left.
    pub(super) fn next_piece(&mut self, actions: &mut Actions) {
        if self.phase == Phase::Leaving {
            self.read_on(actions);
        }
    }

    /// A piece was read: sent, unless the peer has it already; hashed in any case.
    fn piece(&mut self, bytes: &[u8], actions: &mut Actions) {
        self.sha.update(bytes);
        if self.at < self.from {
            self.at += bytes.len() as u64;
            return self.read_on(actions);
        }
        Frame { kind: Kind::Data, flags: 0, name: "", offset: self.at, payload: bytes }.write(actions);
        self.at += bytes.len() as u64;
        self.phase = Phase::Leaving;
    }

    /// Asks for the next piece; after the last one says the hash.
    fn read_on(&mut self, actions: &mut Actions) {
        let until = if self.at < self.from { self.from } else { self.len };
        let len = (until - self.at).min(PIECE_LEN as u64) as usize;
        if len == 0 {
            let hash = self.sha.clone().finalize();
            Frame { kind: Kind::Done, flags: 0, name: "", offset: self.len, payload: &hash }.write(actions);
            self.phase = Phase::Confirming;
        } else {
            actions.file(FileAction::Read { offset: self.at, len });
            self.phase = Phase::Reading;
        }
    }

    /// Only the receiver knows that the file has arrived: its hash must be ours.
    fn confirmed(&self, frame: Frame<'_>) -> Step {
        if frame.payload != self.sha.clone().finalize().as_slice() {
            return Step::Failed(Refusal::Ours("the peer confirms another hash"));
        }
        Step::Through(Notice::FileSent { name: self.name.clone(), len: self.len, resumed_at: self.from })
    }
}
