//! `ptrace(2)` of programs we started: stops at the calls of a seccomp filter, truthful changes to them, and looks
//! into their memory (`process_vm_readv(2)`). All calls must come from the thread that forked the program.

use crate::{Result, check};

/// `PTRACE_EVENT_SECCOMP`: the program is about to enter a traced call.
pub const EVENT_SECCOMP: i32 = libc::PTRACE_EVENT_SECCOMP;
/// A fork, vfork or clone: [`event_message`] gives the new id.
pub const EVENTS_BIRTH: [i32; 3] =
    [libc::PTRACE_EVENT_FORK, libc::PTRACE_EVENT_VFORK, libc::PTRACE_EVENT_CLONE];
/// The program executed another.
pub const EVENT_EXEC: i32 = libc::PTRACE_EVENT_EXEC;
/// The stop signal at a system call's exit.
pub const SYSCALL_STOP: i32 = libc::SIGTRAP | 0x80;

type Request = libc::c_uint;

fn ptrace(call: &'static str, request: Request, pid: i32, address: usize, data: usize) -> Result<()> {
    // SAFETY: every request made here takes numbers, or pointers to live objects given by the callers below.
    check(call, unsafe { libc::ptrace(request, pid, address, data) }).map(drop)
}

/// Asks, in the child, to be traced by its parent.
///
/// # Errors
/// EPERM where Yama or a container forbids it.
pub fn trace_me() -> Result<()> {
    ptrace("ptrace(TRACEME)", libc::PTRACE_TRACEME, 0, 0, 0)
}

/// Sets what is reported for a stopped tracee: traced calls, births, exec; it dies with the tracer.
///
/// # Errors
/// ESRCH when it is not stopped.
pub fn set_options(pid: i32) -> Result<()> {
    let options = libc::PTRACE_O_TRACESECCOMP
        | libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_EXITKILL;
    ptrace("ptrace(SETOPTIONS)", libc::PTRACE_SETOPTIONS, pid, 0, options as usize)
}

/// Lets it run on, with a signal (0 = none).
///
/// # Errors
/// ESRCH when it is gone.
pub fn resume(pid: i32, signal: i32) -> Result<()> {
    ptrace("ptrace(CONT)", libc::PTRACE_CONT, pid, 0, signal as usize)
}

/// Lets it run until the exit of the call it is in.
///
/// # Errors
/// ESRCH when it is gone.
pub fn resume_to_exit(pid: i32, signal: i32) -> Result<()> {
    ptrace("ptrace(SYSCALL)", libc::PTRACE_SYSCALL, pid, 0, signal as usize)
}

/// The number that belongs to the event it stopped with: the new child's id.
///
/// # Errors
/// ESRCH when it is gone.
pub fn event_message(pid: i32) -> Result<u64> {
    let mut message: libc::c_ulong = 0;
    ptrace("ptrace(GETEVENTMSG)", libc::PTRACE_GETEVENTMSG, pid, 0, (&raw mut message) as usize)?;
    Ok(message)
}

/// A system call as the kernel sees it at a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// About to be made.
    Entry {
        /// Its number.
        number: i64,
        /// Its six arguments.
        arguments: [u64; 6],
    },
    /// Made: the result, or minus the errno.
    Exit(i64),
    /// The stop is not at a system call.
    Other,
}

/// Reads the call at a stop (Linux 5.3).
///
/// # Errors
/// ESRCH when it is gone, EIO on older kernels.
pub fn call(pid: i32) -> Result<Call> {
    // SAFETY: all-zero is valid for this plain struct.
    let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    ptrace(
        "ptrace(GET_SYSCALL_INFO)",
        libc::PTRACE_GET_SYSCALL_INFO,
        pid,
        size_of::<libc::ptrace_syscall_info>(),
        (&raw mut info) as usize,
    )?;
    Ok(match info.op {
        // SAFETY: the kernel says by `op` which member it filled.
        libc::PTRACE_SYSCALL_INFO_ENTRY => unsafe {
            Call::Entry { number: info.u.entry.nr as i64, arguments: info.u.entry.args }
        },
        // SAFETY: as above.
        libc::PTRACE_SYSCALL_INFO_SECCOMP => unsafe {
            Call::Entry { number: info.u.seccomp.nr as i64, arguments: info.u.seccomp.args }
        },
        // SAFETY: as above.
        libc::PTRACE_SYSCALL_INFO_EXIT => unsafe { Call::Exit(info.u.exit.sval) },
        _ => Call::Other,
    })
}

mod register {
    //! Byte offsets in x86-64's `struct user`: rdi, rsi, rdx, r10, r8, r9; rax; orig_rax.
    pub(super) const ARGUMENTS: [usize; 6] = [14 * 8, 13 * 8, 12 * 8, 7 * 8, 9 * 8, 8 * 8];
    pub(super) const RESULT: usize = 10 * 8;
    pub(super) const NUMBER: usize = 15 * 8;
}

/// Whether calls can be changed on this machine, not only recorded.
#[must_use]
pub const fn can_change_calls() -> bool {
    cfg!(target_arch = "x86_64")
}

/// Changes argument `index` of the call at an entry stop, or puts it back at the exit stop: compilers take registers
/// for unchanged across a call.
///
/// # Errors
/// ESRCH when it is gone, ENOSYS where [`can_change_calls`] is false.
pub fn set_argument(pid: i32, index: usize, value: u64) -> Result<()> {
    poke(pid, register::ARGUMENTS[index], value)
}

/// Skips the call at an entry stop; the program sees it fail with `errno`.
///
/// # Errors
/// ESRCH when it is gone, ENOSYS where [`can_change_calls`] is false.
pub fn fail_with(pid: i32, errno: i32) -> Result<()> {
    poke(pid, register::NUMBER, u64::MAX)?;
    poke(pid, register::RESULT, (-i64::from(errno)) as u64)
}

#[cfg(target_arch = "x86_64")]
fn poke(pid: i32, offset: usize, value: u64) -> Result<()> {
    ptrace("ptrace(POKEUSER)", libc::PTRACE_POKEUSER, pid, offset, value as usize)
}

/// Elsewhere registers lie in sets of their own, which nobody has tried yet: recorded calls only.
#[cfg(not(target_arch = "x86_64"))]
fn poke(_pid: i32, _offset: usize, _value: u64) -> Result<()> {
    Err(crate::Error::from_errno("ptrace(POKEUSER)", libc::ENOSYS))
}

/// Reads memory of a tracee into `buffer`; gives how many bytes could be read.
#[must_use]
pub fn read_memory(pid: i32, address: u64, buffer: &mut [u8]) -> usize {
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: buffer.len() };
    // SAFETY: the local part is ours and writable; the remote part is checked by the kernel.
    let got = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(got).unwrap_or(0)
}
