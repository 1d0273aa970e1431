//! The second client: it comes after the first one has left.

use super::{ask, next_client};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(crate) const CHECK: Check = Check::new(ID, probe, judge).needing(&["eof-spin"]);
const ID: &str = "serves-one-then-exits";

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(peer) = ask(stage)? else { return Ok(()) };
    stage.bench.close(peer)?;
    stage.bench.rest(&[])?;
    ask(stage)?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    next_client(log, ID, 1)
}
