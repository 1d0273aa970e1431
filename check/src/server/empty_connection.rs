//! An empty connection: a client that connects and leaves without a byte, as every port scan does.

use super::{SECOND_CLIENT, ask, next_client};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(crate) const CHECK: Check = Check::new(ID, probe, judge).needing(SECOND_CLIENT);
const ID: &str = "empty-connection-kills";

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(peer) = stage.bench.connect()? else { return Ok(()) };
    stage.bench.rest(&[&peer])?;
    stage.bench.close(peer)?;
    stage.bench.rest(&[])?;
    ask(stage)?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    next_client(log, ID, 1)
}
