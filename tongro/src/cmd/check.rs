//! `tongro check`: a program, unchanged, in the private lab; a verdict for each check of its contract, worst first.

mod problems;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tongro_check::{
    CheckError, Contract, Judged, Kind, Progress, Runner, Severity, Subject, Summary, record,
};
use tongro_lab::{LabError, Script};
use tongro_trace::ladder::TextOptions;

use crate::talk::{Talk, Tone};

/// Run a program in the private lab and judge it
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Check {
    #[command(subcommand)]
    part: Option<Part>,
    /// The practical that the program solves: 1-1
    #[arg(value_name = "PRACTICAL")]
    practical: Option<String>,
    /// What the program promises, where it solves no practical: echo (the default)
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
    /// Only these checks
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Stop at the first check that fails
    #[arg(long)]
    first: bool,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
    /// After all, print each failure as FILE:LINE:COL: error[BUG]: …, as editors read it
    #[arg(long, conflicts_with = "json")]
    problems: bool,
    /// Where run folders are kept
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
    /// Keep the runs of passed checks too
    #[arg(long)]
    keep: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// List the contracts and their checks
    List {
        /// Print one JSON object per contract
        #[arg(long)]
        json: bool,
    },
    /// Explain one bug
    Explain {
        /// Its id
        bug: String,
    },
    /// Judge a recorded run again
    Replay {
        /// The run's folder
        run: PathBuf,
    },
}

impl Check {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        match &self.part {
            Some(Part::List { json }) => list(talk, *json),
            Some(Part::Explain { bug }) => explain(talk, bug),
            Some(Part::Replay { run }) => replay(talk, run),
            None => self.judge(talk),
        }
    }

    fn judge(self, talk: &mut Talk) -> u8 {
        let Some(contract) = self.contract(talk) else { return 2 };
        let cwd = std::env::current_dir()
            .map_or_else(|_| "/".to_owned(), |path| path.to_string_lossy().into_owned());
        let runner = Runner {
            contract,
            subject: Subject { argv: self.command.clone(), cwd },
            exe: PathBuf::from("/proc/self/exe"),
            only: self.only.clone(),
            runs: Some(self.runs.clone().unwrap_or_else(runs_folder)),
            stops_at_first: self.first,
            keep_passed: self.keep,
            script: Script::default(),
        };
        let mut judged: Vec<Judged> = Vec::new();
        let total = contract.checks.len();
        let summary = runner.run(&mut |progress| match progress {
            Progress::Running(id) | Progress::Confirming(id) if !self.json => {
                let title = talk.text(&format!("check.{id}.title"), &[]);
                let done = judged.len().to_string();
                let line = [("done", done.as_str()), ("total", &total.to_string()), ("title", &title)];
                talk.progress(&talk.text("cli.check.progress", &line));
            }
            Progress::Judged(one) => {
                if self.json {
                    let record = record::check(one, &|said| talk.said(said)).to_string();
                    talk.say(&record);
                }
                judged.push(one.clone());
            }
            _ => {}
        });
        match summary {
            Ok(summary) => self.tell(talk, contract.name, &judged, &summary),
            Err(error) => tell_error(talk, &error),
        }
    }

    /// The contract of the practical, or the one that is named; `None` after an error was told.
    fn contract(&self, talk: &mut Talk) -> Option<&'static Contract> {
        let name = match (&self.practical, &self.contract) {
            (None, name) => name.as_deref().unwrap_or("echo"),
            (Some(id), other) => {
                let Some(practical) = tongro_course::practical(id) else {
                    let ids: Vec<&str> = tongro_course::practicals().iter().map(|one| one.id()).collect();
                    let what = talk.text("cli.error.unknown_practical", &[("id", id)]);
                    let hint = talk.text("cli.error.unknown_practical_hint", &[("ids", &ids.join(", "))]);
                    talk.error(&what, Some(&hint));
                    return None;
                };
                if other.as_ref().is_some_and(|other| other != practical.contract()) {
                    let params = [("id", id.as_str()), ("contract", practical.contract())];
                    talk.error(&talk.text("cli.error.two_contracts", &params), None);
                    return None;
                }
                practical.contract()
            }
        };
        let found = tongro_check::contract(name).ok();
        if found.is_none() {
            let names: Vec<&str> = tongro_check::contracts().iter().map(|contract| contract.name).collect();
            let what = talk.text("cli.error.unknown_contract", &[("contract", name)]);
            let hint = talk.text("cli.error.unknown_contract_hint", &[("contracts", &names.join(", "))]);
            talk.error(&what, Some(&hint));
        }
        found
    }

    fn tell(&self, talk: &mut Talk, contract: &str, judged: &[Judged], summary: &Summary) -> u8 {
        if self.json {
            let record = record::summary(contract, summary, &|said| talk.said(said)).to_string();
            talk.say(&record);
        } else if summary.unstarted.is_none() {
            self.print_table(talk, contract, judged, summary);
        }
        if self.problems {
            problems::print(talk, &self.command, judged, summary);
        }
        if let Some(unstarted) = &summary.unstarted {
            let what = talk.said(&unstarted.reason);
            talk.error(&what, None);
            if !unstarted.stderr.is_empty() {
                talk.note("");
                talk.note(&talk.text("cli.check.stderr", &[]));
                unstarted.stderr.iter().for_each(|line| talk.note(&format!("  {line}")));
            }
            return 2;
        }
        u8::from(summary.fail > 0)
    }

    fn print_table(&self, talk: &mut Talk, contract: &str, judged: &[Judged], summary: &Summary) {
        let mut order: Vec<&Judged> = judged.iter().collect();
        order.sort_by_key(|one| (rank(one.verdict.verdict), one.verdict.severity));
        for one in &order {
            print_row(talk, one);
        }
        talk.say("");
        if let Some(first) = order.first().filter(|one| one.verdict.verdict == Kind::Fail) {
            self.print_first(talk, contract, first);
        }
        let seconds = format!("{:.1}", summary.ms as f64 / 1000.0);
        let number = |count: u32| count.to_string();
        let line = talk.text(
            "cli.check.summary",
            &[
                ("pass", &number(summary.pass)),
                ("fail", &number(summary.fail)),
                ("slow", &number(summary.slow)),
                ("na", &number(summary.not_applicable)),
                ("void", &number(summary.void)),
                ("seconds", &seconds),
            ],
        );
        talk.say(&line);
    }

    /// The first failure at length: cause, ladder, and the command that repeats only this check.
    fn print_first(&self, talk: &mut Talk, contract: &str, one: &Judged) {
        let verdict = &one.verdict;
        let bug = verdict.bug.clone().unwrap_or_default();
        let title = talk.text("cli.check.first_failure", &[]);
        talk.say(&talk.tone(Tone::Strong, &format!("{title}: {bug}")));
        let expected = talk.said(&verdict.expected);
        talk.say(&format!("  {}: {expected}", talk.text("cli.check.expected", &[])));
        for said in &verdict.got {
            talk.say(&format!("  {}: {}", talk.text("cli.check.got", &[]), talk.said(said)));
        }
        talk.say("");
        let ladder = one.recording.ladder();
        let options = TextOptions { evidence: one.frames.clone(), ..TextOptions::default() };
        let shown = tongro_trace::ladder::text(&ladder, &options);
        for line in shown.lines() {
            talk.say(&format!("  {line}"));
        }
        talk.say("");
        if let Some(run) = &one.run {
            talk.say(&talk.text("cli.check.run_folder", &[("path", &run.display().to_string())]));
        }
        let command = self.command.join(" ");
        let what = self.practical.clone().unwrap_or_else(|| format!("--contract {contract}"));
        let again = format!("tongro check {what} --only {} -- {command}", verdict.check);
        talk.say(&talk.text("cli.check.repeat", &[("command", &again)]));
        if tongro_course::bug_page(talk.lang, &bug).is_some() {
            let explain = format!("tongro check explain {bug}");
            talk.say(&talk.text("cli.check.explain", &[("command", &explain)]));
        }
        talk.say("");
    }
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Fail => 0,
        Kind::Slow => 1,
        Kind::Void => 2,
        Kind::Pass => 3,
        Kind::NotApplicable => 4,
    }
}

fn print_row(talk: &mut Talk, one: &Judged) {
    let verdict = &one.verdict;
    let (mark, tone, id) = match verdict.verdict {
        Kind::Pass => ("✓", Tone::Good, "pass"),
        Kind::Fail => ("✗", Tone::Bad, "fail"),
        Kind::Slow => ("~", Tone::Strong, "slow"),
        Kind::NotApplicable => ("–", Tone::Quiet, "na"),
        Kind::Void => ("?", Tone::Strong, "void"),
    };
    let title = talk.text(&format!("check.{}.title", verdict.bug.as_deref().unwrap_or(&verdict.check)), &[]);
    let word = talk.text(&format!("cli.verdict.{id}"), &[]);
    let got = verdict.got.first().map(|said| talk.said(said)).unwrap_or_default();
    let severity = if verdict.verdict == Kind::Fail && verdict.severity != Severity::Today {
        format!(
            " [{}]",
            serde_json::to_value(verdict.severity)
                .ok()
                .and_then(|v| v.as_str().map(str::to_owned))
                .unwrap_or_default()
        )
    } else {
        String::new()
    };
    let line = format!("{mark} {word}  {title}{severity}: {got}");
    talk.say(&talk.tone(tone, &line));
}

fn list(talk: &mut Talk, is_json: bool) -> u8 {
    for contract in tongro_check::contracts() {
        if is_json {
            let title = |id: &str| talk.text(&format!("check.{id}.title"), &[]);
            let checks =
                contract.checks.iter().map(|check| json!({"id": check.id, "title": title(check.id)}));
            let checks: Vec<Value> = checks.collect();
            let record = json!({"type": "contract", "name": contract.name, "checks": checks});
            talk.say(&record.to_string());
            continue;
        }
        talk.say(contract.name);
        for check in contract.checks {
            let title = talk.text(&format!("check.{}.title", check.id), &[]);
            talk.say(&format!("  {:<26}{title}", check.id));
        }
    }
    0
}

fn explain(talk: &mut Talk, id: &str) -> u8 {
    let Some(page) = tongro_course::bug_page(talk.lang, id) else {
        let what = talk.text("cli.explain.unknown", &[("id", id)]);
        let hint = talk.text("cli.explain.unknown_hint", &[]);
        talk.error(&what, Some(&hint));
        return 2;
    };
    let severity = talk.text(&format!("cli.severity.{}", page.bug.severity.id()), &[]);
    talk.say(&talk.tone(Tone::Strong, &format!("{id} – {}", page.title)));
    talk.say(&format!("{}: {severity}", talk.text("cli.explain.severity", &[])));
    let parts = [
        ("what", Some(page.what)),
        ("why", Some(page.why)),
        ("fix", Some(page.fix)),
        ("python", page.python),
        ("rust", page.rust),
    ];
    for (name, text) in parts {
        let Some(text) = text else { continue };
        talk.say("");
        let heading = talk.text(&format!("cli.explain.{name}"), &[]);
        talk.say(&talk.tone(Tone::Strong, &heading));
        for line in text.lines() {
            talk.say(&format!("  {line}"));
        }
    }
    0
}

fn replay(talk: &mut Talk, run: &std::path::Path) -> u8 {
    if !run.exists() {
        let path = run.display().to_string();
        talk.error(&talk.text("cli.error.no_run", &[("path", &path)]), None);
        return 2;
    }
    match tongro_check::replay(run) {
        Ok((now, before)) => {
            talk.say(&now);
            let is_same = before.as_ref().is_none_or(|before| *before == now);
            let id = if is_same { "cli.check.replayed" } else { "cli.check.replay_differs" };
            talk.note(&talk.text(id, &[]));
            u8::from(!is_same)
        }
        Err(error) => {
            let path = run.display().to_string();
            let what = talk.text("cli.error.bad_run", &[("path", &path)]);
            let hint = talk.text("cli.error.bad_run_hint", &[]);
            talk.error(&format!("{what}: {error}"), Some(&hint));
            2
        }
    }
}

fn tell_error(talk: &mut Talk, error: &CheckError) -> u8 {
    let (what, hint) = match error {
        CheckError::Lab(LabError::Build { .. }) => {
            ("cli.error.no_namespaces", Some(talk.text("cli.error.no_namespaces_hint", &[])))
        }
        _ => ("", None),
    };
    let what = if what.is_empty() { error.to_string() } else { format!("{}: {error}", talk.text(what, &[])) };
    talk.error(&what, hint.as_deref());
    2
}

/// `$XDG_STATE_HOME/tongro/runs`, by the base directory specification.
fn runs_folder() -> PathBuf {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    state.or_else(home).unwrap_or_else(std::env::temp_dir).join("tongro/runs")
}
