//! The lessons: text, knobs and question of each, and the scenario of its demonstration as it stands in its file.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Lang, Title};

/// A theory lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    sheet: Sheet,
    ko: &'static str,
    en: &'static str,
    scenario: &'static str,
}

impl Lesson {
    /// Its id, `handshake`, as in [`crate::days`].
    pub fn id(&self) -> &str {
        &self.sheet.id
    }

    /// The text, in Markdown.
    pub fn text(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ko => self.ko,
            Lang::En => self.en,
        }
    }

    /// What is asked of the demonstration; the answer is a packet.
    pub fn question(&self) -> &Title {
        &self.sheet.question
    }

    /// What can be turned.
    pub fn knobs(&self) -> &[Knob] {
        &self.sheet.knobs
    }

    /// The demonstration as TOML, for whoever can run it.
    pub fn scenario(&self) -> &'static str {
        self.scenario
    }
}

/// Something of a demonstration that can be turned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knob {
    /// Its id, as in the scenario.
    pub id: String,
    /// Its settings, apart from the one that the demonstration begins with.
    #[serde(rename = "setting")]
    pub settings: Vec<Setting>,
}

/// One setting of a knob.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its id, as in the scenario.
    pub id: String,
    /// What it does.
    pub title: Title,
    /// What is asked then; without it the lesson's question.
    pub question: Option<Title>,
}

/// Every lesson that exists so far, in order of the course.
pub fn lessons() -> &'static [Lesson] {
    &LESSONS
}

/// The lesson of an id, where it exists.
pub fn lesson(id: &str) -> Option<&'static Lesson> {
    lessons().iter().find(|lesson| lesson.id() == id)
}

/// `lesson.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    id: String,
    question: Title,
    #[serde(rename = "knob")]
    knobs: Vec<Knob>,
}

/// The files of one lesson: sheet, Korean, English, scenario.
type Folder = [&'static str; 4];

macro_rules! lesson {
    ($folder:literal) => {
        [
            include_str!(concat!("../days/", $folder, "/lesson.toml")),
            include_str!(concat!("../days/", $folder, "/ko.md")),
            include_str!(concat!("../days/", $folder, "/en.md")),
            include_str!(concat!("../days/", $folder, "/scenario.toml")),
        ]
    };
}

const FOLDERS: &[Folder] = &[
    lesson!("1/lesson-sockets"),
    lesson!("2/lesson-handshake"),
    lesson!("2/lesson-teardown"),
    lesson!("2/lesson-retransmission"),
    lesson!("2/lesson-windows"),
    lesson!("2/lesson-udp"),
];

static LESSONS: LazyLock<Vec<Lesson>> = LazyLock::new(|| {
    let read = |[sheet, ko, en, scenario]: &Folder| {
        Some(Lesson { sheet: toml::from_str(sheet).ok()?, ko, en, scenario })
    };
    FOLDERS.iter().filter_map(read).collect()
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, days};

    #[test]
    fn every_sheet_is_read_and_has_its_place() {
        for [sheet, ..] in FOLDERS {
            toml::from_str::<Sheet>(sheet).unwrap();
        }
        let items: Vec<_> = days().iter().flat_map(|day| &day.items).collect();
        for lesson in lessons() {
            let item = items.iter().find(|item| item.id == lesson.id()).unwrap();
            assert_eq!(item.kind, Kind::Lesson);
            for lang in Lang::ALL {
                let heading = format!("# {}", item.title.in_lang(lang));
                assert_eq!(lesson.text(lang).lines().next(), Some(heading.as_str()));
            }
        }
    }

    #[test]
    fn both_texts_have_the_same_shape() {
        let shape = |text: &str| {
            let marks = ["# ", "## ", "- ", "| ", "```"];
            marks.map(|mark| text.lines().filter(|line| line.trim_start().starts_with(mark)).count())
        };
        for lesson in lessons() {
            assert_eq!(shape(lesson.text(Lang::Ko)), shape(lesson.text(Lang::En)), "{}", lesson.id());
        }
    }
}
