//! Replies that pile up: a client sends and never reads; the server's memory must not follow what is sent.

use super::{is_async, note_model, pattern};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::{Said, Verdict};

pub(super) const CHECK: Check = Check::new(ID, probe, judge).untraced();
const ID: &str = "output-buffer-unbounded";
const STEP: usize = 8 << 20;
const STEPS: usize = 4;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(mut peer) = bench.connect()? else { return Ok(()) };
    note_model(bench)?;
    let piece = pattern(STEP);
    let first = bench.observe()?;
    bench.measure("rss", first.rss_kib);
    for _ in 0..STEPS {
        let before = peer.sent();
        bench.fill(&mut peer, &piece)?;
        bench.settle(&[&peer])?;
        let seen = bench.observe()?;
        bench.measure("rss", seen.rss_kib);
        bench.measure("took", peer.sent() - before);
        if peer.sent() - before < STEP as u64 {
            break;
        }
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    let (rss, took) = (log.measures("rss"), log.measures("took"));
    // A slope over whole steps: it took everything, and each step cost at least half of its bytes in memory.
    let took_all = took.len() == STEPS && took.iter().all(|bytes| *bytes == STEP as u64);
    let follows = rss.windows(2).skip(1).all(|pair| pair[1] >= pair[0] + STEP as u64 / 2048);
    if !took_all || !follows {
        return Verdict::pass(ID, Said::new("outcomes.pass.flat"));
    }
    let grown = rss.last().copied().unwrap_or(0).saturating_sub(rss.first().copied().unwrap_or(0));
    Verdict::fail(ID, if is_async(log) { "no-drain" } else { ID })
        .with("sent", log.sent(0))
        .with("kib", grown)
        .citing(log.telling_frame(0).into_iter().chain(log.last(0).map(|(id, _)| id)))
}
