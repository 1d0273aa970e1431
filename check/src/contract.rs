//! Contracts: what a kind of program promises, as a table of checks.

use tongro_lab::{CallRule, Tracing};

use crate::bench::Bench;
use crate::error::CheckError;
use crate::log::Log;
use crate::peer::Dialect;
use crate::runner::Subject;
use crate::start::Conditions;
use crate::verdict::Verdict;
use crate::{binary, echo, echo_client};

/// A kind of program and what is checked of it.
#[derive(Debug)]
pub struct Contract {
    /// Its name on the command line.
    pub name: &'static str,
    /// What its peers say, and what must come back.
    pub(crate) dialect: Dialect,
    /// The checks, in the order of causes: what comes first explains what comes after it.
    pub checks: &'static [Check],
}

/// What a probe is given.
pub(crate) struct Stage<'a> {
    pub(crate) bench: Bench,
    pub(crate) subject: &'a Subject,
    pub(crate) conditions: &'a Conditions,
}

/// On which side of the conversation the program under test stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    /// It listens; peers connect to it.
    Server,
    /// It is given the address of our server side and these arguments, and connects.
    Client {
        /// What comes after host and port.
        arguments: fn() -> Vec<String>,
        /// Whether anybody listens there.
        is_answered: bool,
    },
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
    /// On which side the program stands.
    pub(crate) side: Side,
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
        Self { id, needs: &[], tracing: Tracing::Network, calls: Vec::new, side: Side::Server, probe, judge }
    }

    /// A check on a program that connects, with what it is told to say.
    pub(crate) const fn of_client(self, arguments: fn() -> Vec<String>, is_answered: bool) -> Self {
        Self { side: Side::Client { arguments, is_answered }, ..self }
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
    &[echo::CONTRACT, binary::CONTRACT, echo_client::CONTRACT]
}

/// The contract of a name.
///
/// # Errors
/// [`CheckError::UnknownContract`].
pub fn contract(name: &str) -> Result<&'static Contract, CheckError> {
    let found = contracts().iter().find(|contract| contract.name == name);
    found.ok_or_else(|| CheckError::UnknownContract(name.to_owned()))
}
