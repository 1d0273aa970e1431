//! Applying a batch so that a power cut at any moment loses nothing and shows nothing half:
//!
//! ```text
//!   stage     contents come into .tongro/stage, checked against their hashes
//!   sync      … and are durable
//!   journal   what is about to be done is durable
//!   per path  the target is what the index says?  ── no ──▶ postponed: it changed meanwhile, and is scanned next time
//!             nothing there: rename, which fails if something came
//!             something there: exchange; what comes out is put away, or kept beside if it is not what was expected
//!   sync      renames are durable
//!   commit    rows, history, and an empty journal, in one step
//! ```

use std::io::ErrorKind;

use crate::entry::{Entry, Kind, Row, Seen};
use crate::error::{Error, Result};
use crate::name::{self, Key};
use crate::reconcile::Plan;
use crate::remote::Remote;
use crate::store::{Change, Intent, Past, Store};
use crate::vfs::{Stat, Vfs, What};

use super::{Replica, Report, TRASH};

/// Coarse clocks tick this often at most; see [`crate::scan`].
const TICK: i64 = 20_000_000;

/// One path of a batch.
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) plan: Plan,
    pub(super) raw: Vec<u8>,
    /// What is staged, and its inode.
    pub(super) staged: Option<(Vec<u8>, u64)>,
}

/// What came of one path.
enum Outcome {
    Done,
    Postponed,
}

impl<V: Vfs, S: Store> Replica<V, S> {
    /// Carries out some plans as one group commit.
    pub(super) fn apply(
        &mut self,
        batch: Vec<(Key, Plan)>,
        remote: &mut dyn Remote,
        report: &mut Report,
    ) -> Result<()> {
        let mut jobs: Vec<Job> = batch
            .into_iter()
            .map(|(key, plan)| Job { raw: self.raw_path(&key, &plan.entry.raw), key, plan, staged: None })
            .collect();
        self.stage(&mut jobs, remote, report)?;
        self.vfs.sync().map_err(Error::io("sync"))?;
        let mut intents = Vec::new();
        for job in &jobs {
            let aside = self.aside(job);
            let row = Row { entry: job.plan.entry.clone(), seen: None };
            intents.push(Intent {
                key: job.key.clone(),
                raw: job.raw.clone(),
                row,
                staged: job.staged.clone(),
                aside,
            });
        }
        self.store.commit(&Change { journal: Some(intents.clone()), ..Change::default() })?;
        let mut change = Change { journal: Some(Vec::new()), ..Change::default() };
        let mut done = Vec::new();
        for (job, intent) in jobs.into_iter().zip(&intents) {
            match self.place(&job, intent, &mut change.past) {
                Ok(Outcome::Done) => done.push(job),
                Ok(Outcome::Postponed) => {
                    self.drop_staged(&job)?;
                    report.postponed.push(job.raw);
                }
                Err(error) if is_ours(&error) => {
                    self.drop_staged(&job)?;
                    report.refused.push((job.raw, error.to_string()));
                }
                Err(error) => return Err(Error::io("rename")(error)),
            }
        }
        self.vfs.sync().map_err(Error::io("sync"))?;
        for job in done {
            self.settle(job, &mut change, report)?;
        }
        self.store.commit(&change)?;
        for (key, row) in change.rows {
            self.tree.put(key, row);
        }
        Ok(())
    }

    /// Where what stands at a path now shall go.
    fn aside(&mut self, job: &Job) -> Vec<u8> {
        match &job.plan.keep_as {
            Some(key) => self.raw_path(key, name::split(key).1),
            None => self.fresh(TRASH),
        }
    }

    /// Makes one path what it shall be.
    fn place(&mut self, job: &Job, intent: &Intent, past: &mut Vec<Past>) -> std::io::Result<Outcome> {
        let now = self.vfs.stat(&job.raw)?;
        let row = self.tree.row(&job.key);
        let expected = row.and_then(|row| row.seen.as_ref()).map(|seen| seen.stat.clone());
        let is_expected = match (&now, &expected) {
            (None, None) => true,
            (Some(now), Some(expected)) => now.is_same(expected),
            // Gone since, and it shall be gone; or the folder is there already.
            (None, Some(_)) => matches!(job.plan.entry.kind, Kind::Gone),
            (Some(now), None) => now.what == What::Folder && job.plan.entry.kind == Kind::Folder,
        };
        if !is_expected {
            return Ok(Outcome::Postponed);
        }
        match (&job.plan.entry.kind, now) {
            (Kind::Gone, None) => {}
            (Kind::Gone, Some(stat)) if stat.what == What::Folder => return self.remove_folder(job),
            (Kind::Gone, Some(_)) => {
                self.vfs.rename_new(&job.raw, &intent.aside)?;
                past.push(self.past(job, intent, true));
            }
            (Kind::Folder, Some(stat)) if stat.what == What::Folder => {
                self.vfs.set_meta(&job.raw, &job.plan.entry.meta)?;
            }
            (Kind::Folder, now) => {
                if now.is_some() {
                    self.vfs.rename_new(&job.raw, &intent.aside)?;
                    if job.plan.keep_as.is_none() {
                        past.push(self.past(job, intent, false));
                    }
                }
                self.vfs.make_folder(&job.raw)?;
                self.vfs.set_meta(&job.raw, &job.plan.entry.meta)?;
            }
            (Kind::File { .. } | Kind::Link { .. }, now) => {
                if now.as_ref().is_some_and(|stat| stat.what == What::Folder) {
                    if matches!(self.remove_folder(job)?, Outcome::Postponed) {
                        return Ok(Outcome::Postponed);
                    }
                    return self.show(job, intent, None, past);
                }
                return self.show(job, intent, now, past);
            }
        }
        Ok(Outcome::Done)
    }

    /// Brings a staged file under its name.
    fn show(
        &mut self,
        job: &Job,
        intent: &Intent,
        now: Option<Stat>,
        past: &mut Vec<Past>,
    ) -> std::io::Result<Outcome> {
        let Some((staged, _)) = &job.staged else {
            // Nothing was staged: the content is there already, only times and rights differ.
            return match (&job.plan.entry.kind, now) {
                (Kind::File { .. }, Some(stat)) if stat.what == What::File => {
                    self.vfs.set_meta(&job.raw, &job.plan.entry.meta)?;
                    Ok(Outcome::Done)
                }
                (Kind::Link { .. }, Some(_)) => Ok(Outcome::Done),
                _ => Ok(Outcome::Postponed),
            };
        };
        let Some(now) = now else {
            return match self.vfs.rename_new(staged, &job.raw) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Outcome::Postponed),
                other => other.map(|()| Outcome::Done),
            };
        };
        self.vfs.exchange(staged, &job.raw)?;
        let out = self.vfs.stat(staged)?;
        // Renaming changes the ctime; everything else must be as it was.
        let is_expected =
            out.as_ref().is_some_and(|out| (out.ino, out.len, out.mtime) == (now.ino, now.len, now.mtime));
        let aside = if is_expected { intent.aside.clone() } else { self.beside(job) };
        match self.vfs.rename_new(staged, &aside) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let other = self.beside(job);
                self.vfs.rename_new(staged, &other)?;
            }
            other => other?,
        }
        if is_expected && job.plan.keep_as.is_none() {
            past.push(self.past(job, intent, false));
        }
        Ok(Outcome::Done)
    }

    /// A folder that shall go: only if nothing is left in it. What is left there was not known to whoever deleted it.
    fn remove_folder(&self, job: &Job) -> std::io::Result<Outcome> {
        match self.vfs.remove_folder(&job.raw) {
            Ok(()) => Ok(Outcome::Done),
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(Outcome::Postponed),
            Err(error) => Err(error),
        }
    }

    /// A name beside a path that nobody has: for what somebody wrote at the very last moment.
    fn beside(&mut self, job: &Job) -> Vec<u8> {
        let fresh = self.fresh(b"");
        let hash = *blake3::hash(&fresh).as_bytes();
        name::conflict_key(&job.raw, &hash, 0)
    }

    fn past(&self, job: &Job, intent: &Intent, is_deletion: bool) -> Past {
        Past { at: self.vfs.now(), raw: job.raw.clone(), aside: intent.aside.clone(), is_deletion }
    }

    /// Writes down how a finished path looks now.
    fn settle(&mut self, job: Job, change: &mut Change, report: &mut Report) -> Result<()> {
        let stat = self.vfs.stat(&job.raw).map_err(Error::io("stat"))?;
        let entry = job.plan.entry;
        let Some(row) = self.row_of(&job.raw, &job.staged, &entry, stat) else {
            report.postponed.push(job.raw); // touched again before we could look
            return Ok(());
        };
        match entry.kind {
            Kind::Gone => {
                report.deleted += usize::from(self.tree.row(&job.key).is_some_and(|old| old.entry.is_live()))
            }
            Kind::Folder => {}
            Kind::File { .. } | Kind::Link { .. } => report.taken += usize::from(job.staged.is_some()),
        }
        if job.plan.is_conflict {
            report.conflicts.push(job.raw);
        }
        change.rows.push((job.key, row));
        Ok(())
    }

    /// The row of a path that was just made, if it still is what was made.
    pub(super) fn row_of(
        &self,
        raw: &[u8],
        staged: &Option<(Vec<u8>, u64)>,
        entry: &Entry,
        stat: Option<Stat>,
    ) -> Option<Row> {
        let is_right = match (&entry.kind, &stat) {
            (Kind::Gone, None) => true,
            (Kind::Folder, Some(stat)) => stat.what == What::Folder,
            (Kind::Link { .. }, Some(stat)) => {
                stat.what == What::Link && staged.as_ref().is_none_or(|(_, ino)| *ino == stat.ino)
            }
            (Kind::File { len, .. }, Some(stat)) => {
                stat.what == What::File
                    && (stat.len, stat.mtime) == (*len, entry.meta.mtime)
                    && staged.as_ref().is_none_or(|(_, ino)| *ino == stat.ino)
            }
            _ => false,
        };
        let seen = |stat: Stat| {
            let is_racy = stat.what != What::Folder && stat.ctime > self.vfs.now() - TICK;
            Seen { raw: raw.to_vec(), stat, is_racy }
        };
        is_right.then(|| Row { entry: entry.clone(), seen: stat.map(seen) })
    }

    fn drop_staged(&self, job: &Job) -> Result<()> {
        let Some((staged, ino)) = &job.staged else { return Ok(()) };
        match self.vfs.stat(staged) {
            Ok(Some(stat)) if stat.ino == *ino => self.vfs.remove_file(staged).map_err(Error::io("unlink")),
            Ok(_) => Ok(()),
            Err(error) => Err(Error::io("stat")(error)),
        }
    }
}

/// Is it about this one path, so that the others can go on?
pub(super) fn is_ours(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::NAMETOOLONG
                | Errno::ACCESS
                | Errno::PERM
                | Errno::INVAL
                | Errno::ILSEQ
                | Errno::EXIST
                | Errno::NOTDIR
                | Errno::NOENT
                | Errno::ISDIR
                | Errno::LOOP
                | Errno::XDEV
        )
    )
}
