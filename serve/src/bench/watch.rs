//! An eye on the listener while the load runs: how many wait for `accept`, and what the program does meanwhile.
//!
//! The accept queue comes from `sock_diag`, what tasks do from `/proc/PID/task/TID/syscall`; both are looked at some
//! fifty times a second and counted. A client that is *connected but never answered* looks the same whatever the cause;
//! what the program does while the queue is not empty tells the causes apart:
//!
//! | while somebody waits for `accept` | it is |
//! |---|---|
//! | everybody sleeps, in `recv`, `poll` or on a lock | head of line: busy with a peer that says nothing |
//! | the number of processes grows | the rate of `fork` |
//! | somebody runs | starved: the accepting task does not get its turn |
//! | the descriptors are used up | out of descriptors |

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use tongro_sys::sock_diag::{Diag, LISTEN, Protocol};

use super::usage;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Tasks that are looked at in one look, at most.
const TASKS: usize = 512;

/// What the looks have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Looks in all.
    pub looks: u32,
    /// Looks at which somebody waited for `accept`.
    pub waiting: u32,
    /// The most that waited at once.
    pub queue_max: u32,
    /// How many may wait.
    pub backlog: u32,
    /// Of those looks: all tasks were asleep.
    pub asleep: u32,
    /// A task was running.
    pub running: u32,
    /// There were more processes than at the look before.
    pub forking: u32,
    /// A process had no free descriptor.
    pub exhausted: u32,
    /// The descriptors it had open then.
    pub descriptors: u64,
    /// The most processes.
    pub processes_max: u32,
}

/// Looks in a thread of its own until it is stopped.
pub(crate) struct Watch {
    stop: Arc<(Mutex<bool>, Condvar)>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Seen>>,
}

impl Watch {
    /// Begins to look at the listener of a program.
    pub(crate) fn start(root: u32, address: SocketAddr) -> Self {
        let (stop, is_over) = (Arc::<(Mutex<bool>, Condvar)>::default(), Arc::<AtomicBool>::default());
        let (theirs, over) = (Arc::clone(&stop), Arc::clone(&is_over));
        let look = move || {
            let mut eye = Eye { root, address, seen: Seen::default(), processes: 0 };
            let Ok(diag) = Diag::open() else { return eye.seen };
            let mut stopped = theirs.0.lock().unwrap_or_else(PoisonError::into_inner);
            while !*stopped {
                if !over.load(Ordering::Relaxed) {
                    eye.look(&diag);
                }
                let waited = theirs.1.wait_timeout(stopped, LOOK);
                stopped = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            eye.seen
        };
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(look).ok();
        Self { stop, is_over, thread }
    }

    /// What comes from now on belongs to the end of the run and is not looked at.
    pub(crate) fn pause(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Ends the looks.
    pub(crate) fn stop(mut self) -> Seen {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

/// What one look needs of the last.
struct Eye {
    root: u32,
    address: SocketAddr,
    seen: Seen,
    processes: usize,
}

impl Eye {
    fn look(&mut self, diag: &Diag) {
        self.seen.looks += 1;
        let Some((queue, backlog)) = self.queue(diag) else { return };
        self.seen.queue_max = self.seen.queue_max.max(queue);
        self.seen.backlog = backlog;
        let family = usage::tree(self.root);
        let grew = family.len() > self.processes && self.processes > 0;
        self.processes = family.len();
        self.seen.processes_max = self.seen.processes_max.max(family.len() as u32);
        if queue == 0 {
            return;
        }
        let (is_exhausted, is_running) = (self.is_exhausted(&family), is_anybody_running(&family));
        // A queue that was emptied while we looked tells nothing.
        if self.queue(diag).is_none_or(|(queue, _)| queue == 0) {
            return;
        }
        self.seen.waiting += 1;
        match () {
            () if is_exhausted => self.seen.exhausted += 1,
            () if grew => self.seen.forking += 1,
            () if is_running => self.seen.running += 1,
            () => self.seen.asleep += 1,
        }
    }

    /// Waiting connections and the backlog.
    fn queue(&self, diag: &Diag) -> Option<(u32, u32)> {
        let families = [2u8, 10]; // AF_INET, AF_INET6: a listener on `::` serves both
        let rows =
            families.into_iter().filter_map(|family| diag.list(Protocol::Tcp, family, 1 << LISTEN).ok());
        let port = self.address.port();
        rows.flatten().find(|row| row.local.port() == port).map(|row| (row.rqueue, row.wqueue))
    }

    fn is_exhausted(&mut self, family: &[u32]) -> bool {
        let full = family.iter().take(8).filter_map(|pid| usage::descriptors(*pid));
        let full = full.filter(|(open, limit)| open >= limit).map(|(open, _)| open).max();
        self.seen.descriptors = full.unwrap_or(self.seen.descriptors);
        full.is_some()
    }
}

/// Is any task on a processor, or waiting for one?
fn is_anybody_running(family: &[u32]) -> bool {
    let folders = family.iter().filter_map(|pid| fs::read_dir(format!("/proc/{pid}/task")).ok());
    let tasks = folders.flatten().flatten().take(TASKS);
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("stat")).ok())
        .any(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['R', 'D'])))
}
