//! What the workbench asks of the running heart, and what it is told.
//!
//! Ladders come from the trace room, verdicts from the judge; both pass through here unchanged on their way to the
//! browser. Every prose is an id with parameters ([`Text`]); the words live in the course room.

use std::sync::mpsc::Receiver;

use serde::Serialize;
use serde_json::Value;
use tongro_course::Kind;
use tongro_trace::event::{HostId, LinkSettings};
use tongro_trace::ladder::Ladder;

/// Number of a run in this workbench, from 1 in order of starting.
pub type RunId = u32;

/// The running lab and judge behind the page.
///
/// All methods are called from threads that may block. A `snapshot` and the patches must partition the log: a snapshot
/// whose `now` is `t` holds every patch whose `now` is at most `t`, and none of a later one.
pub trait Backend: Send + Sync + 'static {
    /// The runs so far, oldest first.
    fn runs(&self) -> Vec<Run>;

    /// The whole ladder of a run; `None` if there is no such run.
    fn snapshot(&self, run: RunId) -> Option<Ladder>;

    /// Everything that happens from now on. The backend drops the sender of a receiver that is gone.
    fn subscribe(&self) -> Receiver<Message>;

    /// The check messages so far, so that a page opened late shows the same list.
    fn checks(&self) -> Vec<Message>;

    /// Contracts that programs can be checked against, by id: `echo`.
    fn contracts(&self) -> Vec<String>;

    /// The course and how far the learner is, where there is one.
    fn course(&self) -> Option<Course>;

    /// The settings of the link of the running lab.
    fn link(&self) -> LinkSettings;

    /// Changes the link of the running lab.
    ///
    /// # Errors
    /// The text to show when there is no running lab or a value is out of range.
    fn set_link(&self, link: LinkSettings) -> Result<(), Text>;

    /// Drops the next data frame on the link, sent by `from` if given.
    ///
    /// # Errors
    /// The text to show when there is no running lab.
    fn drop_next(&self, from: Option<HostId>) -> Result<(), Text>;

    /// Breaks the newest connection with a forged RST to both ends.
    ///
    /// # Errors
    /// The text to show when there is no connection.
    fn reset(&self) -> Result<(), Text>;

    /// Starts a lab with the user's program in it, as one side of the conversation.
    ///
    /// # Errors
    /// The text to show when the command line cannot be read or started.
    fn run_program(&self, command: &str, side: Side) -> Result<RunId, Text>;

    /// Starts all checks of a contract against a command line; their records follow as messages.
    ///
    /// # Errors
    /// The text to show when the contract is unknown or the command line cannot be read.
    fn check(&self, contract: &str, command: &str) -> Result<(), Text>;

    /// One packet with its layers, fields and bytes, as the trace room's `Inspection` is written; `None` if there is
    /// no such packet.
    fn inspect(&self, run: RunId, no: u32) -> Option<Value>;

    /// The run's `trace.pcapng`; `None` if there is no such run.
    fn capture(&self, run: RunId) -> Option<Vec<u8>>;
}

/// Which side of the conversation a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// It connects.
    Client,
    /// It listens.
    Server,
}

/// An id the dictionaries have words for, with the parameters of its text by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Text {
    /// The id in the dictionary.
    pub id: String,
    /// Parameters by name.
    pub params: Vec<(String, String)>,
}

/// One execution, as the run list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its number.
    pub run: RunId,
    /// What it is: a scenario, a check, the user's own program.
    pub title: Text,
    /// The program under the lens, short: `server.py`.
    pub program: String,
    /// `lab` or `loopback`.
    pub mode: String,
    /// Whether it is still going on.
    pub is_live: bool,
    /// Whether it belongs to a check: the page does not jump to such a run by itself.
    pub is_check: bool,
}

/// What happened, for every open page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// New or changed items of a run's ladder.
    Patch {
        /// Which run.
        run: RunId,
        /// The items; those with a number already known replace it.
        ladder: Ladder,
    },
    /// A run began.
    RunStarted {
        /// The new run.
        run: Run,
    },
    /// A run is over: nothing more comes of it.
    RunEnded {
        /// Which run.
        run: RunId,
    },
    /// A verdict.
    Check {
        /// The record as `tongro check --json` prints it.
        record: Value,
        /// The check's own run, where it can be opened.
        run: Option<RunId>,
        /// Numbers of the frames, in that run, that prove the verdict.
        frames: Vec<u32>,
    },
    /// A check waits, runs or is run again.
    CheckProgress {
        /// The check's id.
        id: String,
        /// `waiting`, `running` or `confirming`.
        state: String,
        /// Checks done so far.
        done: u32,
        /// Checks in all.
        total: u32,
    },
    /// The summary record as `tongro check --json` prints it.
    CheckSummary {
        /// The record.
        record: Value,
    },
    /// Something the user should know.
    Error {
        /// What to say.
        #[serde(flatten)]
        text: Text,
    },
}

/// The course column.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Course {
    /// Its name.
    pub title: Text,
    /// The days.
    pub days: Vec<Day>,
    /// The goals of the practical that is open.
    pub goals: Vec<Goal>,
    /// The file that is judged.
    pub file: Option<String>,
}

impl Course {
    /// The days as the course room has them, with what is done and which practical is open, by its number (`2-2`).
    #[must_use]
    pub fn of_days(is_done: impl Fn(&str) -> bool, open: Option<&str>) -> Self {
        let day = |day: &tongro_course::Day| {
            let practicals: Vec<_> = day.items.iter().filter(|item| item.kind == Kind::Practical).collect();
            let is_open = practicals.iter().any(|item| open == Some(item.id.as_str()));
            let practical = |item: &&tongro_course::Item| Practical {
                no: item.id.clone(),
                title: Text { id: format!("course.practical.{}", item.id), params: vec![] },
                state: match () {
                    () if open == Some(item.id.as_str()) => PracticalState::Open,
                    () if is_done(&item.id) => PracticalState::Done,
                    () => PracticalState::Todo,
                },
            };
            Day {
                no: day.number.into(),
                title: Text { id: format!("course.day.{}", day.number), params: vec![] },
                done: count(practicals.iter().filter(|item| is_done(&item.id)).count()),
                total: count(practicals.len()),
                practicals: if is_open { practicals.iter().map(practical).collect() } else { vec![] },
            }
        };
        let title = Text { id: "ui.course.title".to_owned(), params: vec![] };
        Self { title, days: tongro_course::days().iter().map(day).collect(), ..Self::default() }
    }
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

/// One day of the course.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Day {
    /// Its number, from 1.
    pub no: u32,
    /// Its name.
    pub title: Text,
    /// Practicals done.
    pub done: u32,
    /// Practicals in all.
    pub total: u32,
    /// The practicals, where the day is open.
    pub practicals: Vec<Practical>,
}

/// One practical of a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Practical {
    /// Its number: `2-2`.
    pub no: String,
    /// Its name.
    pub title: Text,
    /// How far it is.
    pub state: PracticalState,
}

/// How far a practical is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PracticalState {
    /// All goals reached.
    Done,
    /// The one being worked on.
    Open,
    /// Not begun.
    Todo,
}

/// One goal of a practical.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Goal {
    /// What is to be reached.
    pub title: Text,
    /// Whether it is.
    pub state: GoalState,
}

/// Whether a goal is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalState {
    /// Reached.
    Pass,
    /// Tried and not reached.
    Fail,
    /// Not tried.
    Open,
}
