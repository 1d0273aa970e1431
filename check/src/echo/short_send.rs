//! A send() in part: the kernel may take fewer bytes than it was given, and says how many.

use tongro_lab::{CallDo, CallRule};

use super::{intact, not_whole, pattern};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge).with_calls(rules);
const ID: &str = "send-not-sendall";
const LIMIT: u64 = 1_000;
/// No multiple of any buffer: whoever waits for a full one has its own check.
const LEN: usize = 16_001;

fn rules() -> Vec<CallRule> {
    vec![CallRule { call: "send".into(), nth: None, action: CallDo::Short(LIMIT) }]
}

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(()) };
    stage.bench.pump(&mut peer, &pattern(LEN))?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) {
        return intact(log, ID, 0);
    }
    let short = log.calls().into_iter().find(|call| call.is_send() && call.is_in_part());
    not_whole(log, ID, ID).with("limit", LIMIT).citing(short.map(|call| call.id))
}
