//! After a crash: what the journal says was begun is finished in the index if it was finished on the disk, and what lies
//! in the stage is put where it belongs. Nothing on the disk is undone: each step of [`super::apply`] leaves the disk in a
//! state in which every content has a place.
//!
//! | on the disk | then |
//! |---|---|
//! | the staged inode stands under the name | the path is done: its row is committed |
//! | a path that was to go is gone | the same |
//! | the staged inode is still in the stage | not begun: dropped, and fetched again |
//! | another inode is in the stage | it came out of an exchange: put away as it was to be |

use crate::entry::Kind;
use crate::error::{Error, Result};
use crate::name;
use crate::store::{Change, Intent, Past, Store};
use crate::vfs::Vfs;

use super::{Replica, STAGE, TRASH};

impl<V: Vfs, S: Store> Replica<V, S> {
    /// Brings index and disk together.
    pub(super) fn recover(&mut self) -> Result<()> {
        let journal = self.take_journal();
        let mut change = Change::default();
        for intent in &journal {
            self.recover_one(intent, &mut change)?;
        }
        self.clear_stage(&journal)?;
        if !journal.is_empty() {
            change.journal = Some(Vec::new());
            self.vfs.sync().map_err(Error::io("sync"))?;
            self.store.commit(&change)?;
        }
        for (key, row) in change.rows {
            self.tree.put(key, row);
        }
        Ok(())
    }

    fn recover_one(&mut self, intent: &Intent, change: &mut Change) -> Result<()> {
        let io = Error::io;
        let at_name = self.vfs.stat(&intent.raw).map_err(io("stat"))?;
        let entry = &intent.row.entry;
        if let Some((staged, ino)) = &intent.staged
            && let Some(stat) = self.vfs.stat(staged).map_err(io("stat"))?
        {
            if stat.ino == *ino {
                return Ok(()); // not begun; the stage is cleared below
            }
            if self.vfs.rename_new(staged, &intent.aside).is_err() {
                let other = self.fresh(TRASH);
                self.vfs.rename_new(staged, &other).map_err(io("rename"))?;
            }
        }
        let is_staged = intent.staged.is_some();
        let is_done = is_staged || matches!(entry.kind, Kind::Gone | Kind::Folder);
        let row = self.row_of(&intent.raw, &intent.staged, entry, at_name).filter(|_| is_done);
        if let Some(row) = row {
            if intent.aside.starts_with(TRASH) && self.vfs.stat(&intent.aside).map_err(io("stat"))?.is_some()
            {
                let is_deletion = entry.kind == Kind::Gone;
                let at = self.vfs.now();
                change.past.push(Past {
                    at,
                    raw: intent.raw.clone(),
                    aside: intent.aside.clone(),
                    is_deletion,
                });
            }
            change.rows.push((intent.key.clone(), row));
        }
        Ok(())
    }

    /// What is left in the stage: staged by us and not shown goes; anything else is somebody's and is put away.
    fn clear_stage(&mut self, journal: &[Intent]) -> Result<()> {
        for (part, stat) in self.vfs.list(STAGE).map_err(Error::io("list"))? {
            let path = name::join(STAGE, &part);
            let is_ours = |intent: &Intent| {
                intent.staged.as_ref().is_some_and(|(staged, ino)| *staged == path && *ino == stat.ino)
            };
            // Without a journal nothing was exchanged, so all that is there was only staged.
            if journal.is_empty()
                || journal.iter().any(is_ours)
                || !journal.iter().any(|intent| names(intent, &path))
            {
                self.vfs.remove_file(&path).map_err(Error::io("unlink"))?;
            } else {
                let aside = self.fresh(TRASH);
                self.vfs.rename_new(&path, &aside).map_err(Error::io("rename"))?;
            }
        }
        Ok(())
    }
}

/// Does the intent speak of this staged path?
fn names(intent: &Intent, path: &[u8]) -> bool {
    intent.staged.as_ref().is_some_and(|(staged, _)| staged == path)
}
