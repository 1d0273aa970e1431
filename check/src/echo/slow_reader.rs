//! A client that does not read: the server may stop serving it, but nobody else.

use super::{MORE_THAN_A_WINDOW, TWO_AT_ONCE, ask, pattern, served, unless_slow, unserved};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge).needing(TWO_AT_ONCE);
const ID: &str = "slow-reader-stalls-all";

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut slow) = stage.bench.connect()? else { return Ok(()) };
    stage.bench.fill(&mut slow, &pattern(MORE_THAN_A_WINDOW))?;
    stage.bench.settle(&[&slow])?;
    ask(stage)?;
    drop(slow);
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_served(1) {
        return served(ID);
    }
    let call = log.waiting_in().unwrap_or_else(|| "send()".to_owned());
    unless_slow(log, ID, unserved(log, ID, ID, 1).with("call", call))
}
