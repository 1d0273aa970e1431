//! The same races with real threads and real processes.
//!
//! Threads share a number in memory: read and written in two operations, each whole in itself, so what is lost is
//! lost by the race and not by undefined behaviour. Processes share no memory; their number is in a file, their lock
//! is `flock(2)`, and their semaphore is a pipe with one byte in it: who has read the byte may go on, and puts it
//! back.
//!
//! How much is lost differs from run to run. Nothing may be lost with a guard, ever.
//!
//! | | threads | processes |
//! |---|---|---|
//! | shared | a number in memory | a number in a file |
//! | nothing | load, add, store | `pread`, add, `pwrite` |
//! | lock | a mutex | `flock(2)` |
//! | semaphore | a counter under a condition variable | a pipe with one byte in it |
//! | atomic | `fetch_add` | `write` in append mode: the number is the length |
//!
//! On one processor threads lose almost nothing, since few are interrupted between load and store; on several they lose
//! thousands. A program that "has always worked" may only have had one processor.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Condvar, Mutex, PoisonError};
use std::time::Instant;

use fork::Fork;
use rustix::process::{Pid, WaitOptions};
use serde::Serialize;

use super::{Guard, Setup};
use crate::error::{Error, Result};

/// What came of one run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tally {
    /// Who did how much.
    pub setup: Setup,
    /// Updates that should be seen.
    pub expected: u64,
    /// Updates that are.
    pub got: u64,
    /// How long it took, in seconds: the price of the guard.
    pub seconds: f64,
}

/// Threads add to a number in memory. The subject of the setup is taken as a counter.
pub fn threads(setup: Setup) -> Tally {
    let (number, lock, semaphore) = (AtomicU64::new(0), Mutex::new(()), Semaphore::new());
    let together = Barrier::new(setup.threads);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..setup.threads {
            scope.spawn(|| {
                together.wait();
                for _ in 0..setup.updates {
                    match setup.guard {
                        Guard::None => add_one(&number),
                        Guard::Lock => {
                            let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
                            add_one(&number);
                        }
                        Guard::Semaphore => {
                            semaphore.acquire();
                            add_one(&number);
                            semaphore.release();
                        }
                        Guard::Atomic => {
                            number.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    tally(setup, number.into_inner(), started)
}

/// Read, modify, write: three steps, and room for others between them.
fn add_one(number: &AtomicU64) {
    let copy = number.load(Ordering::Relaxed);
    let changed = std::hint::black_box(copy + 1);
    number.store(changed, Ordering::Relaxed);
}

/// A counting semaphore with one permit. A lock belongs to its holder; a permit belongs to nobody.
struct Semaphore {
    permits: Mutex<usize>,
    given_back: Condvar,
}

impl Semaphore {
    /// One permit is there.
    fn new() -> Self {
        Self { permits: Mutex::new(1), given_back: Condvar::new() }
    }

    /// Takes the permit, or sleeps until it is given back.
    fn acquire(&self) {
        let permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.given_back.wait_while(permits, |permits| *permits == 0);
        *waited.unwrap_or_else(PoisonError::into_inner) -= 1;
    }

    /// Gives it back and wakes one who sleeps.
    fn release(&self) {
        *self.permits.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.given_back.notify_one();
    }
}

/// Processes add to a number in a file in `directory`. Atomic means here: one `write` of one byte in append mode,
/// and the number is the length.
pub fn processes(setup: Setup, directory: &std::path::Path) -> Result<Tally> {
    let path = directory.join(format!("tongro-race-{}", std::process::id()));
    let outcome = run_processes(setup, &path);
    let _ = std::fs::remove_file(&path);
    outcome.map_err(Error::io("race"))
}

/// Forks, waits for all, and reads what is left in the file.
fn run_processes(setup: Setup, path: &std::path::Path) -> io::Result<Tally> {
    let file = File::create(path)?;
    let (take, give) = rustix::pipe::pipe()?;
    rustix::io::write(&give, b"1")?;
    if setup.guard != Guard::Atomic {
        file.write_all_at(&0u64.to_be_bytes(), 0)?;
    }
    let started = Instant::now();
    let mut children = Vec::new();
    for _ in 0..setup.threads {
        match fork::fork()? {
            Fork::Parent(pid) => children.extend(Pid::from_raw(pid)),
            Fork::Child => leave(i32::from(update_file(setup, path, &take, &give).is_err())),
        }
    }
    let mut failed = 0;
    for child in children {
        let ended =
            rustix::io::retry_on_intr(|| rustix::process::waitpid(Some(child), WaitOptions::empty()))?;
        failed += u32::from(ended.is_none_or(|(_, status)| status.exit_status() != Some(0)));
    }
    if failed > 0 {
        return Err(io::Error::other("a child could not update the file"));
    }
    let got = match setup.guard {
        Guard::Atomic => std::fs::metadata(path)?.len(),
        _ => read_number(&File::open(path)?)?,
    };
    Ok(tally(setup, got, started))
}

/// One child's work.
fn update_file(setup: Setup, path: &std::path::Path, take: &OwnedFd, give: &OwnedFd) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let file = match setup.guard {
        Guard::Atomic => options.append(true).open(path)?,
        _ => options.read(true).write(true).open(path)?,
    };
    for _ in 0..setup.updates {
        match setup.guard {
            Guard::None => add_one_to(&file)?,
            Guard::Lock => {
                file.lock()?;
                add_one_to(&file)?;
                file.unlock()?;
            }
            Guard::Semaphore => {
                let mut permit = [0];
                rustix::io::retry_on_intr(|| rustix::io::read(take, &mut permit))?;
                add_one_to(&file)?;
                rustix::io::write(give, &permit)?;
            }
            Guard::Atomic => {
                io::Write::write_all(&mut &file, b"+")?;
            }
        }
    }
    Ok(())
}

/// Read, modify, write, through the kernel: two system calls, and room for others between them.
fn add_one_to(file: &File) -> io::Result<()> {
    let copy = read_number(file)?;
    file.write_all_at(&(copy + 1).to_be_bytes(), 0)
}

/// Eight bytes, big-endian, at the beginning.
fn read_number(file: &File) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(u64::from_be_bytes(bytes))
}

/// The result, timed to this moment.
fn tally(setup: Setup, got: u64, started: Instant) -> Tally {
    Tally { setup, expected: setup.expected(), got, seconds: started.elapsed().as_secs_f64() }
}

/// Ends a child. Returning would run the parent's code a second time.
#[expect(clippy::exit, reason = "the only way for a forked child not to return into its parent's code")]
fn leave(status: i32) -> ! {
    std::process::exit(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::race::Subject;

    fn setup(guard: Guard, threads: usize, updates: usize) -> Setup {
        Setup { subject: Subject::Counter, guard, threads, updates }
    }

    #[test]
    fn guards_lose_nothing_in_threads() {
        for guard in [Guard::Lock, Guard::Semaphore, Guard::Atomic] {
            let tally = threads(setup(guard, 4, 5_000));
            assert_eq!(tally.got, tally.expected, "{guard:?}");
        }
        let tally = threads(setup(Guard::None, 4, 5_000));
        assert!(tally.got >= 1 && tally.got <= tally.expected, "how much is lost is a matter of luck");
    }

    #[test]
    fn guards_lose_nothing_in_processes() {
        for guard in [Guard::Lock, Guard::Semaphore, Guard::Atomic] {
            let tally = processes(setup(guard, 3, 300), &std::env::temp_dir()).unwrap();
            assert_eq!(tally.got, tally.expected, "{guard:?}");
        }
        let tally = processes(setup(Guard::None, 3, 300), &std::env::temp_dir()).unwrap();
        assert!(tally.got <= tally.expected);
    }
}
