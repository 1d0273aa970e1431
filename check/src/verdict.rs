//! The verdict: what the judge says of one check, as data.

use serde::{Deserialize, Serialize};

/// An id that `course` has words for, with the parameters of its sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The id: `checks.decode-per-recv.expected`.
    pub id: String,
    /// Parameters by name.
    pub params: Vec<(String, String)>,
}

impl Said {
    /// A sentence without parameters.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), params: Vec::new() }
    }

    /// The same with one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.params.push((name.to_owned(), value.to_string()));
        self
    }
}

/// The kinds of verdict. Only `Fail` makes a program wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The contract held under this stimulus.
    Pass,
    /// It was broken, with evidence.
    Fail,
    /// The limit passed while the program still made progress.
    Slow,
    /// Outside the program's contract or kind.
    #[serde(rename = "n/a")]
    NotApplicable,
    /// Nothing was learnt.
    Void,
}

/// How wrong a bug is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A peer on loopback can show it.
    Today,
    /// Needs loss, delay, silence or another host.
    Network,
    /// Right on this kernel or mode only.
    Portability,
}

/// What the judge says of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The check's id.
    pub check: String,
    /// The kind.
    pub verdict: Kind,
    /// How wrong it is; for a pass, how wrong it would have been.
    pub severity: Severity,
    /// The bug's id in the catalogue, for a fail.
    pub bug: Option<String>,
    /// What is right.
    pub expected: Said,
    /// What happened, one sentence after the other; or why there is no verdict.
    pub got: Vec<Said>,
    /// Ids of the events that prove it.
    pub evidence: Vec<u64>,
}

impl Verdict {
    fn of(check: &str, verdict: Kind, got: Vec<Said>) -> Self {
        Self {
            check: check.to_owned(),
            verdict,
            severity: severity_of(check),
            bug: None,
            expected: Said::new(format!("check.{check}.expected")),
            got,
            evidence: Vec::new(),
        }
    }

    /// The contract held.
    #[must_use]
    pub fn pass(check: &str, got: Said) -> Self {
        Self::of(check, Kind::Pass, vec![got])
    }

    /// The contract was broken: the bug's own sentence first, parameters for it and for what is expected.
    #[must_use]
    pub fn fail(check: &str, bug: &str) -> Self {
        let mut verdict = Self::of(check, Kind::Fail, vec![Said::new(format!("check.{bug}.got"))]);
        verdict.bug = Some(bug.to_owned());
        verdict.severity = severity_of(bug);
        verdict.expected.id = format!("check.{bug}.expected");
        verdict
    }

    /// Nothing was learnt, for this reason.
    #[must_use]
    pub fn void(check: &str, reason: Said) -> Self {
        Self::of(check, Kind::Void, vec![reason])
    }

    /// It does not apply, for this reason.
    #[must_use]
    pub fn not_applicable(check: &str, reason: Said) -> Self {
        Self::of(check, Kind::NotApplicable, vec![reason])
    }

    /// It took long but went on.
    #[must_use]
    pub fn slow(check: &str, ms: u64) -> Self {
        Self::of(check, Kind::Slow, vec![Said::new("outcome.slow.progress").with("ms", ms)])
    }

    /// Sets a parameter of both sentences.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.expected = self.expected.with(name, value.to_string());
        if let Some(first) = self.got.first_mut() {
            first.params.push((name.to_owned(), value.to_string()));
        }
        self
    }

    /// Says the same in the words of another entry of `check`.
    #[must_use]
    pub fn in_words_of(mut self, entry: &str) -> Self {
        self.expected.id = format!("check.{entry}.expected");
        if let Some(first) = self.got.first_mut() {
            first.id = format!("check.{entry}.got");
        }
        self
    }

    /// Adds sentences about what happened.
    #[must_use]
    pub fn because(mut self, more: impl IntoIterator<Item = Said>) -> Self {
        self.got.extend(more);
        self
    }

    /// Cites events.
    #[must_use]
    pub fn citing(mut self, events: impl IntoIterator<Item = u64>) -> Self {
        self.evidence.extend(events);
        self.evidence.sort_unstable();
        self.evidence.dedup();
        self
    }
}

/// The severity of a bug of the catalogue.
#[must_use]
pub(crate) fn severity_of(bug: &str) -> Severity {
    match bug {
        "loopback-only-bind"
        | "ipv4-only"
        | "no-idle-timeout"
        | "udp-waits-forever"
        | "udp-dup-reorder-accepted"
        | "late-ack-matched-to-next"
        | "broadcast-wrong-scope"
        | "client-no-timeout" => Severity::Network,
        "send-not-sendall" => Severity::Portability,
        _ => Severity::Today,
    }
}
