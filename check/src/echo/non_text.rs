//! Bytes that are no text: an echo server has no opinion on them.

use super::{intact, not_whole};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge);
const ID: &str = "non-text-crash";

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(()) };
    let all: Vec<u8> = (0..=255).collect();
    stage.bench.pump(&mut peer, &all)?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) { intact(log, ID, 0) } else { not_whole(log, ID, ID) }
}
