//! The reply never comes whole: a FIN after half of it, nobody who listens. Each must end the program with another code
//! than 0.

use super::{code, failed, hear, passed};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const FIN: Check = Check::new(TRUNCATED, probe_fin, judge_fin).of_client(arguments, true);
pub(super) const REFUSED: Check =
    Check::new(NOBODY, probe_refused, judge_refused).of_client(arguments, false);
const TRUNCATED: &str = "client-truncation";
const NOBODY: &str = "client-refused";
const MESSAGE: &str = "a reply of which only half comes";
/// A reply's bytes that do come.
const HALF: usize = MESSAGE.len() / 2;

fn arguments() -> Vec<String> {
    vec![MESSAGE.to_owned()]
}

fn probe_fin(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(mut peer) = hear(bench, MESSAGE)? else { return Ok(()) };
    bench.send(&mut peer, &MESSAGE.as_bytes()[..HALF])?;
    bench.shutdown(&peer);
    bench.until_exited(Some(&peer))?;
    Ok(())
}

fn probe_refused(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    stage.bench.until_exited(None)?;
    Ok(())
}

fn judge_fin(log: Log<'_>) -> Verdict {
    let is_told = code(log).is_some_and(|code| code != 0);
    if is_told {
        return passed(TRUNCATED, "outcome.pass.told");
    }
    let spins = log.exit(0).is_none() && zero_reads(log) > 20;
    failed(log, TRUNCATED, if spins { "eof-spin" } else { "truncation-undetected" }, MESSAGE)
}

fn zero_reads(log: Log<'_>) -> usize {
    let is_eof =
        |call: &crate::log::Call<'_>| crate::log::shown(call.name) == "recv()" && call.result == Some(0);
    log.calls().iter().filter(|call| is_eof(call)).count()
}

fn judge_refused(log: Log<'_>) -> Verdict {
    told(log, NOBODY)
}

fn told(log: Log<'_>, check: &'static str) -> Verdict {
    let is_told = log.exit(0).is_some_and(|(_, exited)| exited.code.is_some_and(|code| code != 0));
    if is_told {
        passed(check, "outcome.pass.told")
    } else {
        failed(log, check, "swallow-all-except", MESSAGE)
    }
}
