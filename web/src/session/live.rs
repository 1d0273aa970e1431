//! Living runs: a lab with two programs, and a thread that turns its events into patches.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tongro_lab::{
    CLIENT, Do, FrameKind, Lab, Live, Plan, ProgramPlan, Rule, SERVER, Script, SocketKind, Tracing,
};
use tongro_trace::event::{Event, HostId, LinkSettings, What};

use super::{Inner, locked, text};
use crate::backend::{RunId, Side, Text};

/// One patch per animation frame.
const BATCH: Duration = Duration::from_millis(16);
/// A server that has not listened after this long gets no client.
const LISTEN_LIMIT: Duration = Duration::from_secs(15);
/// Where tongro's own echo server listens, for programs that are clients.
const PORT: &str = "9000";

/// The link of a fresh run: slow enough to see, fast enough to wait for.
fn link() -> LinkSettings {
    LinkSettings { delay_us: 20_000, jitter_us: 300, ..LinkSettings::default() }
}

/// See [`super::Session::start_demo`].
pub(super) fn demo(inner: &Arc<Inner>) -> Result<RunId, Text> {
    // The first segment of the first big message: three duplicate ACKs later it is sent again.
    let lost = Rule::to_server(FrameKind::Data, Some(1), Do::Drop).on_bytes(64, 65);
    let script = Script { link: link(), rule: vec![lost], ..Script::default() };
    let (id, lab) = start(inner, script, text("ui.runs.demo", &[]), "tongro echo".to_owned())?;
    run(&lab, SERVER, &own(inner, &["echo", "serve", "--host", "0.0.0.0", "--port", PORT]))?;
    until_listening(&lab);
    let address = format!("10.77.0.2:{PORT}");
    run(&lab, CLIENT, &own(inner, &["echo", "connect", &address, "--demo"]))?;
    Ok(id)
}

/// Runs the user's program with tongro's own other side.
pub(super) fn program(inner: &Arc<Inner>, command: &str, side: Side) -> Result<RunId, Text> {
    let argv = words(command)?;
    let name = short(&argv);
    let title = text("ui.runs.program", &[("program", name.clone())]);
    let (id, lab) = start(inner, Script { link: link(), ..Script::default() }, title, name)?;
    match side {
        Side::Server => {
            run(&lab, SERVER, &argv)?;
            let inner = Arc::clone(inner);
            // The page has its run at once; the client follows when the program listens.
            std::thread::spawn(move || {
                if let Some(address) = until_listening(&lab) {
                    let _ = run(&lab, CLIENT, &own(&inner, &["echo", "connect", &address, "--demo"]));
                }
            });
        }
        Side::Client => {
            run(&lab, SERVER, &own(inner, &["echo", "serve", "--host", "0.0.0.0", "--port", PORT]))?;
            until_listening(&lab);
            run(&lab, CLIENT, &argv)?;
        }
    }
    Ok(id)
}

/// What people call a program: `server.py` of `python3 src/server.py`.
pub(super) fn short(argv: &[String]) -> String {
    let word =
        argv.iter().find(|word| word.contains('.')).or_else(|| argv.first()).map_or("", String::as_str);
    word.rsplit('/').next().unwrap_or(word).to_owned()
}

/// A command line as a shell would cut it into words.
pub(super) fn words(command: &str) -> Result<Vec<String>, Text> {
    let words = shlex::split(command).unwrap_or_default();
    if words.is_empty() { Err(text("cli.error.no_command", &[])) } else { Ok(words) }
}

fn own(inner: &Inner, arguments: &[&str]) -> Vec<String> {
    let exe = std::fs::canonicalize(&inner.exe).unwrap_or_else(|_| inner.exe.clone());
    std::iter::once(exe.to_string_lossy().into_owned())
        .chain(arguments.iter().map(ToString::to_string))
        .collect()
}

fn start(
    inner: &Arc<Inner>,
    script: Script,
    title: Text,
    program: String,
) -> Result<(RunId, Arc<Lab>), Text> {
    // One living lab at a time: the link controls are about what is on the screen.
    drop(locked(&inner.lab).take());
    let settings = script.link.clone();
    let plan = Plan { exe: inner.exe.clone(), script, ..Plan::default() };
    let (lab, receiver) =
        Lab::start(&plan).map_err(|error| text("cli.error.no_namespaces", &[("why", error.to_string())]))?;
    let lab = Arc::new(lab);
    *locked(&inner.link) = settings;
    *locked(&inner.lab) = Some(Arc::clone(&lab));
    let id = inner.open(title, program, false);
    let weak = Arc::downgrade(inner);
    std::thread::spawn(move || follow(&weak, id, &receiver));
    Ok((id, lab))
}

fn run(lab: &Lab, host: HostId, argv: &[String]) -> Result<(), Text> {
    let cwd =
        std::env::current_dir().map_or_else(|_| "/".to_owned(), |path| path.to_string_lossy().into_owned());
    let plan = ProgramPlan {
        host,
        argv: argv.to_vec(),
        env: Vec::new(),
        cwd,
        tracing: Tracing::Network,
        calls: Vec::new(),
    };
    lab.run(plan).map(drop).map_err(|error| match error {
        tongro_lab::LabError::Spawn { program, errno: libc::ENOENT, .. } => {
            text("cli.error.not_found", &[("program", program)])
        }
        tongro_lab::LabError::Spawn { program, errno: libc::EACCES, .. } => {
            text("cli.error.not_executable", &[("program", program)])
        }
        other => text("outcome.void.lab_failed", &[("why", other.to_string())]),
    })
}

/// Waits until a program of the server host listens; how peers reach it.
fn until_listening(lab: &Lab) -> Option<String> {
    let began = Instant::now();
    while began.elapsed() < LISTEN_LIMIT {
        let listeners = lab.listeners(SERVER).ok()?;
        if let Some(listener) = listeners.iter().find(|listener| listener.kind == SocketKind::Tcp) {
            let ip = listener.local.ip();
            if ip.is_unspecified() {
                return Some(format!("10.77.0.2:{}", listener.local.port()));
            }
            if !ip.is_loopback() {
                lab.add_address(SERVER, ip).ok()?;
            }
            return Some(listener.local.to_string());
        }
        // A listener makes no event: look again after a moment.
        std::thread::park_timeout(Duration::from_millis(2));
    }
    None
}

/// Turns a lab's events into patches until the lab is gone.
fn follow(inner: &Weak<Inner>, id: RunId, receiver: &Receiver<Live>) {
    let mut is_over = false;
    while !is_over {
        let mut batch = Vec::new();
        match receiver.recv() {
            Ok(live) => batch.push(live),
            Err(_) => break,
        }
        let until = Instant::now() + BATCH;
        loop {
            match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(live) => batch.push(live),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    is_over = true;
                    break;
                }
            }
        }
        // Each thread of the lab is in order; a batch brings them into one.
        batch.sort_by_key(|live| live.at);
        let Some(inner) = inner.upgrade() else { return };
        inner.grow(id, |entry| {
            for Live { at, what, bytes } in batch {
                let event = Event { id: 0, at, what };
                entry.builder.apply(&event, bytes.as_deref());
                if let (What::Sent(_), Some(bytes)) = (&event.what, bytes) {
                    entry.recording.frames.push(bytes);
                }
                entry.recording.events.push(event);
            }
        });
    }
    if let Some(inner) = inner.upgrade() {
        inner.close(id);
    }
}
