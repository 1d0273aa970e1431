//! Namespaces: `unshare(2)`, `setns(2)`, `user_namespaces(7)`. A lab is a set of them that nobody outside can see.

use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use crate::{Result, check, named};

/// Which namespaces to leave: or-ed `libc::CLONE_NEW*`.
pub type Kinds = i32;

/// A user namespace: the caller must be the only thread of its process.
pub const USER: Kinds = libc::CLONE_NEWUSER;
/// A network namespace.
pub const NET: Kinds = libc::CLONE_NEWNET;
/// Mounts.
pub const MOUNT: Kinds = libc::CLONE_NEWNS;
/// Host name.
pub const UTS: Kinds = libc::CLONE_NEWUTS;
/// System V IPC and POSIX queues.
pub const IPC: Kinds = libc::CLONE_NEWIPC;
/// Process ids: the *next* forked child is pid 1.
pub const PID: Kinds = libc::CLONE_NEWPID;

/// Moves the caller into fresh namespaces.
///
/// # Errors
/// EPERM where they are denied, EINVAL with `USER` or `PID` from a threaded process, ENOSPC at the limit.
pub fn unshare(kinds: Kinds) -> Result<()> {
    // SAFETY: flags only.
    check("unshare", i64::from(unsafe { libc::unshare(kinds) })).map(drop)
}

/// Moves the calling thread into the network namespace that `fd` stands for.
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN over it.
pub fn enter_net(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: a descriptor that lives through the call, and a flag.
    check("setns(CLONE_NEWNET)", i64::from(unsafe { libc::setns(fd.as_raw_fd(), libc::CLONE_NEWNET) }))
        .map(drop)
}

/// The calling thread's network namespace (not the process's: `/proc/self` would be the main thread's).
///
/// # Errors
/// Those of `open`.
pub fn current_net() -> Result<OwnedFd> {
    named("open(/proc/thread-self/ns/net)", File::open("/proc/thread-self/ns/net")).map(OwnedFd::from)
}

/// Maps one user and one group of the caller's fresh user namespace, `setgroups` denied first as the kernel asks.
///
/// `inside` and `outside` are (uid, gid) pairs.
///
/// # Errors
/// EPERM where the map is refused.
pub fn map_ids(inside: (u32, u32), outside: (u32, u32)) -> Result<()> {
    // Denied already in a nested namespace, where a second write fails: the map's own answer is what counts.
    let _ = std::fs::write("/proc/self/setgroups", "deny");
    named("write(uid_map)", write_whole("/proc/self/uid_map", &format!("{} {} 1\n", inside.0, outside.0)))?;
    named("write(gid_map)", write_whole("/proc/self/gid_map", &format!("{} {} 1\n", inside.1, outside.1)))
}

fn write_whole(path: &str, text: &str) -> std::io::Result<()> {
    // The maps take exactly one write and no O_TRUNC-made file: open for writing only.
    use std::io::Write;
    std::fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

/// The caller's user and group id.
#[must_use]
pub fn ids() -> (u32, u32) {
    // SAFETY: both calls always succeed and touch no memory.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Writes a sysctl of the calling thread's namespace, `net.ipv4.tcp_sack` style.
///
/// # Errors
/// ENOENT where the kernel has none of that name, EROFS where `/proc/sys` is read-only.
pub fn sysctl(name: &str, value: &str) -> Result<()> {
    let path = Path::new("/proc/sys").join(name.replace('.', "/"));
    named("write(/proc/sys)", std::fs::write(path, value))
}

/// Sets the host name of the caller's UTS namespace.
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN over it.
pub fn set_hostname(name: &str) -> Result<()> {
    // SAFETY: pointer and length of a live string.
    check("sethostname", i64::from(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) })).map(drop)
}
