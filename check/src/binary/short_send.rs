//! A send() in part: the kernel takes four bytes of each reply at a time, and says so.

use tongro_lab::{CallDo, CallRule};

use super::{ADD, answered, reply, request, wrong_reply};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge).with_calls(rules);
const ID: &str = "send-not-sendall";
const LIMIT: u64 = 4;
const NUMBER: u32 = 0x0500_0005;

fn rules() -> Vec<CallRule> {
    vec![CallRule { call: "send".into(), nth: None, action: CallDo::Short(LIMIT) }]
}

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(()) };
    stage.bench.exchange(&mut peer, &[&request(ADD, NUMBER)], &reply(ADD, NUMBER.into()))?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) {
        return answered(log, ID, 0);
    }
    let short = log.calls().into_iter().find(|call| call.is_send() && call.is_in_part());
    wrong_reply(log, ID, ID).with("limit", LIMIT).citing(short.map(|call| call.id))
}
