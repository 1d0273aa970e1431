//! The event log as a judge reads it: questions about peers, the program, its calls and its frames. Nothing here asks
//! anything but the log, so a verdict can be repeated from a run folder.

use std::net::SocketAddr;

use tongro_trace::event::{Action, Event, Exited, ProgramId, Step, Stream, TcpState, What};
use tongro_trace::recording::Recording;
use tongro_wire::view;

use crate::verdict::Said;

/// A finished run's events with the frames' bytes.
#[derive(Debug, Clone, Copy)]
pub struct Log<'a> {
    events: &'a [Event],
    recording: &'a Recording,
}

/// A call of the program with its result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) id: u64,
    pub(crate) name: &'a str,
    pub(crate) fd: Option<i32>,
    pub(crate) len: Option<u64>,
    /// `None` = it never returned.
    pub(crate) result: Option<i64>,
}

impl Call<'_> {
    pub(crate) fn is_send(&self) -> bool {
        shown(self.name) == "send()"
    }

    /// It moved fewer bytes than it was asked to.
    pub(crate) fn is_in_part(&self) -> bool {
        matches!((self.result, self.len), (Some(result), Some(len)) if result >= 0 && (result as u64) < len)
    }
}

impl<'a> Log<'a> {
    /// Reads a finished recording.
    #[must_use]
    pub fn new(recording: &'a Recording) -> Self {
        Self { events: &recording.events, recording }
    }

    /// Frame numbers of the events that are about a frame, in order: what chips lead to.
    #[must_use]
    pub fn frames(self, events: &[u64]) -> Vec<u32> {
        let frame = |id: &u64| match &self.events.get(usize::try_from(*id).ok()?.checked_sub(1)?)?.what {
            What::Sent(sent) => Some(sent.frame),
            What::Arrived(arrived) => Some(arrived.frame),
            What::Dropped(dropped) => Some(dropped.frame),
            _ => None,
        };
        events.iter().filter_map(frame).collect()
    }

    /// The steps of one peer, with their events' ids.
    pub(crate) fn steps(self, peer: u16) -> impl Iterator<Item = (u64, &'a Step)> {
        self.events.iter().filter_map(move |event| match &event.what {
            What::Step(step) if step.peer == peer && step.action != Action::Measure => Some((event.id, step)),
            _ => None,
        })
    }

    /// The last step of one peer.
    pub(crate) fn last(self, peer: u16) -> Option<(u64, &'a Step)> {
        self.steps(peer).last()
    }

    /// Bytes that a peer has sent in all.
    pub(crate) fn sent(self, peer: u16) -> u64 {
        self.steps(peer)
            .filter(|(_, step)| step.action == Action::Send)
            .map(|(_, step)| step.total)
            .max()
            .unwrap_or(0)
    }

    /// Bytes that came back to a peer in all.
    pub(crate) fn received(self, peer: u16) -> u64 {
        let totals =
            self.steps(peer).filter(|(_, step)| step.action == Action::Receive).map(|(_, step)| step.total);
        totals.max().unwrap_or(0)
    }

    /// Bytes that had to come back to a peer in all: those it sent, unless its contract says what instead.
    pub(crate) fn wanted(self, peer: u16) -> u64 {
        self.measures(&format!("wanted:{peer}")).last().copied().unwrap_or_else(|| self.sent(peer))
    }

    /// Where what came back stops being the echo.
    pub(crate) fn differs_at(self, peer: u16) -> Option<u64> {
        self.steps(peer).filter_map(|(_, step)| step.differs_at).next()
    }

    /// The first bytes that came back.
    pub(crate) fn preview(self, peer: u16) -> &'a [u8] {
        self.steps(peer)
            .filter(|(_, step)| !step.preview.is_empty())
            .last()
            .map_or(&[], |(_, step)| &step.preview)
    }

    /// Whether a peer did or saw something.
    pub(crate) fn has(self, peer: u16, action: Action) -> bool {
        self.steps(peer).any(|(_, step)| step.action == action)
    }

    /// Whether all that had to come back to a peer did, and nothing else.
    pub(crate) fn is_whole(self, peer: u16) -> bool {
        self.wanted(peer) == self.received(peer) && self.differs_at(peer).is_none()
    }

    /// Whether a peer's connection was refused, reset or not answered.
    pub(crate) fn refused(self, peer: u16) -> bool {
        self.steps(peer).any(|(_, step)| step.action == Action::Connect && step.errno.is_some())
    }

    /// Whether a peer was served: connected, and all its bytes echoed.
    pub(crate) fn is_served(self, peer: u16) -> bool {
        !self.refused(peer) && self.sent(peer) > 0 && self.is_whole(peer)
    }

    /// Values of a measure, in order.
    pub(crate) fn measures(self, name: &str) -> Vec<u64> {
        let values = self.events.iter().filter_map(|event| match &event.what {
            What::Step(step) if step.action == Action::Measure && step.preview == name.as_bytes() => {
                Some(step.n)
            }
            _ => None,
        });
        values.collect()
    }

    /// The number of peers.
    pub(crate) fn peers(self) -> u16 {
        let numbers = self.events.iter().filter_map(|event| match &event.what {
            What::Step(step) => Some(step.peer + 1),
            _ => None,
        });
        numbers.max().unwrap_or(0)
    }

    /// How a program ended.
    pub(crate) fn exit(self, program: ProgramId) -> Option<(u64, &'a Exited)> {
        self.events.iter().find_map(|event| match &event.what {
            What::Exited(exited) if exited.program == program => Some((event.id, exited)),
            _ => None,
        })
    }

    /// Lines of a program's standard error.
    pub(crate) fn stderr(self, program: ProgramId) -> Vec<&'a str> {
        self.output(program, Stream::Stderr)
    }

    /// Lines of a program's standard output.
    pub(crate) fn stdout(self, program: ProgramId) -> Vec<&'a str> {
        self.output(program, Stream::Stdout)
    }

    fn output(self, program: ProgramId, stream: Stream) -> Vec<&'a str> {
        let lines = self.events.iter().filter_map(|event| match &event.what {
            What::Output(output) if output.program == program && output.stream == stream => {
                Some(output.text.as_str())
            }
            _ => None,
        });
        lines.collect()
    }

    /// The last line of a traceback or panic.
    pub(crate) fn last_error(self) -> Option<&'a str> {
        let lines = self.stderr(0);
        let is_error = |line: &&str| {
            !line.starts_with(' ')
                && (line.contains("Error") || line.contains("panicked") || line.contains("error"))
        };
        lines.iter().rev().find(|line| is_error(line)).copied()
    }

    /// The program's calls in order.
    pub(crate) fn calls(self) -> Vec<Call<'a>> {
        let mut calls: Vec<(u64, Call<'a>)> = Vec::new();
        for event in self.events {
            match &event.what {
                What::CallEnter(call) => {
                    let (id, name) = (event.id, call.name.as_str());
                    calls.push((call.call, Call { id, name, fd: call.fd, len: call.len, result: None }));
                }
                What::CallExit(exit) => {
                    if let Some((_, call)) = calls.iter_mut().rev().find(|(number, _)| *number == exit.call) {
                        call.result = Some(exit.result);
                    }
                }
                _ => {}
            }
        }
        calls.into_iter().map(|(_, call)| call).collect()
    }

    /// Measures whose name begins with `prefix`: the event and the rest of the name.
    pub(crate) fn measures_from(self, prefix: &str) -> Vec<(u64, String)> {
        let named = self.events.iter().filter_map(|event| match &event.what {
            What::Step(step) if step.action == Action::Measure => {
                let name = String::from_utf8_lossy(&step.preview);
                Some((event.id, name.strip_prefix(prefix)?.to_owned()))
            }
            _ => None,
        });
        named.collect()
    }

    /// The port that was tested.
    pub(crate) fn port(self) -> u64 {
        self.measures("port").first().copied().unwrap_or(0)
    }

    /// ns from an event to the next step of that kind.
    pub(crate) fn wait_until(self, event: u64, action: Action) -> u64 {
        let Some(from) = self.events.iter().find(|other| other.id == event) else { return 0 };
        let next = self.events.iter().find(|other| {
            other.id > event && matches!(&other.what, What::Step(step) if step.action == action)
        });
        next.map_or(0, |next| next.at.saturating_sub(from.at))
    }

    /// Whether any socket was seen in a state.
    pub(crate) fn has_state(self, state: TcpState) -> bool {
        self.events.iter().any(|event| matches!(&event.what, What::Socket(socket) if socket.state == state))
    }

    /// Whether the program closed a descriptor on which it had read the end of the stream.
    pub(crate) fn closes_after_eof(self) -> bool {
        let calls = self.calls();
        let is_eof = |call: &Call<'_>| shown(call.name) == "recv()" && call.result == Some(0);
        let closed =
            |at: usize| calls[at..].iter().any(|call| call.name == "close" && call.fd == calls[at].fd);
        (0..calls.len()).any(|at| is_eof(&calls[at]) && closed(at))
    }

    /// The last state that the server's end of a peer's connection was seen in.
    pub(crate) fn server_state(self, peer: u16) -> Option<(u64, TcpState)> {
        let local = self.local(peer)?;
        let states = self.events.iter().filter_map(|event| match &event.what {
            What::Socket(socket) if socket.remote == local => Some((event.id, socket.state)),
            _ => None,
        });
        { states }.next_back()
    }

    fn local(self, peer: u16) -> Option<SocketAddr> {
        self.steps(peer).find_map(|(_, step)| step.local)
    }

    /// The last frame of a peer's connection that carries something or ends it: what a chip leads to.
    pub(crate) fn telling_frame(self, peer: u16) -> Option<u64> {
        let local = self.local(peer)?;
        let mut telling = None;
        for event in self.events {
            let What::Sent(sent) = &event.what else { continue };
            let Some(bytes) = self.recording.frame(sent.frame) else { continue };
            let Some(view) = view::ethernet(bytes) else { continue };
            let Some((ip, tcp)) = view.tcp() else { continue };
            let is_ours = (ip.src == local.ip() && tcp.src_port == local.port())
                || (ip.dst == local.ip() && tcp.dst_port == local.port());
            let tells = !tcp.payload.is_empty()
                || tcp.flags & (view::flag::FIN | view::flag::RST | view::flag::SYN) != 0;
            if is_ours && tells {
                telling = Some(event.id);
            }
        }
        telling
    }

    /// Everything that proves a break with a peer: its last step, the frame, the program's last call and its end.
    pub(crate) fn proof(self, peer: u16) -> Vec<u64> {
        let mut ids: Vec<u64> = self.telling_frame(peer).into_iter().collect();
        ids.extend(self.last(peer).map(|(id, _)| id));
        ids.extend(self.calls().last().map(|call| call.id));
        ids.extend(self.exit(0).map(|(id, _)| id));
        ids
    }

    /// What happened to a peer and the program, sentence by sentence.
    pub(crate) fn story(self, peer: u16) -> Vec<Said> {
        let mut story = Vec::new();
        if let Some((_, exited)) = self.exit(0) {
            story.push(match exited.signal {
                Some(signal) => {
                    Said::new("outcome.killed").with("signal", tongro_sys::process::signal_name(signal))
                }
                None => Said::new("outcome.exited").with("code", exited.code.unwrap_or(0)),
            });
        } else if let Some((_, step)) = self.last(peer) {
            story.extend(self.ending(peer, step.action));
        }
        if let Some(line) = self.last_error() {
            story.push(Said::new("outcome.traceback").with("line", line));
        }
        story
    }

    fn ending(self, peer: u16, action: Action) -> Option<Said> {
        let received = self.received(peer);
        match action {
            Action::Eof => Some(Said::new("outcome.closed").with("received", received)),
            Action::Reset => Some(Said::new("outcome.reset").with("received", received)),
            Action::Connect => Some(Said::new("outcome.refused")),
            Action::Quiet => self
                .waiting_in()
                .map(|call| Said::new("outcome.silent").with("call", call))
                .or_else(|| Some(Said::new("outcome.unserved"))),
            _ => None,
        }
    }

    /// The call that the program was still in at the end.
    pub(crate) fn waiting_in(self) -> Option<String> {
        let calls = self.calls();
        calls.iter().rev().find(|call| call.result.is_none()).map(|call| shown(call.name))
    }

    /// Whether a peer's wait ended because the program went on but took long.
    pub(crate) fn was_slow(self) -> bool {
        self.events.iter().any(|event| matches!(&event.what, What::Step(step) if step.action == Action::Slow))
    }
}

/// A call as lessons name it.
pub(crate) fn shown(name: &str) -> String {
    let plain = match name {
        "recvfrom" | "recvmsg" | "read" | "readv" => "recv",
        "sendto" | "sendmsg" | "write" | "writev" => "send",
        "accept4" => "accept",
        other => other,
    };
    format!("{plain}()")
}
