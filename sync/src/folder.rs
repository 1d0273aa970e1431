//! A folder of the disk as a replica: opened, locked, and everything a person asks of it beside synchronising.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::entry::Kind;
use crate::error::{Error, Result};
use crate::name;
use crate::replica::{Replica, Report};
use crate::scan::Scan;
use crate::session::{Outcome, new_set};
use crate::store::{Past, SqliteStore, Store};
use crate::vfs::{RealVfs, Vfs};

/// How long what was put away is kept, in nanoseconds: 30 days.
const KEEP: i64 = 30 * 24 * 3600 * 1_000_000_000;

/// A replica on the disk; no other process works on it while this lives.
#[derive(Debug)]
pub struct Folder {
    /// The replica.
    pub replica: Replica<RealVfs, SqliteStore>,
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens a folder that is there, and makes its index at the first time.
    pub fn open(path: &Path) -> Result<Self> {
        let vfs = match RealVfs::open(path) {
            Ok(vfs) => vfs,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NoRoot { path: path.to_owned() });
            }
            Err(error) => return Err(Error::at(path)(error)),
        };
        if vfs.stat(name::OWN).map_err(Error::at(path))?.is_none() {
            vfs.make_folder(name::OWN).map_err(Error::at(path))?;
        }
        let own = path.join(".tongro");
        let mut options = OpenOptions::new();
        let lock = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(own.join("lock"))
            .map_err(Error::at(&own))?;
        if lock.try_lock().is_err() {
            return Err(Error::Busy { path: path.to_owned() });
        }
        let store = SqliteStore::open(&own.join("index.db"))?;
        Ok(Self { replica: Replica::open(vfs, store)?, path: path.to_owned(), _lock: lock })
    }

    /// Looks what has changed, and lets go of what was put away long ago.
    pub fn scan(&mut self, may_be_empty: bool) -> Result<Scan> {
        self.forget_old()?;
        self.replica.scan(may_be_empty).map_err(|error| match error {
            Error::Emptied { count, .. } => Error::Emptied { path: self.path.clone(), count },
            other => other,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Conflict copies that are there: the copy's path.
    pub fn conflicts(&self) -> Vec<Vec<u8>> {
        let live = self.replica.tree().rows().filter(|(_, row)| row.entry.is_live());
        live.filter(|(key, _)| original_of(key).is_some()).map(|(key, _)| key.clone()).collect()
    }

    /// What was put away, newest first.
    pub fn history(&mut self) -> Result<Vec<Past>> {
        self.replica.store().past()
    }

    /// Brings back what was put away last under this path; says where. If something stands there, it comes beside.
    pub fn restore(&mut self, path: &[u8]) -> Result<Option<Vec<u8>>> {
        let past = self.history()?;
        for past in past.into_iter().filter(|past| past.raw == path) {
            let vfs = self.replica.vfs();
            if vfs.stat(&past.aside).map_err(Error::io("stat"))?.is_none() {
                continue; // brought back before
            }
            let mut to = past.raw.clone();
            let mut folders: Vec<&[u8]> = name::ancestors(path).collect();
            folders.reverse();
            for folder in folders {
                if vfs.stat(folder).map_err(Error::io("stat"))?.is_none() {
                    vfs.make_folder(folder).map_err(Error::io("mkdir"))?;
                }
            }
            if vfs.stat(&to).map_err(Error::io("stat"))?.is_some() {
                to = name::conflict_key(&to, blake3::hash(&past.aside).as_bytes(), 0);
            }
            vfs.rename_new(&past.aside, &to).map_err(Error::io("rename"))?;
            return Ok(Some(to));
        }
        Ok(None)
    }

    /// Decides a conflict: the copy goes, or takes the place of the original. What loses is put away, not destroyed.
    pub fn resolve(&mut self, copy: &[u8], keeps_copy: bool) -> Result<()> {
        let Some(original) = original_of(copy) else {
            return Err(Error::at(String::from_utf8_lossy(copy).into_owned())(
                std::io::ErrorKind::NotFound.into(),
            ));
        };
        let aside = self.replica.fresh(crate::replica::TRASH);
        let vfs = self.replica.vfs();
        let at = vfs.now();
        let io = Error::io;
        let mut raw = copy.to_vec();
        if keeps_copy && vfs.stat(&original).map_err(io("stat"))?.is_some() {
            vfs.exchange(copy, &original).map_err(io("rename"))?;
            raw = original;
            vfs.rename_new(copy, &aside).map_err(io("rename"))?;
        } else if keeps_copy {
            return vfs.rename_new(copy, &original).map_err(io("rename"));
        } else {
            vfs.rename_new(copy, &aside).map_err(io("rename"))?;
        }
        let past = vec![Past { at, raw, aside, is_deletion: !keeps_copy }];
        self.replica.store().commit(&crate::store::Change { past, ..Default::default() })
    }

    /// Reads every file again; the paths whose content is not what the index says.
    pub fn verify(&mut self) -> Result<(usize, Vec<Vec<u8>>)> {
        let (mut count, mut bad) = (0, Vec::new());
        for (key, row) in self.replica.tree().rows() {
            let (Kind::File { hash, len }, Some(seen)) = (&row.entry.kind, &row.seen) else { continue };
            count += 1;
            let read = self.replica.vfs().open(&seen.raw).and_then(|source| crate::chunk::read(source, *len));
            if !read.is_ok_and(|content| content.hash == *hash) {
                bad.push(key.clone());
            }
        }
        Ok((count, bad))
    }

    fn forget_old(&mut self) -> Result<()> {
        let before = self.replica.vfs().now() - KEEP;
        let old: Vec<Past> = self.history()?.into_iter().filter(|past| past.at < before).collect();
        for past in &old {
            let _ = self.replica.vfs().remove_file(&past.aside); // brought back, perhaps
        }
        if old.is_empty() { Ok(()) } else { self.replica.store().forget_past(before) }
    }
}

/// Two folders of this computer, both scanned.
pub fn join(one: &mut Folder, two: &mut Folder, watch: &mut dyn FnMut(&Report)) -> Result<Outcome> {
    let (a, b) = (one.replica.standing(), two.replica.standing());
    let set = match (a.set, b.set) {
        (0, 0) => new_set()?,
        (0, set) => set,
        (set, _) => set,
    };
    one.replica.join(set)?;
    two.replica.join(set)?;
    let mut outcome = Outcome { was_equal: a.root == b.root, is_equal: true, ..Outcome::default() };
    if outcome.was_equal {
        return Ok(outcome);
    }
    outcome.ours = one.replica.pull(&mut two.replica, watch)?;
    let theirs = two.replica.pull(&mut one.replica, watch)?;
    let (taken, conflicts) = ((theirs.taken + theirs.deleted) as u64, theirs.conflicts.len() as u64);
    outcome.theirs = (taken, conflicts, theirs.postponed.len() as u64);
    outcome.is_equal = one.replica.standing().root == two.replica.standing().root;
    Ok(outcome)
}

/// The path that a conflict copy was made of; `None` if it is none.
pub fn original_of(copy: &[u8]) -> Option<Vec<u8>> {
    const MARK: &[u8] = b".conflict-";
    let (folder, part) = name::split(copy);
    let at = part.windows(MARK.len()).rposition(|window| window == MARK)?;
    let rest = &part[at + MARK.len()..];
    let hex = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if hex < 12 {
        return None;
    }
    let after = &rest[12..];
    let number = after
        .strip_prefix(b"-")
        .map_or(0, |digits| 1 + digits.iter().take_while(|b| b.is_ascii_digit()).count());
    Some(name::join(folder, &[&part[..at], &after[number..]].concat()))
}
