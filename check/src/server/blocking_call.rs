//! A call that stops the event loop: while it works for one client, the other's bytes lie unread.

use tongro_lab::Wait;
use tongro_trace::event::Action;

use super::{TWO_AT_ONCE, is_async, note_model, served, unless_slow};
use crate::bench::Bench;
use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::{Said, Verdict};

pub(crate) const CHECK: Check = Check::new(ID, probe, judge).needing(TWO_AT_ONCE);
const ID: &str = "blocking-call-in-async";
/// Where an event loop waits for all its clients at once, or for the interpreter's lock.
const LOOP_WAITS: [&str; 8] =
    ["epoll_wait", "epoll_pwait", "select", "pselect6", "poll", "ppoll", "restart_syscall", "futex"];
/// Looks, a millisecond apart, while both clients wait for their answers.
const LOOKS: usize = 5_000;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    note_model(bench)?;
    let (Some(mut a), Some(mut b)) = (bench.connect()?, bench.connect()?) else { return Ok(()) };
    bench.rest(&[&a, &b])?;
    bench.say(&mut a)?;
    bench.say(&mut b)?;
    for _ in 0..LOOKS {
        a.read();
        b.read();
        if !a.wants_more() && !b.wants_more() {
            break;
        }
        if look(bench)? {
            break;
        }
        bench.collect_for(1);
    }
    bench.echo(&mut a)?;
    bench.echo(&mut b)?;
    Ok(())
}

/// Whether the loop's own thread sleeps in something else while a client waits for its answer; noted if so.
fn look(bench: &mut Bench) -> Result<bool, CheckError> {
    let seen = bench.observe()?;
    let is_loop = |wait: &Wait| LOOP_WAITS.contains(&wait.call.as_str());
    let Some(wait) = seen.waits.iter().find(|wait| wait.pid == wait.tid && !is_loop(wait)) else {
        return Ok(false);
    };
    // Still there at a second look, and nothing else of the program moves: the loop itself is stopped.
    let again = bench.observe()?;
    let is_stopped = seen.is_still() && again.is_still() && again.waits.contains(wait);
    if is_stopped {
        bench.measure(&format!("in:{}", wait.call), 1);
    }
    Ok(is_stopped)
}

fn judge(log: Log<'_>) -> Verdict {
    if !is_async(log) {
        return Verdict::not_applicable(ID, Said::new("outcome.na.not_async"));
    }
    let stopped = log.measures_from("in:");
    let Some((event, call)) = stopped.first() else { return served(ID) };
    let verdict = Verdict::fail(ID, ID)
        .with("call", format!("{call}()"))
        .with("ms", log.wait_until(*event, Action::Receive) / 1_000_000)
        .citing(log.telling_frame(0).into_iter().chain(log.telling_frame(1)).chain([*event]));
    unless_slow(log, ID, verdict)
}
