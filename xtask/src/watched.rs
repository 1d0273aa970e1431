//! Running a command to its end, whatever it does: one that hangs is ended with everything it started, and one that
//! ends while something it started still holds its output is not waited for.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, PipeReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Between two looks at a command that says nothing.
const LOOK: Duration = Duration::from_millis(100);
/// What a command leaves behind may take this long to end.
const GRACE: Duration = Duration::from_secs(5);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, and nothing is left of it.
    Whole(ExitStatus),
    /// By itself, but something it started still holds its output.
    Leaky(ExitStatus),
    /// It was ended, together with what it started: its time was over.
    Late,
}

impl End {
    /// Whether it ended well and left nothing.
    pub(crate) fn is_success(self) -> bool {
        self.code() == Some(0)
    }

    /// The exit code of a whole end.
    pub(crate) fn code(self) -> Option<i32> {
        match self {
            Self::Whole(status) => status.code(),
            Self::Leaky(_) | Self::Late => None,
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(status) => write!(f, "{status}"),
            Self::Leaky(status) => write!(f, "{status}, but something it started still runs"),
            Self::Late => write!(f, "ended when its time was over"),
        }
    }
}

/// Runs a command and tells each line of both its outputs, in their order.
pub(crate) fn watched(command: Command, limit: Duration, mut told: impl FnMut(&str)) -> std::io::Result<End> {
    let (mut child, output) = spawn(command)?;
    let lines = lines_of(output);
    let over_at = Instant::now() + limit;
    let mut ended: Option<(ExitStatus, Instant)> = None;
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => told(&line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let now = Instant::now();
                ended = ended.or(child.try_wait()?.map(|status| (status, now)));
                if let Some((status, _)) = ended.filter(|(_, at)| now > *at + GRACE) {
                    return Ok(End::Leaky(status));
                }
            }
        }
        if ended.is_none() && Instant::now() > over_at {
            return end(&mut child);
        }
    }
    // It may have closed its output and go on.
    while Instant::now() < over_at {
        if let Some(status) = child.try_wait()? {
            return Ok(End::Whole(status));
        }
        std::thread::sleep(LOOK / 10);
    }
    end(&mut child)
}

/// Starts a command with both its outputs in one pipe, as a terminal would show them.
fn spawn(mut command: Command) -> std::io::Result<(Child, PipeReader)> {
    let (reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    // The command holds the writing ends until it is dropped, here.
    Ok((command.spawn()?, reader))
}

/// A thread that reads lines, for as long as anybody can write them. What tests write need not be text.
fn lines_of(output: PipeReader) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
        // Ends when nobody listens any more.
        lines.try_for_each(|line| sender.send(String::from_utf8_lossy(&line).into_owned()))
    });
    receiver
}

/// Ends a command and all its descendants.
fn end(child: &mut Child) -> std::io::Result<End> {
    let pids: Vec<String> = family(child.id(), &parents()).iter().map(ToString::to_string).collect();
    // Some may have ended meanwhile; the rest gets its signal all the same.
    Command::new("kill").arg("-KILL").args(pids).stderr(Stdio::null()).status()?;
    child.wait()?;
    Ok(End::Late)
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

    fn shell(script: &str, limit: Duration) -> (End, Vec<String>) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut lines = Vec::new();
        let end = watched(command, limit, |line| lines.push(line.to_owned())).unwrap();
        (end, lines)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn lines_of_both_outputs_come_in_order() {
        let (end, lines) = shell("echo one; echo two >&2; echo three; exit 3", LONG);
        assert_eq!((end.code(), lines), (Some(3), vec!["one".into(), "two".into(), "three".into()]));
    }

    #[test]
    fn what_hangs_is_ended_with_all_it_started() {
        let (end, lines) = shell("sleep 1000 & echo $!; sleep 1000", Duration::from_millis(300));
        assert_eq!(end, End::Late);
        // Killed for certain; the kernel takes it away in its own time.
        let is_there = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", lines[0])).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        };
        let began = Instant::now();
        while is_there() {
            assert!(began.elapsed() < LONG, "{} goes on", lines[0]);
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_is_left_behind_is_noticed() {
        let (end, lines) = shell("sleep 1000 & echo $!", LONG);
        assert!(matches!(end, End::Leaky(status) if status.success()), "{end}");
        Command::new("kill").arg(&lines[0]).status().unwrap();
    }

    #[test]
    fn an_output_that_is_closed_early_is_no_end() {
        let (end, _) = shell("exec >&- 2>&-; sleep 0.1; exit 4", LONG);
        assert_eq!(end.code(), Some(4));
    }

    #[test]
    fn a_family_has_all_generations_and_no_strangers() {
        let parents = HashMap::from([(2, 1), (3, 2), (4, 2), (5, 3), (9, 8)]);
        let mut family = family(2, &parents);
        family.sort_unstable();
        assert_eq!(family, [2, 3, 4, 5]);
    }
}
