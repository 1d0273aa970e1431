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
//! A name may lead through folders (`photos/2024/a.jpg`). A name that ends in `/` means the folder itself; who
//! wants it gets the list of all files below it, one name a line, and then wants those. A client may have many
//! errands; it does them one after the other on the same stream. What goes out can be paced
//! ([`Transfer::paced`]): the machine then asks to be woken instead of making the next piece at once.
//!
//! Whoever receives keeps a broken transfer as a partial file under another name, so a final name never holds half
//! a file. `ERR` with a text may come instead of any answer and ends that transfer; the connection can go on.

pub mod wire;

mod name;
mod receive;
mod send;

use core::time::Duration;
use std::collections::VecDeque;

pub use name::{BadName, check_name, is_plain_name};

use crate::{Actions, Bounds, Event, FileAction, FileEvent, FileProblem, Machine, Notice, Now};
use receive::Receive;
use send::Send;
use wire::{Decoder, Frame, Kind};

/// File bytes in one `DATA` frame and one read.
pub const PIECE_LEN: usize = 64 * 1024;

/// One side of a connection.
pub struct Transfer {
    decoder: Decoder,
    /// What a client still has to do.
    errands: VecDeque<Errand>,
    state: State,
    /// Leave when the state is idle again and nothing is left to do.
    is_leaving: bool,
    /// How fast file bytes may leave.
    pace: Option<Pace>,
    /// Tell of each piece, not only of each file.
    tells_progress: bool,
    /// We refused a file while its pieces were on their way: what still comes of it is no mistake of the peer.
    expects_late_pieces: bool,
}

/// A bound on how fast file bytes leave, kept over all files of a connection.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Bytes a second, at least 1.
    rate: u64,
    /// When the next piece may leave, on [`Now::steady`].
    due_at: Duration,
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
        Self {
            decoder: Decoder::default(),
            errands: VecDeque::new(),
            state: State::Idle,
            is_leaving: false,
            pace: None,
            tells_progress: false,
            expects_late_pieces: false,
        }
    }

    /// A client with one errand; it finishes when that is done.
    pub fn client(errand: Errand) -> Self {
        Self::errands([errand])
    }

    /// A client with many errands; each ends with one notice, in order, and it finishes after the last.
    pub fn errands(errands: impl IntoIterator<Item = Errand>) -> Self {
        let server = Self::server(Bounds::default());
        Self { errands: errands.into_iter().collect(), is_leaving: true, ..server }
    }

    /// The same, but no more than `rate` file bytes leave in a second.
    #[must_use]
    pub fn paced(self, rate: u64) -> Self {
        Self { pace: Some(Pace { rate: rate.max(1), due_at: Duration::ZERO }), ..self }
    }

    /// The same, and it tells of each piece ([`Notice::FileProgress`]).
    #[must_use]
    pub fn telling_progress(self) -> Self {
        Self { tells_progress: true, ..self }
    }

    /// A client speaks first: an offer, or a wish.
    fn begin_errand(&mut self, actions: &mut Actions) {
        match self.errands.pop_front() {
            Some(Errand::Send { name }) => self.state = State::Sending(Send::open(name, actions)),
            Some(Errand::Fetch { name }) => {
                Frame { kind: Kind::Offer, flags: wire::WANT, name: &name, offset: 0, payload: b"" }
                    .write(actions);
                self.state = State::Receiving(Receive::waiting(name));
            }
            None => {}
        }
    }

    /// All has left: the next piece, or, if that were too fast, a wish to be woken when it is time.
    fn sent(&mut self, now: Now, actions: &mut Actions) {
        let State::Sending(send) = &mut self.state else { return };
        if let Some(pace) = &mut self.pace
            && send.has_piece_to_make()
        {
            if now.steady < pace.due_at {
                return actions.wake_at(pace.due_at);
            }
            let cost = Duration::from_nanos((PIECE_LEN as u64).saturating_mul(1_000_000_000) / pace.rate);
            // A pause earns no burst.
            pace.due_at = pace.due_at.max(now.steady) + cost;
        }
        send.next_piece(actions);
    }

    /// Tells how far the file is, if anybody wants to know.
    fn tell_progress(&self, actions: &mut Actions) {
        let progress = match &self.state {
            State::Receiving(receive) => receive.progress(),
            State::Sending(send) => send.progress(),
            State::Idle | State::Over => return,
        };
        if self.tells_progress
            && let Some((name, at, len)) = progress
        {
            actions.notice(Notice::FileProgress { name: name.to_owned(), at, len });
        }
    }

    /// Frames have come, maybe several, maybe half of one.
    fn take(&mut self, bytes: &[u8], actions: &mut Actions) {
        let mut decoder = core::mem::take(&mut self.decoder);
        let outcome = decoder.feed(bytes, |frame| self.frame(frame, actions));
        self.decoder = decoder;
        if let Err(problem) = outcome {
            self.errands.clear();
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
            (State::Idle, Kind::Offer) => {
                self.expects_late_pieces = false;
                self.offered(frame, actions)
            }
            (State::Idle, Kind::Data | Kind::Done) if self.expects_late_pieces => return,
            (State::Idle, _) => Step::Failed(Refusal::Ours("no file is on its way")),
            (State::Receiving(receive), _) => receive.frame(frame, actions),
            (State::Sending(send), _) => send.frame(frame, actions),
        };
        self.settle(step, actions);
    }

    /// The first frame of a transfer. The name is checked before anything is opened.
    fn offered(&mut self, frame: Frame<'_>, actions: &mut Actions) -> Step {
        let is_wish = frame.flags & wire::WANT != 0;
        let checked = match frame.name.strip_suffix('/') {
            Some("") if is_wish => Ok(()), // the whole of what is served
            Some(folder) if is_wish => check_name(folder),
            _ => check_name(frame.name),
        };
        if let Err(bad) = checked {
            return Step::Failed(Refusal::Ours(bad.text()));
        }
        let name = frame.name.to_owned();
        self.state = if is_wish {
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
                    FileProblem::Full => "no room is left on the device",
                    FileProblem::NameTooLong => "the name is too long for this file system",
                    FileProblem::Outside => "the name leads through a symbolic link or out of the folder",
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
                self.expects_late_pieces = matches!(self.state, State::Receiving(_));
                Frame { kind: Kind::Err, flags: 0, name: "", offset: 0, payload: why.as_bytes() }
                    .write(actions);
                Notice::FileFailed { why: why.to_owned() }
            }
            Step::Failed(Refusal::Theirs(why)) => Notice::FileFailed { why },
        };
        actions.file(FileAction::Close);
        actions.notice(notice);
        self.state = State::Idle;
        if !self.errands.is_empty() {
            self.begin_errand(actions);
        } else if self.is_leaving {
            self.state = State::Over;
            actions.finish();
        }
    }

    /// The peer has finished, in the middle or at a good moment.
    fn end(&mut self, actions: &mut Actions) {
        self.errands.clear();
        if matches!(self.state, State::Receiving(_) | State::Sending(_)) {
            self.settle(Step::Failed(Refusal::Ours("the stream ended in the middle of a file")), actions);
        }
        self.state = State::Over;
        actions.finish();
    }

    /// No new file is begun; one that is on its way may arrive.
    fn drain(&mut self, actions: &mut Actions) {
        self.errands.clear();
        self.is_leaving = true; // a file that is on its way may still arrive
        if matches!(self.state, State::Idle) {
            self.state = State::Over;
            actions.finish();
        }
    }
}

impl Machine for Transfer {
    fn handle(&mut self, event: Event<'_>, now: Now, actions: &mut Actions) {
        match event {
            Event::Open => self.begin_errand(actions),
            Event::Bytes(_) if matches!(self.state, State::Over) => {}
            Event::Bytes(bytes) => self.take(bytes, actions),
            Event::File(event) => self.file(event, actions),
            Event::Sent | Event::Wake => self.sent(now, actions),
            Event::End => self.end(actions),
            Event::Drain => self.drain(actions),
            Event::Datagram { .. } => {}
        }
        self.tell_progress(actions);
    }

    fn open_message(&self) -> Option<u64> {
        self.decoder.open_frame()
    }
}

#[cfg(test)]
mod tests;
