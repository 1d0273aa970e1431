//! Processes: `fork(2)`, `kill(2)`, `waitpid(2)`, `prctl(2)`, `prlimit(2)`, and signals as descriptors (`signalfd(2)`).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::{Error, Result, check};

/// Forks. The parent gets the child's pid, the child gets `None`.
///
/// Only a process with a single thread may do more in the child than system calls.
///
/// # Errors
/// EAGAIN at a limit, ENOMEM when pid 1 of the pid namespace is dead.
pub fn fork() -> Result<Option<i32>> {
    // SAFETY: the callers are either single-threaded (the lab's stage 0) or only make system calls before exec
    // (`spawn`), as fork(2) asks.
    let pid = check("fork", i64::from(unsafe { libc::fork() }))? as i32;
    Ok((pid > 0).then_some(pid))
}

/// Ends the process at once, without running destructors or flushing.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: never returns.
    unsafe { libc::_exit(code) }
}

/// Sends a signal; −1 = everything the caller may signal except itself and pid 1.
///
/// # Errors
/// ESRCH when there is no such process.
pub fn kill(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: numbers only.
    check("kill", i64::from(unsafe { libc::kill(pid, signal) })).map(drop)
}

/// What `waitpid` told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It exited with this code.
    Exited(i32),
    /// A signal ended it.
    Signaled(i32),
    /// It is stopped: the signal, and the ptrace event above it (0 = none).
    Stopped {
        /// The signal; SIGTRAP | 0x80 at a system call's exit.
        signal: i32,
        /// `PTRACE_EVENT_*`, or 0.
        event: i32,
    },
}

/// Takes one change of any child or tracee; `None` when none is there (`wait` false) or no child is left.
///
/// # Errors
/// The errno of `waitpid`, save EINTR and ECHILD.
pub fn wait_any(wait: bool) -> Result<Option<(i32, Change)>> {
    let mut status = 0;
    let flags = libc::__WALL | if wait { 0 } else { libc::WNOHANG };
    loop {
        // SAFETY: status is ours.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, flags) };
        match check("waitpid", i64::from(pid)) {
            Err(error) if error.errno() == libc::EINTR => {}
            Err(error) if error.errno() == libc::ECHILD => return Ok(None),
            Err(error) => return Err(error),
            Ok(0) => return Ok(None),
            Ok(pid) => return Ok(Some((pid as i32, change(status)))),
        }
    }
}

/// Waits for one child and gives its exit code, or 128 + the signal.
///
/// # Errors
/// The errno of `waitpid`.
pub fn wait_for(pid: i32) -> Result<i32> {
    let mut status = 0;
    loop {
        // SAFETY: status is ours.
        match check("waitpid", i64::from(unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) })) {
            Err(error) if error.errno() == libc::EINTR => {}
            Err(error) => return Err(error),
            Ok(_) => match change(status) {
                Change::Exited(code) => return Ok(code),
                Change::Signaled(signal) => return Ok(128 + signal),
                Change::Stopped { .. } => {}
            },
        }
    }
}

/// Waits for a process to end, without reaping it: `false` when it has not after `limit`.
///
/// # Errors
/// ESRCH when there is none.
pub fn wait_exit(pid: i32, limit: std::time::Duration) -> Result<bool> {
    // SAFETY: numbers only.
    let pidfd = check("pidfd_open", unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the descriptor is fresh and ours alone.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd as i32) };
    let ready = crate::poll::one(pidfd.as_fd(), libc::POLLIN, limit.as_millis() as i32)?;
    Ok(ready != 0)
}

fn change(status: i32) -> Change {
    if libc::WIFEXITED(status) {
        Change::Exited(libc::WEXITSTATUS(status))
    } else if libc::WIFSIGNALED(status) {
        Change::Signaled(libc::WTERMSIG(status))
    } else {
        Change::Stopped { signal: libc::WSTOPSIG(status), event: status >> 16 }
    }
}

/// Blocks SIGCHLD in the calling thread (and those it starts) and gives a descriptor that is readable when one came.
///
/// # Errors
/// The errno of `signalfd`.
pub fn child_signals() -> Result<ChildSignals> {
    // SAFETY: the set is ours and initialised by sigemptyset before use.
    let fd = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    };
    check("signalfd", i64::from(fd))?;
    // SAFETY: the descriptor is fresh and ours alone.
    Ok(ChildSignals(unsafe { OwnedFd::from_raw_fd(fd) }))
}

/// See [`child_signals`].
#[derive(Debug)]
pub struct ChildSignals(OwnedFd);

impl ChildSignals {
    /// Takes all that have come.
    pub fn clear(&self) {
        let mut buffer = [0u8; 128 * 16];
        // SAFETY: a buffer of whole signalfd_siginfo records; EAGAIN means there was none.
        unsafe { libc::read(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    }
}

impl AsFd for ChildSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Calls `act` on a thread of its own when SIGINT, SIGTERM or SIGHUP comes, instead of ending the process.
///
/// Call it before other threads exist that could take the signals: they inherit the block set here.
///
/// # Errors
/// The errno of `pthread_sigmask`, or that of starting the thread.
pub fn on_interrupt(act: impl FnOnce() + Send + 'static) -> Result<()> {
    // SAFETY: all-zero is a valid set, initialised by sigemptyset before use.
    let set = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::sigaddset(&raw mut set, signal);
        }
        set
    };
    // SAFETY: the set is live.
    let errno = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
    if errno != 0 {
        return Err(Error::from_errno("pthread_sigmask", errno));
    }
    let waiting = move || {
        let mut signal = 0;
        // SAFETY: the set and the number are live.
        unsafe { libc::sigwait(&raw const set, &raw mut signal) };
        act();
    };
    crate::named("thread", std::thread::Builder::new().name("interrupt".into()).spawn(waiting)).map(drop)
}

/// The signal set is empty again, as a fresh program expects it.
pub(crate) fn unblock_signals() {
    // SAFETY: the set is ours and initialised by sigemptyset before use.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
        // The Rust runtime ignores SIGPIPE, and ignoring is inherited: a learner's C program must see the default.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// Gives up every capability for what is executed from here on: no new privileges, an empty bounding set.
///
/// # Errors
/// The errno of `prctl(PR_SET_NO_NEW_PRIVS)`.
pub fn give_up_privileges() -> Result<()> {
    // SAFETY: numbers only.
    let done = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    check("prctl(PR_SET_NO_NEW_PRIVS)", i64::from(done))?;
    for capability in 0..64 {
        // SAFETY: numbers only; EINVAL past the kernel's last capability.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) } < 0 {
            break;
        }
    }
    Ok(())
}

/// Which limit of `getrlimit(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Open descriptors.
    OpenFiles,
    /// Bytes of address space.
    AddressSpace,
}

impl Limit {
    fn number(self) -> libc::__rlimit_resource_t {
        match self {
            Self::OpenFiles => libc::RLIMIT_NOFILE,
            Self::AddressSpace => libc::RLIMIT_AS,
        }
    }
}

/// Lowers the soft limit of another process (0 = the caller) and leaves the hard one.
///
/// # Errors
/// ESRCH when it is gone, EPERM where it isn't ours.
pub fn set_soft_limit(pid: i32, limit: Limit, value: u64) -> Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: reads into a struct of ours.
    let read = unsafe { libc::prlimit(pid, limit.number(), std::ptr::null(), &raw mut now) };
    check("prlimit", i64::from(read))?;
    now.rlim_cur = value.min(now.rlim_max);
    // SAFETY: the new limit lives through the call.
    let set = unsafe { libc::prlimit(pid, limit.number(), &raw const now, std::ptr::null_mut()) };
    check("prlimit", i64::from(set)).map(drop)
}

/// Asks the kernel to send SIGKILL to the caller when the thread that forked it ends.
///
/// # Errors
/// The errno of `prctl`.
pub fn die_with_parent() -> Result<()> {
    // SAFETY: numbers only.
    let done = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    check("prctl(PR_SET_PDEATHSIG)", i64::from(done)).map(drop)
}

/// A descriptor of another process's descriptor: `pidfd_getfd(2)`.
///
/// # Errors
/// EPERM where the process may not be traced, EBADF without such a descriptor.
pub fn take_fd(pid: i32, fd: i32) -> Result<OwnedFd> {
    // SAFETY: numbers only.
    let pidfd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    check("pidfd_open", pidfd)?;
    // SAFETY: the descriptor is fresh and ours alone.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd as i32) };
    // SAFETY: numbers only.
    let taken = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), fd, 0) };
    check("pidfd_getfd", taken)?;
    // SAFETY: the descriptor is fresh and ours alone.
    Ok(unsafe { OwnedFd::from_raw_fd(taken as i32) })
}

/// The name of an errno as programs print it: `ECONNRESET`.
#[must_use]
pub fn errno_name(errno: i32) -> &'static str {
    match errno {
        libc::EPERM => "EPERM",
        libc::ENOENT => "ENOENT",
        libc::EINTR => "EINTR",
        libc::EIO => "EIO",
        libc::ENOEXEC => "ENOEXEC",
        libc::EBADF => "EBADF",
        libc::EAGAIN => "EAGAIN",
        libc::ENOMEM => "ENOMEM",
        libc::EACCES => "EACCES",
        libc::EFAULT => "EFAULT",
        libc::EINVAL => "EINVAL",
        libc::ENFILE => "ENFILE",
        libc::EMFILE => "EMFILE",
        libc::EPIPE => "EPIPE",
        libc::ENOSYS => "ENOSYS",
        libc::ENOTSOCK => "ENOTSOCK",
        libc::EMSGSIZE => "EMSGSIZE",
        libc::EOPNOTSUPP => "EOPNOTSUPP",
        libc::EADDRINUSE => "EADDRINUSE",
        libc::EADDRNOTAVAIL => "EADDRNOTAVAIL",
        libc::ENETDOWN => "ENETDOWN",
        libc::ENETUNREACH => "ENETUNREACH",
        libc::ECONNABORTED => "ECONNABORTED",
        libc::ECONNRESET => "ECONNRESET",
        libc::ENOBUFS => "ENOBUFS",
        libc::EISCONN => "EISCONN",
        libc::ENOTCONN => "ENOTCONN",
        libc::ETIMEDOUT => "ETIMEDOUT",
        libc::ECONNREFUSED => "ECONNREFUSED",
        libc::EHOSTUNREACH => "EHOSTUNREACH",
        libc::EALREADY => "EALREADY",
        libc::EINPROGRESS => "EINPROGRESS",
        libc::ENOSPC => "ENOSPC",
        libc::EROFS => "EROFS",
        _ => "E?",
    }
}

/// The errno that a [`Error`] names, for messages.
#[must_use]
pub fn name_of(error: &Error) -> &'static str {
    errno_name(error.errno())
}

/// The name of a signal: `SIGPIPE`.
#[must_use]
pub fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        _ => "SIG?",
    }
}
