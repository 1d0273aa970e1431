//! The contract `echo`: every byte that comes in goes back, in order, to whoever sent it; a client that has stopped
//! sending still gets the rest; clients do not disturb each other; the server lives on.
//!
//! One file a check. Their order is that of causes: of several that fail, the first names the bug.

mod backlog;
mod blocking_call;
mod close_after_fin;
mod decode;
mod descriptors;
mod empty_connection;
mod end_of_file;
mod exact_buffer;
mod from_outside;
mod full_window;
mod graceful_stop;
mod happy_path;
mod idle_client;
mod large;
mod non_text;
mod poison;
mod reset;
mod reset_in_reply;
mod restart;
mod second_client;
mod short_send;
mod slow_reader;
mod unread_replies;
mod zombies;

use crate::bench::{Answer, Bench};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::peer::Peer;
use crate::verdict::{Said, Verdict};

/// The table.
pub(crate) const CHECKS: &[Check] = &[
    happy_path::CHECK,
    from_outside::CHECK,
    decode::CHECK,
    non_text::CHECK,
    poison::CHECK,
    exact_buffer::CHECK,
    end_of_file::CHECK,
    second_client::CHECK,
    empty_connection::CHECK,
    idle_client::CHECK,
    blocking_call::CHECK,
    full_window::CHECK,
    close_after_fin::CHECK,
    descriptors::CHECK,
    reset::CHECK,
    reset_in_reply::CHECK,
    large::CHECK,
    short_send::CHECK,
    slow_reader::CHECK,
    unread_replies::CHECK,
    backlog::CHECK,
    zombies::CHECK,
    restart::CHECK,
    graceful_stop::CHECK,
];

/// What checks with a second client rest on.
const SECOND_CLIENT: &[&str] = &["eof-spin", "serves-one-then-exits"];
/// What checks with two clients at once rest on.
const TWO_AT_ONCE: &[&str] = &["eof-spin", "serves-one-then-exits", "idle-client-blocks"];

/// A question that any echo server answers, whatever it makes of text.
const QUESTION: &[u8] = b"hello tongro\n";
/// More than both kernels' buffers hold: see `runner::SYSCTLS`.
const MORE_THAN_A_WINDOW: usize = 4 << 20;

/// Connects the next peer and has it ask; the peer, if it was served.
fn ask(stage: &mut Stage<'_>) -> Result<Option<Peer>, CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(None) };
    let answer = stage.bench.pump(&mut peer, QUESTION)?;
    Ok((answer == Answer::Whole).then_some(peer))
}

/// Records what the program is built on: judges name a bug by the model it stands in.
fn note_model(bench: &Bench) -> Result<(), CheckError> {
    let files = bench.lab.mapped_files(bench.program)?;
    bench.measure("asyncio", u64::from(files.iter().any(|name| name.starts_with("_asyncio."))));
    Ok(())
}

/// Whether the program runs an asyncio event loop.
fn is_async(log: Log<'_>) -> bool {
    log.measures("asyncio").contains(&1)
}

/// Bytes without meaning but with order: any loss, doubling or swap shows.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| b"abcdefghijklmnopqrstuvwxyz0123456789"[(at + at / 36 + at / 4096) % 36]).collect()
}

/// The verdict for a later client that was not served: the bug's own sentence and the story of that client.
fn unserved(log: Log<'_>, check: &str, bug: &str, peer: u16) -> Verdict {
    Verdict::fail(check, bug).because(log.story(peer)).citing(log.proof(peer))
}

/// The verdict on a check whose last client shows the outcome.
fn next_client(log: Log<'_>, check: &str, peer: u16) -> Verdict {
    if log.is_served(peer) { served(check) } else { unserved(log, check, check, peer) }
}

/// The pass of a check whose last client was served.
fn served(check: &str) -> Verdict {
    Verdict::pass(check, Said::new("outcome.pass.alive"))
}

/// The pass of a check whose bytes all came back.
fn intact(log: Log<'_>, check: &str, peer: u16) -> Verdict {
    let mut verdict =
        Verdict::pass(check, Said::new("outcome.pass.intact").with("received", log.received(peer)));
    verdict.expected = verdict.expected.with("sent", log.sent(peer));
    verdict
}

/// The failure of peer A's bytes to come back whole.
fn not_whole(log: Log<'_>, check: &str, bug: &str) -> Verdict {
    let received = log.received(0);
    let verdict = Verdict::fail(check, bug)
        .with("sent", log.sent(0))
        .with("received", received)
        .with("offset", log.differs_at(0).unwrap_or(received));
    unless_slow(log, check, verdict.because(log.story(0)).citing(log.proof(0)))
}

/// Slow when the program only took long; the verdict otherwise.
fn unless_slow(log: Log<'_>, check: &str, verdict: Verdict) -> Verdict {
    if log.was_slow() { Verdict::slow(check, 20_000) } else { verdict }
}
