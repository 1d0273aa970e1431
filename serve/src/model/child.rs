//! Child processes, for the fork and prefork models: made, noticed when they end, reaped.
//!
//! A child is a copy of the whole process in which only the forking thread goes on. It gets a [`Job`] of its own
//! ([`Job::in_child`]) and never returns into the parent's code.
//!
//! Each child has a `pidfd`, readable when it has ended, so that the parent waits for children and newcomers in one
//! `poll` and no child stays a zombie. Only our own children are waited for, by their number.
//!
//! **After `fork` only one thread exists**, but the memory is that of all: a lock that another thread held at that moment
//! stays locked for ever in the child. So the child touches no lock of the parent; its job has new ones.
//!
//! **Exit, not return**: the child ends with `exit`. If it returned, it would go on in the parent's accept loop, with the
//! parent's sockets, as a second server nobody knows of.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use fork::Fork;
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use crate::doors::poll_retrying;
use crate::job::Job;

/// A process of ours.
pub(crate) struct Child<T> {
    pid: Pid,
    ended: OwnedFd,
    /// What the parent keeps as long as the child lives.
    #[expect(dead_code, reason = "kept for its drop")]
    keeps: T,
}

impl<T> Child<T> {
    /// The same child, keeping something else.
    pub(crate) fn keeping<U>(self, keeps: U) -> Child<U> {
        Child { pid: self.pid, ended: self.ended, keeps }
    }

    /// Forks; the child does `work` and exits, whatever happens in it.
    pub(crate) fn start(job: &Job, keeps: T, work: impl FnOnce(&Job)) -> io::Result<Self> {
        let parent = rustix::process::getpid();
        match fork::fork()? {
            Fork::Parent(pid) => {
                let pid =
                    Pid::from_raw(pid).ok_or_else(|| io::Error::other("fork gave no process number"))?;
                let ended = rustix::process::pidfd_open(pid, PidfdFlags::empty()).inspect_err(|_| {
                    kill(pid); // a child that nobody can wait for would stay a zombie
                })?;
                Ok(Self { pid, ended, keeps })
            }
            Fork::Child => {
                die_with(parent);
                let theirs = job.in_child();
                let outcome = catch_unwind(AssertUnwindSafe(|| work(&theirs)));
                leave(i32::from(outcome.is_err()))
            }
        }
    }

    /// Takes the exit status if the child has ended; without that it would stay a zombie.
    pub(crate) fn has_ended(&self) -> bool {
        !matches!(rustix::process::waitpid(Some(self.pid), WaitOptions::NOHANG), Ok(None))
    }
}

/// If the parent is killed, nobody is left to ring the bell: a child that stayed would hold the port for ever.
fn die_with(parent: Pid) {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    if rustix::process::getppid() != Some(parent) {
        leave(1); // it was killed before we could ask for the signal
    }
}

/// Ends a child and takes its exit status.
fn kill(pid: Pid) {
    let _ = rustix::process::kill_process(pid, Signal::KILL);
    let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
}

impl<T> AsFd for Child<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }
}

/// After the bell: waits until all have ended, at most the drain time, then ends them.
pub(crate) fn wait_for_all<T>(mut children: Vec<Child<T>>, job: &Job) -> io::Result<()> {
    let until = job.clock.now().steady + job.options.timeouts.drain;
    loop {
        children.retain(|child| !child.has_ended());
        let patience = until.saturating_sub(job.clock.now().steady);
        if children.is_empty() || patience == Duration::ZERO {
            break;
        }
        let mut fds: Vec<_> = children.iter().map(|child| PollFd::new(child, PollFlags::IN)).collect();
        poll_retrying(&mut fds, Some(patience))?;
    }
    job.gate.count_cut(children.len());
    children.iter().for_each(|child| kill(child.pid));
    Ok(())
}

/// Ends the child here. Returning would run the parent's code a second time.
#[expect(clippy::exit, reason = "the only way for a forked child not to return into its parent's code")]
fn leave(status: i32) -> ! {
    std::process::exit(status)
}
