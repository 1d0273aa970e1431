//! Restart at once: a server that ended with a live connection must get its port back.

use tongro_trace::event::TcpState;

use super::ask;
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::start;
use crate::verdict::{Said, Verdict};

pub(crate) const CHECK: Check = Check::new(ID, probe, judge).untraced();
const ID: &str = "no-reuseaddr";
/// Looks at a killed program until it and its listener are gone.
const LOOKS: usize = 500;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut peer) = ask(stage)? else { return Ok(()) };
    let bench = &mut stage.bench;
    // The server closes first: the TIME_WAIT row will be its own.
    bench.lab.signal(bench.program, libc::SIGKILL)?;
    bench.until_closed(&mut peer)?;
    bench.close(peer)?;
    for _ in 0..LOOKS {
        if bench.lab.listeners(tongro_lab::SERVER)?.is_empty() && bench.observe()?.processes == 0 {
            break;
        }
        bench.collect_for(4);
    }
    let failed = start::restart(&mut stage.bench, stage.subject, stage.conditions)?;
    stage.bench.measure("restarted", u64::from(failed.is_none()));
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.measures("restarted") == [1] {
        return Verdict::pass(ID, Said::new("outcome.pass.restarted"));
    }
    let stderr = log.stderr(1);
    let says_in_use = stderr.iter().any(|line| line.contains("in use") || line.contains("EADDRINUSE"));
    if !says_in_use && !log.has_state(TcpState::TimeWait) {
        return Verdict::void(ID, Said::new("outcome.void.stimulus_failed").with("why", "TIME_WAIT"));
    }
    Verdict::fail(ID, ID)
        .with("port", log.port())
        .with("errno", "EADDRINUSE")
        .because(stderr.last().map(|line| Said::new("outcome.traceback").with("line", line)))
        .citing(log.proof(0).into_iter().chain(log.exit(1).map(|(id, _)| id)))
}
