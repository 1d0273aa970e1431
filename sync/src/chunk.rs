//! Contents: the hash of a file, the list of its chunks, and the recipe that makes a new file out of an old one.
//!
//! A file below [`SMALL`] bytes is hashed as a whole. A larger one is cut where its content says (FastCDC, 64 KiB on
//! average), so that an insertion moves the cuts with it and only the chunks around it are new; its hash is that of the
//! list. So one pass gives both, and whoever has the list can check it against the hash and each chunk against the list.

use std::io::{self, Read};

use fastcdc::v2020::StreamCDC;
use serde::{Deserialize, Serialize};

use crate::entry::Hash;

/// Files of this many bytes and more are cut into chunks.
pub const SMALL: u64 = 256 * 1024;
/// The shortest, the average and the longest chunk. Part of the format: both ends must cut alike.
const CUTS: (u32, u32, u32) = (16 * 1024, 64 * 1024, 256 * 1024);

/// One chunk of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The BLAKE3 hash of its bytes.
    pub hash: Hash,
    /// How many.
    pub len: u32,
}

/// What reading a file gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its hash.
    pub hash: Hash,
    /// Its length.
    pub len: u64,
    /// Its chunks; none if it is small.
    pub chunks: Vec<Chunk>,
}

/// Reads a file of about this length to its end. If it turns out shorter or longer, the kind of hash follows what was
/// read.
pub fn read(mut source: Box<dyn crate::vfs::Source>, len: u64) -> io::Result<Content> {
    if len < SMALL {
        let mut bytes = Vec::with_capacity(len as usize);
        Read::take(&mut source, SMALL).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < SMALL {
            return Ok(Content { hash: hash_of(&bytes), len: bytes.len() as u64, chunks: Vec::new() });
        }
        source.rewind()?; // it grew
    }
    let mut content = Content { hash: [0; 32], len: 0, chunks: Vec::new() };
    let mut first = Vec::new();
    for piece in StreamCDC::new(source, CUTS.0, CUTS.1, CUTS.2) {
        let piece = piece.map_err(io::Error::from)?;
        content.len += piece.length as u64;
        content.chunks.push(Chunk { hash: hash_of(&piece.data), len: piece.length as u32 });
        if content.len < SMALL {
            first.extend_from_slice(&piece.data);
        }
    }
    if content.len < SMALL {
        return Ok(Content { hash: hash_of(&first), len: content.len, chunks: Vec::new() }); // it shrank
    }
    content.hash = hash_of_list(&content.chunks);
    Ok(content)
}

/// The hash of bytes.
pub fn hash_of(bytes: &[u8]) -> Hash {
    *blake3::hash(bytes).as_bytes()
}

/// The hash of a file in chunks.
pub fn hash_of_list(chunks: &[Chunk]) -> Hash {
    let mut hasher = blake3::Hasher::new_derive_key("tongro sync 2026 list of chunks");
    for chunk in chunks {
        hasher.update(&chunk.hash).update(&chunk.len.to_be_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// One step of a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// This many chunks of the base, from this one on.
    Base {
        /// The first one's number.
        from: u32,
        /// How many.
        count: u32,
    },
    /// A chunk that the base does not have.
    New(Chunk),
}

/// How to make `new` out of `base`: runs of known chunks cost a few bytes, new ones their hash.
pub fn recipe(base: &[Chunk], new: &[Chunk]) -> Vec<Step> {
    let place: std::collections::HashMap<&Hash, u32> =
        base.iter().map(|chunk| &chunk.hash).zip(0..).collect();
    let mut steps: Vec<Step> = Vec::new();
    for chunk in new {
        let Some(at) = place.get(&chunk.hash) else {
            steps.push(Step::New(*chunk));
            continue;
        };
        match steps.last_mut() {
            Some(Step::Base { from, count })
                if base.get((*from + *count) as usize).is_some_and(|next| next.hash == chunk.hash) =>
            {
                *count += 1;
            }
            _ => steps.push(Step::Base { from: *at, count: 1 }),
        }
    }
    steps
}

/// The list that a recipe makes; `None` if it asks for chunks that the base does not have.
pub fn follow(base: &[Chunk], steps: &[Step]) -> Option<Vec<Chunk>> {
    let mut all = Vec::new();
    for step in steps {
        match step {
            Step::New(chunk) => all.push(*chunk),
            Step::Base { from, count } => {
                let end = from.checked_add(*count)?;
                all.extend_from_slice(base.get(*from as usize..end as usize)?);
            }
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(len: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(len).collect()
    }

    fn content(bytes: &[u8]) -> Content {
        read(Box::new(io::Cursor::new(bytes.to_vec())), bytes.len() as u64).unwrap()
    }

    #[test]
    fn an_insertion_costs_the_chunks_around_it() {
        let old = bytes(8 << 20, 1);
        let mut new = old.clone();
        new.splice(3 << 20..3 << 20, bytes(1000, 2));
        let (old, new) = (content(&old), content(&new));
        let steps = recipe(&old.chunks, &new.chunks);
        assert_eq!(follow(&old.chunks, &steps).unwrap(), new.chunks);
        assert_eq!(hash_of_list(&new.chunks), new.hash);
        let fresh = steps.iter().filter(|step| matches!(step, Step::New(_))).count();
        assert!(fresh <= 6 && steps.len() <= 9, "{fresh} of {}", new.chunks.len());
    }

    #[test]
    fn the_length_said_before_does_not_change_the_hash() {
        for len in [0, 1, SMALL as usize - 1, SMALL as usize, SMALL as usize + 1] {
            let bytes = bytes(len, 3);
            let hash = content(&bytes).hash;
            for said in [0, SMALL, 10 * SMALL] {
                assert_eq!(
                    read(Box::new(io::Cursor::new(bytes.clone())), said).unwrap().hash,
                    hash,
                    "{len} {said}"
                );
            }
        }
    }

    #[test]
    fn a_recipe_that_lies_makes_nothing() {
        assert_eq!(follow(&[], &[Step::Base { from: 0, count: 1 }]), None);
        assert_eq!(follow(&[], &[Step::Base { from: u32::MAX, count: u32::MAX }]), None);
    }
}
