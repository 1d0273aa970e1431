//! A silent client: it connects and says nothing; the others must be answered all the same.

use super::{SECOND_CLIENT, ask, is_async, note_model, served, unless_slow, unserved};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(crate) const CHECK: Check = Check::new(ID, probe, judge).needing(SECOND_CLIENT);
const ID: &str = "idle-client-blocks";
/// Silent clients: more than one, because a small pool can hide what one shows.
const SILENT: u16 = 8;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.extend(stage.bench.connect()?);
    }
    stage.bench.rest(&[])?;
    note_model(&stage.bench)?;
    ask(stage)?;
    drop(silent);
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_served(SILENT) {
        return served(ID);
    }
    let bug = if is_async(log) { "await-instead-of-task" } else { ID };
    let call = log.waiting_in().unwrap_or_else(|| "recv()".to_owned());
    unless_slow(log, ID, unserved(log, ID, bug, SILENT).with("call", call).with("count", SILENT))
}
