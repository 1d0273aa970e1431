//! A descriptor leak: clients come and go, and the program's open sockets must not add up.

use super::{SECOND_CLIENT, ask, unserved};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::{Said, Verdict};

pub(crate) const CHECK: Check = Check::new(ID, probe, judge).needing(SECOND_CLIENT);
const ID: &str = "fd-leak";
const ROUNDS: usize = 4;
const CLIENTS: u64 = 10;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let seen = stage.bench.observe()?;
    stage.bench.measure("sockets_before", seen.sockets.into());
    for _ in 0..ROUNDS {
        for _ in 0..CLIENTS {
            let Some(peer) = ask(stage)? else {
                let seen = stage.bench.observe()?;
                stage.bench.measure("sockets_after", seen.sockets.into());
                return Ok(());
            };
            stage.bench.close(peer)?;
        }
        stage.bench.settle(&[])?;
        let seen = stage.bench.observe()?;
        stage.bench.measure("sockets", seen.sockets.into());
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    let sockets = log.measures("sockets");
    let (first, last) = (sockets.first().copied().unwrap_or(0), sockets.last().copied().unwrap_or(0));
    let last_peer = log.peers().saturating_sub(1);
    let count = log.peers();
    if sockets.len() < ROUNDS {
        let measured = |name: &str| log.measures(name).first().copied().unwrap_or(0);
        let (first, last) = (measured("sockets_before"), measured("sockets_after"));
        // It stopped taking clients on the way: that is what a leak comes to.
        return unserved(log, ID, ID, last_peer)
            .with("count", count)
            .with("before", first)
            .with("after", last);
    }
    // A slope: every round leaves at least half of its sockets behind.
    if sockets.windows(2).all(|pair| pair[1] >= pair[0] + CLIENTS / 2) {
        let verdict = Verdict::fail(ID, ID).with("count", count).with("before", first).with("after", last);
        return verdict.citing(log.proof(last_peer));
    }
    Verdict::pass(ID, Said::new("outcome.pass.no_leak").with("count", last))
}
