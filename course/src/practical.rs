//! The practicals: brief, goals, hints, starter and solution of each.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Lang, Title};

/// A task of the course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Practical {
    slug: String,
    sheet: Sheet,
    ko: &'static str,
    en: &'static str,
    /// What the learner begins with.
    pub starter: &'static [SourceFile],
    /// A program that passes every check.
    pub solution: &'static [SourceFile],
}

impl Practical {
    /// Its number, `1-1`, as in [`crate::days`].
    pub fn id(&self) -> &str {
        &self.sheet.id
    }

    /// Its number and name for a folder, `1-1-echo-server`.
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// The contract its programs are judged by, `echo`.
    pub fn contract(&self) -> &str {
        &self.sheet.contract
    }

    /// What is to be reached, in order.
    pub fn goals(&self) -> &[Goal] {
        &self.sheet.goals
    }

    /// The hints, each telling more than the one before.
    pub fn hints(&self) -> &[Title] {
        &self.sheet.hints
    }

    /// The task, in Markdown.
    pub fn brief(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ko => self.ko,
            Lang::En => self.en,
        }
    }
}

/// A part of a practical that can be ticked off.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// What is to be reached.
    pub title: Title,
    /// The checks that must all pass.
    pub checks: Vec<String>,
}

/// A file of source code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name, `echo_server.py`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Every practical that exists so far, in order of the course.
pub fn practicals() -> &'static [Practical] {
    &PRACTICALS
}

/// The practical of a number, where it exists.
pub fn practical(id: &str) -> Option<&'static Practical> {
    practicals().iter().find(|practical| practical.id() == id)
}

/// `practical.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    id: String,
    contract: String,
    #[serde(rename = "goal")]
    goals: Vec<Goal>,
    #[serde(rename = "hint")]
    hints: Vec<Title>,
}

macro_rules! source {
    ($folder:literal, $part:literal, $name:literal) => {
        SourceFile { name: $name, text: include_str!(concat!("../days/", $folder, "/", $part, "/", $name)) }
    };
}

macro_rules! practical {
    ($folder:literal, $($name:literal),+) => {
        Folder {
            path: $folder,
            sheet: include_str!(concat!("../days/", $folder, "/practical.toml")),
            ko: include_str!(concat!("../days/", $folder, "/ko.md")),
            en: include_str!(concat!("../days/", $folder, "/en.md")),
            starter: &[$(source!($folder, "starter", $name)),+],
            solution: &[$(source!($folder, "solution", $name)),+],
        }
    };
}

/// The files of one practical, as they are in its folder.
struct Folder {
    path: &'static str,
    sheet: &'static str,
    ko: &'static str,
    en: &'static str,
    starter: &'static [SourceFile],
    solution: &'static [SourceFile],
}

const FOLDERS: &[Folder] = &[practical!("1/practical-1-echo-server", "echo_server.py", "echo_server.rs")];

static PRACTICALS: LazyLock<Vec<Practical>> = LazyLock::new(|| {
    let read = |folder: &Folder| {
        let sheet = toml::from_str(folder.sheet).ok()?;
        let Folder { path, ko, en, starter, solution, .. } = *folder;
        let slug = path.replacen("/practical-", "-", 1);
        Some(Practical { slug, sheet, ko, en, starter, solution })
    };
    FOLDERS.iter().filter_map(read).collect()
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, bugs, days, try_text};

    #[test]
    fn every_sheet_is_read() {
        for folder in FOLDERS {
            toml::from_str::<Sheet>(folder.sheet).unwrap();
        }
        assert_eq!(practicals().len(), FOLDERS.len());
    }

    #[test]
    fn every_practical_is_in_the_table_of_contents() {
        let items: Vec<_> = days().iter().flat_map(|day| &day.items).collect();
        for practical in practicals() {
            let item = items.iter().find(|item| item.id == practical.id()).unwrap();
            assert_eq!(item.kind, Kind::Practical);
            for lang in Lang::ALL {
                let first = practical.brief(lang).lines().next().unwrap();
                assert!(first.ends_with(item.title.in_lang(lang)), "{first}");
                assert!(first.contains(practical.id()), "{first}");
            }
        }
    }

    #[test]
    fn goals_ask_for_checks_that_exist() {
        for check in practicals().iter().flat_map(Practical::goals).flat_map(|goal| &goal.checks) {
            let is_known = check == "happy-path" || bugs().iter().any(|bug| bug.id == *check);
            assert!(is_known, "{check}");
            assert!(try_text(Lang::Ko, &format!("check.{check}.title"), &[]).is_ok(), "{check}");
        }
    }

    #[test]
    fn three_hints_and_an_unsolved_starter() {
        for practical in practicals() {
            assert_eq!(practical.hints().len(), 3);
            for (starter, solution) in practical.starter.iter().zip(practical.solution) {
                assert_eq!(starter.name, solution.name);
                assert_ne!(starter.text, solution.text);
            }
        }
    }

    #[test]
    fn both_briefs_have_the_same_shape() {
        let shape = |brief: &str| {
            let marks = ["# ", "## ", "- ", "| ", "```", "1. "];
            marks.map(|mark| brief.lines().filter(|line| line.trim_start().starts_with(mark)).count())
        };
        for practical in practicals() {
            assert_eq!(shape(practical.brief(Lang::Ko)), shape(practical.brief(Lang::En)));
        }
    }
}
