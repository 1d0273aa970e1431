//! The only `unsafe` room: one function ≈ one man page, each a thin and safe door to the Linux kernel.
//!
//! Bytes come from and go to descriptors; what packets mean is not known here. Every failure is an [`Error`] that
//! names the call.

#[cfg(not(target_os = "linux"))]
compile_error!("tongro-sys speaks to the Linux kernel; other systems are served through the loopback proxy");

pub mod bpf;
pub mod calls;
pub mod clock;
pub mod ethtool;
pub mod fdpass;
pub mod interface;
pub mod mount;
pub mod namespace;
pub mod netlink;
pub mod packet;
pub mod poll;
pub mod process;
pub mod ptrace;
pub mod pty;
pub mod raw;
pub mod ring;
pub mod seccomp;
pub mod sock_diag;
pub mod socket;
pub mod spawn;
pub mod uring;

use std::io;

/// A system call that failed: its name and the kernel's answer.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {source}")]
pub struct Error {
    /// The call as the manual names it, with what it was about: `unshare(CLONE_NEWUSER)`.
    pub call: &'static str,
    /// The errno as the standard library keeps it.
    #[source]
    pub source: io::Error,
}

impl Error {
    /// The error of the call just made, from `errno`.
    #[must_use]
    pub fn last(call: &'static str) -> Self {
        Self { call, source: io::Error::last_os_error() }
    }

    /// An error with a given errno.
    #[must_use]
    pub fn from_errno(call: &'static str, errno: i32) -> Self {
        Self { call, source: io::Error::from_raw_os_error(errno) }
    }

    /// The errno, 0 where the standard library made the error itself.
    #[must_use]
    pub fn errno(&self) -> i32 {
        self.source.raw_os_error().unwrap_or(0)
    }
}

/// What the functions of this room give.
pub type Result<T> = std::result::Result<T, Error>;

/// Attaches the name of the call to a standard library result.
pub(crate) fn named<T>(call: &'static str, result: io::Result<T>) -> Result<T> {
    result.map_err(|source| Error { call, source })
}

/// Turns the −1 convention into a result.
pub(crate) fn check(call: &'static str, value: i64) -> Result<i64> {
    if value < 0 { Err(Error::last(call)) } else { Ok(value) }
}
