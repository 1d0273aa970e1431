//! A full window: a client sends and does not read for a while; nothing may be lost when it reads at last.

use super::{MORE_THAN_A_WINDOW, intact, not_whole, pattern};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge);
const ID: &str = "eagain-crash";

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let Some(mut peer) = stage.bench.connect()? else { return Ok(()) };
    stage.bench.fill(&mut peer, &pattern(MORE_THAN_A_WINDOW))?;
    stage.bench.settle(&[&peer])?;
    stage.bench.echo(&mut peer)?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) { intact(log, ID, 0) } else { not_whole(log, ID, named(log)).with("limit", 0) }
}

/// What the program's own sends say: EAGAIN that was not handled, or a part that was taken for the whole.
fn named(log: Log<'_>) -> &'static str {
    let calls = log.calls();
    let refused = calls.iter().any(|call| call.is_send() && call.result == Some(-i64::from(libc::EAGAIN)));
    let last = calls.iter().rfind(|call| call.is_send());
    let was_last = last.is_some_and(|call| call.result == Some(-i64::from(libc::EAGAIN)));
    if was_last && log.last_error().is_some() || (refused && log.exit(0).is_some()) {
        ID
    } else if calls.iter().any(|call| call.is_send() && call.is_in_part()) {
        "send-not-sendall"
    } else if refused {
        ID
    } else {
        "short-recv-is-end"
    }
}
