//! Pseudo terminals (`pty(7)`): a program's stdin that can be answered, and outputs that it flushes at each line
//! because they look like a terminal.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::{Result, check, named};

/// A pair: the master is ours, the slave becomes the program's descriptor.
#[derive(Debug)]
pub struct Pty {
    /// Our side, non-blocking.
    pub master: File,
    /// The program's side.
    pub slave: OwnedFd,
}

/// Opens a pair without echo and without newline translation.
///
/// # Errors
/// ENOENT where `/dev/ptmx` is missing.
pub fn open() -> Result<Pty> {
    let master = named("open(/dev/ptmx)", File::options().read(true).write(true).open("/dev/ptmx"))?;
    let unlock = 0i32;
    // SAFETY: TIOCSPTLCK reads one int.
    let unlocked = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlock) };
    check("ioctl(TIOCSPTLCK)", i64::from(unlocked))?;
    // The slave by ioctl and not by path: the lab's own /dev/pts may be another one.
    // SAFETY: flags only.
    let slave = unsafe {
        libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC)
    };
    check("ioctl(TIOCGPTPEER)", i64::from(slave))?;
    // SAFETY: the descriptor is fresh and ours alone.
    let slave = unsafe { OwnedFd::from_raw_fd(slave) };
    // SAFETY: all-zero is a valid termios, filled by tcgetattr.
    let mut settings: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: a live descriptor and a termios of ours.
    check("tcgetattr", i64::from(unsafe { libc::tcgetattr(slave.as_raw_fd(), &raw mut settings) }))?;
    settings.c_oflag &= !libc::OPOST;
    settings.c_lflag &= !(libc::ECHO | libc::ECHONL);
    // SAFETY: as above.
    let set = unsafe { libc::tcsetattr(slave.as_raw_fd(), libc::TCSANOW, &raw const settings) };
    check("tcsetattr", i64::from(set))?;
    set_nonblocking(&master)?;
    Ok(Pty { master, slave })
}

fn set_nonblocking(file: &File) -> Result<()> {
    // SAFETY: flags only.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    // SAFETY: flags only.
    let set = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) };
    check("fcntl(F_SETFL)", i64::from(set)).map(drop)
}
