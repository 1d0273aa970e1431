//! The dictionaries as the browser gets them: id → template, one JSON object a language.

use std::collections::BTreeMap;

use tongro_course::{Lang, days, ids};

/// The words of the whole page, in each language.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    languages: BTreeMap<String, BTreeMap<String, String>>,
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

    /// The JSON of one language.
    pub(crate) fn json(&self, language: &str) -> Option<String> {
        serde_json::to_string(self.languages.get(language)?).ok()
    }
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

    #[test]
    fn the_days_are_words_too() {
        let texts = Texts::of_course();
        assert_eq!(texts.languages["en"]["course.practical.1-1"], "Echo server");
        assert_eq!(texts.languages["ko"]["course.day.2"], "TCP와 UDP 깊이 보기");
        assert!(texts.json("ko").unwrap().contains("통로"));
        assert_eq!(texts.json("fr"), None);
    }
}
