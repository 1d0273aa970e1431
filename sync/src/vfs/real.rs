//! The disk: every path is opened below the root by `openat2(2)`, never through a symbolic link.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Timespec, Timestamps, XattrFlags,
};
use rustix::io::Errno;

use super::{Sink, Source, Stat, Vfs, What};
use crate::entry::Meta;
use crate::name;

/// A folder of the disk.
#[derive(Debug)]
pub struct RealVfs {
    root: OwnedFd,
    path: PathBuf,
    /// Operations until this process kills itself; see [`RealVfs::open`].
    fuse: Option<Cell<u64>>,
}

impl RealVfs {
    /// The folder at this path, which must be there.
    ///
    /// If `TONGRO_SYNC_FUSE` holds a number, the process kills itself (SIGKILL) before that operation on the file
    /// system: so `sync torture` reaches every point, and a seed reaches it again.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fuse =
            std::env::var("TONGRO_SYNC_FUSE").ok().and_then(|number| number.parse().ok()).map(Cell::new);
        Ok(Self { root: rustix::fs::openat(CWD, path, flags, Mode::empty())?, path: path.to_owned(), fuse })
    }

    /// One operation more; perhaps the last.
    fn burn(&self) {
        let Some(fuse) = &self.fuse else { return };
        fuse.set(fuse.get().saturating_sub(1));
        if fuse.get() == 0 {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn beneath(&self, path: &[u8], flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        self.burn();
        let path = if path.is_empty() { b"." } else { path };
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let confined = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        loop {
            match rustix::fs::openat2(&self.root, path, flags, mode, confined) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }

    /// The folder of a path, to act on its last part.
    fn folder<'p>(&self, path: &'p [u8]) -> io::Result<(OwnedFd, &'p [u8])> {
        let (folder, part) = name::split(path);
        if !name::is_safe_part(part) {
            let error = if part.len() > name::PART_LEN { Errno::NAMETOOLONG } else { Errno::INVAL };
            return Err(error.into());
        }
        Ok((self.beneath(folder, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?, part))
    }

    fn rename(&self, from: &[u8], to: &[u8], flags: RenameFlags) -> io::Result<()> {
        let ((old, old_part), (new, new_part)) = (self.folder(from)?, self.folder(to)?);
        self.burn();
        Ok(rustix::fs::renameat_with(&old, old_part, &new, new_part, flags)?)
    }
}

impl Vfs for RealVfs {
    fn list(&self, folder: &[u8]) -> io::Result<Vec<(Vec<u8>, Stat)>> {
        let fd = self.beneath(folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        let mut all = Vec::new();
        for entry in Dir::read_from(&fd)? {
            let entry = entry?;
            let part = entry.file_name().to_bytes();
            if part == b"." || part == b".." {
                continue;
            }
            match rustix::fs::statat(&fd, part, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => all.push((part.to_vec(), parse(&stat))),
                Err(Errno::NOENT) => {} // gone since it was listed
                Err(error) => return Err(error.into()),
            }
        }
        Ok(all)
    }

    fn stat(&self, path: &[u8]) -> io::Result<Option<Stat>> {
        let found = self
            .folder(path)
            .and_then(|(folder, part)| Ok(rustix::fs::statat(&folder, part, AtFlags::SYMLINK_NOFOLLOW)?));
        match found {
            Ok(stat) => Ok(Some(parse(&stat))),
            Err(error)
                if matches!(
                    Errno::from_io_error(&error),
                    Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let (folder, part) = self.folder(path)?;
        Ok(rustix::fs::readlinkat(&folder, part, Vec::new())?.into_bytes())
    }

    fn xattrs(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let fd = match self.beneath(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = vec![0; 64 * 1024];
        let len = match rustix::fs::flistxattr(&fd, &mut names[..]) {
            Ok(len) => len,
            Err(Errno::OPNOTSUPP) => 0,
            Err(error) => return Err(error.into()),
        };
        let mut all = Vec::new();
        for name in names[..len].split(|byte| *byte == 0).filter(|name| name.starts_with(b"user.")) {
            let mut value = vec![0; 64 * 1024];
            let len = rustix::fs::fgetxattr(&fd, name, &mut value[..])?;
            value.truncate(len);
            all.push((name.to_vec(), value));
        }
        all.sort();
        Ok(all)
    }

    fn open(&self, path: &[u8]) -> io::Result<Box<dyn Source>> {
        let file = File::from(self.beneath(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(ErrorKind::InvalidInput.into());
        }
        Ok(Box::new(file))
    }

    fn create(&self, path: &[u8]) -> io::Result<Box<dyn Sink>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC;
        Ok(Box::new(File::from(self.beneath(path, flags, Mode::from_raw_mode(0o600))?)))
    }

    fn make_folder(&self, path: &[u8]) -> io::Result<()> {
        let (folder, part) = self.folder(path)?;
        Ok(rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o755))?)
    }

    fn make_link(&self, path: &[u8], target: &[u8]) -> io::Result<()> {
        let (folder, part) = self.folder(path)?;
        Ok(rustix::fs::symlinkat(target, &folder, part)?)
    }

    fn hard_link(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        let ((old, old_part), (new, new_part)) = (self.folder(from)?, self.folder(to)?);
        Ok(rustix::fs::linkat(&old, old_part, &new, new_part, AtFlags::empty())?)
    }

    fn set_meta(&self, path: &[u8], meta: &Meta) -> io::Result<()> {
        let fd = self.beneath(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
        let is_folder = FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) == FileType::Directory;
        for (name, value) in &meta.xattrs {
            match rustix::fs::fsetxattr(&fd, &name[..], value, XattrFlags::empty()) {
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSPC | Errno::DQUOT) => {} // this disk has no place for them
                Err(error) => return Err(error.into()),
            }
        }
        for (name, _) in self.xattrs(path)? {
            if !meta.xattrs.iter().any(|(kept, _)| *kept == name) {
                rustix::fs::fremovexattr(&fd, &name[..])?;
            }
        }
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(meta.mode & 0o7777))?;
        if is_folder {
            return Ok(());
        }
        let (seconds, nanos) = (meta.mtime.div_euclid(1_000_000_000), meta.mtime.rem_euclid(1_000_000_000));
        let at = Timespec { tv_sec: seconds, tv_nsec: nanos };
        Ok(rustix::fs::futimens(&fd, &Timestamps { last_access: at, last_modification: at })?)
    }

    fn rename_new(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        self.rename(from, to, RenameFlags::NOREPLACE)
    }

    fn exchange(&self, one: &[u8], two: &[u8]) -> io::Result<()> {
        self.rename(one, two, RenameFlags::EXCHANGE)
    }

    fn remove_file(&self, path: &[u8]) -> io::Result<()> {
        let (folder, part) = self.folder(path)?;
        Ok(rustix::fs::unlinkat(&folder, part, AtFlags::empty())?)
    }

    fn remove_folder(&self, path: &[u8]) -> io::Result<()> {
        let (folder, part) = self.folder(path)?;
        Ok(rustix::fs::unlinkat(&folder, part, AtFlags::REMOVEDIR)?)
    }

    fn sync(&self) -> io::Result<()> {
        self.burn();
        Ok(rustix::fs::syncfs(&self.root)?)
    }

    fn now(&self) -> i64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
    }
}

impl Sink for File {
    fn set_len(&mut self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }
}

fn parse(stat: &rustix::fs::Stat) -> Stat {
    let what = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => What::File,
        FileType::Directory => What::Folder,
        FileType::Symlink => What::Link,
        _ => What::Other,
    };
    let nanos = |seconds: i64, nanos: u64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos as i64);
    Stat {
        what,
        len: stat.st_size as u64,
        mtime: nanos(stat.st_mtime, stat.st_mtime_nsec),
        ctime: nanos(stat.st_ctime, stat.st_ctime_nsec),
        ino: stat.st_ino,
        mode: if what == What::Link { 0 } else { stat.st_mode & 0o7777 },
        links: stat.st_nlink,
    }
}

/// A path for people.
pub(crate) fn shown(path: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(path))
}
