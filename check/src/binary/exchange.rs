//! The plain conversation: two numbers are added, the total is asked for. Their bytes read the same in both orders, so
//! that only layout and reply can be wrong here.

use super::{ADD, ASK, REPLY, answered, reply, request, wrong_reply};
use crate::bench::{Answer, Bench};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::peer::Peer;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge);
const ID: &str = "binary-exchange";
const FIRST: u32 = 0x0500_0005;
const SECOND: u32 = 0x0100_0001;
/// What a layout of 8 bytes waits for after 5 have come.
const PADDING: [u8; 3] = [0; 3];

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(mut peer) = bench.connect()? else { return Ok(()) };
    bench.rest(&[&peer])?;
    let total = u64::from(FIRST);
    let asked = [(ADD, FIRST, total), (ADD, SECOND, total + u64::from(SECOND))];
    for (op, number, total) in asked {
        if bench.exchange(&mut peer, &[&request(op, number)], &reply(op, total))? != Answer::Whole {
            return pad(bench, &mut peer);
        }
    }
    let total = total + u64::from(SECOND);
    bench.exchange(&mut peer, &[&request(ASK, 0)], &reply(ASK, total))?;
    // More than a reply is no reply: what still comes is looked at too.
    bench.rest(&[&peer])?;
    let more = peer.read();
    if more > 0 {
        bench.step(&peer, tongro_trace::event::Action::Receive, more as u64, None);
    }
    Ok(())
}

/// Nothing came: perhaps the program waits for the rest of a longer layout.
fn pad(bench: &mut Bench, peer: &mut Peer) -> Result<(), CheckError> {
    // What it has to say of its own end comes on standard error, after the connection's.
    bench.rest(&[peer])?;
    if peer.received == 0 && peer.end.is_none() {
        bench.measure("padding", PADDING.len() as u64);
        bench.pump(peer, &PADDING)?;
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.is_whole(0) {
        return answered(log, ID, 0);
    }
    wrong_reply(log, ID, named(log))
}

/// The layout or order that makes these bytes.
fn named(log: Log<'_>) -> &'static str {
    let got = log.preview(0);
    let was_padded = !log.measures("padding").is_empty();
    // Python says it of a buffer that its native layout is too long for: 5 bytes came, it wanted 8.
    let wants_eight = log.last_error().is_some_and(|line| line.contains("requires a buffer of 8 bytes"));
    let is_padded_reply = got.len() > REPLY && got[1..8] == [0; 7] && log.differs_at(0).is_some();
    if (was_padded && !got.is_empty()) || wants_eight || is_padded_reply {
        return "struct-native-padding";
    }
    let little: [u8; 8] = u64::from(FIRST).to_le_bytes();
    if got.len() >= REPLY && got[1..REPLY] == little {
        return "struct-little-endian";
    }
    ID
}
