//! From events to the ladder, one event at a time.
//!
//! Events come in order of time from a running lab or an opened run, frame bytes beside them; the whole ladder and
//! the changes since the last question go out. Frames, calls and states each have their own file next to this one.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use crate::event::{self, Action};
use crate::event::{Event, Exited, Fault, HostId, Nanos, Output, ProgramId, Started, Step, What};
use crate::finding::{Analyser, PlainAnalyser};
use crate::flow;
use crate::segment::Segment;

use super::arrows::Arrows;
use super::calls::Calls;
use super::model::{Arrow, Host, Ladder, Mark, OutputLine};
use super::states::States;

/// Builds a ladder from the event log; see [`Builder::apply`].
#[derive(Debug, Default)]
pub struct Builder {
    pub(super) ladder: Ladder,
    pub(super) changed: Changes,
    pub(super) flows: flow::Table,
    pub(super) analyser: Analyser,
    pub(super) plain: PlainAnalyser,
    pub(super) arrows: Arrows,
    pub(super) calls: Calls,
    pub(super) states: States,
    pub(super) is_capture: bool,
    programs: HashMap<ProgramId, (HostId, String)>,
}

/// What is new since the last [`Builder::take_changes`]: indices into the ladder's lists.
#[derive(Debug, Default)]
pub(super) struct Changes {
    hosts: BTreeSet<usize>,
    pub(super) arrows: BTreeSet<usize>,
    pub(super) states: BTreeSet<usize>,
    pub(super) calls: BTreeSet<usize>,
    output: usize,
    marks: usize,
    link: bool,
}

impl Builder {
    /// A builder that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A builder for frames that a capture saw and nobody knows the fates of; findings are guesses then, as good as
    /// the middle of the path allows.
    #[must_use]
    pub fn for_capture() -> Self {
        Self { is_capture: true, ..Self::default() }
    }

    /// Takes the next event. `bytes` are those of the frame for [`What::Sent`], the altered ones for
    /// [`What::Arrived`] where a bit was flipped, and `None` otherwise.
    pub fn apply(&mut self, event: &Event, bytes: Option<&[u8]>) {
        self.ladder.now = self.ladder.now.max(event.at);
        let at = event.at;
        match &event.what {
            What::Host(host) => self.host(host),
            What::Sent(sent) => self.sent(at, sent, bytes.unwrap_or_default()),
            What::Arrived(arrived) => self.arrived(at, arrived, bytes),
            What::Dropped(dropped) => self.dropped(dropped),
            What::Socket(socket) => self.socket(at, socket),
            What::Started(started) => self.started(at, started),
            What::CallEnter(enter) => self.call_enter(at, enter),
            What::CallExit(exit) => self.call_exit(at, exit),
            What::Output(output) => self.output(at, output),
            What::Exited(exited) => self.exited(at, exited),
            What::Step(step) => self.step(at, step),
            What::Fault(fault) => self.fault(at, fault),
            What::Link(settings) => {
                self.ladder.link = Some(settings.clone());
                self.changed.link = true;
            }
        }
    }

    /// The whole ladder so far.
    #[must_use]
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// The whole ladder, leaving the builder.
    #[must_use]
    pub fn into_ladder(self) -> Ladder {
        self.ladder
    }

    /// The conversations so far.
    #[must_use]
    pub fn flows(&self) -> &flow::Table {
        &self.flows
    }

    /// The arrow of a frame.
    #[must_use]
    pub fn arrow(&self, no: u32) -> Option<&Arrow> {
        self.ladder.arrows.get(self.arrows.index(no)?)
    }

    /// The shift of the window field of a segment (RFC 7323); `None` when the handshake was not seen.
    #[must_use]
    pub fn window_shift(&self, flow: u32, segment: &Segment) -> Option<u8> {
        self.analyser.window_shift(flow, segment)
    }

    /// Only the items that are new or changed since the last call, as a patch: an item whose key (frame number,
    /// call number, `(host, flow, from)` of a state, `host`) is already drawn replaces it; output and marks are added.
    pub fn take_changes(&mut self) -> Ladder {
        self.mark_blocked_calls();
        let all = &self.ladder;
        let changed = std::mem::take(&mut self.changed);
        let patch = Ladder {
            hosts: pick(&all.hosts, &changed.hosts),
            arrows: pick(&all.arrows, &changed.arrows),
            states: pick(&all.states, &changed.states),
            calls: pick(&all.calls, &changed.calls),
            output: all.output[changed.output..].to_vec(),
            marks: all.marks[changed.marks..].to_vec(),
            link: all.link.clone().filter(|_| changed.link),
            now: all.now,
        };
        self.changed.output = all.output.len();
        self.changed.marks = all.marks.len();
        patch
    }

    fn host(&mut self, host: &event::Host) {
        let addr = host.addresses.first().map(ToString::to_string).unwrap_or_default();
        match self.ladder.hosts.iter().position(|known| known.host == host.host) {
            Some(at) => {
                let known = &mut self.ladder.hosts[at];
                known.role.clone_from(&host.name);
                known.iface.clone_from(&host.iface);
                self.changed.hosts.insert(at);
            }
            None => {
                self.changed.hosts.insert(self.ladder.hosts.len());
                self.ladder.hosts.push(Host {
                    host: host.host,
                    role: host.name.clone(),
                    program: String::new(),
                    addr,
                    iface: host.iface.clone(),
                });
            }
        }
    }

    /// Shows the port in a host's address once the first one is known. An unspecified address (a listener on all
    /// of them) keeps the host's own.
    pub(super) fn learn_port(&mut self, host: HostId, end: SocketAddr) {
        let Some(at) = self.ladder.hosts.iter().position(|known| known.host == host) else { return };
        let known = &mut self.ladder.hosts[at];
        if known.addr.parse::<SocketAddr>().is_ok() {
            return;
        }
        let end = flow::canonical(end);
        let ip = match known.addr.parse() {
            Ok(own) if end.ip().is_unspecified() => own,
            _ => end.ip(),
        };
        known.addr = SocketAddr::new(ip, end.port()).to_string();
        self.changed.hosts.insert(at);
    }

    /// The host a program runs on.
    pub(super) fn host_of(&self, program: ProgramId) -> HostId {
        self.programs.get(&program).map_or(1, |(host, _)| *host)
    }

    fn name_program(&mut self, host: HostId, name: &str) {
        if let Some(at) = self.ladder.hosts.iter().position(|known| known.host == host)
            && self.ladder.hosts[at].program.is_empty()
        {
            self.ladder.hosts[at].program = name.to_owned();
            self.changed.hosts.insert(at);
        }
    }

    fn started(&mut self, at: Nanos, started: &Started) {
        let name = program_name(&started.argv);
        self.name_program(started.host, &name);
        self.mark(at, started.host, "started", &[("program", &name), ("pid", &started.pid.to_string())]);
        self.programs.insert(started.program, (started.host, name));
    }

    fn exited(&mut self, at: Nanos, exited: &Exited) {
        let host = self.host_of(exited.program);
        let program = self.programs.get(&exited.program).map(|(_, name)| name.clone()).unwrap_or_default();
        match exited.signal {
            Some(n) => self.mark(at, host, "killed", &[("program", &program), ("signal", &n.to_string())]),
            None => {
                let code = exited.code.unwrap_or_default().to_string();
                self.mark(at, host, "exited", &[("program", &program), ("code", &code)]);
            }
        }
    }

    fn output(&mut self, at: Nanos, output: &Output) {
        self.ladder.output.push(OutputLine {
            at,
            program: output.program,
            host: self.host_of(output.program),
            stream: output.stream,
            text: output.text.clone(),
        });
    }

    fn step(&mut self, at: Nanos, step: &Step) {
        self.name_program(0, "tongro");
        let peer = peer_name(step.peer);
        let n = step.n.to_string();
        match step.action {
            Action::Quiet => self.mark(at, 0, "quiet", &[("peer", &peer)]),
            Action::Slow => self.mark(at, 0, "slow", &[("peer", &peer)]),
            Action::Measure => {
                let name = String::from_utf8_lossy(&step.preview).into_owned();
                self.mark(at, 1, "measure", &[("name", &name), ("value", &n)]);
            }
            Action::Signal => self.mark(at, 1, "signal", &[("signal", &n)]),
            Action::Restart => self.mark(at, 1, "restart", &[]),
            _ => self.step_call(at, step),
        }
    }

    fn fault(&mut self, at: Nanos, fault: &Fault) {
        match fault {
            Fault::SocketDestroyed { host, local, remote } => {
                let (local, remote) = (local.to_string(), remote.to_string());
                self.mark(at, *host, "socket_destroyed", &[("local", &local), ("remote", &remote)]);
            }
            Fault::Limit { program, name, value } => {
                let host = self.host_of(*program);
                self.mark(at, host, "limit", &[("name", name), ("value", &value.to_string())]);
            }
        }
    }

    fn mark(&mut self, at: Nanos, host: HostId, id: &str, params: &[(&str, &str)]) {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.ladder.marks.push(Mark { at, host, id: id.to_owned(), params });
    }
}

fn pick<T: Clone>(all: &[T], which: &BTreeSet<usize>) -> Vec<T> {
    which.iter().filter_map(|at| all.get(*at)).cloned().collect()
}

/// `A` … `Z`, then `A1` and so on.
pub(super) fn peer_name(peer: u16) -> String {
    let letter = char::from(b'A' + (peer % 26) as u8);
    match peer / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{round}"),
    }
}

/// What runs, short: the script of an interpreter, else the program's own file name.
fn program_name(argv: &[String]) -> String {
    const INTERPRETERS: [&str; 12] =
        ["python", "pypy", "node", "deno", "bun", "ruby", "perl", "bash", "sh", "java", "uv", "env"];
    let short = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
    let Some(first) = argv.first().map(short) else { return String::new() };
    let stem = first.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if !INTERPRETERS.contains(&stem) {
        return first;
    }
    let mut words = argv[1..].iter();
    let script = words.find(|word| word.starts_with("-c") || word.starts_with("-e") || word.contains('.'));
    script.filter(|word| !word.starts_with('-')).map_or(first, short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_by_its_script() {
        let name = |line: &str| program_name(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(name("/usr/bin/python3.11 -u /home/me/server.py 9000"), "server.py");
        assert_eq!(name("./target/release/echo --port 0"), "echo");
        assert_eq!(name("uv run server.py"), "server.py");
        assert_eq!(name("python3"), "python3");
        assert_eq!(name("python3 -u -c print(1.5)"), "python3");
    }

    #[test]
    fn peers_have_letters() {
        assert_eq!((peer_name(0), peer_name(25), peer_name(27)), ("A".into(), "Z".into(), "B1".into()));
    }
}
