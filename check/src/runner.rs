//! Running a contract: one fresh lab for each check; a failure is run again before it is told.

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tongro_lab::{Health, Plan, Script};
use tongro_trace::recording::Recording;
use tongro_trace::run::{About, Run};

use crate::contract::{Check, Contract, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::start::{self, Conditions, Unstarted};
use crate::verdict::{Kind, Said, Verdict};

/// A failure is told when this many runs, the first included, agree on the bug.
const AGREEING: usize = 3;
/// Small windows: a few hundred KiB fill them, and a run that needs a full one takes no seconds.
const SYSCTLS: [(&str, &str); 2] =
    [("net.ipv4.tcp_rmem", "4096 65536 262144"), ("net.ipv4.tcp_wmem", "4096 65536 262144")];

/// The program under test.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its command line.
    pub argv: Vec<String>,
    /// Where it is run.
    pub cwd: String,
}

/// A check that has been judged.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// The run it rests on.
    pub recording: Recording,
    /// The run's folder, where it was kept.
    pub run: Option<PathBuf>,
    /// Frames that the evidence names.
    pub frames: Vec<u32>,
    /// How long it took, repeats included, ms.
    pub ms: u64,
}

/// How the whole went.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Verdicts of each kind.
    pub pass: u32,
    /// See [`Kind::Fail`].
    pub fail: u32,
    /// See [`Kind::Slow`].
    pub slow: u32,
    /// See [`Kind::NotApplicable`].
    pub not_applicable: u32,
    /// See [`Kind::Void`].
    pub void: u32,
    /// Where the program listened.
    pub started: Option<std::net::SocketAddr>,
    /// Why it could not be tested at all.
    pub unstarted: Option<Unstarted>,
    /// How long it took, ms.
    pub ms: u64,
}

/// What a runner tells while it works.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A check begins.
    Running(&'static str),
    /// It failed and is run again.
    Confirming(&'static str),
    /// It has been judged.
    Judged(&'a Judged),
}

/// Runs the checks of a contract on a program.
#[derive(Debug)]
pub struct Runner {
    /// What is promised.
    pub contract: &'static Contract,
    /// Who promises.
    pub subject: Subject,
    /// The executable that becomes the lab.
    pub exe: PathBuf,
    /// Only the checks of these ids; empty = all.
    pub only: Vec<String>,
    /// Where run folders go; `None` = none are kept.
    pub runs: Option<PathBuf>,
    /// Stop at the first check that fails.
    pub stops_at_first: bool,
    /// Keep the runs of passed checks too.
    pub keep_passed: bool,
    /// A run folder's script and seed.
    pub script: Script,
}

/// One run of one check.
struct Attempt {
    verdict: Verdict,
    recording: Recording,
    address: Option<std::net::SocketAddr>,
    /// The wall clock at the run's 0, ns since 1970.
    began_at: i64,
}

impl Runner {
    /// Runs the contract; `told` hears of every step.
    ///
    /// # Errors
    /// When the lab itself cannot be built or fails.
    pub fn run(&self, told: &mut dyn FnMut(Progress<'_>)) -> Result<Summary, CheckError> {
        let began = Instant::now();
        let mut summary = Summary::default();
        let mut failed: Vec<String> = Vec::new();
        for check in self.contract.checks {
            let is_first = check.id == self.contract.checks[0].id;
            if !is_first && !self.only.is_empty() && !self.only.iter().any(|id| id == check.id) {
                continue;
            }
            told(Progress::Running(check.id));
            let judged = match self.blocked(check, &failed) {
                Some(verdict) => unrun(verdict),
                None => match self.judge(check, &mut summary, told)? {
                    Ok(judged) => judged,
                    Err(unstarted) => {
                        summary.unstarted = Some(unstarted);
                        break;
                    }
                },
            };
            if judged.verdict.verdict == Kind::Fail {
                failed.push(check.id.to_owned());
            }
            summary.count(judged.verdict.verdict);
            told(Progress::Judged(&judged));
            if judged.verdict.verdict == Kind::Fail && (is_first || self.stops_at_first) {
                break;
            }
        }
        summary.ms = millis(began);
        Ok(summary)
    }

    /// A check that says nothing because another one failed.
    fn blocked(&self, check: &Check, failed: &[String]) -> Option<Verdict> {
        let first = check.needs.iter().find(|id| failed.iter().any(|other| other == *id))?;
        let reason = Said::new("outcome.na.needs").with("check", first);
        Some(Verdict::not_applicable(check.id, reason))
    }

    fn judge(
        &self,
        check: &'static Check,
        summary: &mut Summary,
        told: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Result<Judged, Unstarted>, CheckError> {
        let began = Instant::now();
        let mut attempt = match self.attempt(check)? {
            Ok(attempt) => attempt,
            Err(unstarted) => return Ok(Err(unstarted)),
        };
        summary.started = summary.started.or(attempt.address);
        if attempt.verdict.verdict == Kind::Fail {
            told(Progress::Confirming(check.id));
            attempt = self.confirm(check, attempt)?;
        }
        let frames = Log::new(&attempt.recording).frames(&attempt.verdict.evidence);
        let run = self.keep(check, &attempt)?;
        let ms = millis(began);
        Ok(Ok(Judged { verdict: attempt.verdict, recording: attempt.recording, run, frames, ms }))
    }

    /// Runs a failure again: the same bug each time, or nothing was learnt.
    fn confirm(&self, check: &'static Check, first: Attempt) -> Result<Attempt, CheckError> {
        for _ in 1..AGREEING {
            let again = self.attempt(check)?;
            let agrees = matches!(&again, Ok(again) if again.verdict.bug == first.verdict.bug
                && again.verdict.verdict == Kind::Fail);
            if !agrees {
                let reason = Said::new("outcome.void.repeats_disagreed").with("count", AGREEING);
                let verdict = Verdict::void(check.id, reason);
                return Ok(Attempt { verdict, ..first });
            }
        }
        Ok(first)
    }

    fn attempt(&self, check: &'static Check) -> Result<Result<Attempt, Unstarted>, CheckError> {
        let sysctls = SYSCTLS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let plan = Plan { exe: self.exe.clone(), script: self.script.clone(), sysctls, ..Plan::default() };
        let conditions =
            Conditions { plan, calls: (check.calls)(), tracing: check.tracing, side: check.side };
        let mut bench = match start::start(&self.subject, &conditions)? {
            Ok(bench) => bench,
            Err(unstarted) => return Ok(Err(unstarted)),
        };
        bench.dialect = self.contract.dialect;
        let address = Some(bench.address);
        bench.measure("port", bench.address.port().into());
        let mut stage = Stage { bench, subject: &self.subject, conditions: &conditions };
        (check.probe)(&mut stage)?;
        let (recording, health) = stage.bench.finish()?;
        let verdict = judge(check, &recording, &health);
        Ok(Ok(Attempt { verdict, recording, address, began_at: health.began_at }))
    }

    /// Writes the run folder of a check that has something to show.
    fn keep(&self, check: &Check, attempt: &Attempt) -> Result<Option<PathBuf>, CheckError> {
        let is_wanted =
            self.keep_passed || !matches!(attempt.verdict.verdict, Kind::Pass | Kind::NotApplicable);
        let Some(runs) = self.runs.as_ref().filter(|_| is_wanted) else { return Ok(None) };
        let folder = fresh_folder(runs, check.id);
        let about = About {
            case: format!("{}/{}", self.contract.name, check.id),
            seed: self.script.seed.to_string(),
            began_at: attempt.began_at,
            script: self.script_of(check).print(),
            versions: tongro_lab::versions(),
        };
        let verdict = serde_json::to_string_pretty(&attempt.verdict).unwrap_or_default();
        let run = Run { about, recording: attempt.recording.clone(), verdict: Some(verdict) };
        run.save(&folder).map_err(|error| CheckError::Run(error.to_string()))?;
        Ok(Some(folder))
    }

    fn script_of(&self, check: &Check) -> Script {
        Script { call: (check.calls)(), ..self.script.clone() }
    }
}

/// The judgement of a run: pure, and the same when it is repeated from the run's folder.
pub(crate) fn judge(check: &Check, recording: &Recording, health: &Health) -> Verdict {
    if health.is_void() {
        let reason = Said::new("outcome.void.stimulus_failed").with("why", "tp_drops");
        return Verdict::void(check.id, reason);
    }
    (check.judge)(Log::new(recording))
}

fn unrun(verdict: Verdict) -> Judged {
    Judged { verdict, recording: Recording::default(), run: None, frames: Vec::new(), ms: 0 }
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// `runs/<time>-<check>`, never one that is there already.
fn fresh_folder(runs: &Path, check: &str) -> PathBuf {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    (0u32..)
        .map(|n| runs.join(format!("{now}-{n}-{check}")))
        .find(|folder| !folder.exists())
        .unwrap_or_default()
}

impl Summary {
    fn count(&mut self, kind: Kind) {
        let counter = match kind {
            Kind::Pass => &mut self.pass,
            Kind::Fail => &mut self.fail,
            Kind::Slow => &mut self.slow,
            Kind::NotApplicable => &mut self.not_applicable,
            Kind::Void => &mut self.void,
        };
        *counter += 1;
    }
}
