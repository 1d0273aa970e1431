//! Simulation: the real scan, reconcile and apply on disks that lose their power, under users who never wait.
//!
//! A schedule is all that follows from one seed: two to four replicas, users' acts between and in the middle of pulls,
//! power cuts at any operation of a disk or index, again during recovery. In the end everybody pulls from everybody until
//! nothing changes, and then the invariants must hold:
//!
//! | | |
//! |---|---|
//! | I1 | every content that a user wrote and no user who saw it did away with is there |
//! | I2 | no file under a name of its own is a mix or a prefix, at no moment after a power cut |
//! | I3 | all roots are equal, and each disk holds what its tree says |
//! | I5 | a power cut costs at most one group commit of work |
//!
//! I4, nothing outside the root, is the business of [`crate::vfs::RealVfs`].

mod dice;
mod disk;
mod user;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::entry::Kind;
use crate::replica::Replica;
use crate::vfs::What;
use dice::Dice;
use disk::{Disk, Handle};

/// What went wrong under which seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Replays it.
    pub seed: u64,
    /// The invariant and the circumstances.
    pub what: String,
    /// What happened until then; only if asked for.
    pub story: Vec<String>,
}

/// How much happened in a schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Things that users did.
    pub acts: u64,
    /// Pulls begun.
    pub pulls: u64,
    /// Power cuts.
    pub crashes: u64,
    /// Conflict copies made.
    pub conflicts: u64,
}

type SimReplica = Replica<Handle, Handle>;

/// Runs the schedule of this seed.
pub fn run(seed: u64, with_story: bool) -> Result<Tally, Failure> {
    let mut world = World::new(seed, with_story);
    let outcome = world.live().and_then(|()| world.settle()).and_then(|()| world.check_end());
    match outcome {
        Ok(()) => Ok(world.tally),
        Err(what) => {
            let story = world.ledger.borrow_mut().story.take().unwrap_or_default();
            Err(Failure { seed, what, story })
        }
    }
}

struct World {
    dice: Dice,
    ledger: Rc<RefCell<user::Ledger>>,
    disks: Vec<Handle>,
    replicas: Vec<Option<SimReplica>>,
    tally: Tally,
}

impl World {
    fn new(seed: u64, with_story: bool) -> Self {
        let mut dice = Dice::new(seed);
        let ledger = Rc::new(RefCell::new(user::Ledger::default()));
        ledger.borrow_mut().story = with_story.then(Vec::new);
        let count = 2 + dice.below(3);
        let disk = |number| {
            let disk = Disk::new(number, seed, Rc::clone(&ledger));
            Handle(Rc::new(RefCell::new(disk)))
        };
        let disks: Vec<Handle> = (1..=count).map(disk).collect();
        let replicas = disks.iter().map(|_| None).collect();
        Self { dice, ledger, disks, replicas, tally: Tally::default() }
    }

    /// The eventful part.
    fn live(&mut self) -> Result<(), String> {
        let steps = 8 + self.dice.below(28);
        for _ in 0..steps {
            let who = self.dice.below(self.disks.len() as u64) as usize;
            if self.dice.percent(55) {
                self.tally.acts += 1;
                self.tell(|| format!("  on {who}:"));
                let mut dice = Dice::new(self.dice.next());
                user::act(&mut self.disks[who].0.borrow_mut(), &mut dice);
                continue;
            }
            let whom = self.other(who);
            self.prepare_trouble(who);
            self.prepare_trouble(whom);
            self.pull(who, whom)?;
        }
        Ok(())
    }

    fn other(&mut self, who: usize) -> usize {
        let count = self.disks.len() as u64;
        (who + 1 + self.dice.below(count - 1) as usize) % count as usize
    }

    /// Perhaps the power will go during the next pull, perhaps a user will act in its middle.
    fn prepare_trouble(&mut self, who: usize) {
        let fuse = self.dice.percent(30).then(|| 1 + self.dice.below(120));
        let mut interrupts = Vec::new();
        while self.dice.percent(25) {
            interrupts.push((1 + self.dice.below(80), self.dice.next()));
        }
        let mut disk = self.disks[who].0.borrow_mut();
        disk.fuse = fuse;
        disk.interrupts = interrupts;
    }

    /// Scan both, then `who` learns what `whom` knows. Whoever loses power starts again.
    fn pull(&mut self, who: usize, whom: usize) -> Result<(), String> {
        self.tally.pulls += 1;
        self.tell(|| format!("  {who} pulls from {whom}"));
        let outcome = self.try_pull(who, whom);
        for one in [who, whom] {
            let is_off = self.disks[one].0.borrow().is_off;
            if is_off {
                self.restart(one)?;
            }
        }
        match outcome {
            Ok(report) => {
                self.tell(|| format!("    {report:?}"));
                self.tally.conflicts += report.conflicts.len() as u64;
                Ok(())
            }
            Err(error) if is_power_cut(&error) => Ok(()),
            Err(error) => Err(format!("a pull failed: {error}")),
        }
    }

    fn try_pull(&mut self, who: usize, whom: usize) -> crate::Result<crate::replica::Report> {
        for one in [who, whom] {
            if self.replicas[one].is_none() {
                let disk = &self.disks[one];
                self.replicas[one] = Some(Replica::open(disk.clone(), disk.clone())?);
            }
        }
        let [Some(ours), Some(theirs)] = pair(&mut self.replicas, who, whom) else {
            return Ok(Default::default());
        };
        ours.scan(true)?;
        theirs.scan(true)?;
        ours.pull(theirs, &mut |_| {})
    }

    /// The power is back: what is on the disk must be whole before anybody touches it.
    fn restart(&mut self, who: usize) -> Result<(), String> {
        self.tally.crashes += 1;
        self.tell(|| format!("    {who} loses its power"));
        self.replicas[who] = None;
        self.disks[who].0.borrow_mut().crash();
        self.check_whole(who)?;
        // Sometimes it goes again while we recover.
        if self.dice.percent(30) {
            let fuse = 1 + self.dice.below(30);
            self.disks[who].0.borrow_mut().fuse = Some(fuse);
            let disk = self.disks[who].clone();
            let opened = Replica::open(disk.clone(), disk.clone());
            let is_off = disk.0.borrow().is_off;
            if is_off {
                return self.restart(who);
            }
            disk.0.borrow_mut().fuse = None;
            self.replicas[who] = Some(opened.map_err(|error| format!("recovery failed: {error}"))?);
        }
        Ok(())
    }

    /// No more trouble: everybody pulls from everybody until all know the same.
    fn settle(&mut self) -> Result<(), String> {
        for disk in &self.disks {
            let mut disk = disk.0.borrow_mut();
            (disk.fuse, disk.interrupts) = (None, Vec::new());
            disk.sync();
            disk.clock += 1_000_000_000;
        }
        for _ in 0..12 {
            for who in 0..self.disks.len() {
                for whom in (0..self.disks.len()).filter(|whom| *whom != who) {
                    self.pull(who, whom)?;
                }
            }
            for disk in &self.disks {
                disk.0.borrow_mut().clock += 1_000_000_000;
            }
            let mut roots = self.replicas.iter().flatten().map(|replica| replica.tree().root());
            let first = roots.next();
            if roots.all(|root| Some(root) == first) {
                return Ok(());
            }
        }
        Err(format!("I3: the roots do not become equal\n{}", self.show_trees()))
    }

    fn check_end(&mut self) -> Result<(), String> {
        for who in 0..self.disks.len() {
            self.check_whole(who)?;
            self.check_disk_is_tree(who)?;
        }
        let ledger = self.ledger.borrow();
        let live = self.live_contents();
        for content in ledger.written.difference(&ledger.given_up) {
            if !live.contains_key(content) {
                return Err(format!("I1: {} is nowhere\n{}", user::shown(content), self.show_trees()));
            }
        }
        Ok(())
    }

    /// Contents under users' names, on any disk.
    fn live_contents(&self) -> BTreeMap<Vec<u8>, usize> {
        let mut live = BTreeMap::new();
        for (who, disk) in self.disks.iter().enumerate() {
            let disk = disk.0.borrow();
            for path in user::paths(&disk, |what| what == What::File) {
                live.extend(disk.inode(&path).map(|inode| (inode.bytes.to_vec(), who)));
            }
        }
        live
    }

    /// I2 on one disk.
    fn check_whole(&self, who: usize) -> Result<(), String> {
        let disk = self.disks[who].0.borrow();
        let ledger = self.ledger.borrow();
        for path in user::paths(&disk, |what| what == What::File) {
            let bytes = disk.inode(&path).map(|inode| inode.bytes.to_vec()).unwrap_or_default();
            if !ledger.written.contains(&bytes) && !ledger.allowed.contains(&bytes) {
                return Err(format!("I2: on {who}, {} holds `{}`", user::shown(&path), user::shown(&bytes)));
            }
        }
        Ok(())
    }

    /// Each live row stands on the disk, with its content.
    fn check_disk_is_tree(&self, who: usize) -> Result<(), String> {
        let Some(replica) = &self.replicas[who] else { return Ok(()) };
        let disk = self.disks[who].0.borrow();
        for (key, row) in replica.tree().rows().filter(|(_, row)| row.entry.is_live()) {
            let there = row.seen.as_ref().and_then(|seen| disk.inode(&seen.raw));
            let is_so = match (&row.entry.kind, there) {
                (Kind::Folder, Some(inode)) => inode.what == What::Folder,
                (Kind::Link { target }, Some(inode)) => inode.what == What::Link && *inode.bytes == *target,
                (Kind::File { hash, .. }, Some(inode)) => {
                    inode.what == What::File && crate::chunk::hash_of(&inode.bytes) == *hash
                }
                _ => false,
            };
            if !is_so {
                return Err(format!("I3: on {who}, {} is not what the tree says", user::shown(key)));
            }
        }
        Ok(())
    }

    fn show_trees(&self) -> String {
        let mut text = String::new();
        for (who, replica) in self.replicas.iter().enumerate() {
            text.push_str(&format!("  {who}:\n"));
            for (key, row) in replica.iter().flat_map(|replica| replica.tree().rows()) {
                let disk = self.disks[who].0.borrow();
                let there = row.seen.as_ref().and_then(|seen| disk.inode(&seen.raw));
                let there = there.map_or(String::new(), |inode| user::shown(&inode.bytes));
                let kind = match &row.entry.kind {
                    Kind::Gone => "gone".to_owned(),
                    Kind::Folder => "folder".to_owned(),
                    Kind::Link { target } => format!("-> {}", user::shown(target)),
                    Kind::File { .. } => format!("file {there}"),
                };
                text.push_str(&format!(
                    "    {:<30} {kind:<20} {:?} {:?}\n",
                    user::shown(key),
                    row.entry.version,
                    row.entry.meta
                ));
            }
        }
        text
    }

    fn tell(&self, line: impl FnOnce() -> String) {
        self.ledger.borrow_mut().tell(line);
    }
}

/// Two of them at once.
fn pair<T>(all: &mut [T], one: usize, two: usize) -> [&mut T; 2] {
    if one < two {
        let (left, right) = all.split_at_mut(two);
        [&mut left[one], &mut right[0]]
    } else {
        let (left, right) = all.split_at_mut(one);
        [&mut right[0], &mut left[two]]
    }
}

fn is_power_cut(error: &crate::Error) -> bool {
    match error {
        crate::Error::PowerCut => true,
        crate::Error::Io { source, .. } => source.to_string() == "no power",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_lose_nothing() {
        for seed in 0..400 {
            if let Err(failure) = run(seed, true) {
                panic!("seed {}: {}\n{}", failure.seed, failure.what, failure.story.join("\n"));
            }
        }
    }
}
