//! The linter of the texts: both languages say the same things, and nothing is missing.

use std::collections::BTreeSet;

use crate::Lang;
use crate::bug::{CODE, bugs};
use crate::particle::Pair;
use crate::template::{self, Piece, TemplateError};
use crate::texts::{Sentences, TEXTS};

/// Something wrong in the texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LintProblem {
    /// A file is no TOML.
    #[error("{}: `{file}` cannot be read: {why}", lang.tag())]
    BadFile {
        /// Its language.
        lang: Lang,
        /// The prefix of its ids.
        file: String,
        /// What the reader says.
        why: String,
    },
    /// A value is neither text nor table.
    #[error("{}: `{id}` is no text", lang.tag())]
    NotText {
        /// Its language.
        lang: Lang,
        /// The id.
        id: String,
    },
    /// An id is defined twice.
    #[error("{}: `{id}` is defined twice", lang.tag())]
    Twice {
        /// Its language.
        lang: Lang,
        /// The id.
        id: String,
    },
    /// An id is in the other language only.
    #[error("{}: `{id}` is missing", lang.tag())]
    Missing {
        /// The language without it.
        lang: Lang,
        /// The id.
        id: String,
    },
    /// An id that nothing asks for.
    #[error("`{0}` is not known")]
    UnknownId(String),
    /// An empty text.
    #[error("{}: `{id}` is empty", lang.tag())]
    Empty {
        /// Its language.
        lang: Lang,
        /// The id.
        id: String,
    },
    /// A sentence is no template.
    #[error("{}: `{id}`: {source}", lang.tag())]
    Template {
        /// Its language.
        lang: Lang,
        /// The id.
        id: String,
        /// What is wrong.
        source: TemplateError,
    },
    /// The two languages ask for different values.
    #[error("`{id}` asks for {ko:?} in `ko` but for {en:?} in `en`")]
    Placeholders {
        /// The id.
        id: String,
        /// The names in Korean.
        ko: Vec<String>,
        /// The names in English.
        en: Vec<String>,
    },
    /// Hangul in an English text.
    #[error("en: `{0}` holds Hangul")]
    Hangul(String),
    /// A Korean sentence writes a particle after a value that may sound otherwise.
    #[error("ko: `{id}` writes `{particle}` after a placeholder; write the pair, as in `{{n:은/는}}`")]
    FixedParticle {
        /// The id.
        id: String,
        /// The particle as written.
        particle: &'static str,
    },
    /// A title or label that ends in a period.
    #[error("{}: the title `{id}` ends in a period", lang.tag())]
    Period {
        /// Its language.
        lang: Lang,
        /// The id.
        id: String,
    },
}

/// The parts that every entry of a file has: prefix of the id, and its keys.
const SHAPES: [(&str, &[&str]); 4] = [
    ("bug.", &["title", "what", "why", "fix"]),
    ("finding.", &["title", "why"]),
    ("check.", &["title", "did", "expected", "got"]),
    ("field.", &["name", "blurb"]),
];

/// English texts that hold Hangul on purpose: examples, and the name of the language itself.
const HANGUL_WELCOME: [&str; 1] = ["ui.language.ko"];

/// Everything that is wrong in the texts; empty if all is well.
pub fn lint() -> Vec<LintProblem> {
    let mut problems = TEXTS.problems.clone();
    compare(TEXTS.of(Lang::Ko), TEXTS.of(Lang::En), &mut problems);
    for lang in Lang::ALL {
        for (id, sentence) in TEXTS.of(lang) {
            lint_sentence(lang, id, sentence, &mut problems);
        }
        lint_shapes(lang, TEXTS.of(lang), &mut problems);
    }
    lint_catalogue(&mut problems);
    problems
}

fn compare(ko: &Sentences, en: &Sentences, problems: &mut Vec<LintProblem>) {
    let ids: BTreeSet<&String> = ko.keys().chain(en.keys()).collect();
    for id in ids {
        match (ko.get(id), en.get(id)) {
            (Some(ko), Some(en)) => compare_names(id, ko, en, problems),
            (ko, _) => {
                let lang = if ko.is_none() { Lang::Ko } else { Lang::En };
                problems.push(LintProblem::Missing { lang, id: id.clone() });
            }
        }
    }
}

fn compare_names(id: &str, ko: &str, en: &str, problems: &mut Vec<LintProblem>) {
    if let (Ok(ko), Ok(en)) = (template::names(ko), template::names(en))
        && ko != en
    {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        problems.push(LintProblem::Placeholders { id: id.to_owned(), ko: owned(ko), en: owned(en) });
    }
}

fn lint_sentence(lang: Lang, id: &str, sentence: &str, problems: &mut Vec<LintProblem>) {
    let id = id.to_owned();
    if sentence.trim().is_empty() {
        problems.push(LintProblem::Empty { lang, id });
        return;
    }
    if let Err(source) = template::parse(sentence) {
        problems.push(LintProblem::Template { lang, id: id.clone(), source });
    }
    if let (Lang::Ko, Some(particle)) = (lang, fixed_particle(sentence)) {
        problems.push(LintProblem::FixedParticle { id: id.clone(), particle });
    }
    if lang == Lang::En && sentence.contains(is_hangul) && !HANGUL_WELCOME.contains(&id.as_str()) {
        problems.push(LintProblem::Hangul(id.clone()));
    }
    if id.ends_with(".title") && sentence.ends_with('.') {
        problems.push(LintProblem::Period { lang, id });
    }
}

/// A particle written by hand right after a value: right for one value, wrong for the next.
fn fixed_particle(sentence: &str) -> Option<&'static str> {
    let pieces = template::parse(sentence).ok()?;
    pieces.windows(2).find_map(|pair| match pair {
        [Piece::Value(_, None), Piece::Words(words)] => {
            let words = words.trim_start_matches(['`', '”', ')']);
            let written = words.split(|c| !is_hangul(c)).next().unwrap_or(words);
            Pair::all().flat_map(|pair| [pair.closed, pair.open]).find(|form| *form == written)
        }
        _ => None,
    })
}

fn is_hangul(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '가'..='힣')
}

/// Refuses keys that the shape of their file does not have, and reports those that lack.
fn lint_shapes(lang: Lang, sentences: &Sentences, problems: &mut Vec<LintProblem>) {
    for (prefix, keys) in SHAPES {
        let mut entries = BTreeSet::new();
        for id in sentences.keys().filter(|id| id.starts_with(prefix)) {
            match id.rsplit_once('.') {
                Some((entry, key)) if keys.contains(&key) => {
                    entries.insert(entry);
                }
                _ => problems.push(LintProblem::UnknownId(id.clone())),
            }
        }
        let wanted = entries.iter().flat_map(|entry| keys.iter().map(move |key| format!("{entry}.{key}")));
        for id in wanted.filter(|id| !sentences.contains_key(id)) {
            problems.push(LintProblem::Missing { lang, id });
        }
    }
}

/// Every bug of the catalogue has its page, and nothing else has one.
fn lint_catalogue(problems: &mut Vec<LintProblem>) {
    let known: BTreeSet<&str> = bugs().iter().map(|bug| bug.id.as_str()).collect();
    for lang in Lang::ALL {
        let ids = TEXTS.of(lang).keys().filter_map(|id| id.strip_prefix("bug."));
        let written: BTreeSet<&str> = ids.filter_map(|id| id.split('.').next()).collect();
        for id in known.difference(&written) {
            problems.push(LintProblem::Missing { lang, id: format!("bug.{id}") });
        }
        for id in written.difference(&known) {
            problems.push(LintProblem::UnknownId(format!("bug.{id}")));
        }
    }
    for id in CODE.keys().filter(|id| !known.contains(id.as_str())) {
        problems.push(LintProblem::UnknownId(format!("code {id}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(of: &[(&str, &str)]) -> Sentences {
        of.iter().map(|(id, sentence)| ((*id).to_owned(), (*sentence).to_owned())).collect()
    }

    #[test]
    fn the_texts_are_clean() {
        let problems: Vec<String> = lint().iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    #[test]
    fn parity_of_ids_and_placeholders() {
        let ko = sentences(&[("a", "{x:은/는}"), ("b", "나"), ("c", "{x}")]);
        let en = sentences(&[("a", "{x} is"), ("c", "{y}"), ("d", "d")]);
        let mut problems = Vec::new();
        compare(&ko, &en, &mut problems);
        let expected = [
            LintProblem::Missing { lang: Lang::En, id: "b".into() },
            LintProblem::Placeholders { id: "c".into(), ko: vec!["x".into()], en: vec!["y".into()] },
            LintProblem::Missing { lang: Lang::Ko, id: "d".into() },
        ];
        assert_eq!(problems, expected);
    }

    #[test]
    fn unknown_and_missing_keys_of_an_entry() {
        let sentences = sentences(&[("finding.x.title", "X"), ("finding.x.titel", "X")]);
        let mut problems = Vec::new();
        lint_shapes(Lang::En, &sentences, &mut problems);
        assert!(problems.contains(&LintProblem::UnknownId("finding.x.titel".into())));
        assert!(problems.contains(&LintProblem::Missing { lang: Lang::En, id: "finding.x.why".into() }));
    }

    #[test]
    fn sentences_one_by_one() {
        let found = |lang, id: &str, sentence| {
            let mut problems = Vec::new();
            lint_sentence(lang, id, sentence, &mut problems);
            problems
        };
        assert_eq!(found(Lang::En, "x", "한"), [LintProblem::Hangul("x".into())]);
        assert_eq!(found(Lang::En, "ui.language.ko", "한국어"), []);
        assert_eq!(found(Lang::Ko, "x", " "), [LintProblem::Empty { lang: Lang::Ko, id: "x".into() }]);
        let period = LintProblem::Period { lang: Lang::Ko, id: "x.title".into() };
        assert_eq!(found(Lang::Ko, "x.title", "제목."), [period]);
        let fixed = LintProblem::FixedParticle { id: "x".into(), particle: "이" };
        assert_eq!(found(Lang::Ko, "x", "`{n}`이 왔습니다"), [fixed]);
        assert_eq!(found(Lang::Ko, "x", "{n}가지 {n}에서 {n}의"), []);
        assert!(matches!(found(Lang::Ko, "x", "{n:는/은}")[..], [LintProblem::Template { .. }]));
    }
}
