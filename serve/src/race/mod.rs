//! Races and locks, shown as data: what goes wrong when two do "read, change, write" at the same time, and what
//! each remedy costs.
//!
//! Nothing comes in but a setup and a seed; what goes out can be drawn: steps in columns, one per thread, or a graph
//! of who waits for whom.
//!
//! | module | shows | repeatable |
//! |---|---|---|
//! | [`schedule`] | a counter or a list under an invented scheduler, step by step | the same seed, the same steps |
//! | [`deadlock`] | locks taken in different orders, until nobody can go on | the same seed, the same knot |
//! | [`real`] | real threads or processes doing the same | no: that is the lesson |
//!
//! The first two are simulations because a lesson must not depend on luck: the bad order of steps is found once, has a
//! seed, and can be shown to everybody. The third is the real thing, to be believed: run it twice, and the numbers differ.
//!
//! ```
//! use tongro_serve::race::{Guard, Subject, schedule};
//!
//! let bad = schedule::bad_interleaving(Subject::Counter, Guard::None, 0..100);
//! let bad = bad.expect("two reads before a write are easily found");
//! assert_eq!((bad.expected, bad.got), (2, 1));
//! assert!(schedule::bad_interleaving(Subject::Counter, Guard::Lock, 0..100).is_none());
//! ```

pub mod deadlock;
pub mod real;
pub mod schedule;

use serde::Serialize;

/// What keeps others out between reading and writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// Nothing.
    None,
    /// A lock: one holder, and only the holder lets go.
    Lock,
    /// A semaphore with one permit: like a lock, but anybody may give the permit back.
    Semaphore,
    /// One indivisible operation: there is no "between".
    Atomic,
}

impl Guard {
    /// All of them.
    pub const ALL: &[Self] = &[Self::None, Self::Lock, Self::Semaphore, Self::Atomic];
}

/// What is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A number; each update adds one. A lost update leaves it too small.
    Counter,
    /// A list with a length; each update writes its item behind the last and moves the length. A lost update leaves
    /// an item overwritten.
    List,
}

/// How many do how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Setup {
    /// What they share.
    pub subject: Subject,
    /// What protects it.
    pub guard: Guard,
    /// Threads, or processes.
    pub threads: usize,
    /// Updates of each.
    pub updates: usize,
}

impl Setup {
    /// The updates that should be seen in the end.
    pub fn expected(&self) -> u64 {
        (self.threads * self.updates) as u64
    }
}
