//! End of file: a client says one thing and leaves. Whoever goes on reading its socket spins, and may starve others.

use tongro_trace::event::Action;

use super::{ask, is_async, note_model, served, unserved};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;
use crate::watch::Idle;

pub(crate) const CHECK: Check = Check::new(ID, probe, judge);
const ID: &str = "eof-spin";
/// Reads of zero bytes that no correct server comes near.
const TOO_MANY: u64 = 20;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(peer) = ask(stage)? else { return Ok(()) };
    note_model(&stage.bench)?;
    stage.bench.close(peer)?;
    if let Idle::Spinning { ms } = stage.bench.settle(&[])? {
        stage.bench.measure("spin", ms);
    }
    let seen = stage.bench.observe()?;
    stage.bench.measure("eof_reads", seen.eof_reads);
    if !stage.bench.has_exited() {
        ask(stage)?;
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    let reads = log.measures("eof_reads").first().copied().unwrap_or(0);
    let spin = log.measures("spin").first().copied();
    if reads <= TOO_MANY && spin.is_none() {
        return served(ID);
    }
    let is_starved = log.has(1, Action::Spinning) || (log.peers() > 1 && !log.is_served(1));
    if is_starved && is_async(log) {
        return unserved(log, ID, "async-eof-starves-loop", 1);
    }
    let calls = log.calls();
    let zero = calls.iter().rfind(|call| call.result == Some(0) && call.len.is_some());
    Verdict::fail(ID, ID)
        .with("fd", zero.and_then(|call| call.fd).unwrap_or(-1))
        .with("call", zero.map_or_else(|| "recv()".to_owned(), |call| crate::log::shown(call.name)))
        .with("count", reads.max(1))
        .citing(log.telling_frame(0).into_iter().chain(zero.map(|call| call.id)))
}
