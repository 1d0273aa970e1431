//! The dictionaries as the browser gets them: id → template, one JSON object a language.

use std::collections::BTreeMap;

use tongro_course::{Lang, days, ids};

/// The words of the whole page, in each language.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    languages: BTreeMap<String, BTreeMap<String, String>>,
    first: Option<Lang>,
}

impl Texts {
    /// No words yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All words of the course, with its table of contents as `course.day.2` and `course.practical.2-2`.
    #[must_use]
    pub fn of_course() -> Self {
        Lang::ALL.into_iter().fold(Self::new(), |texts, lang| {
            let said = ids(lang, "").map(|(id, sentence)| (id.to_owned(), sentence));
            texts.with(lang.tag(), contents(lang)).with(lang.tag(), said)
        })
    }

    /// Adds the templates of a language: `ko` or `en`.
    #[must_use]
    pub fn with(
        mut self,
        language: &str,
        templates: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        let words = self.languages.entry(language.to_owned()).or_default();
        words.extend(templates.into_iter().map(|(id, template)| (id.into(), template.into())));
        self
    }

    /// The language in which the page opens, until its own switch says otherwise; by default the locale's.
    #[must_use]
    pub fn speaking(self, lang: Lang) -> Self {
        Self { first: Some(lang), ..self }
    }

    /// The tag of the language in which the page opens.
    pub(crate) fn first(&self) -> &'static str {
        self.first.unwrap_or_else(locale).tag()
    }

    /// The JSON of one language.
    pub(crate) fn json(&self, language: &str) -> Option<String> {
        serde_json::to_string(self.languages.get(language)?).ok()
    }
}

fn locale() -> Lang {
    let [all, messages, lang] = ["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).ok());
    Lang::from_locale(all.as_deref(), messages.as_deref(), lang.as_deref())
}

fn contents(lang: Lang) -> impl Iterator<Item = (String, &'static str)> {
    days().iter().flat_map(move |day| {
        let practicals = day
            .items
            .iter()
            .map(move |item| (format!("course.practical.{}", item.id), item.title.in_lang(lang)));
        std::iter::once((format!("course.day.{}", day.number), day.title.in_lang(lang))).chain(practicals)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets;

    /// Every `"ui.…"` of the modules, whole or up to its first `${`.
    fn asked() -> Vec<(String, bool)> {
        let quotes = ['"', '`'];
        let literals =
            assets::modules().flat_map(|text| text.split(quotes).filter(|part| part.starts_with("ui.")));
        literals
            .map(|literal| match literal.split_once("${") {
                Some((prefix, _)) => (prefix.to_owned(), false),
                None => (literal.to_owned(), true),
            })
            .collect()
    }

    #[test]
    fn every_word_of_the_page_is_in_both_languages() {
        let texts = Texts::of_course();
        let asked = asked();
        assert!(asked.len() > 60, "{} ids", asked.len());
        for (language, words) in &texts.languages {
            for (id, is_whole) in &asked {
                let is_there = if *is_whole {
                    words.contains_key(id)
                } else {
                    words.keys().any(|key| key.starts_with(id))
                };
                // marks are drawn where the course has words for them
                assert!(is_there || id == "ui.mark.", "`{id}` is not in `{language}`");
            }
        }
    }

    /// Every id that the session says: `"ui.…"`, `"cli.…"`, `"outcome.…"`.
    fn said() -> Vec<&'static str> {
        let sources = [
            include_str!("session.rs"),
            include_str!("session/live.rs"),
            include_str!("session/checks.rs"),
            include_str!("backend.rs"),
            include_str!("stream.rs"),
        ];
        let is_id = |part: &&str| {
            ["ui.", "cli.", "outcome."].iter().any(|room| part.starts_with(room))
                && !part.contains([' ', '{'])
        };
        sources.into_iter().flat_map(|text| text.split('"').filter(is_id)).collect()
    }

    #[test]
    fn every_word_of_the_session_is_in_both_languages() {
        let texts = Texts::of_course();
        let said = said();
        assert!(said.len() > 10, "{said:?}");
        for (language, words) in &texts.languages {
            for id in &said {
                assert!(words.contains_key(*id), "`{id}` is not in `{language}`");
            }
        }
    }

    #[test]
    fn the_page_opens_in_the_language_asked_for() {
        assert_eq!(Texts::new().speaking(Lang::Ko).first(), "ko");
        assert_eq!(Texts::new().speaking(Lang::En).first(), "en");
    }

    #[test]
    fn the_days_are_words_too() {
        let texts = Texts::of_course();
        assert_eq!(texts.languages["en"]["course.practical.1-1"], "Echo server");
        assert_eq!(texts.languages["ko"]["course.day.2"], "TCP와 UDP 깊이 보기");
        assert!(texts.json("ko").unwrap().contains("통로"));
        assert_eq!(texts.json("fr"), None);
    }
}
