//! A lot of data: 1 MiB goes in and out at the same time, in pieces that no recv() buffer fits.

use super::{intact, not_whole, pattern};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge).untraced();
const ID: &str = "short-recv-is-end";
const LEN: usize = (1 << 20) + 1;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(()) };
    stage.bench.pump(&mut peer, &pattern(LEN))?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) { intact(log, ID, 0) } else { not_whole(log, ID, ID) }
}
