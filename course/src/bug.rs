//! The catalogue of bugs, and the page of theory behind each one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Lang;
use crate::texts::raw;

/// How wrong a bug is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A peer on loopback can show it.
    Today,
    /// It needs loss, delay, reordering, silence or another host.
    Network,
    /// It is right on this kernel or mode only.
    Portability,
}

impl Severity {
    /// The word used in records and ids: `today`, `network`, `portability`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Network => "network",
            Self::Portability => "portability",
        }
    }
}

/// A row of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bug {
    /// The stable id, `decode-per-recv`.
    pub id: String,
    /// The part of the catalogue, `streams`; its name is the text `cli.explain.group.streams`.
    pub group: String,
    /// How wrong it is.
    pub severity: Severity,
}

/// What `tongro check explain BUG` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BugPage {
    /// The row of the catalogue.
    pub bug: &'static Bug,
    /// A few words, without a final period.
    pub title: &'static str,
    /// What happened, in one or two sentences.
    pub what: &'static str,
    /// The theory.
    pub why: &'static str,
    /// How to fix it.
    pub fix: &'static str,
    /// The fix in Python.
    pub python: Option<&'static str>,
    /// The fix in Rust.
    pub rust: Option<&'static str>,
}

/// Every bug, in the order of the catalogue.
pub fn bugs() -> &'static [Bug] {
    &CATALOGUE.bug
}

/// The page of one bug, or `None` if the catalogue has no such id.
pub fn bug_page(lang: Lang, id: &str) -> Option<BugPage> {
    let bug = bugs().iter().find(|bug| bug.id == id)?;
    let part = |key| raw(lang, &format!("bug.{id}.{key}"));
    let code = CODE.get(id);
    Some(BugPage {
        bug,
        title: part("title")?,
        what: part("what")?,
        why: part("why")?,
        fix: part("fix")?,
        python: code.and_then(|code| code.python.as_deref()).map(str::trim_end),
        rust: code.and_then(|code| code.rust.as_deref()).map(str::trim_end),
    })
}

/// `text/catalogue.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    bug: Vec<Bug>,
}

/// One entry of `text/code.toml`: code has no human language, so both pages share it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    python: Option<String>,
    rust: Option<String>,
}

pub(crate) const CATALOGUE_TOML: &str = include_str!("../text/catalogue.toml");
pub(crate) const CODE_TOML: &str = include_str!("../text/code.toml");

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| toml::from_str(CATALOGUE_TOML).unwrap_or_default());
pub(crate) static CODE: LazyLock<BTreeMap<String, Code>> =
    LazyLock::new(|| toml::from_str(CODE_TOML).unwrap_or_default());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_files_are_read_whole() {
        toml::from_str::<Catalogue>(CATALOGUE_TOML).unwrap();
        toml::from_str::<BTreeMap<String, Code>>(CODE_TOML).unwrap();
    }

    #[test]
    fn every_bug_has_a_page_in_both_languages() {
        for bug in bugs() {
            for lang in Lang::ALL {
                assert!(bug_page(lang, &bug.id).is_some(), "{} in {}", bug.id, lang.tag());
            }
        }
        assert_eq!(bug_page(Lang::Ko, "no-such-bug"), None);
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = bugs().iter().map(|bug| &bug.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), bugs().len());
    }
}
