//! A disk that can lose its power before any operation, and with it everything that was not made durable.
//!
//! Names behave like those of a journaling file system: after a power cut the namespace is as it was after some of the
//! operations since the last sync, in their order. Contents do not: a file written and not synced may be there, be
//! empty, be a prefix, or be what it was before, each by itself, whatever happened to its name.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Cursor, ErrorKind, Seek, SeekFrom, Write};
use std::rc::Rc;

use super::dice::Dice;
use super::user;
use crate::entry::Meta;
use crate::name;
use crate::store::{Change, Past, Saved, Store};
use crate::vfs::{Sink, Source, Stat, Vfs, What};

/// Contents are shared, never changed.
pub(super) type Bytes = Rc<Vec<u8>>;
type Names = BTreeMap<Vec<u8>, u64>;

/// A file, link or folder.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) what: What,
    /// Content, or where a link points.
    pub(super) bytes: Bytes,
    /// What a power cut leaves at least; `None` if it was never synced.
    durable: Option<Bytes>,
    /// A user wrote it, not we.
    pub(super) by_user: bool,
    pub(super) mode: u32,
    pub(super) mtime: i64,
    ctime: i64,
}

/// All of one disk.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) names: Rc<Names>,
    pub(super) inodes: BTreeMap<u64, Inode>,
    /// The namespace after the last sync, and after each operation since.
    since_sync: Vec<Rc<Names>>,
    next_ino: u64,
    pub(super) clock: i64,
    pub(super) dice: Dice,
    /// Operations until the power goes.
    pub(super) fuse: Option<u64>,
    pub(super) is_off: bool,
    /// What users do in the middle of our work: operations from now, and what.
    pub(super) interrupts: Vec<(u64, u64)>,
    /// Contents that users wrote since the last sync: a power cut may take them.
    pub(super) at_risk: Vec<Vec<u8>>,
    pub(super) ledger: Rc<RefCell<user::Ledger>>,
    saved: Saved,
    past: Vec<Past>,
}

/// A handle on a disk: its file system and its index.
#[derive(Clone, Debug)]
pub(super) struct Handle(pub(super) Rc<RefCell<Disk>>);

impl Disk {
    pub(super) fn new(device: u64, seed: u64, ledger: Rc<RefCell<user::Ledger>>) -> Self {
        Self {
            names: Rc::default(),
            inodes: BTreeMap::new(),
            since_sync: vec![Rc::default()],
            next_ino: 1,
            clock: 1_700_000_000_000_000_000 + device as i64,
            dice: Dice::new(seed ^ device.wrapping_mul(0x9e37_79b9)),
            fuse: None,
            is_off: false,
            interrupts: Vec::new(),
            at_risk: Vec::new(),
            ledger,
            saved: Saved { device, ..Saved::default() },
            past: Vec::new(),
        }
    }

    /// Time as files see it: coarse.
    pub(super) fn tick_time(&self) -> i64 {
        self.clock - self.clock % 4_000_000
    }

    pub(super) fn inode(&self, path: &[u8]) -> Option<&Inode> {
        self.inodes.get(self.names.get(path)?)
    }

    pub(super) fn has_below(&self, path: &[u8]) -> bool {
        let prefix = [path, b"/"].concat();
        self.names.range(prefix.clone()..).next().is_some_and(|(name, _)| name.starts_with(&prefix))
    }

    /// Changes the namespace as one operation.
    pub(super) fn rename_all(&mut self, change: impl FnOnce(&mut Names)) {
        change(Rc::make_mut(&mut self.names));
        self.since_sync.push(Rc::clone(&self.names));
    }

    pub(super) fn make(&mut self, path: &[u8], what: What, bytes: Vec<u8>, by_user: bool) -> u64 {
        let (ino, now) = (self.next_ino, self.tick_time());
        self.next_ino += 1;
        let mode = if what == What::Folder { 0o755 } else { 0o644 };
        // Links and folders are part of the namespace: there with their name or not at all.
        let bytes = Rc::new(bytes);
        let durable = (what != What::File).then(|| Rc::clone(&bytes));
        let inode = Inode { what, bytes, durable, by_user, mode, mtime: now, ctime: now };
        self.inodes.insert(ino, inode);
        self.rename_all(|names| {
            names.insert(path.to_vec(), ino);
        });
        ino
    }

    pub(super) fn write(&mut self, ino: u64, bytes: Vec<u8>, keeps_mtime: bool) {
        let now = self.tick_time();
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.bytes = Rc::new(bytes);
            inode.mtime = if keeps_mtime { inode.mtime } else { now };
            inode.ctime = now;
        }
    }

    pub(super) fn touch(&mut self, ino: u64, change: impl FnOnce(&mut Inode)) {
        let now = self.tick_time();
        if let Some(inode) = self.inodes.get_mut(&ino) {
            change(inode);
            inode.ctime = now;
        }
    }

    /// Moves a path and all below it.
    pub(super) fn move_path(&mut self, from: &[u8], to: &[u8]) {
        let prefix = [from, b"/"].concat();
        self.rename_all(|names| {
            let moved: Vec<Vec<u8>> =
                names.keys().filter(|name| *name == from || name.starts_with(&prefix)).cloned().collect();
            for old in moved {
                if let Some(ino) = names.remove(&old) {
                    names.insert([to, &old[from.len()..]].concat(), ino);
                }
            }
        });
        if let Some(ino) = self.names.get(to).copied() {
            self.touch(ino, |_| {});
        }
    }

    /// Makes everything durable.
    pub(super) fn sync(&mut self) {
        self.since_sync = vec![Rc::clone(&self.names)];
        let live: std::collections::BTreeSet<u64> = self.names.values().copied().collect();
        self.inodes.retain(|ino, _| live.contains(ino));
        for inode in self.inodes.values_mut() {
            inode.durable = Some(Rc::clone(&inode.bytes));
        }
        self.at_risk.clear();
    }

    /// The power goes: what is not durable is decided by the dice.
    pub(super) fn crash(&mut self) {
        let kept = self.dice.below(self.since_sync.len() as u64) as usize;
        self.names = Rc::clone(&self.since_sync[kept]);
        for inode in self.inodes.values_mut() {
            if inode.durable.as_ref().is_some_and(|durable| Rc::ptr_eq(durable, &inode.bytes)) {
                continue;
            }
            let len = inode.bytes.len() as u64;
            let old = inode.durable.clone().unwrap_or_default();
            inode.bytes = match self.dice.below(4) {
                0 => Rc::clone(&inode.bytes),
                1 => Rc::default(),
                2 => Rc::new(inode.bytes[..self.dice.below(len + 1) as usize].to_vec()),
                _ => old,
            };
            if inode.by_user {
                self.ledger.borrow_mut().allowed.insert(inode.bytes.to_vec());
            }
        }
        let mut ledger = self.ledger.borrow_mut();
        for content in self.at_risk.drain(..) {
            ledger.given_up.insert(content);
        }
        drop(ledger);
        self.sync();
        self.interrupts.clear();
        self.fuse = None;
        self.is_off = false;
    }
}

impl Handle {
    /// One operation passes: time, users, and perhaps the end of the power.
    fn step(&self) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        if disk.is_off {
            return Err(io::Error::other("no power"));
        }
        disk.clock += 100_000 + disk.dice.below(6_000_000) as i64;
        let mut due = Vec::new();
        disk.interrupts.retain_mut(|(left, seed)| {
            *left = left.saturating_sub(1);
            if *left == 0 {
                due.push(*seed);
            }
            *left > 0
        });
        for seed in due {
            user::act(&mut disk, &mut Dice::new(seed));
        }
        if let Some(left) = &mut disk.fuse {
            *left = left.saturating_sub(1);
            if *left == 0 {
                disk.is_off = true;
                return Err(io::Error::other("no power"));
            }
        }
        Ok(())
    }

    fn found(disk: &Disk, path: &[u8]) -> io::Result<u64> {
        disk.names.get(path).copied().ok_or_else(|| rustix::io::Errno::NOENT.into())
    }

    fn has_folder(disk: &Disk, path: &[u8]) -> io::Result<()> {
        let folder = name::split(path).0;
        let is_folder =
            folder.is_empty() || disk.inode(folder).is_some_and(|inode| inode.what == What::Folder);
        if is_folder { Ok(()) } else { Err(rustix::io::Errno::NOENT.into()) }
    }
}

fn stat_of(disk: &Disk, ino: u64, inode: &Inode) -> Stat {
    let links = disk.names.values().filter(|other| **other == ino).count() as u64;
    let mode = if inode.what == What::Link { 0 } else { inode.mode };
    let (len, mtime, ctime) = (inode.bytes.len() as u64, inode.mtime, inode.ctime);
    Stat { what: inode.what, len, mtime, ctime, ino, mode, links }
}

impl Vfs for Handle {
    fn list(&self, folder: &[u8]) -> io::Result<Vec<(Vec<u8>, Stat)>> {
        self.step()?;
        let disk = self.0.borrow();
        let prefix = if folder.is_empty() { Vec::new() } else { [folder, b"/"].concat() };
        if !folder.is_empty() && disk.inode(folder).is_none_or(|inode| inode.what != What::Folder) {
            return Err(rustix::io::Errno::NOENT.into());
        }
        let inside = |name: &[u8]| name.starts_with(&prefix) && !name[prefix.len()..].contains(&b'/');
        let all = disk.names.iter().filter(|(name, _)| inside(name));
        Ok(all
            .map(|(name, ino)| (name[prefix.len()..].to_vec(), stat_of(&disk, *ino, &disk.inodes[ino])))
            .collect())
    }

    fn stat(&self, path: &[u8]) -> io::Result<Option<Stat>> {
        self.step()?;
        let disk = self.0.borrow();
        Ok(disk.names.get(path).map(|ino| stat_of(&disk, *ino, &disk.inodes[ino])))
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.step()?;
        let disk = self.0.borrow();
        Ok(disk.inodes[&Self::found(&disk, path)?].bytes.to_vec())
    }

    fn xattrs(&self, _: &[u8]) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.step().map(|()| Vec::new())
    }

    fn open(&self, path: &[u8]) -> io::Result<Box<dyn Source>> {
        self.step()?;
        let disk = self.0.borrow();
        let inode = &disk.inodes[&Self::found(&disk, path)?];
        match inode.what {
            What::File => Ok(Box::new(Cursor::new(inode.bytes.to_vec()))),
            _ => Err(ErrorKind::InvalidInput.into()),
        }
    }

    fn create(&self, path: &[u8]) -> io::Result<Box<dyn Sink>> {
        self.step()?;
        let mut disk = self.0.borrow_mut();
        Self::has_folder(&disk, path)?;
        let ino = disk.make(path, What::File, Vec::new(), false);
        Ok(Box::new(Writing { handle: self.clone(), ino, at: 0 }))
    }

    fn make_folder(&self, path: &[u8]) -> io::Result<()> {
        self.step()?;
        let mut disk = self.0.borrow_mut();
        Self::has_folder(&disk, path)?;
        if disk.names.contains_key(path) {
            return Err(rustix::io::Errno::EXIST.into());
        }
        disk.make(path, What::Folder, Vec::new(), false);
        Ok(())
    }

    fn make_link(&self, path: &[u8], target: &[u8]) -> io::Result<()> {
        self.step()?;
        let mut disk = self.0.borrow_mut();
        disk.make(path, What::Link, target.to_vec(), false);
        Ok(())
    }

    fn hard_link(&self, _: &[u8], _: &[u8]) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    fn set_meta(&self, path: &[u8], meta: &Meta) -> io::Result<()> {
        self.step()?;
        let mut disk = self.0.borrow_mut();
        let ino = Self::found(&disk, path)?;
        disk.touch(ino, |inode| {
            inode.mode = meta.mode;
            if inode.what == What::File {
                inode.mtime = meta.mtime;
            }
        });
        Ok(())
    }

    fn rename_new(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        self.step()?;
        let mut disk = self.0.borrow_mut();
        if !disk.names.contains_key(from) {
            return Err(rustix::io::Errno::NOENT.into());
        }
        Self::has_folder(&disk, to).map_err(|_| rustix::io::Errno::NOENT)?;
        if disk.names.contains_key(to) {
            return Err(rustix::io::Errno::EXIST.into());
        }
        disk.move_path(from, to);
        Ok(())
    }

    fn exchange(&self, one: &[u8], two: &[u8]) -> io::Result<()> {
        self.step()?;
        let mut disk = self.0.borrow_mut();
        let absent = |_| rustix::io::Errno::NOENT;
        let a = Self::found(&disk, one).map_err(absent)?;
        let b = Self::found(&disk, two).map_err(absent)?;
        let (one, two) = (one.to_vec(), two.to_vec());
        // A folder may have come in the very moment; it would change places with all that is in it.
        if disk.has_below(&two) || disk.has_below(&one) {
            let inner: Vec<Vec<u8>> = disk
                .names
                .keys()
                .filter(|name| name.starts_with(&[&two[..], b"/"].concat()))
                .cloned()
                .collect();
            disk.rename_all(|names| {
                for old in inner {
                    if let Some(ino) = names.remove(&old) {
                        names.insert([&one[..], &old[two.len()..]].concat(), ino);
                    }
                }
                names.insert(one, b);
                names.insert(two, a);
            });
        } else {
            disk.rename_all(|names| {
                names.insert(one, b);
                names.insert(two, a);
            });
        }
        disk.touch(a, |_| {});
        disk.touch(b, |_| {});
        Ok(())
    }

    fn remove_file(&self, path: &[u8]) -> io::Result<()> {
        self.step()?;
        let mut disk = self.0.borrow_mut();
        Self::found(&disk, path)?;
        disk.rename_all(|names| {
            names.remove(path);
        });
        Ok(())
    }

    fn remove_folder(&self, path: &[u8]) -> io::Result<()> {
        self.step()?;
        let mut disk = self.0.borrow_mut();
        Self::found(&disk, path)?;
        if disk.has_below(path) {
            return Err(rustix::io::Errno::NOTEMPTY.into());
        }
        disk.rename_all(|names| {
            names.remove(path);
        });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.step()?;
        self.0.borrow_mut().sync();
        Ok(())
    }

    fn now(&self) -> i64 {
        self.0.borrow().clock
    }
}

/// A file being written.
struct Writing {
    handle: Handle,
    ino: u64,
    at: usize,
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.handle.step()?;
        let mut disk = self.handle.0.borrow_mut();
        let Some(inode) = disk.inodes.get(&self.ino) else { return Err(ErrorKind::NotFound.into()) };
        // At most a few bytes in one operation, so that the power can go in the middle of a file.
        let now = bytes.len().min(5);
        let mut content = inode.bytes.to_vec();
        content.resize(content.len().max(self.at + now), 0);
        content[self.at..self.at + now].copy_from_slice(&bytes[..now]);
        self.at += now;
        disk.write(self.ino, content, false);
        Ok(now)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Writing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at as usize,
            SeekFrom::Current(by) => (self.at as i64 + by) as usize,
            SeekFrom::End(_) => return Err(ErrorKind::Unsupported.into()),
        };
        Ok(self.at as u64)
    }
}

impl Sink for Writing {
    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let mut disk = self.handle.0.borrow_mut();
        let Some(inode) = disk.inodes.get(&self.ino) else { return Err(ErrorKind::NotFound.into()) };
        let mut content = inode.bytes.to_vec();
        content.resize(len as usize, 0);
        disk.write(self.ino, content, false);
        Ok(())
    }
}

impl Store for Handle {
    fn load(&mut self) -> crate::Result<Saved> {
        self.step().map_err(|_| crate::Error::PowerCut)?;
        Ok(self.0.borrow().saved.clone())
    }

    fn commit(&mut self, change: &Change) -> crate::Result<()> {
        let before = self.step();
        let mut disk = self.0.borrow_mut();
        // The power may go before or after a commit is on the disk, never in its middle.
        if before.is_err() && disk.dice.below(2) == 0 {
            return Err(crate::Error::PowerCut);
        }
        for (key, row) in &change.rows {
            disk.saved.rows.insert(key.clone(), row.clone());
        }
        if let Some(journal) = &change.journal {
            disk.saved.journal = journal.clone();
        }
        disk.past.extend(change.past.iter().cloned());
        disk.saved.set = change.set.unwrap_or(disk.saved.set);
        before.map_err(|_| crate::Error::PowerCut)
    }

    fn chunks(&mut self, _: &crate::entry::Hash) -> crate::Result<Option<Vec<crate::chunk::Chunk>>> {
        Ok(None)
    }

    fn past(&mut self) -> crate::Result<Vec<Past>> {
        Ok(self.0.borrow().past.clone())
    }

    fn forget_past(&mut self, before: i64) -> crate::Result<()> {
        self.0.borrow_mut().past.retain(|past| past.at >= before);
        Ok(())
    }
}
