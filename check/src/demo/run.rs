//! A demonstration, run: the lab, the two programs in it, and the end of both.

use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use tongro_lab::{CLIENT, Lab, LabError, Live, Plan, ProgramPlan, SERVER, Tracing};
use tongro_trace::event::{HostId, ProgramId, What};
use tongro_trace::recording::Recording;

use super::play::PLAY_ARGUMENT;
use super::scenario::Scenario;
use crate::bench;

/// The longest that a demonstration may take: far beyond any, so that a busy machine changes nothing.
const LIMIT: Duration = Duration::from_secs(60);
/// Without a frame for this long after both programs ended, the last ACK has come.
const SILENCE: Duration = Duration::from_millis(300);
/// Buffers that a few KiB fill.
const SMALL: (&str, &str) = ("net.ipv4.tcp_rmem", "4096 16384 65536");

/// Runs a scenario in a lab of its own; `exe` becomes the lab and the programs.
///
/// # Errors
/// When the lab cannot be built or the programs cannot be started.
pub fn run(scenario: &Scenario, exe: &Path) -> Result<Recording, LabError> {
    let small = scenario.small_buffers.then_some(SMALL);
    let sysctls = small.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let plan = Plan { exe: exe.to_owned(), script: scenario.script(), sysctls, ..Plan::default() };
    let (lab, receiver) = Lab::start(&plan)?;
    let began = Instant::now();
    let mut events = Vec::new();
    let server = start(&lab, exe, SERVER, &scenario.server)?;
    while began.elapsed() < LIMIT && lab.listeners(SERVER)?.is_empty() && !has_ended(&events, server) {
        // A listener makes no event of its own: look again after the next event, or a moment.
        events.extend(receiver.recv_timeout(Duration::from_millis(2)));
    }
    let client = start(&lab, exe, CLIENT, &scenario.client)?;
    while began.elapsed() < LIMIT && !(has_ended(&events, server) && has_ended(&events, client)) {
        events.extend(receiver.recv_timeout(Duration::from_millis(50)));
    }
    drain(&receiver, &mut events);
    lab.finish()?;
    events.extend(receiver.try_iter());
    Ok(bench::recording(events))
}

fn has_ended(events: &[Live], program: ProgramId) -> bool {
    events.iter().any(|live| matches!(&live.what, What::Exited(exited) if exited.program == program))
}

fn drain(receiver: &Receiver<Live>, events: &mut Vec<Live>) {
    while let Ok(live) = receiver.recv_timeout(SILENCE) {
        events.push(live);
    }
}

fn start(lab: &Lab, exe: &Path, host: HostId, calls: &[String]) -> Result<ProgramId, LabError> {
    let exe = std::fs::canonicalize(exe).unwrap_or_else(|_| exe.to_owned());
    let mut argv = vec![exe.to_string_lossy().into_owned(), PLAY_ARGUMENT.to_owned()];
    argv.extend_from_slice(calls);
    let cwd = "/".to_owned();
    lab.run(ProgramPlan { host, argv, env: Vec::new(), cwd, tracing: Tracing::Network, calls: Vec::new() })
}
