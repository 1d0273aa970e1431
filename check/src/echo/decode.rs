//! A character in two pieces: the bytes of a Korean syllable need not arrive together.

use tongro_trace::event::Action;

use super::{intact, is_async, not_whole, note_model};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge);
const ID: &str = "decode-per-recv";
/// `ab` and two of the three bytes of 한.
const FIRST: &[u8] = b"ab\xed\x95";
/// The third byte, and more text.
const SECOND: &[u8] = b"\x9c cd\n";
const AFTER: &[u8] = b"still there\n";

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(mut peer) = bench.connect()? else { return Ok(()) };
    note_model(bench)?;
    bench.send(&mut peer, FIRST)?;
    bench.settle(&[&peer])?;
    bench.pump(&mut peer, SECOND)?;
    if peer.wants_more() {
        // Does the connection live on as if nothing had happened?
        bench.pump(&mut peer, AFTER)?;
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) { intact(log, ID, 0) } else { not_whole(log, ID, named(log)) }
}

fn named(log: Log<'_>) -> &'static str {
    let preview = log.preview(0);
    let is_replaced = preview.windows(3).any(|bytes| bytes == [0xef, 0xbf, 0xbd]);
    let had_error = log.last_error().is_some();
    let is_open = log.exit(0).is_none() && !log.has(0, Action::Eof) && !log.has(0, Action::Reset);
    if is_replaced {
        // U+FFFD came back: what cannot be decoded was changed, split or whole.
        "non-text-crash"
    } else if preview == AFTER && !had_error {
        // Both pieces vanished, nobody said a word, and the connection goes on.
        "swallow-all-except"
    } else if is_async(log) && is_open && preview.is_empty() {
        // Nobody serves the connection any more, and nobody has closed it.
        "swallowed-task-error"
    } else {
        ID
    }
}
