//! The one socket of a page: messages of the backend go out in batches, one an animation frame; commands come in.
//!
//! A page looks at one run at a time, so only that run's patches travel. A thread per page collects what the backend
//! says, merges the patches of a frame and writes the JSON, so that neither the lab nor the async side waits for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use axum::extract::ws::{Message as Frame, Utf8Bytes, WebSocket};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;
use tongro_trace::event::{HostId, LinkSettings, Nanos};
use tongro_trace::ladder::Ladder;

use crate::server::Workbench;
use crate::{Backend, Course, Message, Run, RunId, Side, Text};

/// One batch per animation frame.
const FRAME: Duration = Duration::from_millis(16);
/// How soon a page that is gone is noticed while the backend is silent.
const SILENCE: Duration = Duration::from_millis(500);

/// What a page asks for.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    Open { run: RunId },
    Inspect { run: RunId, no: u32 },
    Link { link: LinkSettings },
    DropNext { from: Option<HostId> },
    Reset {},
    Run { command: String, side: Side },
    Check { contract: String, command: String },
}

/// What goes out: what the backend said, and the answers to this page's own commands.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Out {
    Said(Message),
    Answer(Answer),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Answer {
    Hello {
        runs: Vec<Run>,
        contracts: Vec<String>,
        course: Option<Course>,
        link: LinkSettings,
    },
    Snapshot {
        run: RunId,
        ladder: Ladder,
    },
    Inspect {
        run: RunId,
        no: u32,
        packet: Option<Value>,
    },
    /// A run was started for this very page: go and look at it.
    Goto {
        run: RunId,
    },
}

/// What the collecting thread hears.
enum Heard {
    Backend(Message),
    /// The page opened this run; its ladder as of now.
    Opened(RunId, Ladder),
    Answer(Answer),
}

/// Serves one page until it leaves or the workbench stops.
pub(crate) async fn run(mut socket: WebSocket, workbench: Workbench) {
    let (heard, hears) = channel();
    let (batches, mut ready) = mpsc::channel(1);
    let backend = Arc::clone(&workbench.backend);
    let forward = heard.clone();
    let said = backend.subscribe();
    let listens = batches.clone();
    let (commands, asked) = channel();
    thread::spawn(move || relay(&said, &forward, &listens));
    thread::spawn(move || collect(&hears, &batches));
    thread::spawn(move || obey(&*backend, &asked, &heard));
    loop {
        tokio::select! {
            () = workbench.stop.wait() => break,
            batch = ready.recv() => {
                let Some(batch) = batch else { break };
                if socket.send(Frame::Text(batch)).await.is_err() { return; }
            }
            frame = socket.recv() => match frame {
                Some(Ok(Frame::Text(text))) => {
                    let _ = commands.send(text);
                }
                Some(Ok(Frame::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
    let _ = socket.send(Frame::Close(None)).await;
}

/// Greets the page, then carries out what it asks for, in order, until it is gone.
fn obey(backend: &dyn Backend, asked: &Receiver<Utf8Bytes>, heard: &Sender<Heard>) {
    let hello = Answer::Hello {
        runs: backend.runs(),
        contracts: backend.contracts(),
        course: backend.course(),
        link: backend.link(),
    };
    let _ = heard.send(Heard::Answer(hello));
    for message in backend.checks() {
        let _ = heard.send(Heard::Backend(message));
    }
    while let Ok(text) = asked.recv() {
        let answer = serde_json::from_str(&text).map_err(unreadable).and_then(|one| carry_out(backend, one));
        let said = match answer {
            Ok(None) => continue,
            Ok(Some(said)) => said,
            Err(text) => Heard::Backend(Message::Error { text }),
        };
        let _ = heard.send(said);
    }
}

fn unreadable(error: serde_json::Error) -> Text {
    Text { id: "ui.error.title".to_owned(), params: vec![("error".to_owned(), error.to_string())] }
}

fn carry_out(backend: &dyn Backend, command: Command) -> Result<Option<Heard>, Text> {
    match command {
        Command::Open { run } => {
            return match backend.snapshot(run) {
                Some(ladder) => Ok(Some(Heard::Opened(run, ladder))),
                None => Err(no_such_run(run)),
            };
        }
        Command::Inspect { run, no } => {
            let packet = backend.inspect(run, no);
            return Ok(Some(Heard::Answer(Answer::Inspect { run, no, packet })));
        }
        Command::Run { command, side } => {
            let run = backend.run_program(&command, side)?;
            return Ok(Some(Heard::Answer(Answer::Goto { run })));
        }
        Command::Link { link } => backend.set_link(link)?,
        Command::DropNext { from } => backend.drop_next(from)?,
        Command::Reset {} => backend.reset()?,
        Command::Check { contract, command } => backend.check(&contract, &command)?,
    }
    Ok(None)
}

fn no_such_run(run: RunId) -> Text {
    Text { id: "ui.error.title".to_owned(), params: vec![("run".to_owned(), run.to_string())] }
}

/// Joins the backend's messages to the page's own answers until the page is gone.
fn relay(said: &Receiver<Message>, forward: &Sender<Heard>, page: &mpsc::Sender<Utf8Bytes>) {
    loop {
        match said.recv_timeout(SILENCE) {
            Ok(message) => {
                if forward.send(Heard::Backend(message)).is_err() {
                    return;
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) if page.is_closed() => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Gathers for at most one frame at a time and hands over the JSON of the batch.
fn collect(hears: &Receiver<Heard>, batches: &mpsc::Sender<Utf8Bytes>) {
    let mut view = View::default();
    let mut last = Instant::now();
    while let Ok(first) = hears.recv() {
        view.take(first);
        let until = last + FRAME;
        while let Ok(more) = hears.recv_timeout(until.saturating_duration_since(Instant::now())) {
            view.take(more);
        }
        last = Instant::now();
        let batch = view.batch();
        if batch.is_empty() {
            continue;
        }
        let Ok(json) = serde_json::to_string(&batch) else { continue };
        if batches.blocking_send(json.into()).is_err() {
            return;
        }
    }
}

/// What one page looks at, and what it has not been told yet.
#[derive(Default)]
struct View {
    open: Option<(RunId, Nanos)>,
    batch: Vec<Out>,
}

impl View {
    fn take(&mut self, heard: Heard) {
        match heard {
            Heard::Opened(run, ladder) => {
                self.open = Some((run, ladder.now));
                self.batch.push(Out::Answer(Answer::Snapshot { run, ladder }));
            }
            Heard::Answer(answer) => self.batch.push(Out::Answer(answer)),
            Heard::Backend(Message::Patch { run, ladder }) => self.patch(run, ladder),
            Heard::Backend(message) => self.batch.push(Out::Said(message)),
        }
    }

    /// Keeps a patch of the open run that its snapshot did not hold, merged with the one before it.
    fn patch(&mut self, run: RunId, ladder: Ladder) {
        if !self.open.is_some_and(|(open, since)| open == run && ladder.now > since) {
            return;
        }
        match self.batch.last_mut() {
            Some(Out::Said(Message::Patch { run: before, ladder: earlier })) if *before == run => {
                merge(earlier, ladder);
            }
            _ => self.batch.push(Out::Said(Message::Patch { run, ladder })),
        }
    }

    fn batch(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.batch)
    }
}

/// Puts a later patch after an earlier one; the browser lets later items replace earlier ones.
fn merge(earlier: &mut Ladder, later: Ladder) {
    if !later.hosts.is_empty() {
        earlier.hosts = later.hosts;
    }
    earlier.arrows.extend(later.arrows);
    earlier.states.extend(later.states);
    earlier.calls.extend(later.calls);
    earlier.output.extend(later.output);
    earlier.marks.extend(later.marks);
    earlier.link = later.link.or_else(|| earlier.link.take());
    earlier.now = earlier.now.max(later.now);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(run: RunId, now: Nanos) -> Heard {
        Heard::Backend(Message::Patch { run, ladder: Ladder { now, ..Ladder::default() } })
    }

    fn shown(view: &mut View) -> Value {
        serde_json::to_value(view.batch()).unwrap()
    }

    #[test]
    fn only_the_open_run_travels_and_only_what_its_snapshot_lacks() {
        let mut view = View::default();
        view.take(patch(1, 5));
        view.take(Heard::Opened(2, Ladder { now: 10, ..Ladder::default() }));
        view.take(patch(2, 9));
        view.take(patch(1, 11));
        view.take(patch(2, 11));
        view.take(patch(2, 12));
        let batch = shown(&mut view);
        let kinds: Vec<_> = batch.as_array().unwrap().iter().map(|out| &out["type"]).collect();
        assert_eq!(kinds, ["snapshot", "patch"]);
        assert_eq!(batch[1]["ladder"]["now"], 12);
        assert_eq!(shown(&mut view).as_array().unwrap().len(), 0);
    }

    #[test]
    fn commands_are_read_strictly() {
        let link: Command = serde_json::from_str(r#"{"do":"link","link":{"delay_us":20000}}"#).unwrap();
        assert!(matches!(link, Command::Link { link } if link.delay_us == 20_000));
        assert!(serde_json::from_str::<Command>(r#"{"do":"reset"}"#).is_ok());
        assert!(serde_json::from_str::<Command>(r#"{"do":"open","run":1,"x":2}"#).is_err());
        assert!(serde_json::from_str::<Command>(r#"{"do":"format"}"#).is_err());
    }
}
