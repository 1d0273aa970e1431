//! `seccomp(2)`: a filter that stops a program at the network system calls only, so that all others cost nothing.

use crate::{Result, check};

/// The calls that are recorded, by number with the manual's name.
pub const TRACED: &[(i64, &str)] = &[
    (libc::SYS_socket, "socket"),
    (libc::SYS_bind, "bind"),
    (libc::SYS_listen, "listen"),
    (libc::SYS_connect, "connect"),
    (libc::SYS_accept, "accept"),
    (libc::SYS_accept4, "accept4"),
    (libc::SYS_recvfrom, "recvfrom"),
    (libc::SYS_recvmsg, "recvmsg"),
    (libc::SYS_sendto, "sendto"),
    (libc::SYS_sendmsg, "sendmsg"),
    (libc::SYS_shutdown, "shutdown"),
    (libc::SYS_close, "close"),
    (libc::SYS_read, "read"),
    (libc::SYS_write, "write"),
    (libc::SYS_readv, "readv"),
    (libc::SYS_writev, "writev"),
];

/// The name of a traced call.
#[must_use]
pub fn name(number: i64) -> Option<&'static str> {
    TRACED.iter().find(|(traced, _)| *traced == number).map(|(_, name)| *name)
}

#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xc000_00b7;

/// A compiled filter, made before fork.
#[derive(Debug, Clone)]
pub struct Filter(Vec<libc::sock_filter>);

impl Filter {
    /// The filter that hands [`TRACED`] to the tracer, refuses io_uring (ENOSYS: programs fall back to calls that can
    /// be seen) and lets all else pass.
    #[must_use]
    pub fn network_calls() -> Self {
        const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
        let op = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
        let traced = TRACED.len() as u8;
        // Offsets in seccomp_data: number 0, architecture 4.
        let mut program = vec![
            op(LOAD_WORD, 4, 0, 0),
            op(JUMP_EQUAL, AUDIT_ARCH, 0, traced + 2),
            op(LOAD_WORD, 0, 0, 0),
            op(JUMP_EQUAL, libc::SYS_io_uring_setup as u32, traced + 2, 0),
        ];
        for (index, (number, _)) in TRACED.iter().enumerate() {
            program.push(op(JUMP_EQUAL, *number as u32, traced - index as u8, 0));
        }
        program.push(op(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
        program.push(op(RETURN, libc::SECCOMP_RET_TRACE, 0, 0));
        program.push(op(RETURN, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32, 0, 0));
        Self(program)
    }

    /// Installs it for the calling thread and all it starts; `PR_SET_NO_NEW_PRIVS` must be on.
    ///
    /// # Errors
    /// EACCES without no-new-privileges, EINVAL where the kernel has no seccomp filters.
    pub fn install(&self) -> Result<()> {
        let program = libc::sock_fprog { len: self.0.len() as u16, filter: self.0.as_ptr().cast_mut() };
        // SAFETY: the program and its instructions live through the call; the kernel copies them.
        let done =
            unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
        check("prctl(PR_SET_SECCOMP)", i64::from(done)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_jump_lands_on_its_return() {
        let program = Filter::network_calls().0;
        let returns = program.len() - 3;
        let target = |at: usize, jump: u8| at + 1 + usize::from(jump);
        assert_eq!(target(1, program[1].jf), returns, "a foreign architecture is let through");
        assert_eq!(target(3, program[3].jt), returns + 2);
        for (at, instruction) in program.iter().enumerate().take(returns).skip(4) {
            assert_eq!(target(at, instruction.jt), returns + 1, "instruction {at}");
        }
    }
}
