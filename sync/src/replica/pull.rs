//! Pulling: find what the other side knows and we do not, plan, and carry the plan out in batches.

use crate::entry::Kind;
use crate::error::{Error, Result};
use crate::name::{self, Key};
use crate::reconcile::{Plans, reconcile};
use crate::remote::{Ask, Remote};
use crate::store::Store;
use crate::tree::Child;
use crate::vfs::Vfs;

use super::{Replica, Report};

/// Folders in one question.
const FOLDERS: usize = 512;
/// Files in one group commit.
const BATCH: usize = 512;
/// File bytes in one group commit.
const BATCH_LEN: u64 = 64 << 20;

impl<V: Vfs, S: Store> Replica<V, S> {
    /// Learns everything that the other side knows.
    pub fn pull(&mut self, remote: &mut dyn Remote, watch: &mut dyn FnMut(&Report)) -> Result<Report> {
        let theirs = self.differences(remote)?;
        let plans = reconcile(&self.tree, &theirs, self.device);
        let mut report = Report::default();
        self.carry_out(plans, remote, &mut report, watch)?;
        report.postponed.sort();
        report.postponed.dedup();
        Ok(report)
    }

    /// What a pull would do.
    pub fn preview(&mut self, remote: &mut dyn Remote) -> Result<Plans> {
        let theirs = self.differences(remote)?;
        Ok(reconcile(&self.tree, &theirs, self.device))
    }

    /// Goes down only where the hashes differ; one question for all folders of a level.
    fn differences(&self, remote: &mut dyn Remote) -> Result<Vec<Child>> {
        let mut found = Vec::new();
        let mut level: Vec<Key> = vec![Key::new()];
        while !level.is_empty() {
            let mut next = Vec::new();
            for folders in level.chunks(FOLDERS) {
                let ask = |folder: &Key| Ask { folder: folder.clone(), marks: self.tree.marks(folder) };
                let asks: Vec<Ask> = folders.iter().map(ask).collect();
                let answers = remote.children(&asks)?;
                if answers.len() != asks.len() {
                    return Err(Error::Protocol { what: "answers to other questions" });
                }
                for (folder, children) in folders.iter().zip(answers) {
                    for child in children {
                        if !name::is_safe(&child.key) || name::split(&child.key).0 != folder.as_slice() {
                            return Err(Error::Protocol { what: "a path that leads elsewhere" });
                        }
                        if child.below != [0; 32] && child.below != self.tree.hash_below(&child.key) {
                            next.push(child.key.clone());
                        }
                        found.push(child);
                    }
                }
            }
            level = next;
        }
        Ok(found)
    }

    /// In an order that never needs what is not there yet: away from the bottom up, folders from the top down, then
    /// files in batches.
    fn carry_out(
        &mut self,
        plans: Plans,
        remote: &mut dyn Remote,
        report: &mut Report,
        watch: &mut dyn FnMut(&Report),
    ) -> Result<()> {
        let mut jobs: Vec<(Key, crate::reconcile::Plan)> = plans.into_iter().collect();
        // A file that goes away may be the source of one that comes: what comes is made first, except where a path
        // changes between file and folder.
        let is_file = |kind: &Kind| matches!(kind, Kind::File { .. } | Kind::Link { .. });
        let stage = |key: &Key, kind: &Kind, tree: &crate::tree::Tree| {
            let ours = tree.row(key).map(|row| &row.entry.kind);
            match kind {
                Kind::Folder => 0, // also puts a file away that stands in its place
                Kind::File { .. } | Kind::Link { .. } if ours != Some(&Kind::Folder) => 1,
                Kind::Gone if ours != Some(&Kind::Folder) => 2,
                Kind::Gone => 3,
                Kind::File { .. } | Kind::Link { .. } => 4, // takes the place of a folder, empty by then
            }
        };
        jobs.sort_by_cached_key(|(key, plan)| {
            let stage = stage(key, &plan.entry.kind, &self.tree);
            let depth = key.iter().filter(|byte| **byte == b'/').count() as i64;
            (stage, if stage == 3 { -depth } else { depth }, key.clone())
        });
        let mut jobs = jobs.into_iter().peekable();
        while let Some((key, plan)) = jobs.next() {
            let stage_now = stage(&key, &plan.entry.kind, &self.tree);
            let mut len = length(&plan.entry.kind);
            let mut batch = vec![(key, plan)];
            while batch.len() < BATCH && len < BATCH_LEN {
                let fits = |next: &(Key, crate::reconcile::Plan)| {
                    stage(&next.0, &next.1.entry.kind, &self.tree) == stage_now
                        && (is_file(&next.1.entry.kind) || stage_now != 1)
                };
                let Some(next) = jobs.next_if(fits) else { break };
                len += length(&next.1.entry.kind);
                batch.push(next);
            }
            self.apply(batch, remote, report)?;
            watch(report);
        }
        Ok(())
    }
}

fn length(kind: &Kind) -> u64 {
    if let Kind::File { len, .. } = kind { *len } else { 0 }
}
