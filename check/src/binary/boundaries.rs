//! Segments are not messages: three requests in one segment; one and a half in the first, the rest in the second.

use super::{ADD, answered, reply, request, wrong_reply};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const COALESCED: Check = Check::new("coalesced-dropped", together, judge_together);
pub(super) const SHIFTED: Check =
    Check::new("boundary-shifted", shifted, judge_shifted).needing(&["coalesced-dropped"]);
const NUMBER: u32 = 0x0500_0005;

fn together(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let asked = request(ADD, NUMBER).repeat(3);
    go(stage, &[&asked], 3)
}

fn shifted(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let asked = request(ADD, NUMBER).repeat(3);
    let (head, tail) = asked.split_at(8);
    go(stage, &[head, tail], 3)
}

fn go(stage: &mut Stage<'_>, pieces: &[&[u8]], count: u64) -> Result<(), CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(()) };
    let replies: Vec<u8> = (1..=count).flat_map(|times| reply(ADD, u64::from(NUMBER) * times)).collect();
    stage.bench.exchange(&mut peer, pieces, &replies)?;
    Ok(())
}

fn judge_together(log: Log<'_>) -> Verdict {
    judge(log, "coalesced-dropped")
}

fn judge_shifted(log: Log<'_>) -> Verdict {
    judge(log, "boundary-shifted")
}

fn judge(log: Log<'_>, id: &'static str) -> Verdict {
    if log.is_whole(0) {
        return answered(log, id, 0);
    }
    wrong_reply(log, id, id).with("count", log.received(0) / super::REPLY as u64)
}
