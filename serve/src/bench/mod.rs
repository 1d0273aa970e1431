//! The race: one service under one load, measured the same way whatever program gives it.
//!
//! A lane is a command line. Its program is started, found by its port, put under a [`Load`], read from outside
//! (procfs, socket table, counters of the kernel) and ended; out comes a [`Measured`]. Nothing in it knows a model: the
//! models of this room run as lanes like everybody else's programs.
//!
//! ```text
//!   program ──▶ listens ──▶ reading 0 ──▶ storm ──▶ reading 1 ──▶ load ──▶ reading 2 ──▶ ended
//!                             memory      connects   CPU, switches           CPU, switches, memory
//! ```
//!
//! CPU per message is taken between readings 1 and 2, memory between 0 and 2, both divided by what was really served.
//! System calls are counted in a run of their own ([`calls_per_message`]), since counting makes a program slower.

mod ceiling;
mod counters;
pub mod leaks;
mod pathology;
mod program;
mod usage;
mod watch;

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tongro_sys::sock_diag::{Diag, Protocol};

pub use ceiling::Ceiling;
pub use counters::Counters;
pub use pathology::{Pathology, Symptoms, named};
pub use program::Program;
pub use usage::Usage;
pub use watch::Seen;

use crate::error::{Error, Result};
use crate::load::{self, Fairness, Load, Loop, Moment};

/// A program in the race.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// How it is called in tables.
    pub name: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
}

/// What is done to every lane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Connections, all opened at once.
    pub connections: usize,
    /// Bytes of a message.
    pub message_len: usize,
    /// Requests per second over all connections (open loop); `None` = each connection sends when it has its reply.
    pub per_second: Option<f64>,
    /// Seconds of load.
    pub seconds: f64,
    /// Seconds to wait for connections and for the last replies.
    pub patience: f64,
}

/// One lane in one cell in one round. Times in nanoseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measured {
    /// Handshakes that were completed.
    pub connected: usize,
    /// Connections on which a reply came.
    pub served: usize,
    /// Connections refused, reset or ended by the server.
    pub lost: usize,
    /// Replies within the time.
    pub messages: u64,
    /// Requests without a reply when patience ran out.
    pub unanswered: u64,
    /// Replies that were not the request.
    pub wrong: u64,
    /// Messages per second.
    pub per_second: f64,
    /// Half of the replies came within this.
    pub p50: u64,
    /// 99 of 100.
    pub p99: u64,
    /// 999 of 1,000.
    pub p999: u64,
    /// Until the last handshake was through.
    pub storm: u64,
    /// Replies per connection.
    pub fairness: Fairness,
    /// CPU of the server, user and kernel, per reply.
    pub cpu_per_message: Option<f64>,
    /// Context switches of the server per reply.
    pub switches_per_message: Option<f64>,
    /// Minor page faults of the server per reply.
    pub faults_per_message: Option<f64>,
    /// Memory (PSS) per served connection, KiB.
    pub kib_per_connection: Option<f64>,
    /// Threads at the end.
    pub threads: u64,
    /// Processes at the end.
    pub processes: u64,
    /// What the detector reads.
    pub symptoms: Symptoms,
}

/// How long a program may take until it listens.
const START: Duration = Duration::from_secs(30);

/// A handshake that took longer had its SYN repeated.
const SLOW_CONNECT: u64 = 900_000_000;

impl Cell {
    /// The load on a server at this address.
    pub fn load(&self, target: SocketAddr) -> Load {
        Load {
            request: (0..self.message_len).map(|n| n as u8).collect(),
            how: self.per_second.map_or(Loop::Closed, |per_second| Loop::Open { per_second }),
            length: Duration::from_secs_f64(self.seconds),
            patience: Duration::from_secs_f64(self.patience),
            ..Load::echo(target, self.connections)
        }
    }
}

/// Starts the lane's program, measures it in a cell, and ends it.
///
/// # Errors
/// The program cannot be started or never listens; the load cannot be put on (out of descriptors).
pub fn measure(lane: &Lane, cell: &Cell) -> Result<Measured> {
    let program = Program::start(&lane.argv, START)?;
    let (root, address) = (program.id(), program.address());
    let (counters, idle) = (Counters::read(), Usage::of_tree(root, true));
    let watch = watch::Watch::start(root, address);
    let readings: Mutex<(Usage, Usage)> = Mutex::default();
    let report = load::run_told(&cell.load(address), &|moment| {
        let mut readings = readings.lock().unwrap_or_else(PoisonError::into_inner);
        match moment {
            Moment::Connected => readings.0 = Usage::of_tree(root, false),
            Moment::Over => {
                watch.pause();
                readings.1 = Usage::of_tree(root, true);
            }
        }
    });
    let (before, after) = readings.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (seen, counted) = (watch.stop(), Counters::read().since(counters));
    let report = report?;
    let worked = after.since(before);
    let per = |total: f64| (report.replies > 0).then(|| total / report.replies as f64);
    let symptoms = Symptoms {
        connections: report.connections as u64,
        served: report.served as u64,
        replies: report.replies,
        late_pieces: report.late_pieces,
        slow_connects: report
            .connect
            .buckets()
            .filter(|(value, _)| *value >= SLOW_CONNECT)
            .map(|(_, n)| n)
            .sum(),
        listen_overflows: counted.listen_overflows,
        syn_retransmits: counted.syn_retransmits,
        seen,
        threads_grown: beside(after).saturating_sub(beside(idle)),
        time_wait: time_wait(address.port()),
        ports: ports(),
        calls: Vec::new(),
    };
    let percentiles = report.latency.percentiles();
    Ok(Measured {
        connected: report.connected,
        served: report.served,
        lost: report.lost,
        messages: report.messages,
        unanswered: report.unanswered,
        wrong: report.wrong,
        per_second: report.per_second,
        p50: percentiles.p50,
        p99: percentiles.p99,
        p999: percentiles.p999,
        storm: report.all_connected,
        fairness: report.fairness,
        cpu_per_message: per(worked.cpu.as_nanos() as f64),
        switches_per_message: per(worked.switches as f64),
        faults_per_message: per(worked.minor_faults as f64),
        kib_per_connection: (report.served > 0)
            .then(|| after.since(idle).pss_kib as f64 / report.served as f64),
        threads: after.threads,
        processes: after.processes,
        symptoms,
    })
}

/// Threads beside the first of each process.
fn beside(usage: Usage) -> u64 {
    usage.threads.saturating_sub(usage.processes)
}

/// System calls per reply, by name, the most frequent first: a run of its own. Empty where counting is forbidden.
///
/// # Errors
/// As [`measure`].
pub fn calls_per_message(lane: &Lane, cell: &Cell) -> Result<Vec<(String, f64)>> {
    let program = Program::start(&lane.argv, START)?;
    let (root, address) = (program.id(), program.address());
    let tasks: Vec<i32> = usage::tree(root).into_iter().flat_map(tasks_of).collect();
    let counts = Mutex::new(tongro_sys::calls::Counts::new());
    let marks: Mutex<[tongro_sys::calls::Counts; 2]> = Mutex::default();
    let now = || counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
    std::thread::scope(|scope| {
        let counting = std::thread::Builder::new().name("count".to_owned());
        let counting = counting.spawn_scoped(scope, || tongro_sys::calls::count(&tasks, &counts));
        let counting = counting.map_err(Error::io("clone"))?;
        let report = load::run_told(&cell.load(address), &|moment| {
            let mut marks = marks.lock().unwrap_or_else(PoisonError::into_inner);
            marks[usize::from(moment == Moment::Over)] = now();
        });
        drop(program); // the end of its last task is the end of counting
        let _ = counting.join();
        let replies = report?.replies.max(1) as f64;
        let [before, after] = marks.into_inner().unwrap_or_else(PoisonError::into_inner);
        let made = |number: &i64, count: u64| count - before.get(number).copied().unwrap_or(0).min(count);
        let name = |number: i64| {
            tongro_sys::calls::name(number).map_or_else(|| format!("call {number}"), ToOwned::to_owned)
        };
        let mut calls: Vec<(String, f64)> = after
            .iter()
            .map(|(number, count)| (name(*number), made(number, *count) as f64 / replies))
            .filter(|(_, count)| *count >= 0.005)
            .collect();
        calls.sort_by(|one, other| other.1.total_cmp(&one.1));
        Ok(calls)
    })
}

fn tasks_of(pid: u32) -> Vec<i32> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The most sockets in TIME-WAIT to one remote address, the load's own left out.
fn time_wait(port: u16) -> u64 {
    const TIME_WAIT: u32 = 6;
    let rows = Diag::open().and_then(|diag| diag.list(Protocol::Tcp, 2, 1 << TIME_WAIT)).unwrap_or_default();
    let mut remotes = std::collections::HashMap::<SocketAddr, u64>::new();
    for row in rows.iter().filter(|row| row.remote.port() != port && row.local.port() != port) {
        *remotes.entry(row.remote).or_default() += 1;
    }
    remotes.into_values().max().unwrap_or(0)
}

/// How many ports there are to connect from.
fn ports() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = text.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
    match (ends.next(), ends.next()) {
        (Some(first), Some(last)) if last >= first => last - first + 1,
        _ => 0,
    }
}
