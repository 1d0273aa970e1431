//! The file system as the core sees it: a trait, so that a simulated one can lose its power anywhere.
//!
//! Paths are relative to one root, in bytes, `/` between parts. Nothing outside the root can be named, and no symbolic
//! link is followed. What is written is durable only after [`Vfs::sync`].

mod real;

use std::io::{self, Read, Seek, Write};

use serde::{Deserialize, Serialize};

pub use real::RealVfs;
pub(crate) use real::shown;

use crate::entry::Meta;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, a FIFO, a socket: left alone.
    Other,
}

/// What `stat` says. Times in nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// What it is.
    pub what: What,
    /// Length in bytes.
    pub len: u64,
    /// When its content changed; anybody can set it.
    pub mtime: i64,
    /// When anything of it changed; only the kernel sets it.
    pub ctime: i64,
    /// Its number on its device.
    pub ino: u64,
    /// Permission bits.
    pub mode: u32,
    /// How many names it has.
    pub links: u64,
}

impl Stat {
    /// Is it certainly the same content as then? Not the number of names, which changes with other paths; and a folder
    /// changes with its children.
    pub fn is_same(&self, other: &Self) -> bool {
        let quick = |stat: &Self| (stat.len, stat.mtime, stat.ctime, stat.ino, stat.mode);
        match self.what {
            What::Folder => other.what == What::Folder && self.mode == other.mode,
            what => what == other.what && quick(self) == quick(other),
        }
    }
}

/// Something to read from, anywhere in it.
pub trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// Something to write to; seeking forward leaves a hole.
pub trait Sink: Write + Seek {
    /// Ends the file here, also if the last bytes are a hole.
    fn set_len(&mut self, len: u64) -> io::Result<()>;
}

/// A file system below one root.
pub trait Vfs {
    /// The names in a folder, with what `stat` says of each. Empty path = the root.
    fn list(&self, folder: &[u8]) -> io::Result<Vec<(Vec<u8>, Stat)>>;
    /// What stands there, if anything does.
    fn stat(&self, path: &[u8]) -> io::Result<Option<Stat>>;
    /// Where a symbolic link points.
    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>>;
    /// The `user.` attributes, in order.
    fn xattrs(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>>;
    /// Opens a file to read.
    fn open(&self, path: &[u8]) -> io::Result<Box<dyn Source>>;
    /// Makes a new, empty file, in place of one that is there.
    fn create(&self, path: &[u8]) -> io::Result<Box<dyn Sink>>;
    /// Makes a folder.
    fn make_folder(&self, path: &[u8]) -> io::Result<()>;
    /// Makes a symbolic link.
    fn make_link(&self, path: &[u8], target: &[u8]) -> io::Result<()>;
    /// Gives a file a second name.
    fn hard_link(&self, from: &[u8], to: &[u8]) -> io::Result<()>;
    /// Sets rights, times and attributes of a file or folder.
    fn set_meta(&self, path: &[u8], meta: &Meta) -> io::Result<()>;
    /// Renames; fails with `AlreadyExists` if something is there.
    fn rename_new(&self, from: &[u8], to: &[u8]) -> io::Result<()>;
    /// Exchanges two paths in one step.
    fn exchange(&self, one: &[u8], two: &[u8]) -> io::Result<()>;
    /// Removes a file or a link.
    fn remove_file(&self, path: &[u8]) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &[u8]) -> io::Result<()>;
    /// Makes everything so far durable.
    fn sync(&self) -> io::Result<()>;
    /// The time, on the clock of `stat`.
    fn now(&self) -> i64;
}
