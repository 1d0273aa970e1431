//! The judge at work for the page: each check becomes a run that can be opened, each verdict a record.

use std::sync::Arc;

use tongro_check::{CheckError, Judged, Kind, Progress, Runner, Said, Subject, Summary, record};
use tongro_lab::{LabError, Script};

use super::{Inner, live, locked, text};
use crate::backend::{Message, RunId, Text};

/// Starts the checks of a contract on a thread of their own.
pub(super) fn start(inner: &Arc<Inner>, contract: &str, command: &str) -> Result<(), Text> {
    let contract = tongro_check::contract(contract)
        .map_err(|_| text("cli.error.unknown_contract", &[("contract", contract.to_owned())]))?;
    let argv = live::words(command)?;
    let cwd =
        std::env::current_dir().map_or_else(|_| "/".to_owned(), |path| path.to_string_lossy().into_owned());
    let program = live::short(&argv);
    let runner = Runner {
        contract,
        subject: Subject { argv, cwd },
        exe: inner.exe.clone(),
        only: Vec::new(),
        runs: None,
        stops_at_first: false,
        keep_passed: false,
        script: Script::default(),
    };
    locked(&inner.checks).clear();
    for check in contract.checks {
        progress(inner, check.id, "waiting", 0, contract.checks.len());
    }
    let inner = Arc::clone(inner);
    std::thread::spawn(move || run(&inner, &runner, &program));
    Ok(())
}

fn run(inner: &Arc<Inner>, runner: &Runner, program: &str) {
    let total = runner.contract.checks.len();
    let mut done = 0;
    let outcome = runner.run(&mut |told| match told {
        Progress::Running(id) => progress(inner, id, "running", done, total),
        Progress::Confirming(id) => progress(inner, id, "confirming", done, total),
        Progress::Judged(judged) => {
            done += 1;
            let run = keep(inner, judged, program);
            let record = record::check(judged, &plain);
            note(inner, Message::Check { record, run, frames: judged.frames.clone() });
        }
    });
    match outcome {
        Ok(summary) => finish(inner, runner.contract.name, &summary),
        Err(error) => inner.tell(&Message::Error { text: reason(&error) }),
    }
}

/// The run of a verdict that has something to show.
fn keep(inner: &Inner, judged: &Judged, program: &str) -> Option<RunId> {
    if judged.recording.events.is_empty() || judged.verdict.verdict == Kind::NotApplicable {
        return None;
    }
    let title = text("ui.runs.check", &[("check", judged.verdict.check.clone())]);
    let id = inner.open(title, program.to_owned(), true);
    inner.grow(id, |entry| {
        entry.builder = judged.recording.build();
        entry.recording = judged.recording.clone();
    });
    inner.close(id);
    Some(id)
}

fn finish(inner: &Inner, contract: &str, summary: &Summary) {
    if let Some(unstarted) = &summary.unstarted {
        let text = Text { id: unstarted.reason.id.clone(), params: unstarted.reason.params.clone() };
        inner.tell(&Message::Error { text });
    }
    note(inner, Message::CheckSummary { record: record::summary(contract, summary, &plain) });
}

fn progress(inner: &Inner, id: &str, state: &str, done: u32, total: usize) {
    note(
        inner,
        Message::CheckProgress { id: id.to_owned(), state: state.to_owned(), done, total: total as u32 },
    );
}

fn note(inner: &Inner, message: Message) {
    locked(&inner.checks).push(message.clone());
    inner.tell(&message);
}

/// Records for the page carry ids (`said`); its own dictionary says them, in the language that is on.
fn plain(said: &Said) -> String {
    said.id.clone()
}

fn reason(error: &CheckError) -> Text {
    match error {
        CheckError::Lab(LabError::Build { .. }) => text("cli.error.no_namespaces", &[]),
        other => text("outcome.void.lab_failed", &[("why", other.to_string())]),
    }
}
