//! A request in two segments, cut at each of its offsets: recv() returns what is there, not what is wanted.

use super::{ADD, REQUEST, answered, reply, request, wrong_reply};
use crate::bench::Answer;
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge);
const ID: &str = "unpack-short-recv";
const NUMBER: u32 = 0x0500_0005;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(()) };
    let asked = request(ADD, NUMBER);
    for cut in 1..REQUEST {
        stage.bench.measure("cut", cut as u64);
        let (head, tail) = asked.split_at(cut);
        let total = u64::from(NUMBER) * cut as u64;
        if stage.bench.exchange(&mut peer, &[head, tail], &reply(ADD, total))? != Answer::Whole {
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
    let cut = log.measures("cut").last().copied().unwrap_or(0);
    wrong_reply(log, ID, ID).with("cut", cut)
}
