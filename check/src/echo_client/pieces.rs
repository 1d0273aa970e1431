//! The reply comes in pieces: in three segments; cut in the middle of a Korean syllable.

use super::{failed, has_succeeded, hear, passed, see_off};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const SEGMENTS: Check = Check::new(CUT, probe_cut, judge_cut).of_client(english, true);
pub(super) const SYLLABLE: Check =
    Check::new(SPLIT, probe_split, judge_split).of_client(korean, true).needing(&[CUT]);
const CUT: &str = "client-short-recv";
const SPLIT: &str = "client-decode";
const ENGLISH: &str = "one reply in three pieces";
const KOREAN: &str = "안녕하세요";

fn english() -> Vec<String> {
    vec![ENGLISH.to_owned()]
}

fn korean() -> Vec<String> {
    vec![KOREAN.to_owned()]
}

fn probe_cut(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    go(stage, ENGLISH, &[4, 13])
}

fn probe_split(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    // A syllable has three bytes in UTF-8: the second one is cut after its first two.
    go(stage, KOREAN, &[5])
}

fn go(stage: &mut Stage<'_>, message: &str, cuts: &[usize]) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(mut peer) = hear(bench, message)? else { return Ok(()) };
    let mut from = 0;
    for cut in cuts.iter().copied().chain([message.len()]) {
        bench.send(&mut peer, &message.as_bytes()[from..cut])?;
        if bench.has_exited() {
            break;
        }
        bench.rest(&[&peer])?;
        from = cut;
    }
    see_off(bench, &peer, message)
}

fn judge_cut(log: Log<'_>) -> Verdict {
    if has_succeeded(log, ENGLISH) {
        return passed(CUT, "outcome.pass.printed");
    }
    failed(log, CUT, "short-recv-is-end", ENGLISH)
}

fn judge_split(log: Log<'_>) -> Verdict {
    if has_succeeded(log, KOREAN) {
        return passed(SPLIT, "outcome.pass.printed");
    }
    failed(log, SPLIT, "decode-per-recv", KOREAN)
}
