//! Level 1: two replicas on one stream. Every message is a length (u32, big-endian) and postcard.
//!
//! ```text
//!   caller                                     listener
//!     Hello(head) ─────────────────────────────▶ scans
//!             ◀───────────────────────────────── Hello(head)       equal roots: that was all, one round trip
//!     Children(folders, marks) ────────────────▶
//!             ◀───────────────────────────────── Children           only what differs, one question a level
//!     Recipe, Fetch ───────────────────────────▶
//!             ◀───────────────────────────────── Bytes … End        a whole batch of files in one stream
//!     YourTurn ────────────────────────────────▶ and now the same the other way round
//!             ◀───────────────────────────────── … Done(head, report)
//! ```
//!
//! A length that a peer claims is bounded before memory is set aside; keys are checked where they are used.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use crate::chunk::Step;
use crate::entry::Hash;
use crate::error::{Error, Result};
use crate::name::Key;
use crate::remote::{Ask, Head, Piece, Remote, Taker, Want};
use crate::replica::{Replica, Report};
use crate::store::Store;
use crate::tree::Child;
use crate::vfs::Vfs;

/// The version of all this.
const VERSION: u32 = 1;
/// The longest message: the answer for 512 folders of some thousand files each.
const MESSAGE_LEN: usize = 256 << 20;

/// What is said, by either side.
#[derive(Debug, Serialize, Deserialize)]
enum Message {
    Hello { version: u32, head: Head },
    Children(Vec<Ask>),
    ChildrenAre(Vec<Vec<Child>>),
    Recipe { key: Key, hash: Hash, base: Option<Hash> },
    RecipeIs(Option<Vec<Step>>),
    Fetch(Vec<Want>),
    Bytes(u32, #[serde(with = "serde_bytes")] Vec<u8>),
    End(u32),
    Missing(u32),
    FetchedAll,
    YourTurn,
    Done { head: Head, taken: u64, conflicts: u64, postponed: u64 },
    Refused(String),
}

/// What came of a session, as the caller sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Nothing differed: one round trip.
    pub was_equal: bool,
    /// What we took.
    pub ours: Report,
    /// Files the other side took, conflict copies it made, and paths it postponed.
    pub theirs: (u64, u64, u64),
    /// Both roots are equal now.
    pub is_equal: bool,
}

/// A stream of messages.
struct Line<'c, C>(&'c mut C);

impl<C: Read + Write> Line<'_, C> {
    fn send(&mut self, message: &Message) -> Result<()> {
        let body = postcard::to_stdvec(message).map_err(|_| Error::Protocol { what: "a message" })?;
        let mut frame = Vec::with_capacity(body.len() + 4);
        frame.extend_from_slice(&(body.len() as u32).to_be_bytes());
        frame.extend_from_slice(&body);
        self.0.write_all(&frame).and_then(|()| self.0.flush()).map_err(Error::io("send"))
    }

    fn receive(&mut self) -> Result<Message> {
        let mut len = [0; 4];
        self.0.read_exact(&mut len).map_err(Error::io("receive"))?;
        let len = u32::from_be_bytes(len) as usize;
        if len > MESSAGE_LEN {
            return Err(Error::Protocol { what: "a message that is too long" });
        }
        // As much as comes, not as much as is claimed.
        let mut body = Vec::new();
        let read =
            Read::take(&mut *self.0, len as u64).read_to_end(&mut body).map_err(Error::io("receive"))?;
        if read < len {
            return Err(Error::Cut);
        }
        match postcard::from_bytes(&body) {
            Ok(Message::Refused(why)) => Err(Error::Refused { why }),
            Ok(message) => Ok(message),
            Err(_) => Err(Error::Protocol { what: "something that is no message" }),
        }
    }

    fn hello(&mut self) -> Result<Head> {
        match self.receive()? {
            Message::Hello { version: VERSION, head } => Ok(head),
            Message::Hello { .. } => Err(Error::Protocol { what: "another version of it" }),
            _ => Err(Error::Protocol { what: "no greeting" }),
        }
    }
}

impl<C: Read + Write> Remote for Line<'_, C> {
    fn head(&mut self) -> Result<Head> {
        Err(Error::Protocol { what: "heads are told at the beginning" })
    }

    fn children(&mut self, asks: &[Ask]) -> Result<Vec<Vec<Child>>> {
        self.send(&Message::Children(asks.to_vec()))?;
        match self.receive()? {
            Message::ChildrenAre(all) => Ok(all),
            _ => Err(Error::Protocol { what: "another answer" }),
        }
    }

    fn recipe(&mut self, key: &Key, hash: &Hash, base: Option<&Hash>) -> Result<Option<Vec<Step>>> {
        self.send(&Message::Recipe { key: key.clone(), hash: *hash, base: base.copied() })?;
        match self.receive()? {
            Message::RecipeIs(steps) => Ok(steps),
            _ => Err(Error::Protocol { what: "another answer" }),
        }
    }

    fn fetch(&mut self, wants: &[Want], take: &mut Taker<'_>) -> Result<()> {
        self.send(&Message::Fetch(wants.to_vec()))?;
        loop {
            match self.receive()? {
                Message::Bytes(number, bytes) => take(number as usize, Piece::Bytes(&bytes))?,
                Message::End(number) => take(number as usize, Piece::End)?,
                Message::Missing(number) => take(number as usize, Piece::Missing)?,
                Message::FetchedAll => return Ok(()),
                _ => return Err(Error::Protocol { what: "another answer" }),
            }
        }
    }
}

/// The caller's side; both folders have been scanned when this begins, ours by the caller.
pub fn call<C: Read + Write, V: Vfs, S: Store>(
    channel: &mut C,
    replica: &mut Replica<V, S>,
    watch: &mut dyn FnMut(&Report),
) -> Result<Outcome> {
    let mut line = Line(channel);
    let mut ours = replica.standing();
    if ours.set == 0 {
        ours.set = new_set()?; // if the other has one, that is taken
    }
    line.send(&Message::Hello { version: VERSION, head: ours.clone() })?;
    let theirs = line.hello()?;
    replica.join(theirs.set)?;
    let mut outcome = Outcome { was_equal: ours.root == theirs.root, is_equal: true, ..Outcome::default() };
    if outcome.was_equal {
        return Ok(outcome);
    }
    outcome.ours = replica.pull(&mut line, watch)?;
    line.send(&Message::YourTurn)?;
    let Message::Done { head, taken, conflicts, postponed } = serve_pulls(&mut line, replica)? else {
        return Err(Error::Protocol { what: "no end" });
    };
    outcome.theirs = (taken, conflicts, postponed);
    outcome.is_equal = head.root == replica.standing().root;
    Ok(outcome)
}

/// What a dry run would do here.
pub fn preview<C: Read + Write, V: Vfs, S: Store>(
    channel: &mut C,
    replica: &mut Replica<V, S>,
) -> Result<crate::reconcile::Plans> {
    let mut line = Line(channel);
    let mut ours = replica.standing();
    ours.set = if ours.set == 0 { u64::MAX } else { ours.set };
    line.send(&Message::Hello { version: VERSION, head: ours })?;
    line.hello()?;
    replica.preview(&mut line)
}

/// The listener's side; the folder was scanned just before.
pub fn answer<C: Read + Write, V: Vfs, S: Store>(
    channel: &mut C,
    replica: &mut Replica<V, S>,
    watch: &mut dyn FnMut(&Report),
) -> Result<Report> {
    let mut line = Line(channel);
    let theirs = line.hello()?;
    let is_dry = theirs.set == u64::MAX;
    if !is_dry {
        let set = if replica.standing().set == 0 { theirs.set } else { replica.standing().set };
        replica.join(set)?;
    }
    let mut ours = replica.standing();
    if is_dry && ours.set == 0 {
        ours.set = theirs.set;
    }
    // A caller without a set offered a new one and takes ours; one that has another set refuses by itself.
    line.send(&Message::Hello { version: VERSION, head: ours.clone() })?;
    if ours.root == theirs.root {
        return Ok(Report::default());
    }
    match serve_pulls(&mut line, replica) {
        Ok(Message::YourTurn) => {}
        Ok(_) => return Err(Error::Protocol { what: "another order" }),
        Err(Error::Cut) if is_dry => return Ok(Report::default()),
        Err(error) => return Err(error),
    }
    let report = replica.pull(&mut line, watch)?;
    let head = replica.standing();
    let (taken, conflicts) = ((report.taken + report.deleted) as u64, report.conflicts.len() as u64);
    line.send(&Message::Done { head, taken, conflicts, postponed: report.postponed.len() as u64 })?;
    Ok(report)
}

/// Answers questions until something else comes.
fn serve_pulls<C: Read + Write, V: Vfs, S: Store>(
    line: &mut Line<'_, C>,
    replica: &mut Replica<V, S>,
) -> Result<Message> {
    loop {
        match line.receive()? {
            Message::Children(asks) => {
                let answer = Remote::children(replica, &asks)?;
                line.send(&Message::ChildrenAre(answer))?;
            }
            Message::Recipe { key, hash, base } => {
                let steps = replica.recipe(&key, &hash, base.as_ref())?;
                line.send(&Message::RecipeIs(steps))?;
            }
            Message::Fetch(wants) => {
                replica.fetch(&wants, &mut |number, piece| {
                    let number = number as u32;
                    line.send(&match piece {
                        Piece::Bytes(bytes) => Message::Bytes(number, bytes.to_vec()),
                        Piece::End => Message::End(number),
                        Piece::Missing => Message::Missing(number),
                    })
                })?;
                line.send(&Message::FetchedAll)?;
            }
            other => return Ok(other),
        }
    }
}

/// A number for a set of folders that belong together.
pub fn new_set() -> Result<u64> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| Error::io("getrandom")(error.into()))?;
    Ok(u64::from_be_bytes(bytes) >> 1 | 1)
}
