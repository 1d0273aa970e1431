//! The running heart behind the page: labs that live, their ladders as they grow, and the judge at work.
//!
//! Events come from a lab's receiver on a thread of their own, pass through the ladder builder, and leave as patches to
//! every page; commands from a page go straight to the lab.

mod checks;
mod live;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tongro_lab::Lab;
use tongro_trace::event::{HostId, LinkSettings};
use tongro_trace::inspect::inspect_recorded;
use tongro_trace::ladder::{Builder, Ladder};
use tongro_trace::recording::Recording;
use tongro_trace::run as folder;

use crate::backend::{Backend, Course, Message, Run, RunId, Side, Text};

/// An echo server, as the demo shows one: where a newcomer starts.
const FIRST_PRACTICAL: &str = "1-1";

/// The workbench's own backend.
#[derive(Debug, Clone)]
pub struct Session(Arc<Inner>);

/// Shared by all threads of a session.
#[derive(Debug)]
pub(crate) struct Inner {
    /// The executable that becomes a lab, and that holds tongro's own echo server and client.
    exe: PathBuf,
    runs: Mutex<Vec<Entry>>,
    pages: Mutex<Vec<Sender<Message>>>,
    checks: Mutex<Vec<Message>>,
    /// The lab that the link controls act on.
    lab: Mutex<Option<Arc<Lab>>>,
    link: Mutex<LinkSettings>,
}

/// A run with its ladder so far.
#[derive(Debug)]
pub(crate) struct Entry {
    run: Run,
    builder: Builder,
    recording: Recording,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The text of an error that a page shows.
pub(crate) fn text(id: &str, params: &[(&str, String)]) -> Text {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Text { id: id.to_owned(), params }
}

impl Session {
    /// A session whose labs run `exe` (`/proc/self/exe` for the shipped binary).
    #[must_use]
    pub fn new(exe: PathBuf) -> Self {
        Self(Arc::new(Inner {
            exe,
            runs: Mutex::default(),
            pages: Mutex::default(),
            checks: Mutex::default(),
            lab: Mutex::default(),
            link: Mutex::default(),
        }))
    }

    /// Starts tongro's own echo server and client on a link of 20 ms that loses one segment on purpose.
    ///
    /// # Errors
    /// The text to show when this machine lets no lab be built.
    pub fn start_demo(&self) -> Result<RunId, Text> {
        live::demo(&self.0)
    }

    /// Ends the lab that runs, and with it every process in it.
    pub fn stop(&self) {
        drop(locked(&self.0.lab).take());
    }

    /// Frames seen so far in all runs.
    #[must_use]
    pub fn frames(&self) -> usize {
        locked(&self.0.runs).iter().map(|entry| entry.recording.frames.len()).sum()
    }
}

impl Inner {
    /// Tells every page; pages that are gone are forgotten.
    pub(crate) fn tell(&self, message: &Message) {
        locked(&self.pages).retain(|page| page.send(message.clone()).is_ok());
    }

    /// Opens a run's entry and tells of it.
    pub(crate) fn open(&self, title: Text, program: String, is_check: bool) -> RunId {
        let mut runs = locked(&self.runs);
        let id = runs.len() as RunId + 1;
        let run = Run { run: id, title, program, mode: "lab".to_owned(), is_live: true, is_check };
        runs.push(Entry { run: run.clone(), builder: Builder::new(), recording: Recording::default() });
        self.tell(&Message::RunStarted { run });
        id
    }

    pub(crate) fn close(&self, id: RunId) {
        let mut runs = locked(&self.runs);
        if let Some(entry) = runs.get_mut(id as usize - 1) {
            entry.run.is_live = false;
        }
        self.tell(&Message::RunEnded { run: id });
    }

    /// Changes a run under the lock that snapshots take, and tells what is new.
    pub(crate) fn grow(&self, id: RunId, change: impl FnOnce(&mut Entry)) {
        let mut runs = locked(&self.runs);
        let Some(entry) = runs.get_mut(id as usize - 1) else { return };
        change(entry);
        let ladder = entry.builder.take_changes();
        self.tell(&Message::Patch { run: id, ladder });
    }

    fn with_lab(&self, act: impl FnOnce(&Lab) -> Result<(), tongro_lab::LabError>) -> Result<(), Text> {
        let lab = locked(&self.lab).clone();
        let lab = lab.ok_or_else(|| text("ui.error.nothing_runs", &[]))?;
        act(&lab).map_err(|error| {
            text("cli.error.internal", &[("why", error.to_string()), ("path", String::new())])
        })
    }
}

impl Backend for Session {
    fn runs(&self) -> Vec<Run> {
        locked(&self.0.runs).iter().map(|entry| entry.run.clone()).collect()
    }

    fn snapshot(&self, run: RunId) -> Option<Ladder> {
        Some(locked(&self.0.runs).get((run as usize).checked_sub(1)?)?.builder.ladder().clone())
    }

    fn subscribe(&self) -> Receiver<Message> {
        let (sender, receiver) = channel();
        locked(&self.0.pages).push(sender);
        receiver
    }

    fn checks(&self) -> Vec<Message> {
        locked(&self.0.checks).clone()
    }

    fn contracts(&self) -> Vec<String> {
        tongro_check::contracts().iter().map(|contract| contract.name.to_owned()).collect()
    }

    fn course(&self) -> Option<Course> {
        Some(Course::of_days(|_| false, Some(FIRST_PRACTICAL)))
    }

    fn link(&self) -> LinkSettings {
        locked(&self.0.link).clone()
    }

    fn set_link(&self, link: LinkSettings) -> Result<(), Text> {
        self.0.with_lab(|lab| lab.set_link(link.clone()))?;
        *locked(&self.0.link) = link;
        Ok(())
    }

    fn drop_next(&self, from: Option<HostId>) -> Result<(), Text> {
        self.0.with_lab(|lab| lab.drop_next(from))
    }

    fn reset(&self) -> Result<(), Text> {
        self.0.with_lab(Lab::reset)
    }

    fn run_program(&self, command: &str, side: Side) -> Result<RunId, Text> {
        live::program(&self.0, command, side)
    }

    fn check(&self, contract: &str, command: &str) -> Result<(), Text> {
        checks::start(&self.0, contract, command)
    }

    fn inspect(&self, run: RunId, no: u32) -> Option<Value> {
        let runs = locked(&self.0.runs);
        let entry = runs.get((run as usize).checked_sub(1)?)?;
        let bytes = entry.recording.frame(no)?;
        let inspection = tongro_trace::inspect::inspect(&entry.builder, no, bytes)
            .or_else(|| inspect_recorded(&entry.recording, no))?;
        serde_json::to_value(inspection).ok()
    }

    fn capture(&self, run: RunId) -> Option<Vec<u8>> {
        let recording = locked(&self.0.runs).get((run as usize).checked_sub(1)?)?.recording.clone().finish();
        folder::capture(&recording, 0).ok()
    }
}
