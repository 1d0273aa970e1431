//! Byte order: a number whose bytes read differently from each end.

use super::{ADD, answered, reply, request, wrong_reply};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge);
const ID: &str = "struct-little-endian";
const NUMBER: u32 = 0x0102_0304;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(()) };
    stage.bench.exchange(&mut peer, &[&request(ADD, NUMBER)], &reply(ADD, NUMBER.into()))?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) {
        return answered(log, ID, 0);
    }
    wrong_reply(log, ID, named(log))
}

/// The number read from the wrong end, whichever way it was written back; anything else is no matter of order.
fn named(log: Log<'_>) -> &'static str {
    let swapped = u64::from(NUMBER.swap_bytes());
    let wrong = [swapped.to_be_bytes(), swapped.to_le_bytes(), u64::from(NUMBER).to_le_bytes()];
    let total = log.preview(0).get(1..9).unwrap_or_default();
    if wrong.iter().any(|bytes| bytes == total) { ID } else { "binary-exchange" }
}
