//! Classic BPF of `socket(7)`: SO_ATTACH_FILTER, programs that the kernel runs on every packet for a socket.

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::{Result, check};

/// One instruction, as `struct sock_filter` has it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// How many to skip when a test holds.
    pub jt: u8,
    /// How many to skip when it does not.
    pub jf: u8,
    /// Its number: an offset, a constant, a length.
    pub k: u32,
}

#[repr(C)]
struct Program {
    len: u16,
    filter: *const Instruction,
}

/// Gives a socket a filter; packets on their way already may have passed the one before.
///
/// # Errors
/// EINVAL for a program that the kernel does not accept (empty, more than 4096 instructions, a jump out of it).
pub fn attach(fd: BorrowedFd<'_>, program: &[Instruction]) -> Result<()> {
    let program = Program { len: u16::try_from(program.len()).unwrap_or(u16::MAX), filter: program.as_ptr() };
    // SAFETY: pointer and size of one sock_fprog, whose instructions live through the call.
    let set = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of::<Program>() as libc::socklen_t,
        )
    };
    check("setsockopt(SO_ATTACH_FILTER)", i64::from(set)).map(drop)
}

/// Lets a socket hear nothing: the kernel drops every packet for it, and answers none.
///
/// # Errors
/// The errno of `setsockopt`.
pub fn drop_everything(fd: BorrowedFd<'_>) -> Result<()> {
    const RETURN_CONSTANT: u16 = 0x06;
    attach(fd, &[Instruction { code: RETURN_CONSTANT, jt: 0, jf: 0, k: 0 }])
}
