//! All paths of one replica with their Merkle hashes: equal roots mean equal folders, and two trees are compared by
//! going down only where they differ.
//!
//! The hash of a folder covers the names, states and subtree hashes of its children. Tombstones count: to know of a
//! deletion is a difference too. Hashes are made when they are asked for and kept until something below changes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::entry::{Entry, Hash, Row};
use crate::name::{self, Key};

/// Rows by key, and hashes by folder.
#[derive(Debug, Default)]
pub struct Tree {
    rows: BTreeMap<Key, Row>,
    children: HashMap<Key, BTreeSet<Key>>,
    hashes: RefCell<HashMap<Key, Hash>>,
}

/// A child as a peer hears of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Child {
    /// Its key.
    pub key: Key,
    /// Its state.
    pub entry: Entry,
    /// The hash of what is below it; zero if nothing is.
    pub below: Hash,
}

impl Tree {
    /// A tree of these rows.
    pub fn new(rows: BTreeMap<Key, Row>) -> Self {
        let mut children: HashMap<Key, BTreeSet<Key>> = HashMap::new();
        for key in rows.keys() {
            children.entry(name::split(key).0.to_vec()).or_default().insert(key.clone());
        }
        Self { rows, children, hashes: RefCell::default() }
    }

    /// One path.
    pub fn row(&self, key: &[u8]) -> Option<&Row> {
        self.rows.get(key)
    }

    /// All paths, in order.
    pub fn rows(&self) -> impl Iterator<Item = (&Key, &Row)> {
        self.rows.iter()
    }

    /// Sets one path.
    pub fn put(&mut self, key: Key, row: Row) {
        let hashes = self.hashes.get_mut();
        hashes.remove(&b""[..]);
        for folder in name::ancestors(&key) {
            hashes.remove(folder);
        }
        self.children.entry(name::split(&key).0.to_vec()).or_default().insert(key.clone());
        self.rows.insert(key, row);
    }

    /// Keys directly in a folder.
    pub fn children_of<'t>(&'t self, folder: &[u8]) -> impl Iterator<Item = &'t Key> + use<'t> {
        self.children.get(folder).into_iter().flatten()
    }

    /// The hash of everything.
    pub fn root(&self) -> Hash {
        self.hash_below(b"")
    }

    /// The hash of what is below a path; zero if nothing is.
    pub fn hash_below(&self, folder: &[u8]) -> Hash {
        let Some(children) = self.children.get(folder) else { return [0; 32] };
        if let Some(hash) = self.hashes.borrow().get(folder) {
            return *hash;
        }
        let mut hasher = blake3::Hasher::new();
        for key in children {
            if let Some(row) = self.rows.get(key) {
                hasher.update(&(key.len() as u32).to_be_bytes()).update(key);
                hasher.update(&row.entry.digest()).update(&self.hash_below(key));
            }
        }
        let hash = *hasher.finalize().as_bytes();
        self.hashes.borrow_mut().insert(folder.to_vec(), hash);
        hash
    }

    /// What a peer needs to see whether it knows this child already: short hashes of its name and of all about it.
    pub fn marks(&self, folder: &[u8]) -> Vec<(u64, u64)> {
        self.children_of(folder).filter_map(|key| self.mark(key)).collect()
    }

    /// The children of a folder that the other side does not have in just this state, by its marks.
    pub fn differing(&self, folder: &[u8], marks: &[(u64, u64)]) -> Vec<Child> {
        let theirs: HashMap<u64, u64> = marks.iter().copied().collect();
        let differs = |key: &&Key| self.mark(key).is_some_and(|(name, all)| theirs.get(&name) != Some(&all));
        let child = |key: &Key| {
            let entry = self.rows.get(key)?.entry.clone();
            Some(Child { key: key.clone(), entry, below: self.hash_below(key) })
        };
        self.children_of(folder).filter(differs).filter_map(child).collect()
    }

    fn mark(&self, key: &[u8]) -> Option<(u64, u64)> {
        let row = self.rows.get(key)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&row.entry.digest()).update(&self.hash_below(key));
        Some((short(blake3::hash(key).as_bytes()), short(hasher.finalize().as_bytes())))
    }
}

/// The first eight bytes.
fn short(hash: &Hash) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(bytes)
}
