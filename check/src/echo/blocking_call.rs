//! A call that stops the event loop: while it works for one client, the other's bytes lie unread.

use tongro_trace::event::Action;

use super::{QUESTION, TWO_AT_ONCE, is_async, note_model, served, unless_slow};
use crate::bench::Bench;
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::peer::Peer;
use crate::verdict::{Said, Verdict};

pub(super) const CHECK: Check = Check::new(ID, probe, judge).needing(TWO_AT_ONCE);
const ID: &str = "blocking-call-in-async";
/// Where an event loop waits for all its clients at once.
const LOOP_WAITS: [&str; 7] =
    ["epoll_wait", "epoll_pwait", "select", "pselect6", "poll", "ppoll", "restart_syscall"];
/// Looks while both clients wait for their answers.
const LOOKS: usize = 2_000;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    note_model(bench)?;
    let (Some(mut a), Some(mut b)) = (bench.connect()?, bench.connect()?) else { return Ok(()) };
    bench.settle(&[&a, &b])?;
    bench.send(&mut a, QUESTION)?;
    bench.send(&mut b, QUESTION)?;
    for _ in 0..LOOKS {
        a.read();
        b.read();
        if !a.wants_more() && !b.wants_more() {
            break;
        }
        if look(bench, &a, &b)? {
            break;
        }
    }
    bench.echo(&mut a)?;
    bench.echo(&mut b)?;
    Ok(())
}

/// Whether the loop's own thread sleeps in something else while a client's bytes wait to be read; noted if so.
fn look(bench: &mut Bench, a: &Peer, b: &Peer) -> Result<bool, CheckError> {
    let seen = bench.observe()?;
    let mut waits =
        seen.waits.iter().filter(|wait| wait.pid == wait.tid && !LOOP_WAITS.contains(&wait.call.as_str()));
    let Some(wait) = waits.next().filter(|_| seen.is_still()) else { return Ok(false) };
    let unread = unread(bench, a)? + unread(bench, b)?;
    if unread == 0 {
        return Ok(false);
    }
    bench.measure(&format!("in:{}", wait.call), u64::from(unread));
    Ok(true)
}

/// Bytes of a peer that lie unread in the program's socket.
fn unread(bench: &Bench, peer: &Peer) -> Result<u32, CheckError> {
    let Some(local) = peer.local else { return Ok(0) };
    let row = bench.lab.lookup(tongro_lab::SERVER, peer.remote, local)?;
    Ok(row.map_or(0, |row| row.rqueue))
}

fn judge(log: Log<'_>) -> Verdict {
    if !is_async(log) {
        return Verdict::not_applicable(ID, Said::new("outcomes.na.not_async"));
    }
    let stopped = log.measures_from("in:");
    let Some((event, call)) = stopped.first() else { return served(ID) };
    let verdict = Verdict::fail(ID, ID)
        .with("call", format!("{call}()"))
        .with("ms", log.wait_until(*event, Action::Receive) / 1_000_000)
        .citing(log.telling_frame(0).into_iter().chain(log.telling_frame(1)).chain([*event]));
    unless_slow(log, ID, verdict)
}
