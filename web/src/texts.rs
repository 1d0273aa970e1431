//! The dictionaries as the browser gets them: id → template, one JSON object a language.

use std::collections::BTreeMap;

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
