//! The shelf: a directory where a machine's file actions become system calls.
//!
//! Names come from peers. The machine has refused those that are not plain; here each is joined to the one
//! directory, and nothing but a regular file is opened, so neither `..` nor a symbolic link leads out of it.
//!
//! A file under way is `.NAME.part`, locked (`flock(2)`) against a second transfer, also by another process. It gets
//! its name by `fsync`, `rename`, `fsync` of the directory: after a power cut there is the old file or the new one.
//!
//! ```text
//!   OFFER f          open(.f.part, O_CREAT|O_NOFOLLOW)   flock(LOCK_EX|LOCK_NB)      → Opened(len)
//!   DATA             pwrite(.f.part)
//!   DONE, hash right fsync(.f.part)   rename(.f.part, f)   fsync(directory)          → Committed
//!   a cut            close: .f.part stays, unlocked, for the next attempt
//!   hash wrong       ftruncate(.f.part, 0)
//! ```
//!
//! Without the first `fsync` a power cut could leave the new name on an empty file; without the second the rename itself
//! could be forgotten. `O_NOFOLLOW` makes `open` fail on a symbolic link somebody has put in the place of a file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use tongro_proto::{FileAction, FileEvent, FileProblem};

/// `O_NOFOLLOW`: a symbolic link is not opened.
const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

/// One connection's access to the directory.
#[derive(Debug)]
pub(crate) struct Shelf {
    directory: Arc<PathBuf>,
    /// One at a time, as the machine promises.
    open: Option<Open>,
}

/// The open file. Dropping it closes it and lets go of its lock.
#[derive(Debug)]
struct Open {
    file: File,
    name: String,
    is_partial: bool,
}

/// What an action led to. It owns its bytes, so that the shelf is free when the machine hears of it.
#[derive(Debug)]
pub(crate) enum Answer {
    Opened(u64),
    Read(u64, Vec<u8>),
    Committed,
    Failed(FileProblem),
}

impl Answer {
    /// The answer as the machine takes it.
    pub(crate) fn event(&self) -> FileEvent<'_> {
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
    pub(crate) fn new(directory: &Arc<PathBuf>) -> Self {
        Self { directory: Arc::clone(directory), open: None }
    }

    /// Does one action; `written` holds the bytes that writes refer to.
    pub(crate) fn carry_out(&mut self, action: FileAction, written: &[u8]) -> Option<Answer> {
        let outcome = match action {
            FileAction::OpenSource { name } => self.open_source(name).map(Some),
            FileAction::OpenPartial { name } => self.open_partial(name).map(Some),
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

    /// A file to be sent.
    fn open_source(&mut self, name: String) -> io::Result<Answer> {
        let path = self.directory.join(&name);
        let file = OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(path)?;
        self.opened(file, name, false)
    }

    /// A file to be received: what is there of it, or nothing. The lock is tried, never waited for, since the wait would
    /// stop every other peer of this thread.
    fn open_partial(&mut self, name: String) -> io::Result<Answer> {
        self.open = None; // the same file again after a discard: let go of its lock first
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).custom_flags(NOFOLLOW);
        let file = options.open(self.partial_path(&name))?;
        match file.try_lock() {
            Ok(()) if self.is_still_partial(&file, &name)? => self.opened(file, name, true),
            Ok(()) => Err(ErrorKind::ResourceBusy.into()), // it became the whole file while we opened it
            Err(TryLockError::WouldBlock) => Err(ErrorKind::ResourceBusy.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Does the partial name still mean the file we have locked?
    fn is_still_partial(&self, file: &File, name: &str) -> io::Result<bool> {
        let (here, there) = (file.metadata()?, self.partial_path(name).symlink_metadata());
        Ok(there.is_ok_and(|there| (there.dev(), there.ino()) == (here.dev(), here.ino())))
    }

    /// Only regular files: a directory or a device has no length that means anything.
    fn opened(&mut self, file: File, name: String, is_partial: bool) -> io::Result<Answer> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(ErrorKind::NotFound.into());
        }
        self.open = Some(Open { file, name, is_partial });
        Ok(Answer::Opened(metadata.len()))
    }

    /// As much as asked for, unless the file ends: `pread` may give less.
    fn read(&self, offset: u64, len: usize) -> io::Result<Answer> {
        let mut bytes = vec![0; len];
        let mut filled = 0;
        while filled < len {
            match self.file()?.read_at(&mut bytes[filled..], offset + filled as u64) {
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
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file()?.write_all_at(bytes, offset)
    }

    /// Durable first, then visible.
    fn commit(&mut self) -> io::Result<Answer> {
        let Some(Open { file, name, is_partial: true }) = self.open.take() else {
            return Err(ErrorKind::NotFound.into());
        };
        file.sync_all()?;
        std::fs::rename(self.partial_path(&name), self.directory.join(&name))?;
        File::open(&*self.directory)?.sync_all()?;
        Ok(Answer::Committed)
    }

    /// Empties the partial file and keeps its lock.
    fn discard(&self) -> io::Result<()> {
        self.file()?.set_len(0)
    }

    /// The open file; a machine that keeps its promises never asks without one.
    fn file(&self) -> io::Result<&File> {
        self.open.as_ref().map(|open| &open.file).ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Hidden, so that no peer can ask for it by name: plain names do not begin with a dot.
    fn partial_path(&self, name: &str) -> PathBuf {
        self.directory.join(format!(".{name}.part"))
    }
}

/// What a peer is told. Not more: paths and reasons of this host are not its business.
fn problem(error: &io::Error) -> FileProblem {
    match error.kind() {
        _ if rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP) => FileProblem::Missing,
        ErrorKind::NotFound | ErrorKind::IsADirectory => FileProblem::Missing,
        ErrorKind::ResourceBusy => FileProblem::Busy,
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
        for name in ["link", "dir", "none"] {
            let answer = shelf.carry_out(FileAction::OpenSource { name: name.to_owned() }, b"");
            assert!(matches!(answer, Some(Answer::Failed(FileProblem::Missing))), "{name}: {answer:?}");
        }
    }
}
