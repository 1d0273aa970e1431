//! Looking at a program from outside, through `/proc`: which threads run, which wait and in what call, and what the
//! program holds. Two looks in a row tell a thread that sleeps from one that only seemed to.

use std::collections::BTreeMap;
use std::fs;

use crate::message::{Observation, Wait};

/// A thread at one look.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    pid: i32,
    is_asleep: bool,
    /// Times it was put on a CPU, and ns it ran: unchanged = it did not run in between.
    ran: (u64, u64),
}

/// Looks at the processes whose pids are given (inside the lab).
pub(crate) fn observe(pids: &[i32]) -> Observation {
    let first = look(pids);
    let second = look(pids);
    let mut seen = Observation::default();
    for pid in pids {
        match process_state(*pid) {
            Some('Z' | 'X') => seen.zombies += 1,
            Some(_) => {
                seen.processes += 1;
                count_holdings(*pid, &mut seen);
            }
            None => {}
        }
    }
    for (tid, now) in &second {
        let settled = now.is_asleep && first.get(tid) == Some(now);
        let wait = settled.then(|| wait_of(now.pid, *tid)).flatten();
        seen.cpu_ns += now.ran.1;
        match wait {
            Some(wait) => {
                seen.timed += u32::from(wait.is_timed);
                seen.waits.push(wait);
            }
            None => seen.running += 1,
        }
    }
    // A thread that was there a moment ago and is gone now: something is going on.
    seen.running += first.keys().filter(|tid| !second.contains_key(tid)).count() as u32;
    seen
}

fn look(pids: &[i32]) -> BTreeMap<i32, Look> {
    let mut threads = BTreeMap::new();
    for pid in pids {
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for tid in entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()) {
            let base = format!("/proc/{pid}/task/{tid}");
            let Some(state) = state_in(&format!("{base}/stat")) else { continue };
            if matches!(state, 'Z' | 'X') {
                continue;
            }
            let ran = schedule(&format!("{base}/schedstat"));
            threads.insert(tid, Look { pid: *pid, is_asleep: state == 'S', ran });
        }
    }
    threads
}

fn process_state(pid: i32) -> Option<char> {
    state_in(&format!("/proc/{pid}/stat"))
}

/// The letter behind the command name, which may hold any character but ends at the last parenthesis.
fn state_in(path: &str) -> Option<char> {
    let stat = fs::read_to_string(path).ok()?;
    stat.get(stat.rfind(')')? + 2..)?.chars().next()
}

/// Times scheduled and ns run: `schedstat` is "run-ns wait-ns times".
fn schedule(path: &str) -> (u64, u64) {
    let text = fs::read_to_string(path).unwrap_or_default();
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    (numbers.get(2).copied().unwrap_or(0), numbers.first().copied().unwrap_or(0))
}

/// The parent's pid.
pub(crate) fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.get(stat.rfind(')')? + 4..)?.split_whitespace().next()?.parse().ok()
}

/// Every pid of the lab but its own first one.
pub(crate) fn all_pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid > 1)
        .collect()
}

fn count_holdings(pid: i32, seen: &mut Observation) {
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
        seen.fds += 1;
        let target = fs::read_link(entry.path()).unwrap_or_default();
        seen.sockets += u32::from(target.to_string_lossy().starts_with("socket:"));
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    seen.rss_kib +=
        resident.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0);
}

/// The inodes of a process's sockets.
pub(crate) fn socket_inodes(pid: i32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| socket_inode(&fs::read_link(entry.path()).ok()?.to_string_lossy()))
        .collect()
}

/// File names of the libraries and programs mapped into processes.
pub(crate) fn mapped_files(pids: &[i32]) -> Vec<String> {
    let mut names = std::collections::BTreeSet::new();
    for pid in pids {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        names.extend(
            maps.lines().filter_map(|line| Some(line.get(line.find('/')?..)?.rsplit('/').next()?.to_owned())),
        );
    }
    names.into_iter().collect()
}

/// The number in `socket:[123]`.
pub(crate) fn socket_inode(target: &str) -> Option<u32> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// What a sleeping thread waits in; `None` when it runs after all.
fn wait_of(pid: i32, tid: i32) -> Option<Wait> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).ok()?;
    let mut words = text.split_whitespace();
    let number: i64 = words.next()?.parse().ok()?;
    let arguments: Vec<u64> =
        words.filter_map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok()).collect();
    let argument = |index: usize| arguments.get(index).copied().unwrap_or(0);
    let (call, takes_fd, is_timed) = describe(number, &argument);
    Some(Wait { pid, tid, call, fd: takes_fd.then(|| argument(0) as i32), is_timed })
}

/// Name, whether the first argument is a descriptor, and whether the wait ends by itself.
fn describe(number: i64, argument: &dyn Fn(usize) -> u64) -> (String, bool, bool) {
    let has_pointer = |index| argument(index) != 0;
    let has_timeout_ms = |index| argument(index) as i32 >= 0;
    #[cfg(target_arch = "x86_64")]
    match number {
        libc::SYS_poll => return ("poll".into(), false, has_timeout_ms(2)),
        libc::SYS_select => return ("select".into(), false, has_pointer(4)),
        libc::SYS_epoll_wait => return ("epoll_wait".into(), true, has_timeout_ms(3)),
        libc::SYS_pause => return ("pause".into(), false, false),
        _ => {}
    }
    match number {
        libc::SYS_ppoll => ("ppoll".into(), false, has_pointer(2)),
        libc::SYS_pselect6 => ("pselect6".into(), false, has_pointer(4)),
        libc::SYS_epoll_pwait => ("epoll_pwait".into(), true, has_timeout_ms(3)),
        libc::SYS_futex => ("futex".into(), false, has_pointer(3)),
        libc::SYS_nanosleep => ("nanosleep".into(), false, true),
        libc::SYS_clock_nanosleep => ("clock_nanosleep".into(), false, true),
        libc::SYS_restart_syscall => ("restart_syscall".into(), false, true),
        libc::SYS_wait4 => ("wait4".into(), false, false),
        libc::SYS_waitid => ("waitid".into(), false, false),
        libc::SYS_rt_sigtimedwait => ("sigtimedwait".into(), false, has_pointer(2)),
        _ => match tongro_sys::seccomp::name(number) {
            Some(name) => (name.into(), true, false),
            None => (format!("call {number}"), false, false),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_links_and_waits() {
        assert_eq!(socket_inode("socket:[4711]"), Some(4711));
        assert_eq!(socket_inode("pipe:[4711]"), None);
        let forever = |index: usize| if index == 3 { u64::from(u32::MAX) } else { 0 };
        assert_eq!(describe(libc::SYS_epoll_pwait, &forever), ("epoll_pwait".into(), true, false));
        let timed = |index: usize| u64::from(index == 3) * 0x7fff_0000;
        assert_eq!(describe(libc::SYS_futex, &timed), ("futex".into(), false, true));
    }

    #[test]
    fn a_waiting_child_is_quiet_and_a_busy_one_is_not() {
        let mut sleeper =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let mut busy = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let pid = sleeper.id() as i32;
        let quiet = (0..10_000).any(|_| {
            std::thread::yield_now();
            let seen = observe(&[pid]);
            seen.is_quiet() && seen.waits.first().is_some_and(|wait| wait.call == "read")
        });
        assert!(quiet);
        assert!(!observe(&[busy.id() as i32]).is_still());
        busy.kill().unwrap();
        sleeper.kill().unwrap();
        busy.wait().unwrap();
        sleeper.wait().unwrap();
    }
}
