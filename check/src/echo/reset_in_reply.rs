//! Cut off in mid-reply: the server is inside send() when the RST comes.

use super::{MORE_THAN_A_WINDOW, SECOND_CLIENT, ask, next_client, pattern};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge).needing(SECOND_CLIENT);
const ID: &str = "epipe-kills-server";

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(()) };
    stage.bench.fill(&mut peer, &pattern(MORE_THAN_A_WINDOW))?;
    stage.bench.rest(&[&peer])?;
    stage.bench.abort(peer)?;
    stage.bench.rest(&[])?;
    ask(stage)?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    next_client(log, ID, 1)
}
