//! Awkward messages: a blank line, a zero byte. Whoever cannot answer must close; silence is a lost error.

use tongro_trace::event::Action;

use super::{intact, not_whole, unless_slow};
use crate::bench::Answer;
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge);
const ID: &str = "swallowed-task-error";
const MESSAGES: [&[u8]; 3] = [b"\n", b" \r\n", b"\0\n"];

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(()) };
    for (number, message) in MESSAGES.into_iter().enumerate() {
        stage.bench.measure("message", number as u64);
        if stage.bench.pump(&mut peer, message)? != Answer::Whole {
            break;
        }
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) {
        return intact(log, ID, 0);
    }
    if !log.has(0, Action::Quiet) || log.exit(0).is_some() {
        return not_whole(log, ID, "happy-path");
    }
    let number = log.measures("message").last().copied().unwrap_or(0) as usize;
    let shown = MESSAGES.get(number).map_or_else(String::new, |message| message.escape_ascii().to_string());
    let verdict = Verdict::fail(ID, ID).with("sent", shown);
    unless_slow(log, ID, verdict.because(log.story(0)).citing(log.proof(0)))
}
