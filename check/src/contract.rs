//! Contracts: what a kind of program promises, as a table of checks.

use tongro_lab::{CallRule, Tracing};

use crate::bench::Bench;
use crate::echo;
use crate::error::CheckError;
use crate::log::Log;
use crate::runner::Subject;
use crate::start::Conditions;
use crate::verdict::Verdict;

/// A kind of program and what is checked of it.
#[derive(Debug)]
pub struct Contract {
    /// Its name on the command line.
    pub name: &'static str,
    /// The checks, in the order of causes: what comes first explains what comes after it.
    pub checks: &'static [Check],
}

/// What a probe is given.
pub(crate) struct Stage<'a> {
    pub(crate) bench: Bench,
    pub(crate) subject: &'a Subject,
    pub(crate) conditions: &'a Conditions,
}

type Probe = fn(&mut Stage<'_>) -> Result<(), CheckError>;

/// One check.
pub struct Check {
    /// Its id: that of the bug it is named after.
    pub id: &'static str,
    /// Checks without which this one says nothing.
    pub needs: &'static [&'static str],
    /// Whether calls are recorded, and the rules that alter them.
    pub(crate) tracing: Tracing,
    pub(crate) calls: fn() -> Vec<CallRule>,
    /// What our peers do.
    pub(crate) probe: Probe,
    /// What the log says of it.
    pub(crate) judge: fn(Log<'_>) -> Verdict,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Check {
    /// A check on a traced program with unaltered calls.
    pub(crate) const fn new(id: &'static str, probe: Probe, judge: fn(Log<'_>) -> Verdict) -> Self {
        Self { id, needs: &[], tracing: Tracing::Network, calls: Vec::new, probe, judge }
    }

    /// The same, only where other checks have passed.
    pub(crate) const fn needing(self, needs: &'static [&'static str]) -> Self {
        Self { needs, ..self }
    }

    /// The same on a program that runs at its own speed.
    pub(crate) const fn untraced(self) -> Self {
        Self { tracing: Tracing::Off, ..self }
    }

    /// The same with altered calls.
    pub(crate) const fn with_calls(self, calls: fn() -> Vec<CallRule>) -> Self {
        Self { calls, ..self }
    }
}

/// All contracts.
#[must_use]
pub fn contracts() -> &'static [Contract] {
    &[Contract { name: "echo", checks: echo::CHECKS }]
}

/// The contract of a name.
///
/// # Errors
/// [`CheckError::UnknownContract`].
pub fn contract(name: &str) -> Result<&'static Contract, CheckError> {
    let found = contracts().iter().find(|contract| contract.name == name);
    found.ok_or_else(|| CheckError::UnknownContract(name.to_owned()))
}
