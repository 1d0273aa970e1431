//! A half-closed connection: a client that has stopped sending still reads, and wants the rest and then a FIN.

use tongro_trace::event::{Action, TcpState};

use super::{MORE_THAN_A_WINDOW, QUESTION, SECOND_CLIENT, pattern, unless_slow};
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::peer::ReadEnd;
use crate::verdict::{Said, Verdict};

pub(super) const CHECK: Check = Check::new(ID, probe, judge).needing(SECOND_CLIENT);
const ID: &str = "half-close-mishandled";
/// Less than what a careful server buffers for a client before it stops reading.
const PIECE: usize = 16 * 1024;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let Some(mut small) = bench.connect()? else { return Ok(()) };
    bench.send(&mut small, QUESTION)?;
    bench.shutdown(&small);
    bench.until_closed(&mut small)?;
    if small.received < small.sent() || small.end != Some(ReadEnd::Eof) {
        return Ok(());
    }
    // Now with part of the reply still to be sent when the FIN comes: piece by piece, until its send() finds no room.
    let Some(mut large) = bench.connect()? else { return Ok(()) };
    for piece in pattern(MORE_THAN_A_WINDOW).chunks(PIECE) {
        bench.send(&mut large, piece)?;
        bench.rest(&[&large])?;
        if bench.is_send_stuck()? {
            break;
        }
    }
    bench.shutdown(&large);
    bench.rest(&[&large])?;
    bench.until_closed(&mut large)?;
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    let broken = (0..log.peers()).find(|peer| !(log.is_whole(*peer) && log.has(*peer, Action::Eof)));
    let Some(peer) = broken else { return Verdict::pass(ID, Said::new("outcome.pass.closed")) };
    let is_open = !log.has(peer, Action::Eof) && !log.has(peer, Action::Reset);
    let verdict = if log.is_whole(peer) && is_open {
        left_open(log, peer)
    } else {
        Verdict::fail(ID, ID)
            .with("sent", log.sent(peer))
            .with("received", log.received(peer))
            .because(log.story(peer))
    };
    unless_slow(log, ID, verdict.citing(log.proof(peer)))
}

/// The reply came, the FIN did not: never closed, or closed here and still held by another process.
fn left_open(log: Log<'_>, peer: u16) -> Verdict {
    let verdict = if log.closes_after_eof() {
        Verdict::fail(ID, "fd-leak").with("count", 1).with("before", 0).with("after", 1)
    } else {
        Verdict::fail(ID, ID).in_words_of("half-close-no-fin")
    };
    let state = log.server_state(peer).filter(|(_, state)| *state == TcpState::CloseWait);
    verdict.citing(state.map(|(event, _)| event))
}
