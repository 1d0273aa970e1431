//! `tongro lab run`: two programs on the private network, with a fault script; the run is drawn and kept.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use tongro_lab::{CLIENT, Lab, LabError, Live, Plan, ProgramPlan, SERVER, Script, SocketKind, Tracing};
use tongro_trace::event::{Event, HostId, ProgramId, What};
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
    Run {
        /// The fault script (TOML)
        #[arg(long, value_name = "FILE")]
        script: Option<PathBuf>,
        /// The server's command line, run on 10.77.0.2
        #[arg(long, value_name = "COMMAND")]
        server: String,
        /// The client's command line, run on 10.77.0.1
        #[arg(long, value_name = "COMMAND")]
        client: String,
        /// Where to keep the run
        #[arg(long, value_name = "DIR")]
        save: Option<PathBuf>,
        /// Longest time to wait for the client, in seconds
        #[arg(long, default_value_t = 60)]
        limit: u64,
        /// The most lines of the ladder
        #[arg(long, default_value_t = 60)]
        lines: usize,
    },
}

impl LabCommand {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let Part::Run { script, server, client, save, limit, lines } = self.part;
        let script = match script.map(|path| read(&path)).transpose() {
            Ok(script) => script.unwrap_or_default(),
            Err(what) => {
                talk.error(&what, None);
                return 2;
            }
        };
        let (Some(server), Some(client)) = (shlex::split(&server), shlex::split(&client)) else {
            talk.error(&talk.text("cli.error.no_command", &[]), None);
            return 2;
        };
        match go(&script, server, client, Duration::from_secs(limit)) {
            Ok((recording, written)) => show(talk, &recording, &script, &written, save, lines),
            Err(error) => {
                talk.error(&error.to_string(), Some(&talk.text("cli.error.no_namespaces_hint", &[])));
                2
            }
        }
    }
}

fn read(path: &PathBuf) -> Result<Script, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    Script::parse(&text).map_err(|error| format!("`{}`: {error}", path.display()))
}

/// Runs both programs; what happened, and the rules that would repeat what chance did.
fn go(
    script: &Script,
    server: Vec<String>,
    client: Vec<String>,
    limit: Duration,
) -> Result<(Recording, Vec<String>), LabError> {
    let plan = Plan { script: script.clone(), ..Plan::default() };
    let (lab, receiver) = Lab::start(&plan)?;
    let began = Instant::now();
    let mut events = Vec::new();
    start(&lab, SERVER, server, script)?;
    while began.elapsed() < limit && !listens(&lab)? {
        // A listener makes no event of its own: look again after the next event, or a moment.
        events.extend(receiver.recv_timeout(Duration::from_millis(2)));
    }
    let program = start(&lab, CLIENT, client, script)?;
    let has_ended = |live: &Live| matches!(&live.what, What::Exited(exited) if exited.program == program);
    while began.elapsed() < limit && !events.iter().any(has_ended) {
        events.extend(receiver.recv_timeout(Duration::from_millis(50)));
    }
    drain(&lab, &receiver, &mut events)?;
    let written = lab.finish()?.written;
    events.extend(receiver.try_iter());
    Ok((join(events), written))
}

/// Until the network is silent: the last FIN and ACK are still on their way when the client has ended.
fn drain(lab: &Lab, receiver: &Receiver<Live>, events: &mut Vec<Live>) -> Result<(), LabError> {
    const SILENCE: Duration = Duration::from_millis(250);
    while let Ok(live) = receiver.recv_timeout(SILENCE) {
        events.push(live);
    }
    lab.sync()
}

fn listens(lab: &Lab) -> Result<bool, LabError> {
    Ok(lab.listeners(SERVER)?.iter().any(|listener| listener.kind == SocketKind::Tcp))
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

fn show(
    talk: &mut Talk,
    recording: &Recording,
    script: &Script,
    written: &[String],
    save: Option<PathBuf>,
    lines: usize,
) -> u8 {
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
        script: script.print(),
        ..About::default()
    };
    let run = Run { about, recording: recording.clone(), verdict: None };
    match run.save(&folder) {
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
