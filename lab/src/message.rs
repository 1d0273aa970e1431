//! What parent and lab say to each other over their one socket pair, encoded with postcard.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use tongro_trace::event::{HostId, LinkSettings, ProgramId, TcpState, What};

use crate::error::Step;
use crate::script::{Rule, Script};

/// The first message: how the lab is to be built.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// CLOCK_MONOTONIC at the run's beginning.
    pub(crate) epoch: u64,
    pub(crate) script: ScriptText,
    /// Addresses of the two hosts, the IPv4 one first.
    pub(crate) addresses: [Vec<IpAddr>; 2],
    pub(crate) sysctls: Vec<(String, String)>,
    /// Static neighbour entries instead of ARP.
    pub(crate) is_arp_static: bool,
}

/// A script crosses as its own text: its serde form is made for TOML.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ScriptText(pub(crate) String);

impl From<&Script> for ScriptText {
    fn from(script: &Script) -> Self {
        Self(script.print())
    }
}

/// From parent to lab: a request with a number, answered by a reply with the same number.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    Run(Box<ProgramPlan>),
    Socket {
        host: HostId,
        kind: SocketKind,
        is_v6: bool,
    },
    Listeners {
        host: HostId,
    },
    Sockets {
        host: HostId,
    },
    Lookup {
        host: HostId,
        local: SocketAddr,
        remote: SocketAddr,
    },
    Observe {
        program: ProgramId,
    },
    Mapped {
        program: ProgramId,
    },
    Signal {
        program: ProgramId,
        signal: i32,
    },
    Limit {
        program: ProgramId,
        open_files: u64,
    },
    Input {
        program: ProgramId,
        text: String,
    },
    AddAddress {
        host: HostId,
        address: IpAddr,
    },
    Link(LinkSettings),
    Rules(Vec<String>),
    DropNext {
        from: Option<HostId>,
    },
    Blackhole {
        from: HostId,
        is_on: bool,
    },
    Reset,
    HalfClose {
        toward: HostId,
    },
    Destroy {
        host: HostId,
        local: SocketAddr,
        remote: SocketAddr,
    },
    Overflows {
        host: HostId,
    },
    /// All that happened before is in the parent's hands when the reply is.
    Sync,
    /// The same, with the lab's health and the rules that chance wrote.
    Finish,
}

/// The lab's answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Done,
    Failed { call: String, errno: i32 },
    Built { buffers: [u64; 2] },
    NotBuilt { step: Step, call: String, errno: i32 },
    Program(ProgramId),
    Fd,
    Listeners(Vec<Listener>),
    Sockets(Vec<SocketRow>),
    Row(Option<SocketRow>),
    Observed(Observation),
    Names(Vec<String>),
    Number(u64),
    Health(Health),
}

/// One message from lab to parent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromLab {
    Reply(u64, Reply),
    Records(Vec<Record>),
}

/// One event with the frame's bytes, where it has some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) at: u64,
    pub(crate) what: What,
    #[serde(with = "serde_bytes")]
    pub(crate) bytes: Option<Vec<u8>>,
}

/// Which system calls of a program are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tracing {
    /// None: the program runs at its own speed.
    Off,
    /// The network calls.
    Network,
}

/// What is typed at a program that waits on its terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StdinAnswer {
    /// The line, with its newline.
    pub text: String,
}

/// A program to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProgramPlan {
    /// On which host.
    pub host: HostId,
    /// The command and its arguments; the command is looked up in PATH as a shell would.
    pub argv: Vec<String>,
    /// The environment; empty = the parent's own.
    pub env: Vec<(String, String)>,
    /// The working directory.
    pub cwd: String,
    /// Whether its calls are recorded and can be altered.
    pub tracing: Tracing,
    /// Rules for its calls, as in a script's `call` array.
    pub calls: Vec<crate::script::CallRule>,
}

/// TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SocketKind {
    /// A stream socket.
    Tcp,
    /// A datagram socket.
    Udp,
}

/// From which host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Frames from the client host.
    FromClient,
    /// Frames from the server host.
    FromServer,
}

/// A port that a program waits on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The address it is bound to.
    pub local: SocketAddr,
    /// TCP or UDP.
    pub kind: SocketKind,
    /// The socket's inode.
    pub inode: u32,
    /// Connections waiting for accept.
    pub waiting: u32,
    /// The backlog it asked for (as the kernel bounded it).
    pub backlog: u32,
    /// The program that holds it, where one does.
    pub program: Option<ProgramId>,
}

/// One row of a host's TCP table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketRow {
    /// The host's own end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// The state.
    pub state: TcpState,
    /// Bytes to be read; a FIN counts 1.
    pub rqueue: u32,
    /// Bytes not acknowledged; SYN and FIN count 1 each.
    pub wqueue: u32,
    /// 0 = no descriptor.
    pub inode: u32,
}

/// A look at a program: what its threads wait for and what it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Processes that live.
    pub processes: u32,
    /// Dead children that nobody has waited for.
    pub zombies: u32,
    /// Threads that are not waiting in a call, or that moved between two looks.
    pub running: u32,
    /// Threads that wait with a timeout: they will act again by themselves.
    pub timed: u32,
    /// What each waiting thread waits in.
    pub waits: Vec<Wait>,
    /// Open descriptors of all its processes.
    pub fds: u32,
    /// Of these, sockets.
    pub sockets: u32,
    /// Resident memory, KiB.
    pub rss_kib: u64,
    /// Traced calls that moved bytes or took a connection so far.
    pub progress: u64,
    /// `recv` calls that returned 0 so far.
    pub eof_reads: u64,
    /// CPU time used by all its threads, ns.
    pub cpu_ns: u64,
}

impl Observation {
    /// Every thread waits without a timeout, or is gone: nothing happens any more unless something comes in.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.running == 0 && self.timed == 0
    }

    /// Nothing moves now, though a timer may wake a thread later.
    #[must_use]
    pub fn is_still(&self) -> bool {
        self.running == 0
    }
}

/// A thread's wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Process id inside the lab.
    pub pid: i32,
    /// Thread id inside the lab.
    pub tid: i32,
    /// The call, by its manual name.
    pub call: String,
    /// Its descriptor, where it has one.
    pub fd: Option<i32>,
    /// It has a timeout.
    pub is_timed: bool,
}

/// Whether the lab itself worked well; a run on a lab that did not is void.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Frames the kernel dropped before the link could read them.
    pub lost_frames: u32,
    /// The longest time that the link's thread came late to a frame that was due, µs.
    pub latest_us: u64,
    /// Rules that would repeat what chance and the user's hand did.
    pub written: Vec<String>,
    /// Nanoseconds since 1970 (UTC) when the run's clock stood at 0.
    pub began_at: i64,
}

impl Health {
    /// Frames are missing from the capture: nothing may be concluded from it.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.lost_frames > 0
    }
}

/// Rules cross as their printed form.
pub(crate) fn parse_rules(texts: &[String]) -> Vec<Rule> {
    let joined = format!("rule = [{}]", texts.join(", "));
    Script::parse(&joined).map(|script| script.rule).unwrap_or_default()
}
