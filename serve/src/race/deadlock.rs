//! Deadlock: everybody holds what another needs.
//!
//! Each thread takes locks in an order of its own and lets go of all in the end. A scheduler follows a seed; when
//! nobody can go on, the [`WaitGraph`] says who waits for whom, and its cycle is the deadlock. The remedy is one
//! order for all: then a cycle is impossible, whatever the scheduler does.
//!
//! Four things must come together: locks that exclude, threads that hold one while they want another, nobody who can
//! take a lock away, and a circle. The first three are what locks are for; the circle is what can be prevented.

use serde::Serialize;
use tongro_proto::pair::Dice;

/// In which order each thread takes its locks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Orders(
    /// For each thread, lock numbers.
    pub Vec<Vec<usize>>,
);

/// What one thread did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The thread's number.
    pub thread: usize,
    /// The lock's number.
    pub lock: usize,
    /// What it did with it.
    pub action: Action,
}

/// What a thread can do with a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Got it.
    Acquire,
    /// Wants it; somebody else has it.
    Wait,
    /// Let go.
    Release,
}

/// Who waits for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WaitGraph {
    /// One for each waiting thread.
    pub edges: Vec<Edge>,
    /// Threads in the order in which each waits for the next, and the last for the first.
    pub cycle: Vec<usize>,
}

/// A thread waits for a lock that another holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// Who waits.
    pub thread: usize,
    /// For what.
    pub lock: usize,
    /// Who has it.
    pub held_by: usize,
}

/// What came of one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The scheduler's seed.
    pub seed: u64,
    /// All steps, in order.
    pub steps: Vec<Step>,
    /// Set if it ended in a deadlock.
    pub deadlock: Option<WaitGraph>,
}

impl Orders {
    /// The dining philosophers: each takes the fork on the left, then the one on the right.
    pub fn philosophers(count: usize) -> Self {
        Self((0..count).map(|left| vec![left, (left + 1) % count.max(1)]).collect())
    }

    /// The remedy: the same locks, each thread taking the lower number first.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.iter_mut().for_each(|order| order.sort_unstable());
        self
    }
}

/// Runs one schedule.
pub fn run(orders: &Orders, seed: u64) -> Outcome {
    let mut table = Table::new(orders);
    let mut dice = Dice(seed);
    let mut steps = Vec::new();
    loop {
        let ready = table.ready();
        if ready.is_empty() {
            break;
        }
        let thread = ready[dice.below(ready.len() as u64) as usize];
        table.step(thread, &mut steps);
    }
    Outcome { seed, steps, deadlock: table.deadlock() }
}

/// The first of `seeds` that ends in a deadlock.
pub fn find(orders: &Orders, seeds: std::ops::Range<u64>) -> Option<Outcome> {
    seeds.map(|seed| run(orders, seed)).find(|outcome| outcome.deadlock.is_some())
}

/// Who holds what, and how far everybody is.
struct Table<'a> {
    orders: &'a Orders,
    /// How many of its locks each thread has; all of them and one more when it has let go.
    taken: Vec<usize>,
    /// Threads that have said that they wait.
    waits: Vec<bool>,
    /// Who holds each lock.
    holders: Vec<Option<usize>>,
}

impl<'a> Table<'a> {
    /// Nobody holds anything.
    fn new(orders: &'a Orders) -> Self {
        let locks = orders.0.iter().flatten().max().map_or(0, |highest| highest + 1);
        let threads = orders.0.len();
        Self { orders, taken: vec![0; threads], waits: vec![false; threads], holders: vec![None; locks] }
    }

    /// The lock a thread takes next.
    fn wanted(&self, thread: usize) -> Option<usize> {
        self.orders.0[thread].get(self.taken[thread]).copied()
    }

    /// Threads that have something to do: not those that are through, nor those that wait for a held lock.
    fn ready(&self) -> Vec<usize> {
        let can_go_on = |thread: &usize| match self.wanted(*thread) {
            Some(lock) => self.holders[lock].is_none() || !self.waits[*thread],
            None => self.taken[*thread] == self.orders.0[*thread].len(),
        };
        (0..self.taken.len()).filter(can_go_on).collect()
    }

    /// Lets one thread do its next step: take a lock, begin to wait, or let go of all.
    fn step(&mut self, thread: usize, steps: &mut Vec<Step>) {
        match self.wanted(thread) {
            Some(lock) if self.holders[lock].is_some() => {
                self.waits[thread] = true;
                steps.push(Step { thread, lock, action: Action::Wait });
            }
            Some(lock) => {
                self.holders[lock] = Some(thread);
                self.waits[thread] = false;
                self.taken[thread] += 1;
                steps.push(Step { thread, lock, action: Action::Acquire });
            }
            None => {
                for lock in self.orders.0[thread].iter().rev().copied() {
                    self.holders[lock] = None;
                    steps.push(Step { thread, lock, action: Action::Release });
                }
                self.taken[thread] += 1;
            }
        }
    }

    /// The graph, if anybody is left waiting.
    fn deadlock(&self) -> Option<WaitGraph> {
        let edge = |thread: usize| {
            let lock = self.wanted(thread)?;
            Some(Edge { thread, lock, held_by: self.holders[lock]? })
        };
        let edges: Vec<Edge> = (0..self.taken.len()).filter_map(edge).collect();
        let cycle = cycle_in(&edges)?;
        Some(WaitGraph { edges, cycle })
    }
}

/// Follows the edges until a thread comes a second time.
pub fn cycle_in(edges: &[Edge]) -> Option<Vec<usize>> {
    for start in edges {
        let mut path = vec![start.thread];
        while let Some(edge) = edges.iter().find(|edge| Some(&edge.thread) == path.last()) {
            if let Some(at) = path.iter().position(|thread| *thread == edge.held_by) {
                return Some(path.split_off(at));
            }
            path.push(edge.held_by);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philosophers_end_in_a_circle_for_some_schedules() {
        for count in [2, 3, 5] {
            let orders = Orders::philosophers(count);
            let found = find(&orders, 0..500).unwrap();
            let graph = found.deadlock.unwrap();
            assert_eq!(graph.edges.len(), count);
            let mut cycle = graph.cycle.clone();
            cycle.sort_unstable();
            assert_eq!(cycle, (0..count).collect::<Vec<_>>());
            let fine = (0..500).filter(|seed| run(&orders, *seed).deadlock.is_none()).count();
            assert!(fine > 0, "most schedules end well: that is why tests miss it");
        }
    }

    #[test]
    fn one_order_for_all_never_locks_up() {
        let orders = Orders::philosophers(5).sorted();
        assert_eq!(find(&orders, 0..2000), None);
        let steps = run(&orders, 1).steps;
        let count = |action| steps.iter().filter(|step| step.action == action).count();
        assert_eq!((count(Action::Acquire), count(Action::Release)), (10, 10));
    }

    #[test]
    fn a_thread_outside_the_circle_waits_too_but_is_not_part_of_it() {
        let edge = |thread, held_by| Edge { thread, lock: 0, held_by };
        assert_eq!(cycle_in(&[edge(3, 0), edge(0, 1), edge(1, 0)]), Some(vec![0, 1]));
        assert_eq!(cycle_in(&[edge(3, 0), edge(0, 1)]), None);
    }
}
