//! The contract `binary`: a server that adds up numbers, with messages of a fixed layout in network byte order.
//!
//! ```text
//! request, struct "!BI", 5 bytes            reply, struct "!BQ", 9 bytes
//!  0     1                 5                 0     1                             9
//! +-----+-----------------+                 +-----+-----------------------------+
//! | op  |  number (u32)   |                 | op  |        total (u64)          |
//! +-----+-----------------+                 +-----+-----------------------------+
//! op 1 adds the number to this connection's total, op 2 only asks for it; every request is answered with the total.
//! ```
//!
//! Bytes of the requests come from the probes below; replies are compared byte by byte with [`reply`].

mod boundaries;
mod byte_order;
mod exchange;
mod ranges;
mod short_recv;
mod short_send;

use crate::contract::{Check, Contract};
use crate::log::Log;
use crate::peer::Dialect;
use crate::server::{
    descriptors, empty_connection, end_of_file, from_outside, idle_client, reset, restart, second_client,
    unless_slow,
};
use crate::verdict::{Said, Verdict};

/// The contract.
pub(crate) const CONTRACT: Contract = Contract {
    name: "binary",
    dialect: Dialect { question: &[1, 5, 0, 0, 5], answer: &[1, 0, 0, 0, 0, 5, 0, 0, 5], is_echo: false },
    checks: CHECKS,
};

/// The table, in the order of causes.
const CHECKS: &[Check] = &[
    exchange::CHECK,
    from_outside::CHECK,
    byte_order::CHECK,
    ranges::CHECK,
    short_recv::CHECK,
    boundaries::COALESCED,
    boundaries::SHIFTED,
    short_send::CHECK,
    end_of_file::CHECK,
    second_client::CHECK,
    empty_connection::CHECK,
    idle_client::CHECK,
    descriptors::CHECK,
    reset::CHECK,
    restart::CHECK,
];

const ADD: u8 = 1;
const ASK: u8 = 2;
/// Bytes of a request and of a reply.
const REQUEST: usize = 5;
const REPLY: usize = 9;

/// A request.
fn request(op: u8, number: u32) -> [u8; REQUEST] {
    let [a, b, c, d] = number.to_be_bytes();
    [op, a, b, c, d]
}

/// The reply that must come to it.
fn reply(op: u8, total: u64) -> [u8; REPLY] {
    let mut bytes = [op; REPLY];
    bytes[1..].copy_from_slice(&total.to_be_bytes());
    bytes
}

/// The pass of a check whose replies were all right.
fn answered(log: Log<'_>, check: &str, peer: u16) -> Verdict {
    Verdict::pass(check, Said::new("outcome.pass.answered").with("received", log.received(peer)))
}

/// The failure: which bytes came instead of which.
fn wrong_reply(log: Log<'_>, check: &str, bug: &str) -> Verdict {
    let received = log.received(0);
    let verdict = Verdict::fail(check, bug)
        .with("sent", log.sent(0))
        .with("received", received)
        .with("offset", log.differs_at(0).unwrap_or(received))
        .with("bytes", hex(log.preview(0)));
    unless_slow(log, check, verdict.because(log.story(0)).citing(log.proof(0)))
}

/// Bytes as people read them; the last few, where there are many.
fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 18;
    let from = bytes.len().saturating_sub(SHOWN);
    let shown: Vec<String> = bytes[from..].iter().map(|byte| format!("{byte:02x}")).collect();
    if shown.is_empty() { "–".to_owned() } else { shown.join(" ") }
}
