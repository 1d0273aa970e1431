//! A reset: a client talks, then its connection is cut by a RST while the server waits in recv().

use super::{SECOND_CLIENT, ask, served, unserved};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(crate) const CHECK: Check = Check::new(ID, probe, judge).needing(SECOND_CLIENT);
const ID: &str = "rst-kills-server";

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(peer) = ask(stage)? else { return Ok(()) };
    stage.bench.rest(&[&peer])?;
    stage.bench.abort(peer)?;
    stage.bench.rest(&[])?;
    ask(stage)?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_served(1) {
        return served(ID);
    }
    // It ended, said nothing and called that success.
    let is_silent = log.exit(0).is_some_and(|(_, exited)| exited.code == Some(0)) && log.stderr(0).is_empty();
    unserved(log, ID, if is_silent { "swallow-all-except" } else { ID }, 1)
}
