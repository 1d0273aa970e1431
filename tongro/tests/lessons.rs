//! Every demonstration of the lessons, run headless in the lab with each setting of its knobs: its facts hold, and its
//! question has an answer.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::path::Path;

use libtest_mimic::{Arguments, Failed, Trial};
use tongro_check::demo::{Scenario, pointed, run};
use tongro_course::{Lesson, lessons};

fn main() {
    let arguments = Arguments::from_args();
    let trials = lessons().iter().flat_map(of_lesson).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn of_lesson(lesson: &'static Lesson) -> Vec<Trial> {
    let plain = Scenario::parse(lesson.scenario()).unwrap();
    let mut trials = Vec::new();
    for (knob, settings) in &plain.knob {
        // Words and settings are of the same knobs.
        let sheet = lesson.knobs().iter().find(|sheet| sheet.id == *knob).unwrap();
        for setting in settings.keys() {
            assert!(sheet.settings.iter().any(|one| one.id == *setting), "{}: {knob}={setting}", lesson.id());
            let turned = plain.clone().turned(knob, setting).unwrap();
            trials.push(trial(format!("{}/{knob}={setting}", lesson.id()), turned));
        }
        assert_eq!(sheet.settings.len(), settings.len(), "{}", lesson.id());
    }
    assert_eq!(lesson.knobs().len(), plain.knob.len(), "{}", lesson.id());
    trials.push(trial(lesson.id().to_owned(), plain));
    trials
}

fn trial(name: String, scenario: Scenario) -> Trial {
    Trial::test(name, move || {
        let times = std::env::var("TONGRO_REPEAT").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
        (0..times).try_for_each(|_| holds(&scenario))
    })
}

fn holds(scenario: &Scenario) -> Result<(), Failed> {
    let recording = run(scenario, Path::new(env!("CARGO_BIN_EXE_tongro")))?;
    let ladder = recording.ladder();
    let drawn = tongro_trace::ladder::text(&ladder, &tongro_trace::ladder::TextOptions::default());
    for fact in &scenario.facts {
        fact.hold(&recording, &ladder).map_err(|broken| format!("{fact:?}: {broken:?}\n{drawn}"))?;
    }
    if scenario.facts.is_empty() || pointed(&recording, &ladder, &scenario.answer).is_empty() {
        return Err(format!("no facts, or no answer to the question\n{drawn}").into());
    }
    Ok(())
}
