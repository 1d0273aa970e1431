//! Many connections at once: while the program is busy for a moment, they wait in its accept queue, or are dropped.

use std::os::fd::AsFd;

use tongro_lab::SERVER;
use tongro_trace::event::Action;

use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::{Said, Verdict};

pub(crate) const CHECK: Check = Check::new(ID, probe, judge).untraced();
const ID: &str = "backlog-overflow";
const AT_ONCE: usize = 64;
const POLLOUT: i16 = 4;
/// A handshake that nobody drops takes microseconds; a dropped SYN is repeated after a second.
const HANDSHAKE_MS: i32 = 500;

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let before = bench.lab.listen_overflows(SERVER)?;
    // Busy for a moment, whatever the machine's load: the same queue meets the same number of connections.
    bench.lab.signal(bench.program, libc::SIGSTOP)?;
    let mut peers = Vec::new();
    for _ in 0..AT_ONCE {
        peers.push(bench.start_connect()?);
    }
    for peer in &peers {
        let is_made = tongro_sys::poll::one(peer.as_fd(), POLLOUT, HANDSHAKE_MS)? != 0;
        if !is_made && bench.lab.listen_overflows(SERVER)? > before {
            break;
        }
    }
    bench.measure("overflows", bench.lab.listen_overflows(SERVER)? - before);
    bench.lab.signal(bench.program, libc::SIGCONT)?;
    if let Some(last) = peers.last_mut() {
        last.refresh_local();
        bench.step(last, Action::Connect, AT_ONCE as u64, None);
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    let count = log.measures("overflows").first().copied().unwrap_or(0);
    if count == 0 {
        return Verdict::pass(ID, Said::new("outcome.pass.kept"));
    }
    let last = log.peers().saturating_sub(1);
    Verdict::fail(ID, ID).with("sent", AT_ONCE).with("count", count).citing(log.proof(last))
}
