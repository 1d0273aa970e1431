//! Exactly one buffer: a message as long as the program's own recv() buffer is no sign that more must come.

use tongro_trace::event::Action;

use super::{QUESTION, intact, not_whole, pattern};
use crate::bench::Answer;
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge);
const ID: &str = "exact-buffer-hang";
/// A library may read in larger pieces than the program asks it for: the usual sizes are tried as well.
const USUAL: [u64; 4] = [1024, 2048, 4096, 8192];
/// A message of two segments may be read in two parts by a program that was quick, and then it says nothing about a
/// full buffer: each size has more than one chance to be read whole.
const TRIES: usize = 3;
/// Never more than a window.
const MOST: u64 = 64 * 1024;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(mut peer) = bench.connect()? else { return Ok(()) };
    if bench.pump(&mut peer, QUESTION)? != Answer::Whole {
        return Ok(());
    }
    let asked = bench.buffer_size()?.filter(|size| (2..=MOST).contains(size));
    let own = asked.into_iter().flat_map(|size| [size, 2 * size]);
    for size in own.chain(USUAL).flat_map(|size| [size; TRIES]) {
        bench.measure("size", size);
        if bench.pump(&mut peer, &pattern(size as usize))? != Answer::Whole {
            break;
        }
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) {
        return intact(log, ID, 0);
    }
    let hangs = log.has(0, Action::Quiet) && log.differs_at(0).is_none();
    not_whole(log, ID, if hangs { ID } else { "short-recv-is-end" })
}
