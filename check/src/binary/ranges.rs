//! Values at the edges: the top bit of a number, the largest one, a total that no longer fits in four bytes.

use super::{ADD, answered, reply, request, wrong_reply};
use crate::bench::Answer;
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge).needing(&["struct-little-endian"]);
const ID: &str = "struct-value-range";
const NUMBERS: [u32; 4] = [0, 0x8000_0000, u32::MAX, 1];

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(()) };
    let mut total = 0;
    for number in NUMBERS {
        total += u64::from(number);
        stage.bench.measure("number", number.into());
        if stage.bench.exchange(&mut peer, &[&request(ADD, number)], &reply(ADD, total))? != Answer::Whole {
            break;
        }
        if peer.differs_at.is_some() {
            break;
        }
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) {
        return answered(log, ID, 0);
    }
    let number = log.measures("number").last().copied().unwrap_or(0);
    wrong_reply(log, ID, ID).with("number", number)
}
