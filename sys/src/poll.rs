//! Waiting: `ppoll(2)` with a nanosecond deadline, and an `eventfd(2)` to wake a thread that waits.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::{Error, Result, check};

/// Waits until one of `fds` can be read (or is hung up), or `timeout` nanoseconds have passed; `None` = for ever.
/// Gives one flag per descriptor. A signal counts as nothing ready.
///
/// # Errors
/// The errno of `ppoll`, save EINTR.
pub fn readable<const N: usize>(fds: [BorrowedFd<'_>; N], timeout: Option<u64>) -> Result<[bool; N]> {
    let mut entries = fds.map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 });
    let time = timeout.map(|ns| libc::timespec {
        tv_sec: (ns / 1_000_000_000) as libc::time_t,
        tv_nsec: (ns % 1_000_000_000) as libc::c_long,
    });
    let pointer = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the entries and the timespec live through the call; the signal mask is left alone.
    let count = unsafe { libc::ppoll(entries.as_mut_ptr(), N as libc::nfds_t, pointer, std::ptr::null()) };
    if count < 0 {
        let error = Error::last("ppoll");
        if error.errno() != libc::EINTR {
            return Err(error);
        }
        return Ok([false; N]);
    }
    Ok(entries.map(|entry| entry.revents != 0))
}

/// Waits for any of `events` (POLLIN, POLLOUT …) on one descriptor for up to `timeout_ms` (−1 = for ever); gives
/// what came, 0 on timeout or signal.
///
/// # Errors
/// The errno of `poll`, save EINTR.
pub fn one(fd: BorrowedFd<'_>, events: i16, timeout_ms: i32) -> Result<i16> {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    // SAFETY: one entry of ours.
    let count = unsafe { libc::poll(&raw mut entry, 1, timeout_ms) };
    if count < 0 {
        let error = Error::last("poll");
        return if error.errno() == libc::EINTR { Ok(0) } else { Err(error) };
    }
    Ok(entry.revents)
}

/// A counter that wakes whoever polls it.
#[derive(Debug)]
pub struct Waker(OwnedFd);

impl Waker {
    /// Makes one.
    ///
    /// # Errors
    /// The errno of `eventfd`.
    pub fn new() -> Result<Self> {
        // SAFETY: no pointers; a fresh descriptor is ours alone.
        let fd =
            check("eventfd", i64::from(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }))?;
        // SAFETY: the descriptor was just made and is owned by nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }

    /// Wakes the waiting thread; many wakes before it looks count as one.
    pub fn wake(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight bytes of ours; a full counter (EAGAIN) means it is awake anyway.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), 8) };
    }

    /// Takes the wakes that have come.
    pub fn clear(&self) {
        let mut buffer = [0u8; 8];
        // SAFETY: eight bytes of ours; EAGAIN means there was none.
        unsafe { libc::read(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), 8) };
    }
}

impl std::os::fd::AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
