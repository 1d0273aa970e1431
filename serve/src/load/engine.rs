//! The event loop of one load thread.
//!
//! It begins all connections at once, sends by the plan, and takes what comes. Everything is timed from one start
//! with a steady clock.
//!
//! ```text
//!   connect × n ──▶ all shaken hands? ──▶ plan ──▶ send ──▶ wait ──▶ receive ──▶ record ──▶ plan …
//!                                          │                                        │
//!              open loop: by the clock ────┘              closed loop: by the reply ┘
//! ```
//!
//! Two things make the numbers honest. The *storm*: all connections are opened in one go, as after a restart, and each
//! handshake is timed by itself, so a SYN that was dropped shows as one second and not as a slow average. The *plan*: in
//! the open loop the time of request `k` is `start + k / rate`, computed and not measured. If the generator or the
//! server is late, the request is sent late, but its latency counts from the plan.
//!
//! What is counted: in the closed loop replies that came within the time; in the open loop all requests that were
//! planned within it, however late their replies came. What has no reply when patience runs out is `unanswered`, and
//! belongs beside any percentile that is shown.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use super::lane::{Lane, Stage};
use super::{Load, Loop, Moment, Report};
use crate::connection::Wire;
use crate::doors::timespec;
use crate::session::Io;

/// Puts on one thread's share; returns its part of the report and the replies of each connection.
pub(super) fn run(load: &Load, tell: &(dyn Fn(Moment) + Sync)) -> io::Result<(Report, Vec<u64>)> {
    let mut engine = Engine::new(load)?;
    engine.connect_all()?;
    tell(Moment::Connected);
    engine.send_all()?;
    tell(Moment::Over);
    engine.report.served = engine.lanes.iter().filter(|lane| lane.is_served).count();
    let replies = engine.lanes.iter().map(|lane| lane.replies).collect();
    Ok((engine.report, replies))
}

/// Between the pieces of one reply: less than the shortest delayed acknowledgment (40 ms), more than any scheduler.
const LATE_PIECE: Duration = Duration::from_millis(30);

/// Everything one load thread holds.
struct Engine<'a> {
    /// What is to be done.
    load: &'a Load,
    /// Zero of all times here.
    start: Instant,
    epoll: OwnedFd,
    /// Every connection, by the number the kernel gives back with its events.
    lanes: Vec<Lane>,
    /// What has been counted so far.
    report: Report,
    /// Where replies arrive: one buffer for all.
    input: Vec<u8>,
    /// What is ready: one list for all turns.
    events: Vec<Event>,
    /// Connections whose handshake is going on.
    connecting: usize,
    /// Requests without a reply.
    open_requests: usize,
    /// When requests begin, count, and end.
    begins_at: Duration,
    counts_at: Duration,
    ends_at: Duration,
    /// The next of the plan, in the open loop: how many were planned, and whose turn it is.
    planned: u64,
}

impl<'a> Engine<'a> {
    /// An engine at its start: the clock runs from here.
    fn new(load: &'a Load) -> io::Result<Self> {
        Ok(Self {
            load,
            start: Instant::now(),
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            lanes: Vec::with_capacity(load.connections),
            report: Report { connections: load.connections, ..Report::default() },
            input: vec![0; 64 * 1024],
            events: Vec::with_capacity(512),
            connecting: 0,
            open_requests: 0,
            begins_at: Duration::ZERO,
            counts_at: Duration::ZERO,
            ends_at: Duration::ZERO,
            planned: 0,
        })
    }

    /// The storm: all handshakes begin at once; then waits until none is going on.
    fn connect_all(&mut self) -> io::Result<()> {
        for number in 0..self.load.connections {
            let socket = Socket::new(Domain::for_address(self.load.target), Type::STREAM, None)?;
            socket.set_nonblocking(true)?;
            socket.set_tcp_nodelay(true)?;
            let begun_at = self.start.elapsed();
            let is_lost = match socket.connect(&self.load.target.into()) {
                Ok(()) => false,
                Err(error) => Errno::from_io_error(&error) != Some(Errno::INPROGRESS),
            };
            let data = EventData::new_u64(number as u64);
            epoll::add(&self.epoll, &socket, data, EventFlags::IN | EventFlags::OUT)?;
            self.lanes.push(Lane::new(socket, begun_at));
            self.connecting += 1;
            if is_lost {
                self.lose(number);
            }
        }
        let until = self.start.elapsed() + self.load.patience;
        while self.connecting > 0 && self.start.elapsed() < until {
            self.turn(Some(until))?;
        }
        Ok(())
    }

    /// Sends by the plan until its end, then waits for the last replies.
    fn send_all(&mut self) -> io::Result<()> {
        self.begins_at = self.start.elapsed();
        self.counts_at = self.begins_at + self.load.warmup;
        self.ends_at = self.begins_at + self.load.length;
        if self.load.how == Loop::Closed {
            for number in 0..self.lanes.len() {
                self.ask(number, self.begins_at);
            }
        }
        while self.start.elapsed() < self.ends_at {
            let next = self.send_due();
            self.turn(Some(next.unwrap_or(self.ends_at).min(self.ends_at)))?;
        }
        self.send_due();
        let until = self.ends_at + self.load.patience;
        while self.open_requests > 0 && self.start.elapsed() < until {
            self.turn(Some(until))?;
        }
        self.report.unanswered += self.open_requests as u64;
        self.report.seconds = (self.ends_at - self.counts_at).as_secs_f64();
        Ok(())
    }

    /// Open loop: sends what is due by the plan, and says when the next is. The plan does not wait for anybody.
    fn send_due(&mut self) -> Option<Duration> {
        let Loop::Open { per_second } = self.load.how else { return None };
        let now = self.start.elapsed();
        loop {
            let at = self.begins_at + Duration::from_secs_f64(self.planned as f64 / per_second.max(0.001));
            if at > now || at >= self.ends_at {
                return Some(at);
            }
            let number = (self.planned % self.lanes.len().max(1) as u64) as usize;
            self.planned += 1;
            self.ask(number, at);
        }
    }

    /// Plans a request on one connection and sends it if it can. In the open loop a request to a lost connection is
    /// one that is never answered.
    fn ask(&mut self, number: usize, intended_at: Duration) {
        let Some(lane) = self.lanes.get_mut(number) else { return };
        match lane.stage {
            Stage::Lost => self.report.unanswered += u64::from(matches!(self.load.how, Loop::Open { .. })),
            Stage::Connecting => {
                lane.plan(intended_at);
                self.open_requests += 1;
            }
            Stage::Open => {
                lane.plan(intended_at);
                self.open_requests += 1;
                let outcome = lane.send(self.load);
                self.settle(number, outcome.is_err());
            }
        }
    }

    /// Waits for news, at most until then, and deals with it.
    fn turn(&mut self, until: Option<Duration>) -> io::Result<()> {
        let at_most = until.map(|until| timespec(until.saturating_sub(self.start.elapsed())));
        let mut events = core::mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events), at_most.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let (number, flags) = (event.data.u64() as usize, event.flags);
            let is_lost = self.ready(number, flags);
            self.settle(number, is_lost);
        }
        self.events = events;
        Ok(())
    }

    /// Deals with one ready connection; says whether it is lost.
    fn ready(&mut self, number: usize, flags: EventFlags) -> bool {
        let Some(lane) = self.lanes.get_mut(number) else { return false };
        if lane.stage == Stage::Lost {
            return false;
        }
        if lane.stage == Stage::Connecting {
            if !matches!(lane.socket.take_error(), Ok(None)) {
                return true;
            }
            let now = self.start.elapsed();
            lane.stage = Stage::Open;
            self.connecting -= 1;
            self.report.connected += 1;
            self.report.connect.record((now - lane.begun_at).as_nanos() as u64);
            self.report.all_connected = self.report.all_connected.max(now.as_nanos() as u64);
        }
        if flags.contains(EventFlags::OUT) && lane.send(self.load).is_err() {
            return true;
        }
        flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) && self.receive(number)
    }

    /// One read; says whether the connection is lost.
    fn receive(&mut self, number: usize) -> bool {
        let lane = &mut self.lanes[number];
        let len = match Wire(&lane.socket).read(&mut self.input) {
            Ok(0) => return true,
            Ok(len) => len,
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        };
        let now = self.start.elapsed();
        let (mut complete, counts_at, ends_at) = (0, self.counts_at, self.ends_at);
        let is_closed_loop = self.load.how == Loop::Closed;
        let (report, mut counted) = (&mut self.report, 0);
        let is_right = lane.receive(&self.input[..len], self.load, now, |intended_at, took| {
            complete += 1;
            report.replies += 1;
            report.late_pieces += u64::from(took >= LATE_PIECE);
            // Closed loop: what is complete within the time. Open loop: what was planned within it.
            if intended_at >= counts_at && (!is_closed_loop || now < ends_at) {
                report.latency.record(now.saturating_sub(intended_at).as_nanos() as u64);
                counted += 1;
            }
        });
        lane.replies += counted;
        report.messages += counted;
        report.wrong += u64::from(!is_right);
        self.open_requests -= complete;
        if is_closed_loop && now < ends_at {
            for _ in 0..complete {
                lane.plan(now);
            }
            self.open_requests += complete;
            return lane.send(self.load).is_err();
        }
        false
    }

    /// Watches for what the connection wants now, or lets it go.
    fn settle(&mut self, number: usize, is_lost: bool) {
        let Some(lane) = self.lanes.get_mut(number) else { return };
        if is_lost && lane.stage != Stage::Lost {
            return self.lose(number);
        }
        let wants = lane.is_blocked() && lane.stage != Stage::Lost;
        if lane.watches_write != wants && lane.stage != Stage::Lost {
            lane.watches_write = wants;
            let flags = if wants { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            let _ = epoll::modify(&self.epoll, &lane.socket, EventData::new_u64(number as u64), flags);
        }
    }

    /// Lets a connection go, with all requests that were open on it.
    fn lose(&mut self, number: usize) {
        let lane = &mut self.lanes[number];
        self.connecting -= usize::from(lane.stage == Stage::Connecting);
        lane.stage = Stage::Lost;
        self.report.lost += 1;
        let open = lane.open_requests();
        self.open_requests -= open;
        self.report.unanswered += open as u64;
        let _ = epoll::delete(&self.epoll, &lane.socket);
    }
}
