//! The table of contents of the five days, for the side panel.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::Lang;

/// A title in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    ko: String,
    en: String,
}

impl Title {
    /// The title in one language.
    pub fn in_lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::Ko => &self.ko,
            Lang::En => &self.en,
        }
    }
}

/// One day of the course.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Day {
    /// 1 to 5.
    pub number: u8,
    /// What the day is about.
    pub title: Title,
    /// Its lessons and practicals, in order.
    #[serde(rename = "item")]
    pub items: Vec<Item>,
}

impl Day {
    /// The hours of all its items.
    pub fn hours(&self) -> f32 {
        self.items.iter().map(|item| item.hours).sum()
    }
}

/// A lesson is listened to, a practical is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Theory with live demonstrations.
    Lesson,
    /// The learner builds and is judged.
    Practical,
}

/// A lesson or a practical.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Which of the two.
    pub kind: Kind,
    /// Unique in the course; a practical's is its number, `2-2`.
    pub id: String,
    /// Its title.
    pub title: Title,
    /// How long it takes, in hours.
    pub hours: f32,
}

/// The five days.
pub fn days() -> &'static [Day] {
    &DAYS.day
}

/// `days.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Days {
    day: Vec<Day>,
}

const DAYS_TOML: &str = include_str!("../days.toml");

static DAYS: LazyLock<Days> = LazyLock::new(|| toml::from_str(DAYS_TOML).unwrap_or_default());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_days_make_forty_hours() {
        toml::from_str::<Days>(DAYS_TOML).unwrap();
        assert_eq!(days().iter().map(|day| day.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        for day in days() {
            assert_eq!(day.hours(), 8.0, "day {}", day.number);
        }
    }

    #[test]
    fn ids_are_unique_and_practicals_are_numbered() {
        let mut ids: Vec<_> = days().iter().flat_map(|day| &day.items).map(|item| &item.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        for day in days() {
            let practicals = day.items.iter().filter(|item| item.kind == Kind::Practical);
            for (index, practical) in practicals.enumerate() {
                assert_eq!(practical.id, format!("{}-{}", day.number, index + 1));
            }
        }
    }

    #[test]
    fn titles_are_in_their_language() {
        let is_hangul = |c: char| ('가'..='힣').contains(&c);
        let titles =
            days().iter().flat_map(|day| day.items.iter().map(|item| &item.title).chain([&day.title]));
        for title in titles {
            assert!(!title.in_lang(Lang::En).contains(is_hangul), "{}", title.en);
            assert!(title.in_lang(Lang::Ko).contains(is_hangul), "{}", title.ko);
        }
    }
}
