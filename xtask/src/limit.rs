//! A runner that hangs is ended, with everything it started, so that the run still closes with its numbers.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Watches one process until it is lifted.
pub(crate) struct Limit {
    lifted: Sender<()>,
    watch: JoinHandle<bool>,
}

impl Limit {
    /// Ends the process and its descendants when the time is over.
    pub(crate) fn on(pid: u32, limit: Duration) -> Self {
        let (lifted, waits) = channel();
        let watch = std::thread::spawn(move || {
            let is_over = waits.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if is_over {
                end(pid);
            }
            is_over
        });
        Self { lifted, watch }
    }

    /// Stops watching; whether the time was over.
    pub(crate) fn lift(self) -> bool {
        // When the watch has ended already, its answer is there.
        let _ = self.lifted.send(());
        self.watch.join().unwrap_or(true)
    }
}

fn end(pid: u32) {
    let pids: Vec<String> = family(pid, &parents()).iter().map(ToString::to_string).collect();
    // Some may have ended meanwhile; the rest gets its signal all the same.
    let _ = Command::new("kill").arg("-KILL").args(pids).status();
}

/// A process and all its descendants.
fn family(pid: u32, parents: &HashMap<u32, u32>) -> Vec<u32> {
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, of)| **of == parent).map(|(child, _)| *child));
        next += 1;
    }
    family
}

/// Every process's parent.
fn parents() -> HashMap<u32, u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name in brackets may hold anything; state and parent follow the last bracket.
        let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
        Some((pid, parent))
    };
    processes.filter_map(of).collect()
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_family_has_all_generations_and_no_strangers() {
        let parents = HashMap::from([(2, 1), (3, 2), (4, 2), (5, 3), (9, 8)]);
        let mut family = family(2, &parents);
        family.sort_unstable();
        assert_eq!(family, [2, 3, 4, 5]);
    }

    #[test]
    fn this_process_has_a_parent() {
        assert!(parents().contains_key(&std::process::id()));
    }
}
