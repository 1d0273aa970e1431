//! Threads under a scheduler that follows a seed: after each step another thread may go on, as after each machine
//! instruction of a real one.
//!
//! An update is three steps. Between the first and the last the thread works with a copy, and what others write
//! meanwhile is overwritten:
//!
//! ```text
//!   thread 0            memory           thread 1
//!   read 5                5
//!                         5              read 5
//!   modify 6              5
//!                         5              modify 6
//!   write 6               6
//!                         6              write 6      ← the update of thread 0 is lost
//! ```
//!
//! With two threads and one update each there are 20 orders of the six steps; in 18 of them one update is lost. A real
//! scheduler rarely picks one of the 18, which is why the bug passes every test and appears in front of users.

use std::ops::Range;

use serde::Serialize;
use tongro_proto::pair::Dice;

use super::{Guard, Setup, Subject};

/// One step of one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The thread's number, from 0: its column.
    pub thread: usize,
    /// Which of its updates, from 0.
    pub update: usize,
    /// What it did.
    #[serde(flatten)]
    pub action: Action,
    /// What is shared, after the step: the number, or the length of the list.
    pub memory: u64,
    /// Updates of others that this step has overwritten.
    pub overwrites: u64,
}

/// What a thread can do in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "action", content = "value")]
pub enum Action {
    /// Got the lock or the permit.
    Acquire,
    /// Wanted it and has to wait.
    Wait,
    /// Copied what is shared.
    Read(u64),
    /// Changed the copy.
    Modify(u64),
    /// Wrote the copy back.
    Write(u64),
    /// Let go.
    Release,
    /// Did all three at once.
    Atomic(u64),
}

/// What came of one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Who did how much.
    pub setup: Setup,
    /// The scheduler's seed: with it and the setup everything below can be had again.
    pub seed: u64,
    /// Updates that should be seen.
    pub expected: u64,
    /// Updates that are.
    pub got: u64,
    /// Steps spent waiting: the price of a guard.
    pub waits: u64,
    /// All steps, in order.
    pub steps: Vec<Step>,
}

/// What came of many seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sweep {
    /// Lost updates, by seed.
    pub lost: Vec<(u64, u64)>,
    /// Seeds that lost any.
    pub bad: usize,
    /// The seed that lost the most.
    pub worst: Option<u64>,
}

/// Runs one schedule.
pub fn run(setup: Setup, seed: u64) -> Outcome {
    let mut machine = Machine::new(setup);
    let mut dice = Dice(seed);
    loop {
        let ready: Vec<usize> = (0..setup.threads).filter(|thread| machine.can_go_on(*thread)).collect();
        if ready.is_empty() {
            break;
        }
        let thread = ready[dice.below(ready.len() as u64) as usize];
        machine.step(thread);
    }
    let waits = machine.steps.iter().filter(|step| step.action == Action::Wait).count() as u64;
    let got = machine.visible();
    Outcome { setup, seed, expected: setup.expected(), got, waits, steps: machine.steps }
}

/// Runs many.
pub fn sweep(setup: Setup, seeds: Range<u64>) -> Sweep {
    let lost: Vec<(u64, u64)> = seeds
        .map(|seed| {
            let outcome = run(setup, seed);
            (seed, outcome.expected - outcome.got)
        })
        .collect();
    let bad = lost.iter().filter(|(_, lost)| *lost > 0).count();
    let worst =
        lost.iter().filter(|(_, lost)| *lost > 0).max_by_key(|(_, lost)| *lost).map(|(seed, _)| *seed);
    Sweep { lost, bad, worst }
}

/// The shortest lesson: two threads, one update each, and the first seed where one of them is lost. `None` if the
/// guard holds for all of `seeds`.
pub fn bad_interleaving(subject: Subject, guard: Guard, seeds: Range<u64>) -> Option<Outcome> {
    let setup = Setup { subject, guard, threads: 2, updates: 1 };
    seeds.map(|seed| run(setup, seed)).find(|outcome| outcome.got < outcome.expected)
}

/// Threads, memory and guard.
struct Machine {
    setup: Setup,
    threads: Vec<Thread>,
    /// The number, or the length of the list.
    value: u64,
    /// Who wrote each place of the list.
    places: Vec<(usize, usize)>,
    /// Updates that the last writer of `value` had seen, per thread: what is missing here is overwritten.
    seen: Vec<usize>,
    holder: Option<usize>,
    steps: Vec<Step>,
}

/// Where one thread is.
#[derive(Clone, Debug)]
struct Thread {
    done: usize,
    next: Next,
    /// The copy, and which updates it contains.
    copy: u64,
    seen: Vec<usize>,
}

/// The step a thread does when it is its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Acquire,
    /// Was told to wait; goes on when the guard is free.
    Waiting,
    Read,
    Modify,
    Write,
    Release,
    Atomic,
}

impl Machine {
    /// Everybody at the first step, memory at zero.
    fn new(setup: Setup) -> Self {
        let next = first_of(setup.guard);
        let thread = Thread { done: 0, next, copy: 0, seen: vec![0; setup.threads] };
        Self {
            setup,
            threads: vec![thread; setup.threads],
            value: 0,
            places: Vec::new(),
            seen: vec![0; setup.threads],
            holder: None,
            steps: Vec::new(),
        }
    }

    /// Not through, and not asleep at a guard that is held.
    fn can_go_on(&self, thread: usize) -> bool {
        let Thread { done, next, .. } = &self.threads[thread];
        *done < self.setup.updates && !(*next == Next::Waiting && self.holder.is_some())
    }

    /// Lets one thread do its step and writes it down.
    fn step(&mut self, number: usize) {
        let update = self.threads[number].done;
        let mut overwrites = 0;
        let action = match self.threads[number].next {
            Next::Acquire | Next::Waiting => self.acquire(number),
            Next::Read => self.read(number),
            Next::Modify => self.modify(number),
            Next::Write => {
                overwrites = self.write(number);
                Action::Write(self.threads[number].copy)
            }
            Next::Release => {
                self.holder = None;
                self.finish(number);
                Action::Release
            }
            Next::Atomic => {
                self.read(number);
                self.modify(number);
                overwrites = self.write(number);
                self.finish(number);
                Action::Atomic(self.value)
            }
        };
        self.steps.push(Step { thread: number, update, action, memory: self.value, overwrites });
    }

    /// Gets the guard, or begins to wait for it.
    fn acquire(&mut self, number: usize) -> Action {
        if self.holder.is_some() {
            self.threads[number].next = Next::Waiting;
            return Action::Wait;
        }
        self.holder = Some(number);
        self.threads[number].next = Next::Read;
        Action::Acquire
    }

    /// Copies what is shared. From here on the copy can become old.
    fn read(&mut self, number: usize) -> Action {
        let thread = &mut self.threads[number];
        thread.copy = self.value;
        thread.seen.clone_from(&self.seen);
        thread.next = Next::Modify;
        Action::Read(thread.copy)
    }

    /// On the copy; for a list also the item itself, in the place the copy of the length says.
    fn modify(&mut self, number: usize) -> Action {
        let thread = &mut self.threads[number];
        if self.setup.subject == Subject::List {
            let place = thread.copy as usize;
            self.places.resize(self.places.len().max(place + 1), (number, thread.done));
            self.places[place] = (number, thread.done);
        }
        thread.copy += 1;
        thread.seen[number] = thread.done + 1;
        thread.next = Next::Write;
        Action::Modify(thread.copy)
    }

    /// Writes the copy back; returns how many updates of others it did not contain.
    fn write(&mut self, number: usize) -> u64 {
        let thread = &mut self.threads[number];
        let unseen = self.seen.iter().zip(&thread.seen).map(|(is, was)| is.saturating_sub(*was));
        let overwrites = unseen.sum::<usize>() as u64;
        self.value = thread.copy;
        self.seen.clone_from(&thread.seen);
        match self.setup.guard {
            Guard::None => self.finish(number),
            Guard::Lock | Guard::Semaphore => thread.next = Next::Release,
            Guard::Atomic => {}
        }
        overwrites
    }

    /// One update is done.
    fn finish(&mut self, number: usize) {
        self.threads[number].done += 1;
        self.threads[number].next = first_of(self.setup.guard);
    }

    /// Updates that can still be seen: the number, or the different items in the list.
    fn visible(&self) -> u64 {
        match self.setup.subject {
            Subject::Counter => self.value,
            Subject::List => {
                let mut items = self.places[..(self.value as usize).min(self.places.len())].to_vec();
                items.sort_unstable();
                items.dedup();
                items.len() as u64
            }
        }
    }
}

/// Where an update begins.
fn first_of(guard: Guard) -> Next {
    match guard {
        Guard::None => Next::Read,
        Guard::Lock | Guard::Semaphore => Next::Acquire,
        Guard::Atomic => Next::Atomic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(subject: Subject, guard: Guard) -> Setup {
        Setup { subject, guard, threads: 3, updates: 10 }
    }

    #[test]
    fn only_without_a_guard_updates_are_lost() {
        for subject in [Subject::Counter, Subject::List] {
            for guard in Guard::ALL {
                let sweep = sweep(setup(subject, *guard), 0..200);
                match guard {
                    Guard::None => assert!(sweep.bad > 190 && sweep.worst.is_some(), "{subject:?}"),
                    _ => assert_eq!((sweep.bad, sweep.worst), (0, None), "{subject:?} {guard:?}"),
                }
            }
        }
    }

    #[test]
    fn a_seed_is_a_schedule() {
        let setup = setup(Subject::Counter, Guard::None);
        assert_eq!(run(setup, 7), run(setup, 7));
        assert_ne!(run(setup, 7).steps, run(setup, 8).steps);
    }

    #[test]
    fn the_bad_interleaving_is_two_reads_before_a_write() {
        for subject in [Subject::Counter, Subject::List] {
            let bad = bad_interleaving(subject, Guard::None, 0..100).unwrap();
            assert_eq!((bad.expected, bad.got, bad.steps.len()), (2, 1, 6));
            assert_eq!(bad.steps.last().unwrap().overwrites, 1);
            assert_eq!(bad_interleaving(subject, Guard::Lock, 0..100), None);
        }
    }

    #[test]
    fn a_lock_costs_waiting() {
        let waits = |guard| (0..50).map(|seed| run(setup(Subject::Counter, guard), seed).waits).sum::<u64>();
        assert_eq!((waits(Guard::None), waits(Guard::Atomic)), (0, 0));
        assert!(waits(Guard::Lock) > 0 && waits(Guard::Lock) == waits(Guard::Semaphore));
    }

    #[test]
    fn a_step_is_data() {
        let bad = bad_interleaving(Subject::Counter, Guard::None, 0..100).unwrap();
        let json = serde_json::to_value(bad.steps[0]).unwrap();
        assert_eq!(json["action"], "read");
        assert_eq!((json["value"].as_u64(), json["memory"].as_u64()), (Some(0), Some(0)));
    }
}
