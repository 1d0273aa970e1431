//! Scanning: what has changed on this disk since the index was written.
//!
//! The walk comes from the file system, the changes go into the tree, each with this device's counter one up. A file is
//! read again if anything that `stat` tells of it differs, its ctime included, so an edit that keeps size and mtime is
//! noticed; and if it had changed so shortly before it was last looked at that `stat` could not tell.
//!
//! A folder that cannot be read keeps all that was known of it: what we cannot see was not deleted. A file that changes
//! while it is read waits for the next scan.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::ErrorKind;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::chunk::{self, Chunk};
use crate::entry::{Entry, Hash, Kind, Meta, Row, Seen};
use crate::error::Result;
use crate::name::{self, Key};
use crate::tree::Tree;
use crate::version::{Device, Version};
use crate::vfs::{Stat, Vfs, What};

/// The name of ignore files: gitignore's syntax, in any folder.
pub const IGNORE_FILE: &[u8] = b".tongroignore";

/// Coarse clocks tick this often at most, in nanoseconds; a change within one tick of the look may not show.
const TICK: i64 = 20_000_000;

/// What a scan found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Rows that are new, in any order; already in the tree.
    pub changed: Vec<(Key, Row)>,
    /// Lists of chunks of files that were read.
    pub chunks: Vec<(Hash, Vec<Chunk>)>,
    /// Paths that could not be taken.
    pub problems: Vec<(Vec<u8>, Problem)>,
    /// Files that were live before and are not now.
    pub gone: usize,
    /// Files that are live now.
    pub live: usize,
    /// Bytes that were read to be hashed.
    pub read: u64,
}

/// Why a path was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No permission, a broken disk.
    Unreadable,
    /// It changed while it was read.
    Changing,
    /// Another name in the folder is the same after NFC.
    Twin,
    /// A device, a FIFO, a socket.
    Special,
    /// No name that a peer could take.
    Name,
    /// Its name is too long for this file system.
    TooLong,
}

impl Problem {
    /// Its id, for texts and `--json`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Changing => "changing",
            Self::Twin => "twin",
            Self::Special => "special",
            Self::Name => "name",
            Self::TooLong => "too_long",
        }
    }
}

/// Looks at everything.
pub fn scan(vfs: &dyn Vfs, tree: &mut Tree, device: Device) -> Result<Scan> {
    let mut walk = Walk {
        vfs,
        tree,
        device,
        scan: Scan::default(),
        seen: BTreeSet::new(),
        twins: HashMap::new(),
        blind: Vec::new(),
    };
    walk.folder(b"", b"", &mut Vec::new())?;
    walk.bury_missing();
    Ok(walk.scan)
}

struct Walk<'w> {
    vfs: &'w dyn Vfs,
    tree: &'w mut Tree,
    device: Device,
    scan: Scan,
    seen: BTreeSet<Key>,
    /// Hard-linked files met so far: inode → first key.
    twins: HashMap<u64, Key>,
    /// Folders that could not be read, or are ignored now: what was known below them stays.
    blind: Vec<Key>,
}

impl Walk<'_> {
    fn folder(&mut self, raw: &[u8], key: &[u8], rules: &mut Vec<(Vec<u8>, Gitignore)>) -> Result<()> {
        let listed = match self.vfs.list(raw) {
            Ok(listed) => listed,
            Err(error) if raw.is_empty() => return Err(crate::Error::io("list the folder")(error)),
            Err(error) => {
                self.refuse(raw, key, problem_of(&error))?;
                return Ok(());
            }
        };
        let own_rules = self.rules_of(raw, &listed);
        let has_rules = own_rules.is_some();
        rules.extend(own_rules);
        for (part, stat) in self.one_per_key(key, raw, listed) {
            if key.is_empty() && part.eq_ignore_ascii_case(name::OWN) {
                continue;
            }
            let (raw, key) = (name::join(raw, &part), name::join(key, &name::key_of(&part)));
            if is_ignored(rules, &raw, stat.what == What::Folder) {
                self.blind.push(key);
                continue;
            }
            self.path(raw, key, stat, rules)?;
        }
        if has_rules {
            rules.pop();
        }
        Ok(())
    }

    /// Of several raw names with one key the one known before stays, else NFC; the others are reported.
    fn one_per_key(
        &mut self,
        folder: &[u8],
        raw: &[u8],
        listed: Vec<(Vec<u8>, Stat)>,
    ) -> Vec<(Vec<u8>, Stat)> {
        let mut by_key: BTreeMap<Vec<u8>, Vec<(Vec<u8>, Stat)>> = BTreeMap::new();
        for (part, stat) in listed {
            by_key.entry(name::key_of(&part)).or_default().push((part, stat));
        }
        let mut kept = Vec::new();
        for (part_key, mut all) in by_key {
            if all.len() > 1 {
                let known = self.tree.row(&name::join(folder, &part_key)).and_then(|row| row.seen.as_ref());
                let known = known.map(|seen| name::split(&seen.raw).1.to_vec());
                all.sort_by_key(|(part, _)| (Some(part) != known.as_ref(), *part != part_key, part.clone()));
                for (part, _) in all.drain(1..) {
                    self.scan.problems.push((name::join(raw, &part), Problem::Twin));
                }
            }
            kept.extend(all);
        }
        kept
    }

    fn path(
        &mut self,
        raw: Vec<u8>,
        key: Key,
        stat: Stat,
        rules: &mut Vec<(Vec<u8>, Gitignore)>,
    ) -> Result<()> {
        match stat.what {
            What::Other => return self.refuse(&raw, &key, Problem::Special),
            _ if !name::is_safe_part(name::split(&key).1) => return self.refuse(&raw, &key, Problem::Name),
            What::Folder => {
                self.note_folder(&raw, &key, &stat)?;
                return self.folder(&raw, &key, rules);
            }
            What::File | What::Link => {}
        }
        let is_known = self.tree.row(&key).is_some_and(|row| {
            let same = |seen: &Seen| !seen.is_racy && seen.raw == raw && seen.stat.is_same(&stat);
            row.entry.is_live() && row.seen.as_ref().is_some_and(same)
        });
        let twin = self.twin_of(&key, &stat);
        if is_known && self.tree.row(&key).is_some_and(|row| row.entry.meta.twin == twin) {
            self.seen.insert(key);
            self.scan.live += 1;
            return Ok(());
        }
        match self.look(&raw, &stat, twin) {
            Ok(Some((kind, meta, stat))) => {
                self.scan.live += 1;
                self.note(raw, key, kind, meta, stat);
                Ok(())
            }
            Ok(None) => self.refuse(&raw, &key, Problem::Changing),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()), // gone since it was listed
            Err(error) => self.refuse(&raw, &key, problem_of(&error)),
        }
    }

    /// Reads a file or link; `None` if it changed meanwhile.
    fn look(
        &mut self,
        raw: &[u8],
        stat: &Stat,
        twin: Option<Key>,
    ) -> std::io::Result<Option<(Kind, Meta, Stat)>> {
        if stat.what == What::Link {
            let target = self.vfs.read_link(raw)?;
            return Ok(Some((Kind::Link { target }, Meta::default(), stat.clone())));
        }
        let content = chunk::read(self.vfs.open(raw)?, stat.len)?;
        let xattrs = self.vfs.xattrs(raw)?;
        self.scan.read += content.len;
        let after = self.vfs.stat(raw)?;
        if !after.is_some_and(|after| after.is_same(stat)) || content.len != stat.len {
            return Ok(None);
        }
        if !content.chunks.is_empty() {
            self.scan.chunks.push((content.hash, content.chunks));
        }
        let meta = Meta { mtime: stat.mtime, mode: stat.mode, xattrs, twin };
        Ok(Some((Kind::File { hash: content.hash, len: content.len }, meta, stat.clone())))
    }

    /// The first path of the same inode, if this is another one.
    fn twin_of(&mut self, key: &[u8], stat: &Stat) -> Option<Key> {
        if stat.links < 2 || stat.what != What::File {
            return None;
        }
        let first = self.twins.entry(stat.ino).or_insert_with(|| key.to_vec());
        (first.as_slice() != key).then(|| first.clone())
    }

    fn note_folder(&mut self, raw: &[u8], key: &[u8], stat: &Stat) -> Result<()> {
        let meta = Meta { mode: stat.mode, ..Meta::default() };
        self.note(raw.to_vec(), key.to_vec(), Kind::Folder, meta, stat.clone());
        Ok(())
    }

    /// Compares with what was known and writes down what is new.
    fn note(&mut self, raw: Vec<u8>, key: Key, kind: Kind, meta: Meta, stat: Stat) {
        self.seen.insert(key.clone());
        let is_racy = stat.what != What::Folder && stat.ctime > self.vfs.now() - TICK;
        let old = self.tree.row(&key);
        let is_same = old.is_some_and(|row| row.entry.kind == kind && row.entry.meta == meta);
        let version = match old {
            Some(row) if is_same => row.entry.version.clone(),
            Some(row) => row.entry.version.bumped(self.device),
            None => Version::default().bumped(self.device),
        };
        let entry = Entry { kind, meta, version, raw: name::split(&raw).1.to_vec() };
        let row = Row { entry, seen: Some(Seen { raw, stat, is_racy }) };
        if old != Some(&row) {
            let is_new = !is_same;
            self.tree.put(key.clone(), row.clone());
            // A folder's own times change with its children; that alone is not worth a write.
            if is_new || row.entry.kind != Kind::Folder {
                self.scan.changed.push((key, row));
            }
        }
    }

    /// Leaves a path out, and what was known of it and below it as it was.
    fn refuse(&mut self, raw: &[u8], key: &[u8], problem: Problem) -> Result<()> {
        self.scan.problems.push((raw.to_vec(), problem));
        self.blind.push(key.to_vec());
        Ok(())
    }

    /// What was there and is not: a tombstone.
    fn bury_missing(&mut self) {
        let is_blind = |key: &[u8]| {
            self.blind.iter().any(|folder| key == folder || name::ancestors(key).any(|above| above == folder))
        };
        let missing: Vec<(Key, Row)> = self
            .tree
            .rows()
            .filter(|(key, row)| row.entry.is_live() && !self.seen.contains(*key) && !is_blind(key))
            .map(|(key, row)| (key.clone(), row.clone()))
            .collect();
        for (key, row) in missing {
            self.scan.gone += usize::from(row.entry.kind != Kind::Folder);
            let entry = Entry::gone(row.entry.raw, row.entry.version.bumped(self.device));
            let row = Row { entry, seen: None };
            self.tree.put(key.clone(), row.clone());
            self.scan.changed.push((key, row));
        }
    }

    /// The folder's ignore file, if it has one that can be read.
    fn rules_of(&self, raw: &[u8], listed: &[(Vec<u8>, Stat)]) -> Option<(Vec<u8>, Gitignore)> {
        let is_rules = |(part, stat): &(Vec<u8>, Stat)| part == IGNORE_FILE && stat.what == What::File;
        let (_, stat) = listed.iter().find(|entry| is_rules(entry)).filter(|(_, stat)| stat.len < 1 << 20)?;
        let mut text = String::new();
        let mut source = self.vfs.open(&name::join(raw, IGNORE_FILE)).ok()?;
        std::io::Read::read_to_string(&mut *source, &mut text)
            .ok()
            .filter(|len| *len as u64 <= stat.len.max(1 << 20))?;
        let mut builder = GitignoreBuilder::new("");
        for line in text.lines() {
            let _ = builder.add_line(None, line); // a line that is no pattern ignores nothing
        }
        Some((raw.to_vec(), builder.build().ok()?))
    }
}

/// The nearest rule that speaks of a path decides.
fn is_ignored(rules: &[(Vec<u8>, Gitignore)], raw: &[u8], is_folder: bool) -> bool {
    for (folder, rules) in rules.iter().rev() {
        let inner = if folder.is_empty() { raw } else { raw.get(folder.len() + 1..).unwrap_or_default() };
        let found = rules.matched(crate::vfs::shown(inner), is_folder);
        if !found.is_none() {
            return found.is_ignore();
        }
    }
    false
}

fn problem_of(error: &std::io::Error) -> Problem {
    match rustix::io::Errno::from_io_error(error) {
        Some(rustix::io::Errno::NAMETOOLONG) => Problem::TooLong,
        _ => Problem::Unreadable,
    }
}
