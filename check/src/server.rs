//! Checks that concern every stream server, whatever it speaks: a contract brings one question with its answer
//! ([`Dialect`](crate::peer::Dialect)), and these checks ask it of one client after another, or of many at once.
//!
//! One file a check.

pub(crate) mod backlog;
pub(crate) mod blocking_call;
pub(crate) mod descriptors;
pub(crate) mod empty_connection;
pub(crate) mod end_of_file;
pub(crate) mod from_outside;
pub(crate) mod idle_client;
pub(crate) mod reset;
pub(crate) mod restart;
pub(crate) mod second_client;
pub(crate) mod zombies;

use crate::bench::{Answer, Bench};
use crate::contract::Stage;
use crate::error::CheckError;
use crate::log::Log;
use crate::peer::Peer;
use crate::verdict::{Said, Verdict};

/// What checks with a second client rest on.
pub(crate) const SECOND_CLIENT: &[&str] = &["eof-spin", "serves-one-then-exits"];
/// What checks with two clients at once rest on.
pub(crate) const TWO_AT_ONCE: &[&str] = &["eof-spin", "serves-one-then-exits", "idle-client-blocks"];

/// Connects the next peer and has it ask; the peer, if it was served.
pub(crate) fn ask(stage: &mut Stage<'_>) -> Result<Option<Peer>, CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(None) };
    let answer = stage.bench.ask(&mut peer)?;
    Ok((answer == Answer::Whole).then_some(peer))
}

/// Records what the program is built on: judges name a bug by the model it stands in.
pub(crate) fn note_model(bench: &Bench) -> Result<(), CheckError> {
    let files = bench.lab.mapped_files(bench.program)?;
    bench.measure("asyncio", u64::from(files.iter().any(|name| name.starts_with("_asyncio."))));
    Ok(())
}

/// Whether the program runs an asyncio event loop.
pub(crate) fn is_async(log: Log<'_>) -> bool {
    log.measures("asyncio").contains(&1)
}

/// The verdict for a later client that was not served: the bug's own sentence and the story of that client.
pub(crate) fn unserved(log: Log<'_>, check: &str, bug: &str, peer: u16) -> Verdict {
    Verdict::fail(check, bug).because(log.story(peer)).citing(log.proof(peer))
}

/// The verdict on a check whose last client shows the outcome.
pub(crate) fn next_client(log: Log<'_>, check: &str, peer: u16) -> Verdict {
    if log.is_served(peer) { served(check) } else { unserved(log, check, check, peer) }
}

/// The pass of a check whose last client was served.
pub(crate) fn served(check: &str) -> Verdict {
    Verdict::pass(check, Said::new("outcome.pass.alive"))
}

/// Slow when the program only took long; the verdict otherwise.
pub(crate) fn unless_slow(log: Log<'_>, check: &str, verdict: Verdict) -> Verdict {
    if log.was_slow() { Verdict::slow(check, 20_000) } else { verdict }
}
