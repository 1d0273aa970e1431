//! What a program has used: processor time, context switches, memory, threads, descriptors, of it and of all it
//! started.
//!
//! Figures come from procfs (`proc_pid_stat(5)`, `proc_pid_status(5)`, `proc_pid_smaps(5)`) and from the process CPU
//! clock, without any privilege, and go into a [`Usage`]. The CPU clock counts nanoseconds and includes threads that
//! have ended; `stat` counts hundredths of a second and is used only for children that have been reaped.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// Hundredths of a second in `stat`, on every Linux that has been seen.
const TICKS: u64 = 100;

/// A reading; the difference of two is what happened between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// On a processor, in user and kernel space, reaped children included.
    pub cpu: Duration,
    /// Times a thread gave the processor up, or had it taken away.
    pub switches: u64,
    /// Pages that had to be mapped without reading a disk.
    pub minor_faults: u64,
    /// Memory in KiB; shared pages count in parts (PSS).
    pub pss_kib: u64,
    /// Threads of all processes.
    pub threads: u64,
    /// Processes.
    pub processes: u64,
    /// Children that have been started and reaped are not counted in `processes`.
    pub fds: u64,
}

/// A process and all its descendants.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        if let Some((pid, stat)) = pid.and_then(|pid| Some((pid, Stat::read(pid)?))) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        found.extend(children.remove(&found[at]).unwrap_or_default());
        at += 1;
    }
    found
}

/// The sockets a process has open, by inode.
pub(crate) fn socket_inodes(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    let inode = |link: std::path::PathBuf| {
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u32>().ok()
    };
    links.filter_map(inode).collect()
}

/// How many descriptors a process has open, and how many it may have.
pub(crate) fn descriptors(pid: u32) -> Option<(u64, u64)> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    let soft = line.split_whitespace().nth(3)?.parse().ok()?;
    Some((open, soft))
}

impl Usage {
    /// Of a process and all its descendants; `with_memory` is slow and stops the program for a moment.
    pub fn of_tree(root: u32, with_memory: bool) -> Self {
        let mut sum = Self::default();
        for pid in tree(root) {
            let Some(stat) = Stat::read(pid) else { continue };
            let own = tongro_sys::clock::process_cpu(pid as i32).unwrap_or_default();
            sum.cpu += own + stat.reaped;
            sum.minor_faults += stat.minor_faults;
            sum.threads += stat.threads;
            sum.processes += 1;
            sum.switches += switches(pid);
            if with_memory {
                sum.pss_kib += pss_kib(pid).unwrap_or(0);
            }
        }
        sum
    }

    /// What was used since an earlier reading.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            switches: self.switches.saturating_sub(earlier.switches),
            minor_faults: self.minor_faults.saturating_sub(earlier.minor_faults),
            pss_kib: self.pss_kib.saturating_sub(earlier.pss_kib),
            threads: self.threads.saturating_sub(earlier.threads),
            processes: self.processes.saturating_sub(earlier.processes),
            fds: self.fds.saturating_sub(earlier.fds),
        }
    }
}

/// The part of `/proc/PID/stat` that is used.
struct Stat {
    parent: u32,
    minor_faults: u64,
    /// Of children that have been waited for.
    reaped: Duration,
    threads: u64,
}

impl Stat {
    /// Fields are numbered from 1 in the manual; the name, field 2, may hold spaces and brackets.
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ticks = field(16)? + field(17)?;
        Some(Self {
            parent: field(4)? as u32,
            minor_faults: field(10)?,
            reaped: Duration::from_millis(ticks * 1000 / TICKS),
            threads: field(20)?,
        })
    }
}

/// Voluntary and forced, of all threads.
fn switches(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let statuses = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    let of = |status: String| {
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum::<u64>()
    };
    statuses.map(of).sum()
}

fn pss_kib(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_something() {
        let own = Usage::of_tree(std::process::id(), true);
        assert!(own.cpu > Duration::ZERO && own.pss_kib > 0 && own.threads >= 1 && own.processes >= 1);
        let (open, limit) = descriptors(std::process::id()).unwrap();
        assert!(open >= 3 && limit >= open);
    }

    #[test]
    fn a_child_belongs_to_the_tree_and_its_socket_is_seen() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert!(tree(std::process::id()).contains(&child.id()));
        assert!(!socket_inodes(std::process::id()).is_empty());
        drop(child.stdin.take());
        child.wait().unwrap();
        drop(listener);
    }
}
