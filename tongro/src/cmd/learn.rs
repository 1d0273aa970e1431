//! `tongro learn`: the course in the terminal. Titles, lessons and tasks come from `course`; a lesson's demonstration
//! is run in the lab when it is opened.

use std::path::Path;

use clap::Args;
use tongro_check::demo::{self, Scenario};
use tongro_course::{Day, Item, Kind, Lesson, Practical, Title, days, lesson, practical};
use tongro_trace::ladder::TextOptions;

use crate::talk::{Talk, Tone};

/// Read the course: days, lessons, practicals
#[derive(Debug, Args)]
pub(crate) struct Learn {
    /// A day (2), a practical (2-1) or a lesson (handshake); all days without it
    what: Option<String>,
    /// Show this many of a practical's hints
    #[arg(long, value_name = "N", default_value_t = 0)]
    hints: usize,
    /// Show a practical's solutions
    #[arg(long)]
    solution: bool,
    /// Turn a knob of a lesson's demonstration: lost=syn
    #[arg(long, value_name = "NAME=SETTING")]
    knob: Option<String>,
    /// Answer a lesson's question with the number of a packet
    #[arg(long, value_name = "N")]
    answer: Option<u32>,
    /// Only the text of a lesson, no demonstration
    #[arg(long)]
    text_only: bool,
}

impl Learn {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let Some(what) = self.what.as_deref() else {
            talk.say(&talk.tone(Tone::Strong, &talk.text("cli.learn.title", &[])));
            days().iter().for_each(|day| print_day(talk, day));
            let command = talk.text("cli.learn.open_day", &[("command", "tongro learn 1-1")]);
            talk.note(&command);
            return 0;
        };
        if let Some(day) = days().iter().find(|day| day.number.to_string() == what) {
            print_day(talk, day);
            return 0;
        }
        if let Some(practical) = practical(what) {
            self.print_practical(talk, practical);
            return 0;
        }
        if let Some(lesson) = lesson(what) {
            return self.open_lesson(talk, lesson);
        }
        let is_planned = days().iter().flat_map(|day| &day.items).any(|item| item.id == what);
        let id = if is_planned { "cli.error.not_written" } else { "cli.error.unknown_lesson" };
        let hint = talk.text("cli.error.unknown_lesson_hint", &[]);
        talk.error(&talk.text(id, &[("id", what)]), Some(&hint));
        2
    }

    fn print_practical(&self, talk: &mut Talk, practical: &Practical) {
        let id = practical.id();
        talk.say(practical.brief(talk.lang).trim_end());
        talk.say("");
        talk.say(&talk.tone(Tone::Strong, &talk.text("cli.learn.goals", &[])));
        for goal in practical.goals() {
            talk.say(&format!("  ○ {}", goal.title.in_lang(talk.lang)));
        }
        let total = practical.hints().len().to_string();
        for (at, hint) in practical.hints().iter().take(self.hints).enumerate() {
            let params = [("n", (at + 1).to_string()), ("total", total.clone())];
            let params = params.each_ref().map(|(name, value)| (*name, value.as_str()));
            talk.say("");
            talk.say(&talk.tone(Tone::Strong, &talk.text("cli.learn.hint", &params)));
            talk.say(&format!("  {}", hint.in_lang(talk.lang)));
        }
        if self.solution {
            for file in practical.solution {
                talk.say("");
                let heading = talk.text("cli.learn.solution", &[("file", file.name)]);
                talk.say(&talk.tone(Tone::Strong, &heading));
                talk.say(file.text.trim_end());
            }
        }
        let file = practical.starter.first().map_or("", |file| file.name);
        let next = (self.hints + 1).min(practical.hints().len());
        for (text, command) in [
            ("cli.learn.begin", "tongro init tongro-course".to_owned()),
            ("cli.learn.check", format!("tongro check {id} -- python3 {file}")),
            ("cli.learn.hints", format!("tongro learn {id} --hints {next}")),
        ] {
            talk.note(&talk.text(text, &[("command", &command)]));
        }
    }
}

impl Learn {
    /// The text, then the demonstration live, its question, and whether the answer given is one.
    fn open_lesson(&self, talk: &mut Talk, lesson: &Lesson) -> u8 {
        let id = lesson.id();
        let Some((scenario, question)) = self.turned(talk, lesson) else { return 2 };
        if self.answer.is_none() {
            talk.say(lesson.text(talk.lang).trim_end());
        }
        if self.text_only {
            return 0;
        }
        let recording = match demo::run(&scenario, Path::new("/proc/self/exe")) {
            Ok(recording) => recording,
            Err(error) => {
                let hint = talk.text("cli.error.no_namespaces_hint", &[]);
                talk.error(&error.to_string(), Some(&hint));
                return 2;
            }
        };
        let ladder = recording.ladder();
        let answers = demo::pointed(&recording, &ladder, &scenario.answer);
        let is_right = self.answer.map(|no| answers.contains(&no));
        talk.say("");
        talk.say(&talk.tone(Tone::Strong, &talk.text("cli.learn.demo", &[])));
        // The answer is marked once it is found, not before.
        let evidence = if is_right == Some(true) { answers } else { Vec::new() };
        let options = TextOptions { lines: 60, width: 100, evidence, ..TextOptions::default() };
        tongro_trace::ladder::text(&ladder, &options).lines().for_each(|line| talk.say(line));
        for line in &ladder.output {
            let role = ladder.hosts.iter().find(|host| host.host == line.host).map_or("", |host| &host.role);
            talk.say(&format!("  {role}: {}", line.text));
        }
        if scenario.facts.iter().any(|fact| fact.hold(&recording, &ladder).is_err()) {
            talk.note(&talk.text("cli.learn.changed", &[]));
        }
        talk.say("");
        let heading = talk.text("cli.learn.question", &[]);
        talk.say(&talk.tone(Tone::Strong, &format!("{heading}: {}", question.in_lang(talk.lang))));
        match (self.answer, is_right) {
            (Some(no), Some(is_right)) => {
                let text = if is_right { "cli.learn.right" } else { "cli.learn.wrong" };
                talk.say(&talk.text(text, &[("n", &format!("#{no}"))]));
                u8::from(!is_right)
            }
            _ => {
                self.print_next(talk, lesson, id);
                0
            }
        }
    }

    /// The scenario as its knob stands, and what is asked of it; `None` after an error was told.
    fn turned<'a>(&self, talk: &mut Talk, lesson: &'a Lesson) -> Option<(Scenario, &'a Title)> {
        // The scenarios are ours, and tests read each of them.
        let scenario = match Scenario::parse(lesson.scenario()) {
            Ok(scenario) => scenario,
            Err(error) => {
                talk.error(&error.to_string(), None);
                return None;
            }
        };
        let Some(knob) = self.knob.as_deref() else { return Some((scenario, lesson.question())) };
        let turned = knob.split_once('=').and_then(|(name, to)| {
            let settings = &lesson.knobs().iter().find(|knob| knob.id == name)?.settings;
            let setting = settings.iter().find(|setting| setting.id == to)?;
            let question = setting.question.as_ref().unwrap_or_else(|| lesson.question());
            Some((scenario.turned(name, to).ok()?, question))
        });
        if turned.is_none() {
            let knobs: Vec<String> = knobs(lesson).map(|(knob, _)| knob).collect();
            let hint = talk.text("cli.error.bad_knob_hint", &[("knobs", &knobs.join(", "))]);
            talk.error(&talk.text("cli.error.bad_knob", &[("knob", knob)]), Some(&hint));
        }
        turned
    }

    fn print_next(&self, talk: &mut Talk, lesson: &Lesson, id: &str) {
        let knob = self.knob.as_ref().map(|knob| format!(" --knob {knob}")).unwrap_or_default();
        let answer = format!("tongro learn {id}{knob} --answer N");
        talk.note(&talk.text("cli.learn.answer", &[("command", &answer)]));
        for (knob, title) in knobs(lesson) {
            let command = format!("tongro learn {id} --knob {knob}");
            let params = [("title", title.in_lang(talk.lang)), ("command", &command)];
            talk.note(&talk.text("cli.learn.knob", &params));
        }
    }
}

/// Every setting of every knob, as it is typed, with what it does.
fn knobs(lesson: &Lesson) -> impl Iterator<Item = (String, &Title)> {
    lesson.knobs().iter().flat_map(|knob| {
        knob.settings.iter().map(|setting| (format!("{}={}", knob.id, setting.id), &setting.title))
    })
}

fn print_day(talk: &mut Talk, day: &Day) {
    let params = [("no", day.number.to_string()), ("title", day.title.in_lang(talk.lang).to_owned())];
    let params = params.each_ref().map(|(name, value)| (*name, value.as_str()));
    let heading = talk.text("cli.learn.day", &params);
    talk.say("");
    talk.say(&talk.tone(Tone::Strong, &heading));
    day.items.iter().for_each(|item| print_item(talk, item));
}

fn print_item(talk: &mut Talk, item: &Item) {
    let (kind, exists) = match item.kind {
        Kind::Lesson => ("cli.learn.lesson", lesson(&item.id).is_some()),
        Kind::Practical => ("cli.learn.practical", practical(&item.id).is_some()),
    };
    let hours = talk.text("cli.learn.hours", &[("hours", &item.hours.to_string())]);
    let mark = if exists { "▸" } else { "○" };
    let line = format!(
        "  {mark} {:<15}{} · {} · {hours}",
        item.id,
        item.title.in_lang(talk.lang),
        talk.text(kind, &[])
    );
    let later = format!("{line} · {}", talk.text("cli.learn.not_yet", &[]));
    if exists { talk.say(&line) } else { talk.say(&talk.tone(Tone::Quiet, &later)) }
}
