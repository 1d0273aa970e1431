//! From another computer: a listener on 127.0.0.1 is for this machine only.

use crate::contract::{Check, Stage};
use crate::error::CheckError;
use crate::log::Log;
use crate::verdict::{Said, Verdict};

pub(crate) const CHECK: Check = Check::new(ID, probe, judge).untraced();
const ID: &str = "loopback-only-bind";

fn probe(stage: &mut Stage<'_>) -> Result<(), CheckError> {
    let bench = &mut stage.bench;
    let is_loopback = bench.address.ip().is_loopback();
    bench.measure("loopback", u64::from(is_loopback));
    if is_loopback {
        // The address by which every other computer knows this host.
        bench.address.set_ip(std::net::Ipv4Addr::new(10, 77, 0, 2).into());
        bench.peer_host = tongro_lab::CLIENT;
    }
    if let Some(mut peer) = bench.connect()? {
        bench.ask(&mut peer)?;
    }
    Ok(())
}

fn judge(log: Log<'_>) -> Verdict {
    if log.refused(0) && log.measures("loopback") == [1] {
        return Verdict::fail(ID, ID).with("port", log.port()).with("addr", "127.0.0.1").citing(log.proof(0));
    }
    Verdict::pass(ID, Said::new("outcome.pass.alive"))
}
