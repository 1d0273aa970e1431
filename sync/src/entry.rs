//! What is known of one path: its state, which all devices agree on in the end, and how it looked on this disk.

use serde::{Deserialize, Serialize};

use crate::name::Key;
use crate::version::Version;
use crate::vfs::Stat;

/// A BLAKE3 hash; of a file in chunks, that of its list of chunks (see [`crate::chunk`]).
pub type Hash = [u8; 32];

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// Nothing any more: a tombstone.
    Gone,
    /// A symbolic link, never followed.
    Link {
        /// Where it points, as it is.
        target: Vec<u8>,
    },
    /// A file.
    File {
        /// Its content.
        hash: Hash,
        /// Its length in bytes.
        len: u64,
    },
    /// A folder.
    Folder,
}

/// What belongs to a path beside its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Meta {
    /// Modification time, nanoseconds since 1970; 0 for all but files.
    pub mtime: i64,
    /// Permission bits; 0 for links.
    pub mode: u32,
    /// The `user.` attributes, in order of their names.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The first path, by key, of the same hard-linked file.
    pub twin: Option<Key>,
}

/// A path's state, as devices tell it each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What stands there.
    pub kind: Kind,
    /// And its rights and times.
    pub meta: Meta,
    /// Who did what to it.
    pub version: Version,
    /// Its last part as the maker wrote it (NFC or NFD).
    pub raw: Vec<u8>,
}

/// How a path looked on this disk when it was last read or written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its path in the bytes of this disk.
    pub raw: Vec<u8>,
    /// What `stat` said.
    pub stat: Stat,
    /// It changed so shortly before that a later change might not show in `stat`: read it again next time.
    pub is_racy: bool,
}

/// A row of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The state.
    pub entry: Entry,
    /// On this disk; `None` for tombstones.
    pub seen: Option<Seen>,
}

impl Entry {
    /// Is something there?
    pub fn is_live(&self) -> bool {
        self.kind != Kind::Gone
    }

    /// A tombstone.
    pub fn gone(raw: Vec<u8>, version: Version) -> Self {
        Self { kind: Kind::Gone, meta: Meta::default(), version, raw }
    }

    /// The hash that two devices compare: all but the raw bytes, which are each disk's own.
    pub fn digest(&self) -> Hash {
        let bytes = postcard::to_stdvec(&(&self.kind, &self.meta, &self.version)).unwrap_or_default();
        *blake3::hash(&bytes).as_bytes()
    }

    /// The hash that names a conflict copy.
    pub fn content_hash(&self) -> Hash {
        match &self.kind {
            Kind::File { hash, .. } => *hash,
            Kind::Link { target } => *blake3::hash(target).as_bytes(),
            Kind::Folder | Kind::Gone => [0; 32],
        }
    }
}
