//! The judge: contracts, probes, peers that misbehave, and the verdict.
//!
//! A check is a probe (what our peers do to the program under test, in a lab of its own) and a judgement (what the
//! event log of that run says). Probes wait for events, never for time; judgements are pure functions of the log.
//! Sentences are ids with parameters: the words live in `course`.

mod bench;
mod binary;
mod contract;
pub mod demo;
mod echo;
mod echo_client;
mod error;
mod log;
mod peer;
pub mod record;
mod replay;
mod runner;
mod server;
mod start;
mod verdict;
mod watch;

pub use contract::{Check, Contract, contract, contracts};
pub use error::CheckError;
pub use log::Log;
pub use replay::replay;
pub use runner::{Judged, Progress, Runner, Subject, Summary};
pub use start::Unstarted;
pub use verdict::{Kind, Said, Severity, Verdict};
