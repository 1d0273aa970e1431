//! The other side, as the core sees it: another replica in this process, behind a wire, or in a simulation.

use crate::chunk::{Chunk, Step};
use crate::entry::Hash;
use crate::error::Result;
use crate::name::Key;
use crate::tree::Child;

/// Who the other side is and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Head {
    /// Its device number.
    pub device: u64,
    /// The set of folders it belongs to; 0 if it never met another.
    pub set: u64,
    /// The hash of everything it knows.
    pub root: Hash,
}

/// A folder, and short hashes of what we know of its children (see [`crate::tree::Tree::marks`]).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ask {
    /// The folder's key.
    pub folder: Key,
    /// Our marks.
    pub marks: Vec<(u64, u64)>,
}

/// A file that is wanted, in the state that the other side told of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Want {
    /// Where it stands there.
    pub key: Key,
    /// What it was there.
    pub hash: Hash,
    /// Which parts of it, as `(offset, length)`; empty means all.
    pub ranges: Vec<(u64, u64)>,
}

/// A piece of a wanted file.
#[derive(Debug)]
pub enum Piece<'a> {
    /// The next bytes.
    Bytes(&'a [u8]),
    /// That was all of it.
    End,
    /// It is not there any more, or changed.
    Missing,
}

/// Takes pieces as they come; the number is that of the want.
pub type Taker<'a> = dyn FnMut(usize, Piece<'_>) -> Result<()> + 'a;

/// A replica to pull from.
pub trait Remote {
    /// Where it stands.
    fn head(&mut self) -> Result<Head>;
    /// For each folder asked for, the children that we do not know in just that state.
    fn children(&mut self, asks: &[Ask]) -> Result<Vec<Vec<Child>>>;
    /// How to make the file of this hash out of that base; `None` if it is not there in chunks.
    fn recipe(&mut self, key: &Key, hash: &Hash, base: Option<&Hash>) -> Result<Option<Vec<Step>>>;
    /// Contents, in order of the wants.
    fn fetch(&mut self, wants: &[Want], take: &mut Taker<'_>) -> Result<()>;
}

/// Where each chunk of a list begins.
pub(crate) fn offsets(chunks: &[Chunk]) -> Vec<u64> {
    let mut at = 0;
    chunks
        .iter()
        .map(|chunk| {
            let here = at;
            at += u64::from(chunk.len);
            here
        })
        .collect()
}
