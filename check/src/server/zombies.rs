//! Zombies: a process a client, and nobody waits for those that have ended.

use super::{SECOND_CLIENT, ask};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::{Said, Verdict};

pub(crate) const CHECK: Check = Check::new(ID, probe, judge).needing(SECOND_CLIENT);
const ID: &str = "zombies";
const CLIENTS: u64 = 10;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    for _ in 0..2 {
        for _ in 0..CLIENTS {
            let Some(peer) = ask(stage)? else { return Ok(()) };
            stage.bench.close(peer)?;
        }
        stage.bench.settle(&[])?;
        let seen = stage.bench.observe()?;
        stage.bench.measure("zombies", seen.zombies.into());
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    let zombies = log.measures("zombies");
    let last = zombies.last().copied().unwrap_or(0);
    // Some are left for a moment even where they are waited for at the next accept: growth counts.
    if zombies.len() == 2 && last >= zombies[0] + CLIENTS / 2 {
        let peer = log.peers().saturating_sub(1);
        return Verdict::fail(ID, ID).with("sent", 2 * CLIENTS).with("count", last).citing(log.proof(peer));
    }
    Verdict::pass(ID, Said::new("outcome.pass.kept"))
}
