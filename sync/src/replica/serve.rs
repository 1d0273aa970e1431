//! Answering another replica's pull: from the tree, and from files that still are what the tree says.

use std::io::{Read, Seek, SeekFrom};

use crate::chunk::{self, Step};
use crate::entry::{Hash, Kind};
use crate::error::{Error, Result};
use crate::name::Key;
use crate::remote::{Ask, Head, Piece, Remote, Taker, Want};
use crate::store::Store;
use crate::tree::Child;
use crate::vfs::Vfs;

use super::Replica;

/// Bytes of one piece.
const PIECE: usize = 256 * 1024;

impl<V: Vfs, S: Store> Remote for Replica<V, S> {
    fn head(&mut self) -> Result<Head> {
        Ok(self.standing())
    }

    fn children(&mut self, asks: &[Ask]) -> Result<Vec<Vec<Child>>> {
        Ok(asks.iter().map(|ask| self.tree.differing(&ask.folder, &ask.marks)).collect())
    }

    fn recipe(&mut self, _key: &Key, hash: &Hash, base: Option<&Hash>) -> Result<Option<Vec<Step>>> {
        let Some(new) = self.store.chunks(hash)? else { return Ok(None) };
        let base = base.map(|base| self.store.chunks(base)).transpose()?.flatten().unwrap_or_default();
        Ok(if base.is_empty() { None } else { Some(chunk::recipe(&base, &new)) })
    }

    fn fetch(&mut self, wants: &[Want], take: &mut Taker<'_>) -> Result<()> {
        let mut buffer = vec![0; PIECE];
        for (number, want) in wants.iter().enumerate() {
            match self.give(want, number, &mut buffer, take)? {
                true => take(number, Piece::End)?,
                false => take(number, Piece::Missing)?,
            }
        }
        Ok(())
    }
}

impl<V: Vfs, S: Store> Replica<V, S> {
    /// Gives one file; `false` if it is not there in that state. The receiver checks the hash in any case.
    fn give(&mut self, want: &Want, number: usize, buffer: &mut [u8], take: &mut Taker<'_>) -> Result<bool> {
        let Some(raw) = self.place_of(want) else { return Ok(false) };
        let Ok(mut source) = self.vfs.open(&raw) else { return Ok(false) };
        let ranges = if want.ranges.is_empty() { vec![(0, u64::MAX)] } else { want.ranges.clone() };
        for (from, len) in ranges {
            source.seek(SeekFrom::Start(from)).map_err(Error::io("seek"))?;
            let mut left = len;
            while left > 0 {
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                match source.read(&mut buffer[..most]) {
                    Ok(0) if len == u64::MAX => break,
                    Ok(0) | Err(_) => return Ok(false), // shorter than it was, or unreadable
                    Ok(read) => {
                        take(number, Piece::Bytes(&buffer[..read]))?;
                        left = left.saturating_sub(read as u64);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Where the content stands: under the key, or wherever else the hash is (a conflict copy has another key here).
    fn place_of(&self, want: &Want) -> Option<Vec<u8>> {
        let has =
            |row: &crate::entry::Row| matches!(row.entry.kind, Kind::File { hash, .. } if hash == want.hash);
        let here = self.tree.row(&want.key).filter(|row| has(row));
        let row = here.or_else(|| self.tree.rows().map(|(_, row)| row).find(|row| has(row)))?;
        Some(row.seen.as_ref()?.raw.clone())
    }
}
