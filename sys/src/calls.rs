//! Counting the system calls of running programs with `ptrace(2)`: every call of every thread, by number.
//!
//! It stops a program twice at each call and makes it several times slower, so counting is a run of its own; what is
//! counted per message stays true. Seizing needs no more than being the ancestor of the program.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::ptrace::{Call, SYSCALL_STOP, call, resume_to_exit};
use crate::{Error, Result, check};

/// How often each call was made.
pub type Counts = BTreeMap<i64, u64>;

const OPTIONS: i32 = libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK;

/// Counts the calls of these tasks and of all they start, into `counts`, until the last of them has ended. The calling
/// thread traces; reading `counts` from another is how to know in between.
///
/// # Errors
/// EPERM where Yama or a container forbids it.
pub fn count(tasks: &[i32], counts: &Mutex<Counts>) -> Result<()> {
    for (number, task) in tasks.iter().enumerate() {
        let seized = seize(*task).and_then(|()| interrupt(*task));
        match seized {
            Err(error) if number == 0 => return Err(error),
            _ => {} // a thread may have ended meanwhile
        }
    }
    while let Some((task, status)) = wait()? {
        if !libc::WIFSTOPPED(status) {
            continue;
        }
        let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
        let deliver = if signal == SYSCALL_STOP {
            if let Ok(Call::Entry { number, .. }) = call(task) {
                *counts
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .entry(number)
                    .or_default() += 1;
            }
            0
        } else if event != 0 || signal == libc::SIGTRAP || signal == libc::SIGSTOP {
            0
        } else {
            signal
        };
        let _ = resume_to_exit(task, deliver); // ESRCH: killed while it was stopped
    }
    Ok(())
}

fn seize(task: i32) -> Result<()> {
    // SAFETY: numbers only.
    let done = unsafe { libc::ptrace(libc::PTRACE_SEIZE, task, 0usize, OPTIONS as usize) };
    check("ptrace(SEIZE)", done).map(drop)
}

fn interrupt(task: i32) -> Result<()> {
    // SAFETY: numbers only.
    let done = unsafe { libc::ptrace(libc::PTRACE_INTERRUPT, task, 0usize, 0usize) };
    check("ptrace(INTERRUPT)", done).map(drop)
}

/// The next change of a tracee of this thread; `None` when none is left.
fn wait() -> Result<Option<(i32, i32)>> {
    let mut status = 0;
    loop {
        // SAFETY: status is ours.
        let task = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        match check("waitpid", i64::from(task)) {
            Ok(task) => return Ok(Some((task as i32, status))),
            Err(error) if error.errno() == libc::EINTR => {}
            Err(error) if error.errno() == libc::ECHILD => return Ok(None),
            Err(error) => return Err::<_, Error>(error),
        }
    }
}

/// The name of a call as the manual has it; `None` for those that servers hardly make.
#[must_use]
pub fn name(number: i64) -> Option<&'static str> {
    let known = NAMES.iter().chain(OLD).find(|(known, _)| *known == number);
    known.map(|(_, name)| *name)
}

macro_rules! names {
    ($($constant:ident $name:literal,)*) => {
        const NAMES: &[(i64, &str)] = &[$((libc::$constant, $name),)*];
    };
}

names! {
    SYS_read "read", SYS_write "write", SYS_readv "readv", SYS_writev "writev", SYS_close "close",
    SYS_recvfrom "recvfrom", SYS_sendto "sendto", SYS_recvmsg "recvmsg", SYS_sendmsg "sendmsg",
    SYS_accept "accept", SYS_accept4 "accept4", SYS_connect "connect", SYS_shutdown "shutdown",
    SYS_socket "socket", SYS_bind "bind", SYS_listen "listen", SYS_setsockopt "setsockopt",
    SYS_getsockopt "getsockopt", SYS_getsockname "getsockname", SYS_getpeername "getpeername",
    SYS_epoll_ctl "epoll_ctl", SYS_epoll_pwait "epoll_pwait", SYS_epoll_pwait2 "epoll_pwait2",
    SYS_ppoll "ppoll", SYS_pselect6 "pselect6", SYS_futex "futex", SYS_sched_yield "sched_yield",
    SYS_mmap "mmap", SYS_munmap "munmap", SYS_mremap "mremap", SYS_mprotect "mprotect", SYS_madvise "madvise",
    SYS_brk "brk", SYS_clone "clone", SYS_clone3 "clone3", SYS_exit "exit", SYS_exit_group "exit_group",
    SYS_wait4 "wait4", SYS_waitid "waitid", SYS_fcntl "fcntl", SYS_ioctl "ioctl", SYS_clock_gettime "clock_gettime",
    SYS_clock_nanosleep "clock_nanosleep", SYS_nanosleep "nanosleep", SYS_getpid "getpid", SYS_gettid "gettid",
    SYS_rt_sigprocmask "rt_sigprocmask", SYS_rt_sigaction "rt_sigaction", SYS_rt_sigreturn "rt_sigreturn",
    SYS_io_uring_enter "io_uring_enter", SYS_io_uring_setup "io_uring_setup", SYS_openat "openat",
    SYS_newfstatat "newfstatat", SYS_fstat "fstat", SYS_lseek "lseek", SYS_dup "dup", SYS_dup3 "dup3",
    SYS_pidfd_open "pidfd_open", SYS_sendmmsg "sendmmsg", SYS_recvmmsg "recvmmsg", SYS_getrandom "getrandom",
    SYS_set_robust_list "set_robust_list", SYS_rseq "rseq", SYS_fsync "fsync", SYS_fdatasync "fdatasync",
}

/// Calls that newer architectures have no numbers for.
#[cfg(target_arch = "x86_64")]
const OLD: &[(i64, &str)] = &[
    (libc::SYS_epoll_wait, "epoll_wait"),
    (libc::SYS_poll, "poll"),
    (libc::SYS_select, "select"),
    (libc::SYS_fork, "fork"),
    (libc::SYS_vfork, "vfork"),
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[(i64, &str)] = &[];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_of_a_program_is_counted() {
        use std::io::{Read, Write};
        use std::process::{Command, Stdio};
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let counts = Mutex::new(Counts::new());
        std::thread::scope(|scope| {
            let counting = scope.spawn(|| count(&[child.id() as i32], &counts));
            // One write for each byte that comes back; the first may be written before `cat` is traced.
            for _ in 0..100_000 {
                input.write_all(b"x").unwrap();
                output.read_exact(&mut [0]).unwrap();
                let writes = counts.lock().unwrap().get(&libc::SYS_write).copied().unwrap_or(0);
                if writes >= 40 || counting.is_finished() {
                    break;
                }
            }
            drop(input);
            counting.join().unwrap().unwrap();
        });
        let _ = child.wait(); // the tracer has reaped it
        let counts = counts.into_inner().unwrap();
        assert!(counts[&libc::SYS_write] >= 40, "{counts:?}");
        assert_eq!((name(libc::SYS_write), name(-1)), (Some("write"), None));
    }
}
