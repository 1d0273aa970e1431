//! File transfer, level 0: large files in checked pieces, resumed where they broke off, taken only when whole.
//!
//! Bytes come from the peer as frames ([`wire`]); pieces of files go to the driver as
//! [`FileAction`]s and come back as [`FileEvent`]s. The same machine is server
//! and client: a server waits for an `OFFER`, a client begins with one.
//!
//! ```text
//!  sending: client                         server
//!     OFFER name, offset = size ─────────▶  looks what it has of `name`, hashes it
//!     ◀───────────────── ACCEPT offset = that
//!     DATA offset, bytes ────────────────▶  appends
//!     …
//!     DONE offset = size, sha256 ────────▶  compares, syncs, renames
//!     ◀────────────────────── DONE sha256   only now is the file there
//!
//!  fetching: OFFER with the WANT flag and a name; then the server sends an OFFER, and so on, the other way round.
//! ```
//!
//! Whoever receives keeps a broken transfer as a partial file under another name, so a final name never holds half
//! a file. `ERR` with a text may come instead of any answer and ends that transfer; the connection can go on.

pub mod wire;

mod receive;
mod send;

use crate::{Actions, Bounds, Event, FileAction, FileEvent, FileProblem, Machine, Notice, Now};
use receive::Receive;
use send::Send;
use wire::{Decoder, Frame, Kind};

/// File bytes in one `DATA` frame and one read.
pub const PIECE_LEN: usize = 64 * 1024;

/// One side of a connection.
pub struct Transfer {
    decoder: Decoder,
    /// What a client begins with.
    errand: Option<Errand>,
    state: State,
    /// Leave when the state is idle again.
    is_leaving: bool,
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Bring the peer this file.
    Send {
        /// Its plain name.
        name: String,
    },
    /// Get this file.
    Fetch {
        /// Its plain name.
        name: String,
    },
}

/// Whether a file is on its way, and which.
enum State {
    /// No file is on its way.
    Idle,
    /// One is coming.
    Receiving(Receive),
    /// One is going.
    Sending(Send),
    /// Said the last word.
    Over,
}

/// What a step made of the state.
enum Step {
    /// Not finished.
    Going,
    /// This file is through.
    Through(Notice),
    /// This file is not; the peer is told why unless it told us.
    Failed(Refusal),
}

/// Why a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refusal {
    /// We say no.
    Ours(&'static str),
    /// The peer said no.
    Theirs(String),
}

impl Transfer {
    /// A server: waits for offers.
    pub fn server(_bounds: Bounds) -> Self {
        Self { decoder: Decoder::default(), errand: None, state: State::Idle, is_leaving: false }
    }

    /// A client with one errand; it finishes when that is done.
    pub fn client(errand: Errand) -> Self {
        Self { decoder: Decoder::default(), errand: Some(errand), state: State::Idle, is_leaving: true }
    }

    /// A client speaks first: an offer, or a wish.
    fn begin_errand(&mut self, actions: &mut Actions) {
        match self.errand.take() {
            Some(Errand::Send { name }) => self.state = State::Sending(Send::open(name, actions)),
            Some(Errand::Fetch { name }) => {
                Frame { kind: Kind::Offer, flags: wire::WANT, name: &name, offset: 0, payload: b"" }
                    .write(actions);
                self.state = State::Receiving(Receive::waiting(name));
            }
            None => {}
        }
    }

    /// Frames have come, maybe several, maybe half of one.
    fn take(&mut self, bytes: &[u8], actions: &mut Actions) {
        let mut decoder = core::mem::take(&mut self.decoder);
        let outcome = decoder.feed(bytes, |frame| self.frame(frame, actions));
        self.decoder = decoder;
        if let Err(problem) = outcome {
            self.settle(Step::Failed(Refusal::Ours(problem.text())), actions);
            self.state = State::Over; // the place of the next frame is unknown
            actions.finish();
        }
    }

    /// One whole frame: what it means depends on the state.
    fn frame(&mut self, frame: Frame<'_>, actions: &mut Actions) {
        let step = match (&mut self.state, frame.kind) {
            (State::Over, _) => return,
            (_, Kind::Err) => {
                Step::Failed(Refusal::Theirs(String::from_utf8_lossy(frame.payload).into_owned()))
            }
            (State::Idle, Kind::Offer) => self.offered(frame, actions),
            (State::Idle, _) => Step::Failed(Refusal::Ours("no file is on its way")),
            (State::Receiving(receive), _) => receive.frame(frame, actions),
            (State::Sending(send), _) => send.frame(frame, actions),
        };
        self.settle(step, actions);
    }

    /// The first frame of a transfer. The name is checked before anything is opened.
    fn offered(&mut self, frame: Frame<'_>, actions: &mut Actions) -> Step {
        if !is_plain_name(frame.name) {
            return Step::Failed(Refusal::Ours("not a plain file name"));
        }
        let name = frame.name.to_owned();
        self.state = if frame.flags & wire::WANT != 0 {
            State::Sending(Send::open(name, actions))
        } else {
            State::Receiving(Receive::open(name, frame.offset, actions))
        };
        Step::Going
    }

    /// An answer from the shelf.
    fn file(&mut self, event: FileEvent<'_>, actions: &mut Actions) {
        let step = match (&mut self.state, event) {
            (State::Receiving(_) | State::Sending(_), FileEvent::Failed(problem)) => {
                Step::Failed(Refusal::Ours(match problem {
                    FileProblem::Missing => "no such file",
                    FileProblem::Busy => "another transfer of this file is running",
                    FileProblem::Storage => "the file cannot be read or written",
                }))
            }
            (State::Receiving(receive), event) => receive.file(event, actions),
            (State::Sending(send), event) => send.file(event, actions),
            (State::Idle | State::Over, _) => return,
        };
        self.settle(step, actions);
    }

    /// Ends a transfer that is through or failed.
    fn settle(&mut self, step: Step, actions: &mut Actions) {
        let notice = match step {
            Step::Going => return,
            Step::Through(notice) => notice,
            Step::Failed(Refusal::Ours(why)) => {
                Frame { kind: Kind::Err, flags: 0, name: "", offset: 0, payload: why.as_bytes() }
                    .write(actions);
                Notice::FileFailed { why: why.to_owned() }
            }
            Step::Failed(Refusal::Theirs(why)) => Notice::FileFailed { why },
        };
        actions.file(FileAction::Close);
        actions.notice(notice);
        self.state = State::Idle;
        if self.is_leaving {
            self.state = State::Over;
            actions.finish();
        }
    }

    /// The peer has finished, in the middle or at a good moment.
    fn end(&mut self, actions: &mut Actions) {
        if matches!(self.state, State::Receiving(_) | State::Sending(_)) {
            self.settle(Step::Failed(Refusal::Ours("the stream ended in the middle of a file")), actions);
        }
        self.state = State::Over;
        actions.finish();
    }

    /// No new file is begun; one that is on its way may arrive.
    fn drain(&mut self, actions: &mut Actions) {
        self.is_leaving = true; // a file that is on its way may still arrive
        if matches!(self.state, State::Idle) {
            self.state = State::Over;
            actions.finish();
        }
    }
}

impl Machine for Transfer {
    fn handle(&mut self, event: Event<'_>, _now: Now, actions: &mut Actions) {
        match event {
            Event::Open => self.begin_errand(actions),
            Event::Bytes(_) if matches!(self.state, State::Over) => {}
            Event::Bytes(bytes) => self.take(bytes, actions),
            Event::File(event) => self.file(event, actions),
            Event::Sent => {
                if let State::Sending(send) = &mut self.state {
                    send.next_piece(actions);
                }
            }
            Event::End => self.end(actions),
            Event::Drain => self.drain(actions),
            Event::Datagram { .. } | Event::Wake => {}
        }
    }

    fn open_message(&self) -> Option<u64> {
        self.decoder.open_frame()
    }
}

/// A name that stays in its directory on every system: no separators, no drive, no `..`, nothing hidden, no control
/// characters, at most 255 bytes.
pub fn is_plain_name(name: &str) -> bool {
    let is_odd = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.contains(is_odd)
}

#[cfg(test)]
mod tests;
