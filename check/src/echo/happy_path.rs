//! The plain conversation: two short messages on one connection. It also finds out whether this is an echo server.

use tongro_trace::event::Action;

use super::{intact, not_whole, unless_slow};
use crate::bench::Answer;
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::peer::Peer;
use crate::verdict::Verdict;

pub(super) const CHECK: Check = Check::new(ID, probe, judge);
const ID: &str = "happy-path";
const FIRST: &[u8] = b"hello\n";
const SECOND: &[u8] = b"tongro\n";

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(mut peer) = bench.connect()? else { return Ok(()) };
    // A greeting is an answer to nothing: whoever greets is no echo server.
    bench.rest(&[&peer])?;
    if bench.pump(&mut peer, FIRST)? == Answer::Whole {
        bench.rest(&[&peer])?;
        bench.pump(&mut peer, SECOND)?;
    } else if peer.received == 0 && peer.end.is_none() {
        whoever_hears(stage, &mut peer)?;
        return Ok(());
    }
    bench.rest(&[&peer])?;
    let more = peer.read();
    if more > 0 {
        bench.step(&peer, Action::Receive, more as u64, None);
    }
    Ok(())
}

/// Nobody answers the one who spoke: perhaps the others are told, as by a chat server.
fn whoever_hears(stage: &mut Stage<'_>, speaker: &mut Peer) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(mut other) = bench.connect()? else { return Ok(()) };
    bench.rest(&[&other])?;
    bench.send(speaker, FIRST)?;
    bench.rest(&[&other])?;
    let heard = other.read();
    if heard > 0 {
        bench.step(&other, Action::Receive, heard as u64, None);
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    let (sent, received) = (log.sent(0), log.received(0));
    let first = FIRST.len() as u64;
    if log.is_whole(0) && sent == first + SECOND.len() as u64 {
        return intact(log, ID, 0);
    }
    if received == first && log.differs_at(0).is_none() {
        // The first message came back and then nothing: one recv() was taken for the whole conversation.
        return not_whole(log, ID, "short-recv-is-end");
    }
    let answering = if log.received(1) > 0 { 1 } else { 0 };
    if received > 0 || answering == 1 {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().replace('\n', "\\n");
        let verdict = Verdict::fail(ID, "not-an-echo-server")
            .with("received", text(log.preview(answering)))
            .with("sent", text(FIRST))
            .with("port", log.port());
        return unless_slow(log, ID, verdict.citing(log.proof(0)));
    }
    not_whole(log, ID, ID)
}
