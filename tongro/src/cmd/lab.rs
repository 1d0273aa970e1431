//! `tongro lab run`: two programs on the private network, with a fault script; the run is drawn and kept.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use tongro_lab::{CLIENT, Health, Lab, LabError, Live, Plan, ProgramPlan, SERVER, Script, Tracing};
use tongro_trace::event::{Event, HostId, ProgramId, Stream, What};
use tongro_trace::ladder::TextOptions;
use tongro_trace::recording::Recording;
use tongro_trace::run::{About, Run};

use crate::talk::Talk;

/// The private network
#[derive(Debug, Args)]
pub(crate) struct LabCommand {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Run a server and a client on it until the client ends
    Run(Box<RunPart>),
}

#[derive(Debug, Args)]
struct RunPart {
    /// The fault script (TOML)
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// The server's command line, run on 10.77.0.2
    #[arg(long, value_name = "COMMAND")]
    server: String,
    /// The client's command line, run on 10.77.0.1
    #[arg(long, value_name = "COMMAND")]
    client: String,
    #[command(flatten)]
    link: LinkPart,
    /// Where to keep the run
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Longest time to wait for the client, in seconds
    #[arg(long, default_value_t = 60)]
    limit: u64,
    /// The most lines of the ladder
    #[arg(long, default_value_t = 60)]
    lines: usize,
}

/// The link without a script, or instead of what the script says of it.
#[derive(Debug, Args)]
struct LinkPart {
    /// One-way delay in milliseconds
    #[arg(long, value_name = "MS")]
    delay: Option<f64>,
    /// Largest deviation from the delay in milliseconds
    #[arg(long, value_name = "MS")]
    jitter: Option<f64>,
    /// Share of data frames lost, in percent
    #[arg(long, value_name = "PERCENT")]
    loss: Option<f64>,
    /// Share of frames doubled, in percent
    #[arg(long, value_name = "PERCENT")]
    duplicate: Option<f64>,
    /// Share of frames overtaken, in percent
    #[arg(long, value_name = "PERCENT")]
    reorder: Option<f64>,
    /// Kilobytes per second that the link carries
    #[arg(long, value_name = "KB")]
    rate: Option<f64>,
    /// Seeds what is left to chance
    #[arg(long)]
    seed: Option<u64>,
}

impl LinkPart {
    /// Puts what was asked for in the place of what the script says.
    fn change(&self, script: &mut Script) {
        // Negative and absurd numbers end at the type's borders: `as` saturates.
        let us = |ms: f64| (ms * 1000.0) as u64;
        let ppm = |percent: f64| (percent.clamp(0.0, 100.0) * 10_000.0) as u32;
        let link = &mut script.link;
        link.delay_us = self.delay.map_or(link.delay_us, us);
        link.jitter_us = self.jitter.map_or(link.jitter_us, us);
        link.loss_ppm = self.loss.map_or(link.loss_ppm, ppm);
        link.duplicate_ppm = self.duplicate.map_or(link.duplicate_ppm, ppm);
        link.reorder_ppm = self.reorder.map_or(link.reorder_ppm, ppm);
        link.rate = self.rate.map_or(link.rate, |kilobytes| (kilobytes * 1000.0) as u64);
        script.seed = self.seed.unwrap_or(script.seed);
    }
}

/// How a run went.
struct Outcome {
    recording: Recording,
    /// The rules that would repeat what chance did.
    written: Vec<String>,
    /// The wall clock at the run's 0, ns since 1970.
    began_at: i64,
    end: End,
}

/// How it ended.
enum End {
    /// The client ended by itself, with this code; `None` = by a signal.
    Client(Option<i32>),
    /// The client was still running at the limit.
    Limit,
    /// The server ended before it listened.
    ServerEnded(Option<i32>),
    /// The server ran and never listened.
    NeverListened,
}

impl LabCommand {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let Part::Run(part) = self.part;
        let mut script = match part.script.as_ref().map(read).transpose() {
            Ok(script) => script.unwrap_or_default(),
            Err(what) => {
                talk.error(&what, None);
                return 2;
            }
        };
        part.link.change(&mut script);
        let (Some(server), Some(client)) = (shlex::split(&part.server), shlex::split(&part.client)) else {
            talk.error(&talk.text("cli.lab.quotes", &[]), Some(&talk.text("cli.lab.quotes_hint", &[])));
            return 2;
        };
        if server.is_empty() || client.is_empty() {
            talk.error(&talk.text("cli.error.no_command", &[]), None);
            return 2;
        }
        match go(&script, server, client, Duration::from_secs(part.limit)) {
            Ok(outcome) => {
                let saved = show(talk, &outcome, &script, part.save.as_deref(), part.lines);
                saved.max(tell_end(talk, &outcome, part.limit))
            }
            Err(error) => {
                talk.lab_error(&error);
                2
            }
        }
    }
}

/// Says why a run that did not go well ended; the exit code.
fn tell_end(talk: &mut Talk, outcome: &Outcome, limit: u64) -> u8 {
    let code = |code: Option<i32>| code.map_or_else(|| "–".to_owned(), |code| code.to_string());
    let (id, params, exit) = match outcome.end {
        End::Client(Some(0)) => return 0,
        End::Client(ended) => ("client_failed", vec![("code", code(ended))], 1),
        End::Limit => ("limit", vec![("seconds", limit.to_string())], 1),
        End::ServerEnded(ended) => ("server_ended", vec![("code", code(ended))], 2),
        End::NeverListened => ("never_listened", vec![("seconds", limit.to_string())], 2),
    };
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let hint = talk.text(&format!("cli.lab.{id}_hint"), &params);
    talk.error(&talk.text(&format!("cli.lab.{id}"), &params), Some(&hint));
    for event in &outcome.recording.events {
        if let What::Output(output) = &event.what
            && output.stream == Stream::Stderr
        {
            talk.note(&format!("  {}", output.text));
        }
    }
    exit
}

fn read(path: &PathBuf) -> Result<Script, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    Script::parse(&text).map_err(|error| format!("`{}`: {error}", path.display()))
}

/// Runs both programs, the client as soon as the server listens.
fn go(
    script: &Script,
    server: Vec<String>,
    client: Vec<String>,
    limit: Duration,
) -> Result<Outcome, LabError> {
    let plan = Plan { script: script.clone(), ..Plan::default() };
    let (lab, receiver) = Lab::start(&plan)?;
    let began = Instant::now();
    let mut events = Vec::new();
    let server = start(&lab, SERVER, server, script)?;
    let mut end = None;
    while end.is_none() && !listens(&lab)? {
        // A listener makes no event of its own: look again after the next event, or a moment.
        events.extend(receiver.recv_timeout(Duration::from_millis(2)));
        end = ended(&events, server).map(End::ServerEnded);
        end = end.or_else(|| (began.elapsed() > limit).then_some(End::NeverListened));
    }
    if end.is_none() {
        let client = start(&lab, CLIENT, client, script)?;
        while end.is_none() {
            events.extend(receiver.recv_timeout(Duration::from_millis(50)));
            end = ended(&events, client).map(End::Client);
            end = end.or_else(|| (began.elapsed() > limit).then_some(End::Limit));
        }
    }
    drain(&lab, &receiver, &mut events)?;
    let Health { written, began_at, .. } = lab.finish()?;
    events.extend(receiver.try_iter());
    Ok(Outcome { recording: join(events), written, began_at, end: end.unwrap_or(End::Limit) })
}

/// The exit code of a program that has ended.
fn ended(events: &[Live], program: ProgramId) -> Option<Option<i32>> {
    events.iter().rev().find_map(|live| match &live.what {
        What::Exited(exited) if exited.program == program => Some(exited.code),
        _ => None,
    })
}

/// Until the network is silent: the last FIN and ACK are still on their way when the client has ended.
fn drain(lab: &Lab, receiver: &Receiver<Live>, events: &mut Vec<Live>) -> Result<(), LabError> {
    const SILENCE: Duration = Duration::from_millis(250);
    while let Ok(live) = receiver.recv_timeout(SILENCE) {
        events.push(live);
    }
    lab.sync()
}

/// A TCP listener, or a bound UDP socket.
fn listens(lab: &Lab) -> Result<bool, LabError> {
    Ok(!lab.listeners(SERVER)?.is_empty())
}

fn start(lab: &Lab, host: HostId, argv: Vec<String>, script: &Script) -> Result<ProgramId, LabError> {
    let cwd =
        std::env::current_dir().map_or_else(|_| "/".to_owned(), |path| path.to_string_lossy().into_owned());
    let calls = if host == SERVER { script.call.clone() } else { Vec::new() };
    lab.run(ProgramPlan { host, argv, env: Vec::new(), cwd, tracing: Tracing::Network, calls })
}

fn join(live: Vec<Live>) -> Recording {
    let mut recording = Recording::default();
    for Live { at, what, bytes } in live {
        if let (What::Sent(_), Some(bytes)) = (&what, bytes) {
            recording.frames.push(bytes);
        }
        recording.events.push(Event { id: 0, at, what });
    }
    recording.finish()
}

/// Draws the run and keeps it where it shall be kept; the exit code.
fn show(talk: &mut Talk, outcome: &Outcome, script: &Script, save: Option<&Path>, lines: usize) -> u8 {
    let Outcome { recording, written, .. } = outcome;
    let options = TextOptions { lines, width: 100, ..TextOptions::default() };
    let ladder = recording.ladder();
    for line in tongro_trace::ladder::text(&ladder, &options).lines() {
        talk.say(line);
    }
    if !written.is_empty() {
        // As it may stand in a script: the same faults again, without chance.
        let rules: Vec<String> = written.iter().map(|rule| format!("    {rule},")).collect();
        talk.note(&format!("rule = [\n{}\n]", rules.join("\n")));
    }
    let Some(folder) = save else { return 0 };
    let about = About {
        case: "lab".to_owned(),
        seed: script.seed.to_string(),
        began_at: outcome.began_at,
        script: script.print(),
        versions: tongro_lab::versions(),
    };
    let run = Run { about, recording: recording.clone(), verdict: None };
    match run.save(folder) {
        Ok(()) => {
            talk.note(&talk.text("cli.check.run_folder", &[("path", &folder.display().to_string())]));
            0
        }
        Err(error) => {
            talk.error(&error.to_string(), None);
            2
        }
    }
}
