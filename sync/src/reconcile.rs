//! Reconciling: what a replica must do to know all that another one knows. No I/O: two trees in, a plan out.
//!
//! One replica pulls from another. Where the other's state is newer, it is taken; where ours is, nothing happens; where
//! neither knew the other, both are kept: one under the name, by a rule that every device would apply alike, the other as
//! a conflict copy under a name that every device would give it. So two replicas that resolve the same conflict without
//! knowing of each other make the same thing of it, and after *we* have pulled, our state covers theirs everywhere.
//!
//! | ours | theirs | under the name | beside it |
//! |---|---|---|---|
//! | content A | the same content | it, newest times | – |
//! | file or link | another one | the later mtime, then the larger hash | the other |
//! | anything | deleted | what is there | – |
//! | folder | file or link | the folder | the file |
//!
//! A path with something live below it is a folder, whatever else was decided.

use std::collections::BTreeMap;

use crate::entry::{Entry, Kind};
use crate::name::{self, Key};
use crate::tree::{Child, Tree};
use crate::version::{Device, Order};

/// What shall become of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The state it shall have.
    pub entry: Entry,
    /// Our own file or link that stands there is moved here first: the other side of a conflict.
    pub keep_as: Option<Key>,
    /// It is a conflict copy.
    pub is_conflict: bool,
}

/// Plans by key.
pub type Plans = BTreeMap<Key, Plan>;

/// What to do so that `tree` covers all of `theirs`.
pub fn reconcile(tree: &Tree, theirs: &[Child], device: Device) -> Plans {
    let mut plans = Plans::new();
    for child in theirs {
        decide(tree, &child.key, &child.entry, &mut plans);
    }
    raise_folders(tree, device, &mut plans);
    plans
}

/// One path that the other side has in another state.
fn decide(tree: &Tree, key: &[u8], theirs: &Entry, plans: &mut Plans) {
    let Some(ours) = tree.row(key).map(|row| &row.entry) else {
        plans.insert(key.to_vec(), Plan { entry: theirs.clone(), keep_as: None, is_conflict: false });
        return;
    };
    match ours.version.order(&theirs.version) {
        Order::Equal if ours.kind == theirs.kind && ours.meta == theirs.meta => {}
        Order::After => {}
        Order::Before => {
            plans.insert(key.to_vec(), Plan { entry: theirs.clone(), keep_as: None, is_conflict: false });
        }
        Order::Equal | Order::Concurrent => resolve(tree, key, ours, theirs, plans),
    }
}

/// Neither knew the other.
fn resolve(tree: &Tree, key: &[u8], ours: &Entry, theirs: &Entry, plans: &mut Plans) {
    let version = ours.version.merged(&theirs.version);
    let takes_theirs = rank(theirs) > rank(ours);
    let (winner, loser) = if takes_theirs { (theirs, ours) } else { (ours, theirs) };
    let mut plan = Plan { entry: Entry { version, ..winner.clone() }, keep_as: None, is_conflict: false };
    let is_lost = matches!(loser.kind, Kind::File { .. } | Kind::Link { .. }) && loser.kind != winner.kind;
    if is_lost {
        let copy = copy_of(tree, key, loser, plans);
        if let Some((copy_key, copy)) = copy {
            if takes_theirs {
                plan.keep_as = Some(copy_key.clone());
            }
            plans.insert(copy_key, Plan { entry: copy, keep_as: None, is_conflict: true });
        }
    }
    plans.insert(key.to_vec(), plan);
}

/// Which of two states stands under the name; the larger one, and everybody finds the same.
fn rank(entry: &Entry) -> (u8, &crate::entry::Meta, &Kind) {
    let kind = match entry.kind {
        Kind::Gone => 0,
        Kind::Link { .. } | Kind::File { .. } => 1,
        Kind::Folder => 2,
    };
    (kind, &entry.meta, &entry.kind)
}

/// The conflict copy of a state: its key and entry; `None` if it is there already, or was and somebody put it away.
fn copy_of(tree: &Tree, key: &[u8], loser: &Entry, plans: &Plans) -> Option<(Key, Entry)> {
    for number in 0.. {
        let copy_key = name::conflict_key(key, &loser.content_hash(), number);
        let raw = name::split(&copy_key).1.to_vec();
        let meta = crate::entry::Meta { twin: None, ..loser.meta.clone() };
        let copy = Entry { raw, meta, ..loser.clone() };
        let there = plans.get(&copy_key).map(|plan| &plan.entry);
        let Some(there) = there.or_else(|| tree.row(&copy_key).map(|row| &row.entry)) else {
            return Some((copy_key, copy));
        };
        match there.version.order(&copy.version) {
            Order::Equal | Order::After => return None,
            _ if there.kind == copy.kind || !there.is_live() => {
                let version = there.version.merged(&copy.version);
                return Some((copy_key, Entry { version, ..copy }));
            }
            Order::Before | Order::Concurrent => {} // somebody's own file of that name
        }
    }
    None
}

/// Above everything live there are folders. A deleted one comes back; a file in the way becomes a conflict copy.
fn raise_folders(tree: &Tree, device: Device, plans: &mut Plans) {
    let planned = |plans: &Plans, key: &[u8]| plans.get(key).map(|plan| plan.entry.clone());
    let mut live: Vec<Key> =
        plans.iter().filter(|(_, plan)| plan.entry.is_live()).map(|(key, _)| key.clone()).collect();
    // What is ours and live below something that the plan takes away.
    let taken: Vec<Key> = plans
        .iter()
        .filter(|(_, plan)| plan.entry.kind != Kind::Folder)
        .map(|(key, _)| key.clone())
        .collect();
    for key in taken {
        live.extend(live_below(tree, &key, plans));
    }
    while let Some(key) = live.pop() {
        for folder in name::ancestors(&key) {
            let now = planned(plans, folder).or_else(|| tree.row(folder).map(|row| row.entry.clone()));
            match now {
                Some(entry) if entry.kind == Kind::Folder => {}
                Some(entry) => {
                    let copies = raise(tree, folder, &entry, device, plans);
                    live.extend(copies);
                }
                None => {
                    let raw = name::split(folder).1.to_vec();
                    let version = crate::version::Version::default().bumped(device);
                    let meta = crate::entry::Meta { mode: 0o755, ..Default::default() };
                    let entry = Entry { kind: Kind::Folder, meta, version, raw };
                    plans.insert(folder.to_vec(), Plan { entry, keep_as: None, is_conflict: false });
                }
            }
        }
    }
}

/// Makes a folder of what was to be something else; the keys of conflict copies.
fn raise(tree: &Tree, folder: &[u8], entry: &Entry, device: Device, plans: &mut Plans) -> Vec<Key> {
    let meta =
        tree.row(folder).filter(|row| row.entry.kind == Kind::Folder).map(|row| row.entry.meta.clone());
    let meta = meta.unwrap_or_else(|| crate::entry::Meta { mode: 0o755, ..Default::default() });
    let version = entry.version.bumped(device);
    let raised = Entry { kind: Kind::Folder, meta, version, raw: entry.raw.clone() };
    let mut plan = Plan {
        entry: raised,
        keep_as: plans.get(folder).and_then(|plan| plan.keep_as.clone()),
        is_conflict: false,
    };
    let mut copies = Vec::new();
    if matches!(entry.kind, Kind::File { .. } | Kind::Link { .. })
        && let Some((copy_key, copy)) = copy_of(tree, folder, entry, plans)
    {
        // If it is our own file that stands there, it moves; otherwise the copy is fetched like any other.
        if tree.row(folder).is_some_and(|row| row.entry.kind == entry.kind) {
            plan.keep_as = Some(copy_key.clone());
        }
        plans.insert(copy_key.clone(), Plan { entry: copy, keep_as: None, is_conflict: true });
        copies.push(copy_key);
    }
    plans.insert(folder.to_vec(), plan);
    copies
}

/// Our own live paths below a folder that the plan does not touch.
fn live_below(tree: &Tree, folder: &[u8], plans: &Plans) -> Vec<Key> {
    let mut found = Vec::new();
    let mut ways = vec![folder.to_vec()];
    while let Some(way) = ways.pop() {
        for key in tree.children_of(&way) {
            if tree.row(key).is_some_and(|row| row.entry.is_live()) && !plans.contains_key(key) {
                found.push(key.clone());
            }
            ways.push(key.clone());
        }
    }
    found
}
