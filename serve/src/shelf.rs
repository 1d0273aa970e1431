//! The shelf: a directory where a machine's file actions become system calls.
//!
//! Names come from peers. The machine has refused those that are not safe by themselves; here each is opened below the
//! one directory by `openat2(2)` with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`, so that neither `..` nor a symbolic
//! link leads out of it, not even one that is put there at the last moment: the kernel looks while it walks. Where the
//! kernel has no `openat2`, each part of the name is opened by itself with `O_NOFOLLOW`. Nothing but a regular file is
//! read or written.
//!
//! A file under way is `.NAME.part`, locked (`flock(2)`) against a second transfer, also by another process. It gets
//! its name by `fsync`, `rename`, `fsync` of the directory: after a power cut there is the old file or the new one.
//!
//! ```text
//!   OFFER d/f        mkdirat(d)   openat2(d/.f.part, O_CREAT)   flock(LOCK_EX|LOCK_NB)   → Opened(len)
//!   DATA             pwrite(d/.f.part)
//!   DONE, hash right fsync(d/.f.part)   renameat(d/.f.part, d/f)   fsync(d)              → Committed
//!   a cut            close: d/.f.part stays, unlocked, for the next attempt
//!   hash wrong       ftruncate(d/.f.part, 0)
//! ```
//!
//! Without the first `fsync` a power cut could leave the new name on an empty file; without the second the rename itself
//! could be forgotten.
//!
//! A name that ends in `/` is a folder: read, it is the list of the files below; received, such a list is kept in memory
//! ([`Shelf::take_list`]).

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use tongro_proto::{FileAction, FileEvent, FileProblem, transfer};

/// The longest list of a folder that is kept in memory.
const LIST_LEN: usize = 64 << 20;

/// One connection's access to the directory.
#[derive(Debug)]
pub struct Shelf {
    directory: Arc<PathBuf>,
    /// One at a time, as the machine promises.
    open: Option<Open>,
    /// The last list that came.
    list: Option<Vec<u8>>,
}

/// What is open. Dropping a file closes it and lets go of its lock.
#[derive(Debug)]
enum Open {
    /// A file to send.
    Source(File),
    /// A file that comes.
    Partial(Partial),
    /// The list of a folder, going or coming.
    List(Vec<u8>),
}

/// A file that comes: it, and the folder and names by which it will be found.
#[derive(Debug)]
struct Partial {
    file: File,
    folder: OwnedFd,
    partial_name: String,
    name: String,
}

/// What an action led to. It owns its bytes, so that the shelf is free when the machine hears of it.
#[derive(Debug)]
pub enum Answer {
    /// See [`FileEvent::Opened`].
    Opened(u64),
    /// See [`FileEvent::Read`].
    Read(u64, Vec<u8>),
    /// See [`FileEvent::Committed`].
    Committed,
    /// See [`FileEvent::Failed`].
    Failed(FileProblem),
}

impl Answer {
    /// The answer as the machine takes it.
    pub fn event(&self) -> FileEvent<'_> {
        match self {
            Self::Opened(len) => FileEvent::Opened { len: *len },
            Self::Read(offset, bytes) => FileEvent::Read { offset: *offset, bytes },
            Self::Committed => FileEvent::Committed,
            Self::Failed(problem) => FileEvent::Failed(*problem),
        }
    }
}

impl Shelf {
    /// Access to this directory.
    pub fn new(directory: &Arc<PathBuf>) -> Self {
        Self { directory: Arc::clone(directory), open: None, list: None }
    }

    /// Does one action; `written` holds the bytes that writes refer to.
    pub fn carry_out(&mut self, action: FileAction, written: &[u8]) -> Option<Answer> {
        let outcome = match action {
            FileAction::OpenSource { name } => self.open_source(&name).map(Some),
            FileAction::OpenPartial { name } => self.open_partial(&name).map(Some),
            FileAction::Read { offset, len } => self.read(offset, len).map(Some),
            FileAction::Write { offset, range } => self.write(offset, &written[range]).map(|()| None),
            FileAction::Commit => self.commit().map(Some),
            FileAction::Discard => self.discard().map(|()| None),
            FileAction::Close => {
                self.open = None;
                Ok(None)
            }
        };
        outcome.unwrap_or_else(|error| Some(Answer::Failed(problem(&error))))
    }

    /// The list that came for a wish of a folder: one name a line.
    pub fn take_list(&mut self) -> Option<Vec<u8>> {
        self.list.take()
    }

    /// All files below a folder (empty = all), relative to it, sorted; no partial files, nothing behind a symbolic link.
    /// What a peer may not be asked for is left out.
    pub fn files_below(&self, folder: &str) -> io::Result<Vec<String>> {
        let top = beneath(&self.root()?, folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        let mut found = Vec::new();
        list_into(&top, "", &mut found)?;
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        found.retain(|name| transfer::check_name(&format!("{prefix}{name}")).is_ok());
        found.sort();
        Ok(found)
    }

    /// A file to be sent, or the list of a folder.
    fn open_source(&mut self, name: &str) -> io::Result<Answer> {
        if let Some(folder) = name.strip_suffix('/') {
            let list = self.files_below(folder)?.join("\n").into_bytes();
            let len = list.len() as u64;
            self.open = Some(Open::List(list));
            return Ok(Answer::Opened(len));
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK; // a FIFO would block
        let file = File::from(beneath(&self.root()?, name, flags, Mode::empty())?);
        let len = regular_len(&file)?;
        self.open = Some(Open::Source(file));
        Ok(Answer::Opened(len))
    }

    /// A file to be received: what is there of it, or nothing. The lock is tried, never waited for, since the wait would
    /// stop every other peer of this thread.
    fn open_partial(&mut self, name: &str) -> io::Result<Answer> {
        self.open = None; // the same file again after a discard: let go of its lock first
        if name.ends_with('/') {
            self.open = Some(Open::List(Vec::new()));
            return Ok(Answer::Opened(0));
        }
        let (folder, name) = self.folder_of(name)?;
        let partial_name = partial_name(&name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK;
        let file = File::from(beneath(&folder, &partial_name, flags, Mode::from_raw_mode(0o644))?);
        match file.try_lock() {
            Ok(()) if is_still(&file, &folder, &partial_name) => {}
            Ok(()) => return Err(ErrorKind::ResourceBusy.into()), // it became the whole file while we opened it
            Err(TryLockError::WouldBlock) => return Err(ErrorKind::ResourceBusy.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let len = regular_len(&file)?;
        self.open = Some(Open::Partial(Partial { file, folder, partial_name, name }));
        Ok(Answer::Opened(len))
    }

    /// As much as asked for, unless the file ends: `pread` may give less.
    fn read(&self, offset: u64, len: usize) -> io::Result<Answer> {
        let file = match &self.open {
            Some(Open::Source(file)) => file,
            Some(Open::Partial(partial)) => &partial.file,
            Some(Open::List(list)) => {
                let from = list.get(offset as usize..).unwrap_or_default();
                return Ok(Answer::Read(offset, from[..len.min(from.len())].to_vec()));
            }
            None => return Err(ErrorKind::NotFound.into()),
        };
        let mut bytes = vec![0; len];
        let mut filled = 0;
        while filled < len {
            match file.read_at(&mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(Answer::Read(offset, bytes))
    }

    /// All of it: `pwrite` may take less.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match &mut self.open {
            Some(Open::Partial(partial)) => partial.file.write_all_at(bytes, offset),
            Some(Open::List(list)) if list.len() + bytes.len() <= LIST_LEN => {
                list.extend_from_slice(bytes);
                Ok(())
            }
            Some(Open::List(_)) => Err(ErrorKind::StorageFull.into()),
            Some(Open::Source(_)) | None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// Durable first, then visible.
    fn commit(&mut self) -> io::Result<Answer> {
        match self.open.take() {
            Some(Open::Partial(partial)) => {
                partial.file.sync_all()?;
                let folder = &partial.folder;
                rustix::fs::renameat(folder, &partial.partial_name, folder, &partial.name)?;
                rustix::fs::fsync(folder)?;
            }
            Some(Open::List(list)) => self.list = Some(list),
            Some(Open::Source(_)) | None => return Err(ErrorKind::NotFound.into()),
        }
        Ok(Answer::Committed)
    }

    /// Empties the partial file and keeps its lock.
    fn discard(&mut self) -> io::Result<()> {
        match &mut self.open {
            Some(Open::Partial(partial)) => partial.file.set_len(0),
            Some(Open::List(list)) => {
                list.clear();
                Ok(())
            }
            Some(Open::Source(_)) | None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// The directory itself.
    fn root(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(CWD, &**self.directory, flags, Mode::empty())?)
    }

    /// The folder of a file that comes, made if it is not there, and the file's own name.
    fn folder_of(&self, name: &str) -> io::Result<(OwnedFd, String)> {
        let mut folder = self.root()?;
        let Some((way, name)) = name.rsplit_once('/') else { return Ok((folder, name.to_owned())) };
        for part in way.split('/') {
            match rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            folder = beneath(&folder, part, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        }
        Ok((folder, name.to_owned()))
    }
}

/// Opens `name` below `folder`, never outside and never through a symbolic link.
fn beneath(folder: &OwnedFd, name: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let name = if name.is_empty() { "." } else { name };
    let confined = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    loop {
        match rustix::fs::openat2(folder, name, flags, mode, confined) {
            Ok(fd) => return Ok(fd),
            Err(Errno::AGAIN) => {} // a rename was going on while the kernel walked: look again
            Err(Errno::NOSYS | Errno::PERM) => return part_by_part(folder, name, flags, mode),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The same without `openat2`: each part by itself.
fn part_by_part(folder: &OwnedFd, name: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let mut at = folder.try_clone()?;
    let mut parts = name.split('/').peekable();
    while let Some(part) = parts.next() {
        if part == ".." {
            return Err(Errno::XDEV.into());
        }
        if parts.peek().is_none() {
            return Ok(rustix::fs::openat(&at, part, flags, mode)?);
        }
        let way = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        at = rustix::fs::openat(&at, part, way, Mode::empty())?;
    }
    Err(ErrorKind::NotFound.into())
}

/// Names of the files below, with their folders.
fn list_into(folder: &OwnedFd, prefix: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let about = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(about.st_mode)
            }
            known => known,
        };
        let full = format!("{prefix}{name}");
        match kind {
            FileType::RegularFile => found.push(full),
            FileType::Directory => {
                let inner = beneath(folder, name, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
                list_into(&inner, &format!("{full}/"), found)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Only regular files: a directory or a device has no length that means anything.
fn regular_len(file: &File) -> io::Result<u64> {
    let about = file.metadata()?;
    if about.is_file() { Ok(about.len()) } else { Err(ErrorKind::NotFound.into()) }
}

/// Does the name still mean the file we have locked?
fn is_still(file: &File, folder: &OwnedFd, name: &str) -> bool {
    let there = rustix::fs::statat(folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW);
    matches!((file.metadata(), there), (Ok(here), Ok(there)) if (there.st_dev, there.st_ino) == (here.dev(), here.ino()))
}

/// Hidden, so that no peer can ask for it by name: names of that form are refused. A name that leaves no room for the
/// six bytes more is replaced by its checksum.
fn partial_name(name: &str) -> String {
    let partial = format!(".{name}.part");
    if partial.len() <= 255 {
        return partial;
    }
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3) // FNV-1a
    });
    format!(".{hash:016x}.part")
}

/// What a peer is told. Not more: paths and reasons of this host are not its business.
fn problem(error: &io::Error) -> FileProblem {
    match Errno::from_io_error(error) {
        Some(Errno::LOOP | Errno::XDEV) => return FileProblem::Outside,
        Some(Errno::NAMETOOLONG) => return FileProblem::NameTooLong,
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => return FileProblem::Full,
        _ => {}
    }
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::IsADirectory => FileProblem::Missing,
        ErrorKind::ResourceBusy => FileProblem::Busy,
        ErrorKind::StorageFull => FileProblem::Full,
        _ => FileProblem::Storage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(name: &str) -> (Shelf, Arc<PathBuf>) {
        let directory = std::env::temp_dir().join(format!("tongro-shelf-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir(&directory).unwrap();
        let directory = Arc::new(directory);
        (Shelf::new(&directory), directory)
    }

    fn partial(name: &str) -> FileAction {
        FileAction::OpenPartial { name: name.to_owned() }
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let (mut shelf, directory) = shelf("commit");
        assert!(matches!(shelf.carry_out(partial("f"), b""), Some(Answer::Opened(0))));
        assert!(shelf.carry_out(FileAction::Write { offset: 0, range: 1..3 }, b"xab").is_none());
        assert!(!directory.join("f").exists());
        shelf.carry_out(FileAction::Close, b"");
        assert!(matches!(shelf.carry_out(partial("f"), b""), Some(Answer::Opened(2))));
        assert!(matches!(shelf.carry_out(FileAction::Commit, b""), Some(Answer::Committed)));
        assert_eq!(std::fs::read(directory.join("f")).unwrap(), b"ab");
        assert!(!directory.join(".f.part").exists());
    }

    #[test]
    fn two_transfers_of_one_name_do_not_mix() {
        let (mut one, directory) = shelf("busy");
        let mut two = Shelf::new(&directory);
        one.carry_out(partial("f"), b"");
        assert!(matches!(two.carry_out(partial("f"), b""), Some(Answer::Failed(FileProblem::Busy))));
        one.carry_out(FileAction::Close, b"");
        assert!(matches!(two.carry_out(partial("f"), b""), Some(Answer::Opened(0))));
    }

    #[test]
    fn links_and_directories_are_no_files() {
        let (mut shelf, directory) = shelf("link");
        std::os::unix::fs::symlink("/etc/hostname", directory.join("link")).unwrap();
        std::fs::create_dir(directory.join("dir")).unwrap();
        for (name, why) in [
            ("link", FileProblem::Outside),
            ("dir", FileProblem::Missing),
            ("none", FileProblem::Missing),
            ("dir/../../x", FileProblem::Outside),
        ] {
            let answer = shelf.carry_out(FileAction::OpenSource { name: name.to_owned() }, b"");
            assert!(matches!(answer, Some(Answer::Failed(told)) if told == why), "{name}: {answer:?}");
        }
    }

    #[test]
    fn a_link_on_the_way_leads_nowhere() {
        let (mut shelf, directory) = shelf("way");
        let outside = directory.with_extension("outside");
        std::fs::create_dir_all(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, directory.join("d")).unwrap();
        for name in ["d/f", "d/e/f"] {
            let answer = shelf.carry_out(partial(name), b"");
            assert!(matches!(answer, Some(Answer::Failed(_))), "{answer:?}");
        }
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[test]
    fn folders_are_made_and_listed_without_partial_files() {
        let (mut shelf, directory) = shelf("list");
        let long = "각".repeat(85);
        for name in ["a/b/c", "a/b/d", "e", &long] {
            shelf.carry_out(partial(name), b"");
            assert!(matches!(shelf.carry_out(FileAction::Commit, b""), Some(Answer::Committed)), "{name}");
        }
        shelf.carry_out(partial("a/half"), b"");
        std::os::unix::fs::symlink("/etc", directory.join("etc")).unwrap();
        assert_eq!(shelf.files_below("").unwrap(), ["a/b/c", "a/b/d", "e", &long]);
        assert_eq!(shelf.files_below("a").unwrap(), ["b/c", "b/d"]);
        let mut two = Shelf::new(&directory);
        let opened = two.carry_out(FileAction::OpenSource { name: "a/".to_owned() }, b"");
        assert!(matches!(opened, Some(Answer::Opened(7))), "{opened:?}");
    }
}
