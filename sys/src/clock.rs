//! One clock for everything: CLOCK_MONOTONIC, see `clock_gettime(2)` and `prctl(2)` for the timer slack.

use crate::{Result, check};

/// Nanoseconds of CLOCK_MONOTONIC; the same for every process of the machine.
#[must_use]
pub fn monotonic() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours; CLOCK_MONOTONIC always exists, so the call cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Lets timers of the calling thread fire as exactly as the kernel can (default slack: 50 µs).
///
/// # Errors
/// The errno of `prctl(PR_SET_TIMERSLACK)`.
pub fn exact_timers() -> Result<()> {
    // SAFETY: PR_SET_TIMERSLACK takes one number and touches no memory.
    check("prctl(PR_SET_TIMERSLACK)", i64::from(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_000) }))
        .map(drop)
}

/// How long a process has been on a processor, all its threads, also those that have ended; not its children.
///
/// # Errors
/// ESRCH when there is no such process.
pub fn process_cpu(pid: i32) -> Result<std::time::Duration> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: the pointer is to a clock id of ours.
    let errno = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if errno != 0 {
        return Err(crate::Error::from_errno("clock_getcpuclockid", errno));
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours.
    check("clock_gettime", i64::from(unsafe { libc::clock_gettime(clock, &raw mut time) }))?;
    Ok(std::time::Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}
