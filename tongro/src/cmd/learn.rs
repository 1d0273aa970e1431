//! `tongro learn`: the course in the terminal. Titles, lessons and tasks come from `course`; a lesson's demonstration
//! is run in the lab when it is opened.

use clap::Args;
use tongro_course::{Day, Item, Kind, Practical, days, practical};

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
        Kind::Lesson => ("cli.learn.lesson", false),
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
