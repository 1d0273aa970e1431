//! Mounts of a lab: `mount(2)` for proc and sysfs, and a detached tmpfs (`fsopen(2)`) whose files are bound over
//! `/etc/hosts` and its like without a place in the file system.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::{Error, Result, check};

/// Makes every mount private, so that what follows stays in this mount namespace.
///
/// # Errors
/// EPERM outside an own mount namespace.
pub fn make_all_private() -> Result<()> {
    mount("none", "/", "", libc::MS_REC | libc::MS_PRIVATE, "mount(MS_PRIVATE)")
}

/// Mounts a fresh `/proc` for the caller's pid namespace.
///
/// # Errors
/// EPERM without an own pid namespace, or where a container masks parts of `/proc`.
pub fn mount_proc() -> Result<()> {
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    mount("proc", "/proc", "proc", flags, "mount(proc)")
}

/// Mounts a fresh `/sys`, which lists this network namespace's links.
///
/// # Errors
/// EPERM without an own network namespace.
pub fn mount_sysfs() -> Result<()> {
    mount("sysfs", "/sys", "sysfs", libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC, "mount(sysfs)")
}

fn mount(source: &str, target: &str, kind: &str, flags: libc::c_ulong, call: &'static str) -> Result<()> {
    let [source, target, kind] = [source, target, kind].map(|text| CString::new(text).unwrap_or_default());
    // SAFETY: three live C strings; no data argument.
    let done =
        unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, std::ptr::null()) };
    check(call, i64::from(done)).map(drop)
}

const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
const FSMOUNT_CLOEXEC: libc::c_uint = 1;
const OPEN_TREE_CLONE: libc::c_uint = 1;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;

/// A small file system in memory that has no mount point: files are made in it and bound over others.
#[derive(Debug)]
pub struct DetachedTmpfs(OwnedFd);

impl DetachedTmpfs {
    /// Makes one (Linux 5.2).
    ///
    /// # Errors
    /// ENOSYS on older kernels, EPERM where containers forbid mounts.
    pub fn new() -> Result<Self> {
        // SAFETY: a C string literal and flags.
        let context = owned("fsopen(tmpfs)", unsafe {
            libc::syscall(libc::SYS_fsopen, c"tmpfs".as_ptr(), libc::c_uint::from(1u8))
        })?;
        // SAFETY: FSCONFIG_CMD_CREATE takes no key and no value.
        let made = unsafe {
            libc::syscall(
                libc::SYS_fsconfig,
                context.as_raw_fd(),
                FSCONFIG_CMD_CREATE,
                std::ptr::null::<u8>(),
                std::ptr::null::<u8>(),
                0,
            )
        };
        check("fsconfig(tmpfs)", made)?;
        // SAFETY: a live descriptor and flags.
        owned("fsmount(tmpfs)", unsafe {
            libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, 0)
        })
        .map(Self)
    }

    /// Writes a file of that name at its root, world-readable.
    ///
    /// # Errors
    /// Those of `open` and `write`.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        use std::io::Write;
        let path = CString::new(name).unwrap_or_default();
        let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC | libc::O_CLOEXEC;
        // SAFETY: a live directory descriptor and C string; the mode is given as O_CREAT asks.
        let fd = unsafe { libc::openat(self.0.as_raw_fd(), path.as_ptr(), flags, 0o644) };
        let mut file = std::fs::File::from(owned("openat(tmpfs)", i64::from(fd))?);
        crate::named("write(tmpfs)", file.write_all(text.as_bytes()))
    }

    /// A movable copy of one of its files, for [`bind_over`].
    ///
    /// # Errors
    /// Those of `open_tree`.
    pub fn tree(&self, name: &str) -> Result<OwnedFd> {
        let path = CString::new(name).unwrap_or_default();
        let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC as libc::c_uint;
        // SAFETY: a live directory descriptor and C string.
        owned("open_tree", unsafe {
            libc::syscall(libc::SYS_open_tree, self.0.as_raw_fd(), path.as_ptr(), flags)
        })
    }
}

/// Moves a tree made by [`DetachedTmpfs::tree`] over an existing file of the caller's mount namespace.
///
/// # Errors
/// ENOENT where there is no such file.
pub fn bind_over(tree: BorrowedFd<'_>, target: &str) -> Result<()> {
    let target = CString::new(target).unwrap_or_default();
    // SAFETY: live descriptor and C strings.
    let moved = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    check("move_mount", moved).map(drop)
}

fn owned(call: &'static str, fd: i64) -> Result<OwnedFd> {
    if fd < 0 {
        return Err(Error::last(call));
    }
    // SAFETY: the kernel just gave this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
