//! One folder with its index: opened, recovered, scanned, and made to know what another one knows.
//!
//! ```text
//!   open ─▶ recover (finish or undo what a crash left) ─▶ scan ─▶ pull from others / serve others
//! ```
//!
//! Whatever another device replaces or deletes here is put away in `.tongro/trash`, never destroyed. Everything that
//! comes is staged in `.tongro/stage` first. Both are on the same file system as the root, so that a rename is one step.

mod apply;
mod fill;
mod pull;
mod recover;
mod serve;

use crate::error::{Error, Result};
use crate::name::Key;
use crate::remote::Head;
use crate::scan::{Scan, scan};
use crate::store::{Change, Intent, Store};
use crate::tree::Tree;
use crate::version::Device;
use crate::vfs::Vfs;

/// Where things are put together before they are shown.
pub(crate) const STAGE: &[u8] = b".tongro/stage";
/// Where things lie that were replaced or deleted.
pub(crate) const TRASH: &[u8] = b".tongro/trash";

/// What a pull did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files and links that came or were replaced.
    pub taken: usize,
    /// Files and links that were put away because they were deleted elsewhere.
    pub deleted: usize,
    /// Conflict copies that were made: their paths.
    pub conflicts: Vec<Vec<u8>>,
    /// Files that were here already under another name and were not fetched.
    pub moved: usize,
    /// File bytes that were fetched.
    pub fetched: u64,
    /// Paths that wait for the next time: they changed meanwhile, here or there.
    pub postponed: Vec<Vec<u8>>,
    /// Paths that cannot be made here, with the reason.
    pub refused: Vec<(Vec<u8>, String)>,
}

/// A folder, its index, and what is known of it.
pub struct Replica<V, S> {
    pub(crate) vfs: V,
    pub(crate) store: S,
    pub(crate) tree: Tree,
    pub(crate) device: Device,
    pub(crate) set: u64,
    journal: Vec<Intent>,
    /// For names in stage and trash that no other run has used.
    stamp: String,
    number: u64,
}

impl<V: Vfs, S: Store> Replica<V, S> {
    /// Opens a folder, and finishes or undoes what a crash left there.
    pub fn open(vfs: V, mut store: S) -> Result<Self> {
        let saved = store.load()?;
        let stamp = format!("{:x}", vfs.now());
        let mut this = Self {
            vfs,
            store,
            tree: Tree::new(saved.rows),
            device: saved.device,
            set: saved.set,
            journal: saved.journal,
            stamp,
            number: 0,
        };
        for folder in [crate::name::OWN, STAGE, TRASH] {
            if this.vfs.stat(folder).map_err(Error::io("stat"))?.is_none() {
                this.vfs.make_folder(folder).map_err(Error::io("mkdir"))?;
            }
        }
        this.recover()?;
        Ok(this)
    }

    /// Looks what has changed on the disk. Refuses to believe that everything is gone, unless told to.
    pub fn scan(&mut self, may_be_empty: bool) -> Result<Scan> {
        // Into a copy of the rows: a refused scan must leave no trace.
        let mut tree = Tree::new(self.tree.rows().map(|(key, row)| (key.clone(), row.clone())).collect());
        let found = scan(&self.vfs, &mut tree, self.device)?;
        // One or two files may well have been all there was; a disk that is not mounted looks the same with many.
        if found.live == 0 && found.gone > 2 && !may_be_empty {
            return Err(Error::Emptied { path: ".".into(), count: found.gone });
        }
        let change =
            Change { rows: found.changed.clone(), chunks: found.chunks.clone(), ..Change::default() };
        if !change.is_empty() {
            self.store.commit(&change)?;
        }
        self.tree = tree;
        Ok(found)
    }

    /// Where we stand.
    pub fn standing(&self) -> Head {
        Head { device: self.device, set: self.set, root: self.tree.root() }
    }

    /// What is known.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The index.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// The folder.
    pub fn vfs(&self) -> &V {
        &self.vfs
    }

    /// Belongs to this set from now on; refused if it belongs to another.
    pub fn join(&mut self, set: u64) -> Result<()> {
        if self.set == set {
            return Ok(());
        }
        if self.set != 0 {
            return Err(Error::OtherFolder);
        }
        self.store.commit(&Change { set: Some(set), ..Change::default() })?;
        self.set = set;
        Ok(())
    }

    /// A path in the bytes of this disk: each folder as it is called here, the last part as the maker wrote it.
    pub(crate) fn raw_path(&self, key: &[u8], raw_part: &[u8]) -> Vec<u8> {
        if let Some(seen) = self.tree.row(key).and_then(|row| row.seen.as_ref()) {
            return seen.raw.clone();
        }
        let (folder, part) = crate::name::split(key);
        // The maker's bytes are only believed if they are another form of the key.
        let part = if crate::name::key_of(raw_part) == part { raw_part } else { part };
        if folder.is_empty() {
            return part.to_vec();
        }
        let folder_raw = self.tree.row(folder).map_or_else(Vec::new, |row| row.entry.raw.clone());
        crate::name::join(&self.raw_path(folder, &folder_raw), part)
    }

    /// A name in stage or trash that nobody has.
    pub(crate) fn fresh(&mut self, folder: &[u8]) -> Key {
        self.number += 1;
        crate::name::join(folder, format!("{}-{}", self.stamp, self.number).as_bytes())
    }

    pub(crate) fn take_journal(&mut self) -> Vec<Intent> {
        std::mem::take(&mut self.journal)
    }
}

impl<V, S> std::fmt::Debug for Replica<V, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Replica({:x})", self.device)
    }
}
