//! The bench: one lab with the program under test on the server host, our peers on the client host, and everything
//! that happened. Probes are written against it.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::sync::mpsc::Receiver;

use tongro_lab::{CLIENT, Health, Lab, Live, Observation, SERVER, SocketKind};
use tongro_sys::{poll, socket};
use tongro_trace::event::{Action, Event, HostId, ProgramId, Step, Stream, TcpState, What};
use tongro_trace::recording::Recording;

use crate::error::CheckError;
use crate::peer::{Dialect, Peer, ReadEnd};
use crate::watch::{Idle, Watch};

const POLLIN: i16 = 1;
const POLLOUT: i16 = 4;
/// Between two looks at a program that has not answered, ms.
const LOOK: i32 = 4;
/// A SYN that is dropped is repeated after 1 s, then 2 s more.
const CONNECT_LIMIT: i32 = 3_500;

/// How a wait for an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All that was asked for has come.
    Whole,
    /// The connection ended first.
    Ended(ReadEnd),
    /// The program cannot bring it any more.
    Idle(Idle),
}

/// One run: lab, program, peers.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) lab: Lab,
    receiver: Receiver<Live>,
    events: Vec<Live>,
    pub(crate) program: ProgramId,
    /// Where the program listens, as peers reach it.
    pub(crate) address: SocketAddr,
    /// Where peers stand: the client host, or the server host for a program bound to loopback.
    pub(crate) peer_host: HostId,
    /// Where the program stands.
    program_host: HostId,
    pub(crate) dialect: Dialect,
    peers: u16,
    /// For a program that is a client: where our server side waits for it.
    listener: Option<TcpListener>,
}

impl Bench {
    pub(crate) fn new_after(
        lab: Lab,
        receiver: Receiver<Live>,
        events: Vec<Live>,
        program: ProgramId,
        address: SocketAddr,
    ) -> Self {
        let peer_host = if address.ip().is_loopback() { SERVER } else { CLIENT };
        let (program_host, dialect) = (SERVER, Dialect::ECHO);
        Self {
            lab,
            receiver,
            events,
            program,
            address,
            peer_host,
            program_host,
            dialect,
            peers: 0,
            listener: None,
        }
    }

    /// The same around a program that connects to `listener` at `address`.
    pub(crate) fn new_before(
        lab: Lab,
        receiver: Receiver<Live>,
        program: ProgramId,
        address: SocketAddr,
        listener: Option<TcpListener>,
    ) -> Self {
        let bench = Self::new_after(lab, receiver, Vec::new(), program, address);
        Self { peer_host: SERVER, program_host: CLIENT, listener, ..bench }
    }

    pub(crate) fn parts(&self) -> (&Lab, &Receiver<Live>) {
        (&self.lab, &self.receiver)
    }

    pub(crate) fn add(&mut self, events: Vec<Live>) {
        self.events.extend(events);
    }

    /// A new peer, connected; `None` when the connection was refused or reset.
    pub(crate) fn connect(&mut self) -> Result<Option<Peer>, CheckError> {
        let mut peer = self.start_connect()?;
        let ready = poll::one(peer.as_fd(), POLLOUT, CONNECT_LIMIT)?;
        peer.refresh_local();
        let errno = if ready == 0 { Some(libc::ETIMEDOUT) } else { peer.connect_error() };
        self.step(&peer, Action::Connect, 0, errno);
        Ok(errno.is_none().then_some(peer))
    }

    /// A peer whose connection is under way.
    pub(crate) fn start_connect(&mut self) -> Result<Peer, CheckError> {
        let fd = self.lab.socket(self.peer_host, SocketKind::Tcp, self.address.is_ipv6())?;
        socket::start_connect(fd.as_fd(), self.address)?;
        let peer = Peer::new(self.peers, fd, self.address, self.dialect.is_echo);
        self.peers += 1;
        Ok(peer)
    }

    /// Writes one step of a peer into the log.
    pub(crate) fn step(&self, peer: &Peer, action: Action, n: u64, errno: Option<i32>) {
        let is_send = matches!(action, Action::Send);
        self.lab.put(What::Step(Step {
            peer: peer.no,
            action,
            n,
            total: if is_send { peer.sent() } else { peer.received },
            differs_at: peer.differs_at,
            preview: if matches!(action, Action::Receive | Action::Quiet) {
                peer.preview.clone()
            } else {
                Vec::new()
            },
            errno,
            local: peer.local,
        }));
    }

    /// Writes down a measure taken of the program.
    pub(crate) fn measure(&self, name: &str, value: u64) {
        self.lab.put(What::Step(Step {
            peer: 0,
            action: Action::Measure,
            n: value,
            total: 0,
            differs_at: None,
            preview: name.as_bytes().to_vec(),
            errno: None,
            local: None,
        }));
    }

    /// Sends one write as one segment, if the window lets it.
    pub(crate) fn send(&mut self, peer: &mut Peer, bytes: &[u8]) -> Result<(), CheckError> {
        let mut rest = bytes;
        while !rest.is_empty() && peer.end.is_none() {
            let len = peer.write(rest)?;
            rest = &rest[len..];
            if len == 0 && poll::one(peer.as_fd(), POLLOUT, 1_000)? == 0 {
                break;
            }
        }
        self.step(peer, Action::Send, (bytes.len() - rest.len()) as u64, None);
        Ok(())
    }

    /// Asks the contract's question and waits for its answer.
    pub(crate) fn ask(&mut self, peer: &mut Peer) -> Result<Answer, CheckError> {
        let Dialect { question, answer, is_echo } = self.dialect;
        if is_echo { self.pump(peer, question) } else { self.exchange(peer, &[question], answer) }
    }

    /// Asks the contract's question; who asks waits for the answer elsewhere.
    pub(crate) fn say(&mut self, peer: &mut Peer) -> Result<(), CheckError> {
        let Dialect { question, answer, is_echo } = self.dialect;
        if !is_echo {
            self.want(peer, answer);
        }
        self.send(peer, question)
    }

    /// Sends pieces, each a segment of its own that the program has taken before the next one goes, and waits for
    /// the answer to all of them.
    pub(crate) fn exchange(
        &mut self,
        peer: &mut Peer,
        pieces: &[&[u8]],
        answer: &[u8],
    ) -> Result<Answer, CheckError> {
        self.want(peer, answer);
        let Some((last, first)) = pieces.split_last() else { return self.echo(peer) };
        for piece in first {
            self.send(peer, piece)?;
            self.rest(&[peer])?;
        }
        self.pump(peer, last)
    }

    /// Makes these bytes the next ones that must come, and writes down how many they are in all.
    pub(crate) fn want(&self, peer: &mut Peer, answer: &[u8]) {
        peer.want(answer);
        self.measure(&format!("wanted:{}", peer.no), peer.wanted());
    }

    /// Waits until the program connects; `None` when it has ended or will not.
    pub(crate) fn accept(&mut self) -> Result<Option<Peer>, CheckError> {
        let Some(listener) = self.listener.take() else { return Ok(None) };
        let accepted = self.accept_on(&listener);
        self.listener = Some(listener);
        accepted
    }

    fn accept_on(&mut self, listener: &TcpListener) -> Result<Option<Peer>, CheckError> {
        let mut watch = Watch::default();
        while poll::one(listener.as_fd(), POLLIN, LOOK)? == 0 {
            if self.has_exited() || self.look(&mut watch, &[])?.is_some() {
                return Ok(None);
            }
        }
        let failed = |source| CheckError::Io { what: "accept", source };
        let (stream, remote) = listener.accept().map_err(failed)?;
        stream.set_nonblocking(true).map_err(failed)?;
        let mut peer = Peer::new(self.peers, stream.into(), remote, self.dialect.is_echo);
        self.peers += 1;
        peer.refresh_local();
        self.step(&peer, Action::Connect, 0, None);
        Ok(Some(peer))
    }

    /// Reads until this many bytes have come, or can't any more.
    pub(crate) fn read_until(&mut self, peer: &mut Peer, len: u64) -> Result<Answer, CheckError> {
        let before = peer.received;
        let mut watch = Watch::default();
        let answer = loop {
            if peer.received >= len {
                break Answer::Whole;
            }
            if peer.read() > 0 {
                watch.moved();
            } else if let Some(end) = peer.end {
                break Answer::Ended(end);
            } else if poll::one(peer.as_fd(), POLLIN, LOOK)? == 0
                && let Some(idle) = self.look(&mut watch, &[peer])?
            {
                break Answer::Idle(idle);
            }
        };
        self.conclude(peer, answer, before);
        Ok(answer)
    }

    /// Waits until the program has ended, or does nothing more; whether it has ended.
    pub(crate) fn until_exited(&mut self, peer: Option<&Peer>) -> Result<bool, CheckError> {
        let mut watch = Watch::default();
        let peers: Vec<&Peer> = peer.into_iter().collect();
        loop {
            self.collect_for(LOOK);
            if self.has_exited() {
                return Ok(true);
            }
            if let Some(idle) = self.look(&mut watch, &peers)? {
                // One that is gone is quiet too: its end is on its way.
                if self.observe()?.processes == 0 {
                    watch = Watch::default();
                    continue;
                }
                self.measure(if idle == Idle::Slow { "slow" } else { "hangs" }, 1);
                return Ok(false);
            }
        }
    }

    /// Waits until what an ended program has printed is read from its terminal, which may be later than its end.
    pub(crate) fn until_printed(&mut self, text: &str) {
        const LOOKS: u32 = 500;
        for _ in 0..LOOKS {
            let lines = self.events.iter().filter_map(|live| match &live.what {
                What::Output(output) if output.stream == Stream::Stdout => Some(output.text.as_str()),
                _ => None,
            });
            if lines.collect::<String>().contains(text) {
                break;
            }
            self.collect_for(LOOK);
        }
    }

    /// Waits until all that was sent so far has come back.
    pub(crate) fn echo(&mut self, peer: &mut Peer) -> Result<Answer, CheckError> {
        self.pump(peer, &[])
    }

    /// Sends bytes and reads their echo at the same time, until both are done or cannot be.
    pub(crate) fn pump(&mut self, peer: &mut Peer, bytes: &[u8]) -> Result<Answer, CheckError> {
        let (before_sent, before) = (peer.sent(), peer.received);
        let mut rest = bytes;
        let mut watch = Watch::default();
        let answer = loop {
            let written = if rest.is_empty() { 0 } else { peer.write(rest)? };
            rest = &rest[written..];
            let read = peer.read();
            if let Some(end) = peer.end.filter(|_| read == 0) {
                break Answer::Ended(end);
            }
            if rest.is_empty() && peer.received >= peer.wanted() {
                break Answer::Whole;
            }
            if written + read > 0 {
                watch.moved();
                continue;
            }
            let events = POLLIN | if rest.is_empty() { 0 } else { POLLOUT };
            if poll::one(peer.as_fd(), events, LOOK)? != 0 {
                continue;
            }
            if let Some(idle) = self.look(&mut watch, &[peer])? {
                break Answer::Idle(idle);
            }
        };
        if !bytes.is_empty() {
            self.step(peer, Action::Send, peer.sent() - before_sent, None);
        }
        self.conclude(peer, answer, before);
        Ok(answer)
    }

    /// Sends without reading until the program takes no more; how many bytes it and the kernel took.
    pub(crate) fn fill(&mut self, peer: &mut Peer, bytes: &[u8]) -> Result<Answer, CheckError> {
        let before = peer.sent();
        let mut rest = bytes;
        let mut watch = Watch::default();
        let answer = loop {
            let written = peer.write(rest)?;
            rest = &rest[written..];
            if let Some(end) = peer.end {
                break Answer::Ended(end);
            }
            if rest.is_empty() {
                break Answer::Whole;
            }
            if written > 0 {
                watch.moved();
            } else if poll::one(peer.as_fd(), POLLOUT, LOOK)? == 0
                && let Some(idle) = self.look(&mut watch, &[peer])?
            {
                break Answer::Idle(idle);
            }
        };
        self.step(peer, Action::Send, peer.sent() - before, None);
        Ok(answer)
    }

    /// Waits until the other side has closed, reading what still comes.
    pub(crate) fn until_closed(&mut self, peer: &mut Peer) -> Result<Answer, CheckError> {
        let before = peer.received;
        let mut watch = Watch::default();
        let answer = loop {
            if peer.read() > 0 {
                watch.moved();
            } else if let Some(end) = peer.end {
                break Answer::Ended(end);
            } else if poll::one(peer.as_fd(), POLLIN, LOOK)? == 0
                && let Some(idle) = self.look(&mut watch, &[peer])?
            {
                break Answer::Idle(idle);
            }
        };
        self.conclude(peer, answer, before);
        Ok(answer)
    }

    /// Waits until the program does nothing more about these peers.
    pub(crate) fn settle(&mut self, peers: &[&Peer]) -> Result<Idle, CheckError> {
        let mut watch = Watch::default();
        loop {
            self.collect_for(LOOK);
            if let Some(idle) = self.look(&mut watch, peers)? {
                return Ok(idle);
            }
        }
    }

    /// Waits until the program has taken in what the peers did: every thread waits, though a timer may wake one.
    pub(crate) fn rest(&mut self, peers: &[&Peer]) -> Result<(), CheckError> {
        const AGREEING: u32 = 3;
        let mut agreeing = 0;
        let mut watch = Watch::default();
        while agreeing < AGREEING {
            self.collect_for(LOOK);
            let seen = self.observe()?;
            let waits_for_events =
                seen.is_still() && seen.waits.iter().all(|wait| !wait.call.contains("sleep"));
            let has_all = peers.iter().all(|peer| peer.unacknowledged() == 0);
            agreeing = if waits_for_events && has_all { agreeing + 1 } else { 0 };
            if watch.look(&self.lab, &seen, peers, self.program_host)?.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn look(&mut self, watch: &mut Watch, peers: &[&Peer]) -> Result<Option<Idle>, CheckError> {
        self.collect();
        let seen = self.observe()?;
        watch.look(&self.lab, &seen, peers, self.program_host)
    }

    fn conclude(&self, peer: &Peer, answer: Answer, before: u64) {
        if peer.received > before {
            self.step(peer, Action::Receive, peer.received - before, None);
        }
        let missing = peer.wanted().saturating_sub(peer.received);
        match answer {
            Answer::Whole => {}
            Answer::Ended(ReadEnd::Eof) => self.step(peer, Action::Eof, missing, None),
            Answer::Ended(ReadEnd::Reset(errno)) => self.step(peer, Action::Reset, missing, Some(errno)),
            Answer::Idle(Idle::Quiet) => self.step(peer, Action::Quiet, missing, None),
            Answer::Idle(Idle::Spinning { ms }) => self.step(peer, Action::Spinning, ms, None),
            Answer::Idle(Idle::Slow) => self.step(peer, Action::Slow, missing, None),
        }
    }

    pub(crate) fn shutdown(&self, peer: &Peer) {
        peer.shutdown();
        self.step(peer, Action::Shutdown, 0, None);
    }

    /// Closes, and waits until the program's kernel has heard of it.
    pub(crate) fn close(&mut self, peer: Peer) -> Result<(), CheckError> {
        self.step(&peer, Action::Close, 0, None);
        let ends = (peer.local, peer.remote);
        drop(peer);
        self.until_noticed(ends)
    }

    /// Resets, and waits until the program's kernel has heard of it.
    pub(crate) fn abort(&mut self, peer: Peer) -> Result<(), CheckError> {
        self.step(&peer, Action::Abort, 0, None);
        let ends = (peer.local, peer.remote);
        peer.abort();
        self.until_noticed(ends)
    }

    /// Until the server's end of a connection is established no more: what comes next finds the program told.
    fn until_noticed(&mut self, (local, remote): (Option<SocketAddr>, SocketAddr)) -> Result<(), CheckError> {
        const LOOKS: usize = 2_000;
        let Some(local) = local else { return Ok(()) };
        for _ in 0..LOOKS {
            let row = self.lab.lookup(self.program_host, remote, local)?;
            if row.is_none_or(|row| row.state != TcpState::Established) {
                break;
            }
            self.collect_for(1);
        }
        Ok(())
    }

    /// Looks at the program.
    pub(crate) fn observe(&self) -> Result<Observation, CheckError> {
        Ok(self.lab.observe(self.program)?)
    }

    /// Whether the program under test has ended.
    pub(crate) fn has_exited(&mut self) -> bool {
        self.collect();
        let program = self.program;
        self.events.iter().any(|live| matches!(&live.what, What::Exited(exited) if exited.program == program))
    }

    /// The most bytes that the program has asked for in one `recv`, from its calls so far.
    pub(crate) fn buffer_size(&mut self) -> Result<Option<u64>, CheckError> {
        self.lab.sync()?;
        self.collect();
        let asked = self.events.iter().filter_map(|live| match &live.what {
            What::CallEnter(call) if matches!(call.name.as_str(), "recvfrom" | "read") => call.len,
            _ => None,
        });
        Ok(asked.max())
    }

    /// Whether the program's last send is still under way, was refused (EAGAIN), or was taken in part.
    pub(crate) fn is_send_stuck(&mut self) -> Result<bool, CheckError> {
        self.lab.sync()?;
        self.collect();
        let last = self.events.iter().rev().find_map(|live| match &live.what {
            What::CallEnter(call) if crate::log::shown(&call.name) == "send()" => Some(call),
            _ => None,
        });
        Ok(last.is_some_and(|call| {
            let result = self.result_of(call.call);
            result.is_none_or(|result| result < 0 || (result as u64) < call.len.unwrap_or(0))
        }))
    }

    fn result_of(&self, number: u64) -> Option<i64> {
        self.events.iter().rev().find_map(|live| match &live.what {
            What::CallExit(exit) if exit.call == number => Some(exit.result),
            _ => None,
        })
    }

    /// Takes the events that have come.
    pub(crate) fn collect(&mut self) {
        self.events.extend(self.receiver.try_iter());
    }

    /// Takes events for a moment.
    pub(crate) fn collect_for(&mut self, ms: i32) {
        let limit = std::time::Duration::from_millis(ms.unsigned_abs().into());
        self.events.extend(self.receiver.recv_timeout(limit));
        self.collect();
    }

    /// Ends the run: what happened, in order, and how well the lab worked.
    pub(crate) fn finish(mut self) -> Result<(Recording, Health), CheckError> {
        let health = self.lab.finish()?;
        self.collect();
        Ok((recording(std::mem::take(&mut self.events)), health))
    }
}

/// Joins live events to a recording.
pub(crate) fn recording(live: Vec<Live>) -> Recording {
    let mut recording = Recording::default();
    for Live { at, what, bytes } in live {
        if let (What::Sent(_), Some(bytes)) = (&what, bytes) {
            recording.frames.push(bytes);
        }
        recording.events.push(Event { id: 0, at, what });
    }
    recording.finish()
}
