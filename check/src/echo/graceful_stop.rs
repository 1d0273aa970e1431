//! A clean stop: SIGTERM while a connection is alive; what was answered must arrive, and a FIN behind it.

use tongro_trace::event::Action;

use super::{pattern, unless_slow};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::{Said, Verdict};

pub(super) const CHECK: Check = Check::new(ID, probe, judge);
const ID: &str = "no-graceful-stop";
/// Fits the kernels' buffers: the server has answered all of it, and the client has read nothing yet.
const LEN: usize = 32 * 1024;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(mut peer) = bench.connect()? else { return Ok(()) };
    bench.send(&mut peer, &pattern(LEN))?;
    bench.settle(&[&peer])?;
    bench.step(&peer, Action::Signal, libc::SIGTERM as u64, None);
    bench.lab.signal(bench.program, libc::SIGTERM)?;
    bench.until_closed(&mut peer)?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) && log.has(0, Action::Eof) {
        return Verdict::pass(ID, Said::new("outcomes.pass.closed"));
    }
    if !log.has(0, Action::Reset) {
        // It goes on serving, or takes its time: a stop by SIGTERM is not in the contract.
        return Verdict::not_applicable(ID, Said::new("outcomes.na.not_in_contract"));
    }
    let verdict = Verdict::fail(ID, ID).with("signal", "SIGTERM").with("received", log.received(0));
    unless_slow(log, ID, verdict.citing(log.proof(0)))
}
