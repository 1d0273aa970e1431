//! The plain conversation, and the same where the kernel takes only some bytes of a send().

use tongro_lab::{CallDo, CallRule};

use super::{failed, has_succeeded, hear, passed, see_off};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(PLAIN, probe, judge).of_client(plain, true);
pub(super) const SHORT_SEND: Check =
    Check::new(SHORT, probe_short, judge_short).of_client(long, true).with_calls(rules);
const PLAIN: &str = "client-exchange";
const SHORT: &str = "client-short-send";
const MESSAGE: &str = "hello tongro";
const LIMIT: u64 = 100;
const LEN: usize = 1_001;

fn plain() -> Vec<String> {
    vec![MESSAGE.to_owned()]
}

/// Longer than what a clipped send() takes.
fn long() -> Vec<String> {
    let letters = ('a'..='z').cycle();
    vec![letters.take(LEN).collect()]
}

fn rules() -> Vec<CallRule> {
    vec![CallRule { call: "send".into(), nth: None, action: CallDo::Short(LIMIT) }]
}

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    go(stage, MESSAGE)
}

fn probe_short(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    go(stage, &long()[0])
}

fn go(stage: &mut Stage<'_>, message: &str) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(mut peer) = hear(bench, message)? else { return Ok(()) };
    if peer.received == message.len() as u64 {
        bench.send(&mut peer, message.as_bytes())?;
    }
    see_off(bench, &peer, message)
}

fn judge(log: Log<'_>) -> Verdict {
    if has_succeeded(log, MESSAGE) && log.is_whole(0) {
        return passed(PLAIN, "outcome.pass.printed");
    }
    failed(log, PLAIN, PLAIN, MESSAGE)
}

fn judge_short(log: Log<'_>) -> Verdict {
    let message = &long()[0];
    if has_succeeded(log, message) && log.is_whole(0) {
        return passed(SHORT, "outcome.pass.printed");
    }
    let short = log.calls().into_iter().find(|call| call.is_send() && call.is_in_part());
    failed(log, SHORT, "send-not-sendall", message).citing(short.map(|call| call.id))
}
