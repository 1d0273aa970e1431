//! The event log: everything that happened in one run, on one clock.
//!
//! The lab writes frames, socket states, system calls, output and exits; peers write their steps; nothing else is
//! needed to draw the ladder or to judge. `events.jsonl` holds one [`Event`] a line; frame bytes stand in
//! `trace.pcapng`, found by frame number.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Nanoseconds since the run began (CLOCK_MONOTONIC).
pub type Nanos = u64;

/// Index of a host in the run: 0 is where the client stands, 1 where the server stands.
pub type HostId = u8;

/// Index of a program in the run, in order of starting.
pub type ProgramId = u16;

/// One thing that happened. `id` counts from 1 in order of time and is what verdicts cite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the finished log, from 1; 0 while the run is going on.
    pub id: u64,
    /// When.
    pub at: Nanos,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// The kinds of event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A host stands, with its addresses; repeated when an address is added.
    Host(Host),
    /// A frame came from a host onto the link; its fate is decided here.
    Sent(Sent),
    /// A frame (or a copy of it) was given to the receiving host.
    Arrived(Arrived),
    /// The link dropped a frame: it never arrives.
    Dropped(Dropped),
    /// The state of one TCP socket, when it changed or its queues did.
    Socket(Socket),
    /// A program was started.
    Started(Started),
    /// A traced thread entered one of the network system calls.
    CallEnter(CallEnter),
    /// The system call returned.
    CallExit(CallExit),
    /// A line (or a part of one) that a program wrote.
    Output(Output),
    /// A program ended.
    Exited(Exited),
    /// A step of one of our peers.
    Step(Step),
    /// A fault done to a connection or program from outside the link.
    Fault(Fault),
    /// The link's settings changed.
    Link(LinkSettings),
}

/// See [`What::Host`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Which host.
    pub host: HostId,
    /// `client` or `server`.
    pub name: String,
    /// The addresses it answers to, the lab's own first.
    pub addresses: Vec<IpAddr>,
    /// The interface on its end of the link.
    pub iface: String,
}

/// See [`What::Sent`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Frame number, from 1 in order of sending; the ladder's `#13`.
    pub frame: u32,
    /// The host that sent it, or whose name a forged frame bears.
    pub host: HostId,
    /// Whether the lab itself made the frame (a forged RST).
    pub forged: bool,
    /// Length in bytes, Ethernet header included.
    pub len: u32,
    /// What the link decided; empty = pass at once.
    pub fates: Vec<Fate>,
    /// The rule of the fault script that decided, as printed in the script.
    pub rule: Option<String>,
}

/// What a link does to a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Held for this long (delay, jitter and queueing together).
    Delay(Nanos),
    /// Never arrives.
    Drop,
    /// Arrives this many times more.
    Duplicate(u32),
    /// This bit (from the start of the frame) is flipped.
    Corrupt(u32),
    /// Overtaken by this many later frames of its direction.
    Reorder(u32),
}

/// See [`What::Arrived`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Frame number.
    pub frame: u32,
    /// The receiving host.
    pub host: HostId,
    /// 0 for the frame itself, 1… for its duplicates.
    pub copy: u32,
}

/// See [`What::Dropped`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Frame number.
    pub frame: u32,
    /// Why.
    pub reason: DropReason,
}

/// Why the link dropped a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// A rule of the fault script, or the user's own hand.
    Script,
    /// The queue of a rate-limited link was full.
    Queue,
    /// The direction is a blackhole.
    Blackhole,
    /// The receiving host is gone.
    Gone,
}

/// TCP states as RFC 9293 names them, in the kernel's order from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
#[allow(missing_docs)] // the names are the documentation
pub enum TcpState {
    Established = 1,
    SynSent,
    SynRecv,
    #[serde(rename = "FIN-WAIT-1")]
    FinWait1,
    #[serde(rename = "FIN-WAIT-2")]
    FinWait2,
    TimeWait,
    Closed,
    CloseWait,
    LastAck,
    Listen,
    Closing,
}

impl TcpState {
    /// The state for the kernel's number (`TCP_ESTABLISHED` = 1 … `TCP_NEW_SYN_RECV` = 12).
    #[must_use]
    pub fn from_kernel(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynRecv,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Closed,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => return None,
        })
    }

    /// The name shown everywhere.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Established => "ESTABLISHED",
            Self::SynSent => "SYN-SENT",
            Self::SynRecv => "SYN-RECV",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::TimeWait => "TIME-WAIT",
            Self::Closed => "CLOSED",
            Self::CloseWait => "CLOSE-WAIT",
            Self::LastAck => "LAST-ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
        }
    }
}

/// See [`What::Socket`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// The host that owns the socket.
    pub host: HostId,
    /// Its own end.
    pub local: SocketAddr,
    /// The other end; port 0 for a listener.
    pub remote: SocketAddr,
    /// The state.
    pub state: TcpState,
    /// The frame at which the state was looked up, if it was one.
    pub frame: Option<u32>,
    /// Bytes waiting to be read; for a listener, connections waiting to be accepted.
    pub rqueue: u32,
    /// Bytes not yet acknowledged; for a listener, its backlog.
    pub wqueue: u32,
    /// 0 = no descriptor: not accepted yet, or closed by the program.
    pub inode: u32,
    /// Selected `tcp_info`, where the state carries it.
    pub info: Option<TcpInfo>,
}

/// The part of `tcp_info` that lessons draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpInfo {
    /// Retransmission timeout, µs.
    pub rto_us: u32,
    /// Smoothed round trip, µs.
    pub rtt_us: u32,
    /// Congestion window, segments.
    pub cwnd: u32,
    /// Slow-start threshold, segments.
    pub ssthresh: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Retransmissions so far.
    pub total_retrans: u32,
    /// The peer's receive window, bytes.
    pub snd_wnd: u32,
}

/// See [`What::Started`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Which program.
    pub program: ProgramId,
    /// On which host.
    pub host: HostId,
    /// Its pid inside the lab.
    pub pid: i32,
    /// The command line.
    pub argv: Vec<String>,
}

/// See [`What::CallEnter`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEnter {
    /// Number of the call in the run, joins enter and exit.
    pub call: u64,
    /// Which program.
    pub program: ProgramId,
    /// Process id inside the lab.
    pub pid: i32,
    /// Thread id inside the lab.
    pub tid: i32,
    /// The name as the manual page has it: `recvfrom`, `accept4`.
    pub name: String,
    /// The first argument, where it is a descriptor.
    pub fd: Option<i32>,
    /// The length argument.
    pub len: Option<u64>,
    /// The address argument of bind, connect and sendto.
    pub addr: Option<SocketAddr>,
    /// The connection the descriptor stands for, where it is known.
    pub peer: Option<SocketAddr>,
    /// What the tracer did to the call, in the words of the script: `short 3`, `EINTR`.
    pub fault: Option<String>,
}

/// See [`What::CallExit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallExit {
    /// Number of the call, as in its [`CallEnter`].
    pub call: u64,
    /// The result, or minus the errno.
    pub result: i64,
    /// The first bytes that were sent or received, at most 32.
    pub preview: Vec<u8>,
}

/// Where a program wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// See [`What::Output`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Which program.
    pub program: ProgramId,
    /// Where it wrote.
    pub stream: Stream,
    /// The line without its newline; invalid UTF-8 replaced.
    pub text: String,
}

/// See [`What::Exited`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exited {
    /// Which program.
    pub program: ProgramId,
    /// Exit code, when it exited.
    pub code: Option<i32>,
    /// Signal number, when a signal ended it.
    pub signal: Option<i32>,
}

/// See [`What::Step`]: one action of a peer of ours and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which peer, from 0 (`A`, `B` … in texts).
    pub peer: u16,
    /// What it did or saw.
    pub action: Action,
    /// How many: bytes of this step, or what the action counts.
    pub n: u64,
    /// Bytes in all so far in this direction, for send and receive.
    pub total: u64,
    /// For received bytes: the offset of the first one that differs from what the contract wants.
    pub differs_at: Option<u64>,
    /// The first bytes, at most 64.
    pub preview: Vec<u8>,
    /// The errno, where the step failed.
    pub errno: Option<i32>,
    /// The peer's own end of the connection.
    pub local: Option<SocketAddr>,
}

/// What a peer did or saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Connected, or failed to (`errno`).
    Connect,
    /// Gave bytes to the kernel.
    Send,
    /// Got bytes.
    Receive,
    /// Got the end of the stream (FIN).
    Eof,
    /// Got a reset.
    Reset,
    /// Closed its sending half.
    Shutdown,
    /// Closed.
    Close,
    /// Closed with a reset (SO_LINGER 0).
    Abort,
    /// Saw that all it sent is acknowledged and read, and that every thread of the program waits or is gone.
    Quiet,
    /// The limit passed while the program was still making progress.
    Slow,
    /// The program used CPU time for `n` ms and moved no byte.
    Spinning,
    /// A measure taken of the program: `n` is its value, the text in `preview` its name (`fds`, `threads`, `zombies`).
    Measure,
    /// A signal was sent to the program: `n` is its number.
    Signal,
    /// The program was started again.
    Restart,
}

/// See [`What::Fault`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The kernel was asked to destroy a socket (SOCK_DESTROY): its program sees ECONNABORTED.
    SocketDestroyed {
        /// On which host.
        host: HostId,
        /// Its own end.
        local: SocketAddr,
        /// The other end.
        remote: SocketAddr,
    },
    /// A resource limit of the program was lowered.
    Limit {
        /// Which program.
        program: ProgramId,
        /// `nofile`.
        name: String,
        /// The new soft limit.
        value: u64,
    },
}

/// What the link does when no rule of the script speaks; see [`What::Link`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkSettings {
    /// One-way delay, µs.
    pub delay_us: u64,
    /// Largest deviation from the delay, µs, each way.
    pub jitter_us: u64,
    /// Share of data frames lost, in parts per million.
    pub loss_ppm: u32,
    /// Share of frames overtaken, in parts per million.
    pub reorder_ppm: u32,
    /// Share of frames doubled, in parts per million.
    pub duplicate_ppm: u32,
    /// Share of frames with a flipped bit, in parts per million.
    pub corrupt_ppm: u32,
    /// Bytes per second, 0 = no limit.
    pub rate: u64,
    /// Bytes that may wait for a limited link, 0 = 256 KiB.
    pub queue: u64,
}

/// A frame with its bytes, as the tap saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameBytes {
    /// Frame number, as in [`Sent`] and [`Arrived`].
    pub frame: u32,
    /// The bytes from the Ethernet header on, without the frame check sequence.
    pub bytes: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_flat_line() {
        let event = Event {
            id: 7,
            at: 20_345_678,
            what: What::Sent(Sent {
                frame: 3,
                host: 0,
                forged: false,
                len: 66,
                fates: vec![Fate::Delay(1000), Fate::Drop],
                rule: None,
            }),
        };
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(
            line,
            r#"{"id":7,"at":20345678,"sent":{"frame":3,"host":0,"forged":false,"len":66,"fates":[{"delay":1000},"drop"],"rule":null}}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
    }

    #[test]
    fn states_have_their_field_names() {
        for number in 1..=12 {
            let state = TcpState::from_kernel(number).unwrap();
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
        assert_eq!(TcpState::from_kernel(13), None);
    }
}
