//! The index: what was known of each path, what was about to be done, and what was put away. A trait, because the
//! simulated one loses what was not committed, and a hub may keep it elsewhere one day.

mod sqlite;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use sqlite::SqliteStore;

use crate::chunk::Chunk;
use crate::entry::{Hash, Row};
use crate::error::Result;
use crate::name::Key;
use crate::version::Device;

/// What an index holds when it is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Who we are in version vectors.
    pub device: Device,
    /// Which set of folders this one belongs to; 0 before the first meeting.
    pub set: u64,
    /// All paths.
    pub rows: BTreeMap<Key, Row>,
    /// What was begun and not finished.
    pub journal: Vec<Intent>,
}

/// Something about to be done to one path. Written before it is begun, gone when it is committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The path's key.
    pub key: Key,
    /// The path on disk.
    pub raw: Vec<u8>,
    /// The state that it will have.
    pub row: Row,
    /// What is staged for it, with its inode; `None` if it is only put away.
    pub staged: Option<(Vec<u8>, u64)>,
    /// Where what stands there now goes.
    pub aside: Vec<u8>,
}

/// Something put away: replaced or deleted by another device's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// When, in nanoseconds since 1970.
    pub at: i64,
    /// Where it stood.
    pub raw: Vec<u8>,
    /// Where it lies now, below the root.
    pub aside: Vec<u8>,
    /// `true` if it was deleted, `false` if it was replaced.
    pub is_deletion: bool,
}

/// One durable step of the index: all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Paths whose row is new.
    pub rows: Vec<(Key, Row)>,
    /// The journal from now on; `None` leaves it.
    pub journal: Option<Vec<Intent>>,
    /// What was put away.
    pub past: Vec<Past>,
    /// Lists of chunks worth keeping.
    pub chunks: Vec<(Hash, Vec<Chunk>)>,
    /// The set this folder joins.
    pub set: Option<u64>,
}

impl Change {
    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.journal.is_none()
            && self.past.is_empty()
            && self.chunks.is_empty()
            && self.set.is_none()
    }
}

/// Where the index is kept.
pub trait Store {
    /// All of it.
    fn load(&mut self) -> Result<Saved>;
    /// Makes a change durable.
    fn commit(&mut self, change: &Change) -> Result<()>;
    /// The chunks of a file, if they were kept.
    fn chunks(&mut self, hash: &Hash) -> Result<Option<Vec<Chunk>>>;
    /// What was put away, newest first.
    fn past(&mut self) -> Result<Vec<Past>>;
    /// Forgets what was put away before then; the files are the caller's business.
    fn forget_past(&mut self, before: i64) -> Result<()>;
}
