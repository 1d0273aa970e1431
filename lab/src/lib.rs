//! A private network inside the user's machine: two hosts, a link with fates, taps, and the programs run on it.
//!
//! Frames come from the hosts' own kernels through packet sockets, pass the link in this process and leave to the
//! other host; everything that happens becomes an event (`trace::event`) on one clock. The lab lives in a child
//! process of its own ([`enter_stage`]); [`Lab`] is the parent's handle on it. What the programs do right or wrong is
//! not known here.

mod error;
mod fate;
mod flow;
mod forge;
mod handle;
mod link;
mod looks;
mod message;
mod observe;
mod probe;
mod program;
mod record;
mod requests;
mod script;
mod stage;
mod states;
mod topology;
mod tracer;

pub use error::{LabError, Step as BuildStep};
pub use handle::{Lab, Live, Plan};
pub use message::{
    Direction, Health, Listener, Observation, ProgramPlan, SocketKind, SocketRow, StdinAnswer, Tracing, Wait,
};
pub use probe::{Capability, Probe, probe};
pub use script::{CallDo, CallRule, Do, FrameKind, Rule, Script, ScriptError};
pub use stage::enter_stage;

/// What took part in a run, for its record: the version of this program and of the kernel.
#[must_use]
pub fn versions() -> std::collections::BTreeMap<String, String> {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let ours = env!("CARGO_PKG_VERSION");
    [("tongro", ours), ("kernel", kernel.trim_end())]
        .map(|(of, version)| (of.to_owned(), version.to_owned()))
        .into()
}

/// The hidden argument with which the binary re-executes itself as a lab.
pub const STAGE_ARGUMENT: &str = "__lab";

/// The host on which peers and clients stand.
pub const CLIENT: tongro_trace::event::HostId = 0;
/// The host on which the server under test stands.
pub const SERVER: tongro_trace::event::HostId = 1;
