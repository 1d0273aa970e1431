//! The shutdown bell: one signal that every thread, process and event loop can wait for.
//!
//! It is an `eventfd(2)` that is written once and never read. So it stays readable for ever, for everybody who
//! polls it, however many they are and whether they look before or after the ring; a forked child inherits it.
//!
//! A pipe would do as well, with two descriptors instead of one. A signal would not: it reaches one thread, of the
//! kernel's choice, and none of the others.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// Rung once, heard by all.
#[derive(Debug)]
pub(crate) struct Bell {
    /// Readable from the ring on.
    fd: OwnedFd,
    /// The same fact without a system call, for this process.
    is_rung: AtomicBool,
}

impl Bell {
    /// A silent bell.
    pub(crate) fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { fd, is_rung: AtomicBool::new(false) })
    }

    /// Rings. Again does no harm.
    pub(crate) fn ring(&self) {
        if !self.is_rung.swap(true, Ordering::SeqCst) {
            // The counter cannot overflow with one write, so the write cannot fail.
            let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
        }
    }

    /// Takes the ring back: for a bell that wakes one waiter again and again, who calls this before looking.
    pub(crate) fn hush(&self) {
        if self.is_rung.swap(false, Ordering::SeqCst) {
            let _ = rustix::io::read(&self.fd, &mut [0; 8]);
        }
    }

    /// Has it been rung in this process?
    pub(crate) fn is_rung(&self) -> bool {
        self.is_rung.load(Ordering::SeqCst)
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
