//! The contract `echo`: every byte that comes in goes back, in order, to whoever sent it; a client that has stopped
//! sending still gets the rest; clients do not disturb each other; the server lives on.
//!
//! One file a check. Their order is that of causes: of several that fail, the first names the bug.

mod close_after_fin;
mod decode;
mod exact_buffer;
mod full_window;
mod graceful_stop;
mod happy_path;
mod large;
mod non_text;
mod poison;
mod reset_in_reply;
mod short_send;
mod slow_reader;
mod unread_replies;

use crate::contract::{Check, Contract};
use crate::log::Log;
use crate::peer::Dialect;
use crate::server::{
    SECOND_CLIENT, TWO_AT_ONCE, ask, backlog, blocking_call, descriptors, empty_connection, end_of_file,
    from_outside, idle_client, is_async, next_client, note_model, reset, restart, second_client, served,
    unless_slow, unserved, zombies,
};
use crate::verdict::{Said, Verdict};

/// The contract.
pub(crate) const CONTRACT: Contract = Contract { name: "echo", dialect: Dialect::ECHO, checks: CHECKS };

/// The table.
const CHECKS: &[Check] = &[
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

/// A question that any echo server answers, whatever it makes of text.
const QUESTION: &[u8] = Dialect::ECHO.question;
/// More than both kernels' buffers hold: see `runner::SYSCTLS`.
const MORE_THAN_A_WINDOW: usize = 4 << 20;

/// Bytes without meaning but with order: any loss, doubling or swap shows.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| b"abcdefghijklmnopqrstuvwxyz0123456789"[(at + at / 36 + at / 4096) % 36]).collect()
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
    let extra = received.checked_sub(log.sent(0)).filter(|count| *count > 0);
    let extra = extra.map(|count| Said::new("outcome.extra").with("count", count));
    unless_slow(log, check, verdict.because(extra).because(log.story(0)).citing(log.proof(0)))
}
