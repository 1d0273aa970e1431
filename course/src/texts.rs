//! The sentences themselves: embedded TOML files, flattened to dotted ids.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::template::{self, TemplateError};
use crate::{Lang, lint::LintProblem};

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// No file defines the id in this language.
    #[error("no text `{id}` in `{}`", lang.tag())]
    Unknown {
        /// The language asked for.
        lang: Lang,
        /// The id asked for.
        id: String,
    },
    /// The sentence cannot be filled.
    #[error("text `{id}`: {source}")]
    Template {
        /// The id asked for.
        id: String,
        /// What is wrong with it, or with the values given.
        source: TemplateError,
    },
}

/// The sentence `id` in `lang`, filled with `params`. Whatever is wrong, a program keeps running: an unknown id
/// gives the id, a sentence that cannot be filled gives itself.
pub fn text(lang: Lang, id: &str, params: &[(&str, &str)]) -> String {
    try_text(lang, id, params).unwrap_or_else(|_| raw(lang, id).unwrap_or(id).to_owned())
}

/// The sentence `id` in `lang`, filled with `params`, or what is wrong with it: for tests.
pub fn try_text(lang: Lang, id: &str, params: &[(&str, &str)]) -> Result<String, TextError> {
    let sentence = raw(lang, id).ok_or_else(|| TextError::Unknown { lang, id: id.to_owned() })?;
    template::fill(sentence, params).map_err(|source| TextError::Template { id: id.to_owned(), source })
}

/// All ids that begin with `prefix`, in order of the alphabet, with their unfilled sentences: `ui.` for a
/// dictionary of the workbench.
pub fn ids(lang: Lang, prefix: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = TEXTS.of(lang).range(prefix.to_owned()..);
    let all = all.map(|(id, sentence)| (id.as_str(), sentence.as_str()));
    all.take_while(move |(id, _)| id.starts_with(prefix))
}

/// The unfilled sentence.
pub(crate) fn raw(lang: Lang, id: &str) -> Option<&'static str> {
    TEXTS.of(lang).get(id).map(String::as_str)
}

/// Sentences by id.
pub(crate) type Sentences = BTreeMap<String, String>;

/// Both languages, and what went wrong when they were read.
pub(crate) struct Texts {
    ko: Sentences,
    en: Sentences,
    pub(crate) problems: Vec<LintProblem>,
}

impl Texts {
    pub(crate) fn of(&self, lang: Lang) -> &Sentences {
        match lang {
            Lang::Ko => &self.ko,
            Lang::En => &self.en,
        }
    }
}

pub(crate) static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    let mut problems = Vec::new();
    let ko = read(Lang::Ko, FILES.iter().map(|file| (file.prefix, file.ko)), &mut problems);
    let en = read(Lang::En, FILES.iter().map(|file| (file.prefix, file.en)), &mut problems);
    Texts { ko, en, problems }
});

/// Reads `(prefix, TOML)` files of one language into one map.
pub(crate) fn read<'f>(
    lang: Lang,
    files: impl Iterator<Item = (&'f str, &'f str)>,
    problems: &mut Vec<LintProblem>,
) -> Sentences {
    let mut sentences = Sentences::new();
    for (prefix, toml) in files {
        match toml.parse::<toml::Table>() {
            Ok(table) => flatten(lang, prefix, &table, &mut sentences, problems),
            Err(error) => {
                problems.push(LintProblem::BadFile { lang, file: prefix.to_owned(), why: error.to_string() });
            }
        }
    }
    sentences
}

fn flatten(
    lang: Lang,
    prefix: &str,
    table: &toml::Table,
    out: &mut Sentences,
    problems: &mut Vec<LintProblem>,
) {
    for (key, value) in table {
        let id = format!("{prefix}.{key}");
        match value {
            toml::Value::String(sentence) => {
                if out.insert(id.clone(), sentence.trim_end().to_owned()).is_some() {
                    problems.push(LintProblem::Twice { lang, id });
                }
            }
            toml::Value::Table(inner) => flatten(lang, &id, inner, out, problems),
            _ => problems.push(LintProblem::NotText { lang, id }),
        }
    }
}

/// One file in both languages; `prefix` begins its ids.
struct File {
    prefix: &'static str,
    ko: &'static str,
    en: &'static str,
}

macro_rules! file {
    ($prefix:literal, $path:literal) => {
        File {
            prefix: $prefix,
            ko: include_str!(concat!("../text/ko/", $path)),
            en: include_str!(concat!("../text/en/", $path)),
        }
    };
}

const FILES: &[File] = &[
    file!("bug", "bugs/streams.toml"),
    file!("bug", "bugs/binary.toml"),
    file!("bug", "bugs/files.toml"),
    file!("bug", "bugs/datagrams.toml"),
    file!("bug", "bugs/concurrency.toml"),
    file!("bug", "bugs/http.toml"),
    file!("bug", "bugs/tls-packets-rest.toml"),
    file!("bug", "bugs/chat-sync.toml"),
    file!("bug", "bugs/everywhere.toml"),
    file!("finding", "findings.toml"),
    file!("check", "checks.toml"),
    file!("outcome", "outcomes.toml"),
    file!("field", "fields.toml"),
    file!("ui", "ui.toml"),
    file!("cli", "cli.toml"),
    file!("help", "help.toml"),
    file!("reading", "reading.toml"),
    file!("packet", "packet.toml"),
    file!("sync", "sync.toml"),
    file!("cli", "learn.toml"),
    file!("serve", "serve.toml"),
    file!("race", "race.toml"),
    file!("clock", "clock.toml"),
    file!("bench", "bench.toml"),
    file!("pathology", "pathology.toml"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_keys_make_the_id() {
        let mut problems = Vec::new();
        let files = [("ui", "a = 'x'\n[b.c]\nd = 'y'\n")];
        let sentences = read(Lang::En, files.into_iter(), &mut problems);
        assert_eq!(sentences["ui.a"], "x");
        assert_eq!(sentences["ui.b.c.d"], "y");
        assert_eq!(problems, []);
    }

    #[test]
    fn what_is_no_text_is_reported() {
        let mut problems = Vec::new();
        let files = [("ui", "a = 1"), ("ui", "b = "), ("ui", "c = 'x'"), ("ui", "c = 'y'")];
        read(Lang::Ko, files.into_iter(), &mut problems);
        let lang = Lang::Ko;
        assert!(problems.contains(&LintProblem::NotText { lang, id: "ui.a".into() }));
        assert!(problems.contains(&LintProblem::Twice { lang, id: "ui.c".into() }));
        assert!(problems.iter().any(|p| matches!(p, LintProblem::BadFile { .. })));
    }

    #[test]
    fn an_unknown_id_is_an_error_in_tests_and_itself_at_run_time() {
        let unknown = TextError::Unknown { lang: Lang::Ko, id: "ui.nope".into() };
        assert_eq!(try_text(Lang::Ko, "ui.nope", &[]), Err(unknown));
        assert_eq!(text(Lang::Ko, "ui.nope", &[]), "ui.nope");
    }

    #[test]
    fn a_sentence_without_its_values_shows_itself() {
        let id = "check.happy-path.got";
        assert!(matches!(try_text(Lang::En, id, &[]), Err(TextError::Template { .. })));
        assert_eq!(text(Lang::En, id, &[]), raw(Lang::En, id).unwrap());
    }

    #[test]
    fn sentences_sound_right() {
        let hosts =
            [("from", "클라이언트"), ("to", "서버"), ("first", "#5"), ("n", "#13"), ("rule", "loss-1")];
        let more = [("ack", "65"), ("dups", "#10 #11 #12"), ("seq", "65"), ("len", "1448"), ("ms", "41.3")];
        let params: Vec<_> = hosts.into_iter().chain(more).collect();
        let why = |id: &str| try_text(Lang::Ko, &format!("finding.{id}.why"), &params).unwrap();
        assert_eq!(
            why("fast_retransmission"),
            "서버가 같은 확인 번호 65를 되풀이해 보냈습니다(#10 #11 #12). 세 번 되풀이되자 클라이언트는 #5가 \
             사라졌다고 보고 재전송 타이머(RTO)를 기다리지 않고 바로 다시 보냈습니다."
        );
        assert!(why("lost").starts_with("#13은 링크에서 버려져(loss-1) 서버에 닿지 못했습니다."));
        assert!(why("delayed").starts_with("링크가 #13을 41.3 ms 동안 붙들고 있었습니다."));
    }

    #[test]
    fn every_check_is_a_bug_or_a_question_before_bugs() {
        let others = ["happy-path", "not-an-echo-server", "half-close-no-fin"];
        for (id, _) in ids(Lang::En, "check.") {
            let check = id.split('.').nth(1).unwrap();
            let is_bug = crate::bugs().iter().any(|bug| bug.id == check);
            assert!(is_bug || others.contains(&check), "{check}");
        }
    }

    #[test]
    fn only_what_a_check_got_has_values() {
        for (id, sentence) in Lang::ALL.into_iter().flat_map(|lang| ids(lang, "check.")) {
            assert!(id.ends_with(".got") || template::names(sentence).unwrap().is_empty(), "{id}");
        }
    }

    #[test]
    fn findings_quote_no_value() {
        // A value becomes a chip in the workbench, and marks around it would be cut off from it.
        for (id, sentence) in Lang::ALL.into_iter().flat_map(|lang| ids(lang, "finding.")) {
            assert!(!sentence.contains('`'), "{id}");
        }
    }

    #[test]
    fn labels_for_the_browser_hold_plain_values_only() {
        use crate::template::{Piece, parse};
        for (id, label) in Lang::ALL.into_iter().flat_map(|lang| ids(lang, "ui.")) {
            let is_plain = |piece: &Piece| matches!(piece, Piece::Words(_) | Piece::Value(_, None));
            assert!(parse(label).unwrap().iter().all(is_plain), "{id}");
        }
    }

    #[test]
    fn a_prefix_gives_its_part_only() {
        assert!(ids(Lang::En, "ui.").count() > 50);
        assert!(ids(Lang::Ko, "ui.").all(|(id, _)| id.starts_with("ui.")));
    }
}
