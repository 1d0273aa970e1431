//! Users of the simulated disks, and what the world owes them.
//!
//! The alphabet is small on purpose: few names, so that they collide, one of them in both Unicode forms; contents of one
//! length, so that an edit may keep size and mtime.

use std::collections::BTreeSet;

use super::dice::Dice;
use super::disk::Disk;
use crate::name;
use crate::vfs::What;

/// What was written, and what nobody can ask for any more.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Every content a user wrote.
    pub(super) written: BTreeSet<Vec<u8>>,
    /// Contents that a user who had them before his eyes overwrote or deleted, or that his own disk lost unsynced.
    pub(super) given_up: BTreeSet<Vec<u8>>,
    /// What a power cut made of users' own unsynced files.
    pub(super) allowed: BTreeSet<Vec<u8>>,
    /// For unique contents.
    pub(super) number: u64,
    /// What happened, if somebody wants to read it.
    pub(super) story: Option<Vec<String>>,
}

impl Ledger {
    /// A line of the story.
    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(line());
        }
    }
}

/// Names in a folder; the last two are one name.
const PARTS: [&str; 6] = ["a", "b", "c", "d", "각", "\u{1100}\u{1161}\u{11a8}"];

/// One thing that one user does to one disk.
pub(super) fn act(disk: &mut Disk, dice: &mut Dice) {
    let files: Vec<Vec<u8>> = paths(disk, |what| what != What::Folder);
    let folders: Vec<Vec<u8>> = paths(disk, |what| what == What::Folder);
    match dice.below(100) {
        0..30 => create(disk, dice, &folders),
        30..52 => edit(disk, dice, &files),
        52..64 => delete(disk, dice, &files),
        64..68 => delete(disk, dice, &folders),
        68..78 => rename(disk, dice, &files, &folders),
        78..84 => rename(disk, dice, &folders, &folders),
        84..90 => make_folder(disk, dice, &folders),
        90..93 => link(disk, dice, &folders),
        93..96 => chmod(disk, dice, &files),
        _ => swap_kind(disk, dice, &files, &folders),
    }
    if dice.percent(80) {
        disk.sync();
    }
}

/// Live paths of a kind, without our own folder.
pub(super) fn paths(disk: &Disk, is_kind: impl Fn(What) -> bool) -> Vec<Vec<u8>> {
    let is_own = |path: &[u8]| path == name::OWN || path.starts_with(b".tongro/");
    let all = disk.names.iter().filter(|(path, ino)| !is_own(path) && is_kind(disk.inodes[ino].what));
    all.map(|(path, _)| path.clone()).collect()
}

fn place(dice: &mut Dice, folders: &[Vec<u8>]) -> Vec<u8> {
    let folder = if dice.percent(45) { dice.pick(folders).cloned() } else { None }.unwrap_or_default();
    let folder = if folder.iter().filter(|byte| **byte == b'/').count() > 2 { Vec::new() } else { folder };
    let part = dice.pick(&PARTS).map_or("a", |part| part);
    name::join(&folder, part.as_bytes())
}

/// New content that is nobody else's, always as long.
fn content(disk: &mut Disk) -> Vec<u8> {
    let mut ledger = disk.ledger.borrow_mut();
    ledger.number += 1;
    let content = format!("{:010}", ledger.number).into_bytes();
    ledger.written.insert(content.clone());
    disk.at_risk.push(content.clone());
    content
}

/// The user sees these and does away with them.
fn give_up(disk: &Disk, path: &[u8]) {
    let prefix = [path, b"/"].concat();
    let mut ledger = disk.ledger.borrow_mut();
    for (name, ino) in disk.names.iter().filter(|(name, _)| *name == path || name.starts_with(&prefix)) {
        let inode = &disk.inodes[ino];
        if inode.what == What::File {
            ledger.given_up.insert(inode.bytes.to_vec());
        }
        ledger.tell(|| format!("      gives up {} {}", shown(name), shown(&inode.bytes)));
    }
}

pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn tell(disk: &Disk, what: &str, path: &[u8], more: &[u8]) {
    let device = disk.ledger.borrow().number; // the story's order
    disk.ledger.borrow_mut().tell(|| format!("    user@{device}: {what} {} {}", shown(path), shown(more)));
}

/// A file, in place of one that may be there: by a temporary file and a rename, as editors do.
fn create(disk: &mut Disk, dice: &mut Dice, folders: &[Vec<u8>]) {
    let path = place(dice, folders);
    if disk.inode(&path).is_some_and(|inode| inode.what == What::Folder) {
        return;
    }
    give_up(disk, &path);
    let bytes = content(disk);
    tell(disk, "writes", &path, &bytes);
    disk.make(&path, What::File, bytes, true);
}

/// In place, sometimes with the old mtime.
fn edit(disk: &mut Disk, dice: &mut Dice, files: &[Vec<u8>]) {
    let Some(path) = dice.pick(files) else { return };
    let Some(ino) = disk.names.get(path).copied() else { return };
    if disk.inodes[&ino].what != What::File {
        return;
    }
    give_up(disk, path);
    let bytes = content(disk);
    tell(disk, "edits", path, &bytes);
    disk.write(ino, bytes, dice.percent(30));
    disk.touch(ino, |inode| inode.by_user = true);
}

fn delete(disk: &mut Disk, dice: &mut Dice, from: &[Vec<u8>]) {
    let Some(path) = dice.pick(from) else { return };
    give_up(disk, path);
    tell(disk, "deletes", path, b"");
    let prefix = [&path[..], b"/"].concat();
    disk.rename_all(|names| names.retain(|name, _| name != path && !name.starts_with(&prefix)));
}

fn rename(disk: &mut Disk, dice: &mut Dice, from: &[Vec<u8>], folders: &[Vec<u8>]) {
    let Some(path) = dice.pick(from) else { return };
    let to = place(dice, folders);
    let is_inside = to == *path || to.starts_with(&[&path[..], b"/"].concat());
    let clashes = disk.inode(&to).is_some_and(|inode| inode.what == What::Folder)
        || (disk.inode(path).is_some_and(|inode| inode.what == What::Folder) && disk.names.contains_key(&to));
    if is_inside || clashes {
        return;
    }
    give_up(disk, &to);
    tell(disk, "moves", path, &to);
    disk.move_path(path, &to);
}

fn make_folder(disk: &mut Disk, dice: &mut Dice, folders: &[Vec<u8>]) {
    let path = place(dice, folders);
    if !disk.names.contains_key(&path) {
        tell(disk, "makes folder", &path, b"");
        disk.make(&path, What::Folder, Vec::new(), true);
    }
}

fn link(disk: &mut Disk, dice: &mut Dice, folders: &[Vec<u8>]) {
    let path = place(dice, folders);
    if !disk.names.contains_key(&path) {
        let target = format!("../{}", dice.below(3));
        tell(disk, "links", &path, target.as_bytes());
        disk.make(&path, What::Link, target.into_bytes(), true);
    }
}

fn chmod(disk: &mut Disk, dice: &mut Dice, files: &[Vec<u8>]) {
    let Some(ino) = dice.pick(files).and_then(|path| disk.names.get(path).copied()) else { return };
    let mode = if dice.percent(50) { 0o600 } else { 0o755 };
    disk.touch(ino, |inode| inode.mode = mode);
}

/// A file becomes a folder with a file in it, or a folder becomes a file.
fn swap_kind(disk: &mut Disk, dice: &mut Dice, files: &[Vec<u8>], folders: &[Vec<u8>]) {
    let from = if dice.percent(50) { files } else { folders };
    let Some(path) = dice.pick(from).cloned() else { return };
    let was_file = disk.inode(&path).is_some_and(|inode| inode.what != What::Folder);
    give_up(disk, &path);
    let prefix = [&path[..], b"/"].concat();
    disk.rename_all(|names| names.retain(|name, _| *name != path && !name.starts_with(&prefix)));
    let bytes = content(disk);
    tell(disk, if was_file { "makes folder of" } else { "makes file of" }, &path, &bytes);
    if was_file {
        disk.make(&path, What::Folder, Vec::new(), true);
        disk.make(&name::join(&path, b"a"), What::File, bytes, true);
    } else {
        disk.make(&path, What::File, bytes, true);
    }
}
