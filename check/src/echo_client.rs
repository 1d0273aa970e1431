//! The contract `echo-client`: called with host, port and a message, it sends the message as UTF-8 and nothing else,
//! reads exactly as many bytes as it has sent, prints them, closes and ends with 0. What cannot be done (refused,
//! reset, cut short, no answer for two seconds) ends it with another code. Its server is ours, and misbehaves.
//!
//! One file a kind of misbehaviour; messages are the program's last argument, replies go out from our peer.

mod broken_off;
mod exchange;
mod pieces;

use crate::bench::Bench;
use crate::contract::{Check, Contract};
use crate::error::CheckError;
use crate::log::Log;
use crate::peer::{Dialect, Peer};
use crate::server::unless_slow;
use crate::verdict::{Said, Verdict};

/// The contract.
pub(crate) const CONTRACT: Contract = Contract {
    name: "echo-client",
    dialect: Dialect { question: b"", answer: b"", is_echo: false },
    checks: CHECKS,
};

/// The table, in the order of causes.
const CHECKS: &[Check] = &[
    exchange::CHECK,
    pieces::SEGMENTS,
    pieces::SYLLABLE,
    exchange::SHORT_SEND,
    broken_off::FIN,
    broken_off::REFUSED,
];

/// Takes the program's connection and its whole message; `None` when it does not come.
fn hear(bench: &mut Bench, message: &str) -> Result<Option<Peer>, CheckError> {
    let Some(mut peer) = bench.accept()? else { return Ok(None) };
    bench.want(&mut peer, message.as_bytes());
    bench.read_until(&mut peer, message.len() as u64)?;
    Ok(Some(peer))
}

/// Waits for the program's end, and for what it has printed of the message it was answered with.
fn see_off(bench: &mut Bench, peer: &Peer, message: &str) -> Result<(), CheckError> {
    if bench.until_exited(Some(peer))? {
        bench.until_printed(message);
    }
    Ok(())
}

/// Whether it printed the message and called that success.
fn has_succeeded(log: Log<'_>, message: &str) -> bool {
    log.stdout(0).concat().contains(message) && code(log) == Some(0)
}

fn code(log: Log<'_>) -> Option<i32> {
    log.exit(0).and_then(|(_, exited)| exited.code)
}

fn passed(check: &str, said: &str) -> Verdict {
    Verdict::pass(check, Said::new(said))
}

/// The failure, with what the program printed and how it ended.
fn failed(log: Log<'_>, check: &str, bug: &str, message: &str) -> Verdict {
    const SHOWN: usize = 60;
    let printed: String = log.stdout(0).join(" ").chars().take(SHOWN).collect();
    let verdict = Verdict::fail(check, bug)
        .in_words_of(check)
        .with("sent", message.len())
        .with("received", log.received(0))
        .with("printed", printed)
        .because(ending(log))
        .citing(log.proof(0));
    unless_slow(log, check, verdict)
}

/// How it ended, or what it waits in.
fn ending(log: Log<'_>) -> Vec<Said> {
    let mut story = log.story(0);
    if log.exit(0).is_none() && log.measures("hangs") == [1] {
        let call = log.waiting_in().unwrap_or_else(|| "recv()".to_owned());
        story.push(Said::new("outcome.hangs").with("call", call));
    }
    story
}
