//! A server that takes the message and says nothing: the contract allows two seconds of waiting.

use super::{code, failed, hear, passed};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge).of_client(arguments, true);
const ID: &str = "client-no-timeout";
const MESSAGE: &str = "is anybody there";
/// Three times what the contract allows, ns; and all the while the program must not have moved.
const PERIOD: u64 = 6_000_000_000;

fn arguments() -> Vec<String> {
    vec![MESSAGE.to_owned()]
}

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(peer) = hear(bench, MESSAGE)? else { return Ok(()) };
    let mut progress = bench.observe()?.progress;
    let mut still_since = bench.lab.now();
    while !bench.has_exited() {
        bench.collect_for(20);
        let seen = bench.observe()?;
        if seen.progress != progress {
            (progress, still_since) = (seen.progress, bench.lab.now());
        }
        if bench.lab.now() - still_since > PERIOD {
            bench.measure("hangs", 1);
            break;
        }
    }
    drop(peer);
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if code(log).is_some_and(|code| code != 0) {
        return passed(ID, "outcome.pass.told");
    }
    let bug = if code(log) == Some(0) { "swallow-all-except" } else { ID };
    failed(log, ID, bug, MESSAGE)
}
