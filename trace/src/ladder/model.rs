//! The ladder model: what both renderers (text and web) draw, and what `--json` prints.
//!
//! It is built from the event log and the frames' bytes; every label is composed here once, in the field's own
//! words (`SYN seq 0`, `ACK 65 · SACK 1513–2961`), so no renderer dissects and no prose is needed.

use serde::Serialize;

use crate::event::{HostId, LinkSettings, Nanos, ProgramId, Stream, TcpState};

/// A whole ladder, or what is new of a live one: items with a number already drawn replace it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Ladder {
    /// The two ends (more hosts later).
    pub hosts: Vec<Host>,
    /// Frames, by number.
    pub arrows: Vec<Arrow>,
    /// State columns, by `(host, flow, from)`.
    pub states: Vec<StateSpan>,
    /// System calls, by number.
    pub calls: Vec<Call>,
    /// Program output, in order.
    pub output: Vec<OutputLine>,
    /// What the peers did and the lab saw apart from frames.
    pub marks: Vec<Mark>,
    /// The link's settings, when they are set or changed.
    pub link: Option<LinkSettings>,
    /// The clock of the last event.
    pub now: Nanos,
}

/// One end of the ladder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Host {
    /// Index.
    pub host: HostId,
    /// `client` or `server`.
    pub role: String,
    /// What runs there, short: `server.py`.
    pub program: String,
    /// Its address, with the port once one is known.
    pub addr: String,
    /// The interface on the link.
    pub iface: String,
}

/// What an arrow is drawn as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrowKind {
    /// SYN, FIN, RST, ARP, ICMP: the connection itself.
    Control,
    /// Carries payload.
    Data,
    /// A bare acknowledgment.
    Ack,
    /// Carries payload again.
    Retransmission,
}

/// One frame from host to host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Arrow {
    /// Frame number, from 1.
    pub no: u32,
    /// Number of the TCP/UDP conversation, from 0; `None` for ARP and the like.
    pub flow: Option<u32>,
    /// Sending host.
    pub from: HostId,
    /// Receiving host.
    pub to: HostId,
    /// When it came onto the link.
    pub sent_at: Nanos,
    /// When it arrived; `None` = lost, or still in flight while `now` is near.
    pub arrived_at: Option<Nanos>,
    /// Arrival times of duplicates.
    pub copies: Vec<Nanos>,
    /// How it is drawn.
    pub kind: ArrowKind,
    /// The link dropped it.
    pub is_lost: bool,
    /// The lab made it.
    pub is_forged: bool,
    /// A bit was flipped.
    pub is_corrupt: bool,
    /// The label without the number: `SYN seq 0`, `seq 65 · 1448 B`, `ACK 65 · SACK 1513–2961`.
    pub label: String,
    /// Ids of findings, the weightiest first: `retransmission`, `duplicate_ack`.
    pub findings: Vec<Finding>,
    /// Bytes in the frame.
    pub len: u32,
    /// Payload bytes.
    pub payload: u32,
}

/// A finding on a frame: an id that `course` has words for, its parameters, and the frames it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `retransmission`, `fast_retransmission`, `duplicate_ack` …
    pub id: String,
    /// Parameters of the text, by name.
    pub params: Vec<(String, String)>,
    /// Frames that prove it.
    pub evidence: Vec<u32>,
}

/// A TCP state of one end of one flow, as long as it held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateSpan {
    /// Which host.
    pub host: HostId,
    /// Which flow; `None` for the listener.
    pub flow: Option<u32>,
    /// The state.
    pub state: TcpState,
    /// From when.
    pub from: Nanos,
    /// Until when; `None` = still.
    pub until: Option<Nanos>,
}

/// A system call of a traced program, or a step of a peer that stands for one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// Number in the run.
    pub no: u64,
    /// On which host.
    pub host: HostId,
    /// Which flow its descriptor belongs to, where known.
    pub flow: Option<u32>,
    /// Thread id; -1, -2 … for the steps of peers A, B ….
    pub tid: i32,
    /// Short name: `recv()`, `send() 64`. An instant call that got bytes has their number here: `recv() 64`.
    pub label: String,
    /// When it began.
    pub from: Nanos,
    /// When it returned; `None` = still blocked.
    pub until: Option<Nanos>,
    /// What it returned: `→ 5792`, `→ 3 “OK”`, `→ 0 (EOF)`, `→ ECONNRESET`; `None` where the label says it all.
    pub result: Option<String>,
    /// Blocked long enough to be drawn as a hatched bar.
    pub is_blocked: bool,
    /// The tracer's fault, if it altered the call.
    pub fault: Option<String>,
}

/// A line of program output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputLine {
    /// When.
    pub at: Nanos,
    /// Which program.
    pub program: ProgramId,
    /// On which host.
    pub host: HostId,
    /// Where it wrote.
    pub stream: Stream,
    /// The line.
    pub text: String,
}

/// Something beside the frames: a program's start or end, a fault, a peer's observation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mark {
    /// When.
    pub at: Nanos,
    /// On which host.
    pub host: HostId,
    /// Which id, for `course`: `started`, `exited`, `killed`, `socket_destroyed`, `quiet`.
    pub id: String,
    /// Parameters of the text, by name.
    pub params: Vec<(String, String)>,
}
