//! Level 0: `file serve`, `send` and `recv`. The conversation is [`tongro_proto::transfer`], the folder is the confined
//! [`Shelf`] of `serve`; here both are driven over a blocking [`Channel`].
//!
//! ```text
//!   channel ──bytes──▶ Transfer ──file actions──▶ Shelf (openat2 below one folder)
//!      ▲                  │  ▲                      │
//!      └────bytes─────────┘  └───────answers────────┘      notices ──▶ whoever draws the progress
//! ```
//!
//! An attempt that broke off leaves partial files; the next one resumes them. Nothing here retries by itself except
//! once after a wrong hash, when what was resumed turned out not to be a prefix.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tongro_proto::transfer::{Errand, Transfer};
use tongro_proto::{Actions, Bounds, Event, Machine, Notice, Now};
use tongro_serve::Shelf;

use crate::error::{Error, Result};
use crate::link::pair::{Greeted, greet, welcome};
use crate::link::{Channel, Code, Identity};

/// How much is read from a channel at once.
const INPUT_LEN: usize = 128 * 1024;

/// How a client reaches the peer.
#[derive(Debug)]
pub struct Call<'a> {
    /// Where it listens.
    pub address: SocketAddr,
    /// Who we are; `None` for `--plain`.
    pub identity: Option<&'a Identity>,
    /// The pairing code, at the first meeting.
    pub code: Option<&'a Code>,
    /// What to call the peer among those pinned.
    pub name: &'a str,
}

impl Call<'_> {
    /// Connects, encrypts and greets.
    pub fn open(&self) -> Result<Channel> {
        let socket = TcpStream::connect_timeout(&self.address, Duration::from_secs(10));
        let socket = socket.map_err(|source| match source.kind() {
            std::io::ErrorKind::ConnectionRefused => {
                tongro_serve::Error::Refused { address: self.address.to_string() }.into()
            }
            _ => Error::io("connect")(source),
        })?;
        let Some(identity) = self.identity else { return Channel::plain(socket) };
        let mut channel = Channel::connect(socket, identity)?;
        greet(&mut channel, identity, self.code, self.name)?;
        Ok(channel)
    }
}

/// Does these errands on one connection; files lie in `folder`. Gives one notice for each errand, in order: sent,
/// received or failed. `watch` also hears of progress. A connection that breaks is an error; files that were through by
/// then stay.
pub fn run(
    channel: &mut Channel,
    folder: &Path,
    errands: Vec<Errand>,
    rate: Option<u64>,
    watch: &mut dyn FnMut(&Notice),
) -> Result<Vec<Notice>> {
    let mut shelf = Shelf::new(&Arc::new(folder.to_owned()));
    run_on(channel, &mut shelf, errands, rate, watch)
}

/// The names of all files that the peer serves below `folder` (empty = all).
pub fn list(channel: &mut Channel, folder: &str) -> Result<Vec<String>> {
    let mut shelf = Shelf::new(&Arc::new(PathBuf::from(".")));
    let wish = Errand::Fetch { name: format!("{folder}/") };
    let notices = run_on(channel, &mut shelf, vec![wish], None, &mut |_| {})?;
    if let Some(Notice::FileFailed { why }) = notices.first() {
        return Err(Error::Refused { why: why.clone() });
    }
    let list = shelf.take_list().unwrap_or_default();
    let text = String::from_utf8(list).map_err(|_| Error::Protocol { what: "a list that is not UTF-8" })?;
    let names: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    // A list is a claim like any other: what it names will be joined to our folder.
    let is_bad = |name: &&String| tongro_proto::transfer::check_name(name).is_err();
    if names.iter().any(|name| is_bad(&name)) {
        return Err(Error::Protocol { what: "a list with a name that leads elsewhere" });
    }
    Ok(names)
}

fn run_on(
    channel: &mut Channel,
    shelf: &mut Shelf,
    errands: Vec<Errand>,
    rate: Option<u64>,
    watch: &mut dyn FnMut(&Notice),
) -> Result<Vec<Notice>> {
    let count = errands.len();
    let mut ends = Vec::new();
    let mut note = |notice: &Notice| {
        watch(notice);
        if !matches!(notice, Notice::FileProgress { .. }) {
            ends.push(notice.clone());
        }
    };
    let machine = Transfer::errands(errands).telling_progress();
    let machine = if let Some(rate) = rate { machine.paced(rate) } else { machine };
    let driven = Drive::new(channel, shelf, Box::new(machine), rate, &mut note).run();
    if ends.len() < count {
        driven?;
        return Err(Error::Cut);
    }
    Ok(ends)
}

/// A machine, its stream and its files, in one thread.
struct Drive<'a> {
    channel: &'a mut Channel,
    shelf: &'a mut Shelf,
    machine: Box<dyn Machine>,
    note: &'a mut dyn FnMut(&Notice),
    started: Instant,
    wake_at: Option<Duration>,
    /// Bound on what comes in, in bytes a second: TCP makes the peer wait when we do not read.
    rate: Option<u64>,
    received: u64,
    is_finished: bool,
}

impl<'a> Drive<'a> {
    fn new(
        channel: &'a mut Channel,
        shelf: &'a mut Shelf,
        machine: Box<dyn Machine>,
        rate: Option<u64>,
        note: &'a mut dyn FnMut(&Notice),
    ) -> Self {
        let started = Instant::now();
        Self { channel, shelf, machine, note, started, wake_at: None, rate, received: 0, is_finished: false }
    }

    /// Until the machine has finished or the stream has broken.
    fn run(mut self) -> Result<()> {
        self.tell(Event::Open)?;
        let mut buffer = vec![0; INPUT_LEN];
        while !self.is_finished {
            if self.wait_for_wake() {
                self.tell(Event::Wake)?;
                continue;
            }
            match self.channel.read(&mut buffer) {
                Ok(0) => self.tell(Event::End)?,
                Ok(len) => {
                    self.slow_down(len);
                    self.tell(Event::Bytes(&buffer[..len]))?;
                }
                Err(error) => {
                    let broken = Error::io("receive")(error);
                    let _ = self.tell(Event::End); // so that it is told as failed
                    return Err(broken);
                }
            }
        }
        self.channel.finish()
    }

    /// Gives the machine an event and carries out what it wants, until it wants to wait. While pieces go out the peer is
    /// heard between them: a refusal must not be found after gigabytes.
    fn tell(&mut self, event: Event<'_>) -> Result<()> {
        let mut has_output = self.step(event)?;
        let mut buffer = Vec::new();
        while has_output && !self.is_finished {
            if self.channel.has_input() {
                buffer.resize(INPUT_LEN, 0);
                match self.channel.read(&mut buffer).map_err(Error::io("receive"))? {
                    0 => return self.step(Event::End).map(drop),
                    len => {
                        self.step(Event::Bytes(&buffer[..len]))?;
                    }
                }
            }
            has_output = self.step(Event::Sent)?;
        }
        Ok(())
    }

    /// One event, the answers of the shelf included; says whether something was sent.
    fn step(&mut self, event: Event<'_>) -> Result<bool> {
        let mut actions = Actions::default();
        let mut has_output = false;
        let mut queue = VecDeque::new();
        self.machine.handle(event, self.now(), &mut actions);
        loop {
            for notice in actions.take_notices() {
                (self.note)(&notice);
            }
            self.wake_at = actions.take_wake().or(self.wake_at);
            has_output |= !actions.bytes().is_empty();
            let sent = self.channel.write_all(actions.bytes());
            sent.and_then(|()| self.channel.flush()).map_err(Error::io("send"))?;
            self.is_finished |= actions.is_finished();
            let (orders, written) = actions.take_files();
            let written = Arc::new(written);
            queue.extend(orders.into_iter().map(|order| (order, Arc::clone(&written))));
            actions.clear();
            let answer = loop {
                let Some((order, written)) = queue.pop_front() else { return Ok(has_output) };
                if let Some(answer) = self.shelf.carry_out(order, &written) {
                    break answer;
                }
            };
            self.machine.handle(Event::File(answer.event()), self.now(), &mut actions);
        }
    }

    /// If the machine wants to be woken, waits for that or for the peer, whichever is first; says whether it is time.
    fn wait_for_wake(&mut self) -> bool {
        let Some(at) = self.wake_at else { return false };
        let left = at.saturating_sub(self.started.elapsed());
        if !left.is_zero() && !self.channel.has_input() {
            std::thread::park_timeout(left.min(Duration::from_millis(50)));
        }
        if self.started.elapsed() < at {
            return false;
        }
        self.wake_at = None;
        true
    }

    /// Keeps what comes in below the rate.
    fn slow_down(&mut self, len: usize) {
        let Some(rate) = self.rate else { return };
        self.received += len as u64;
        let due = Duration::from_secs_f64(self.received as f64 / rate.max(1) as f64);
        while let Some(left) = due.checked_sub(self.started.elapsed()).filter(|left| !left.is_zero()) {
            std::thread::park_timeout(left);
        }
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now { steady: self.started.elapsed(), wall }
    }
}

/// A server of one folder, a thread for each peer.
#[derive(Debug)]
pub struct Server {
    door: TcpListener,
    folder: PathBuf,
    identity: Option<Identity>,
    /// What a newcomer must type. Spent by each try.
    code: Mutex<Code>,
    rate: Option<u64>,
}

/// What a server tells.
#[derive(Clone, Debug)]
pub enum Told {
    /// A file came, went or did not.
    Notice(SocketAddr, Notice),
    /// A peer was paired, or failed to: there is a new code.
    NewCode(Code),
    /// A connection was refused or broke.
    Lost(SocketAddr, String),
}

impl Server {
    /// Listens; `None` as identity means plain.
    pub fn bind(
        address: SocketAddr,
        folder: &Path,
        identity: Option<Identity>,
        rate: Option<u64>,
    ) -> Result<Self> {
        let door = TcpListener::bind(address).map_err(|source| {
            if source.kind() == std::io::ErrorKind::AddrInUse {
                return tongro_serve::Error::AddressInUse { address: address.to_string() }.into();
            }
            Error::io("bind")(source)
        })?;
        let is_folder = std::fs::metadata(folder).is_ok_and(|about| about.is_dir());
        if !is_folder {
            return Err(Error::NoRoot { path: folder.to_owned() });
        }
        Ok(Self { door, folder: folder.to_owned(), identity, code: Mutex::new(Code::random()?), rate })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        self.door.local_addr().map_err(Error::io("getsockname"))
    }

    /// The code to type at the first meeting.
    pub fn code(&self) -> Code {
        self.code.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves for ever, or `count` connections.
    pub fn run(&self, count: Option<usize>, tell: &(dyn Fn(Told) + Sync)) -> Result<()> {
        std::thread::scope(|scope| {
            for _ in 0..count.unwrap_or(usize::MAX) {
                let (socket, from) = self.door.accept().map_err(Error::io("accept"))?;
                std::thread::Builder::new()
                    .spawn_scoped(scope, move || {
                        if let Err(error) = self.serve(socket, from, tell) {
                            tell(Told::Lost(from, error.to_string()));
                        }
                    })
                    .map_err(Error::io("clone"))?;
            }
            Ok(())
        })
    }

    fn serve(&self, socket: TcpStream, from: SocketAddr, tell: &(dyn Fn(Told) + Sync)) -> Result<()> {
        let mut channel = match &self.identity {
            None => Channel::plain(socket)?,
            Some(identity) => self.meet(Channel::accept(socket, identity)?, identity, from, tell)?,
        };
        let mut shelf = Shelf::new(&Arc::new(self.folder.clone()));
        let machine = Transfer::server(Bounds::default());
        let machine = if let Some(rate) = self.rate { machine.paced(rate) } else { machine };
        let mut note = |notice: &Notice| tell(Told::Notice(from, notice.clone()));
        Drive::new(&mut channel, &mut shelf, Box::new(machine), None, &mut note).run()
    }

    /// Only who is pinned or has the code comes in; each use of the code spends it.
    fn meet(
        &self,
        mut channel: Channel,
        identity: &Identity,
        from: SocketAddr,
        tell: &(dyn Fn(Told) + Sync),
    ) -> Result<Channel> {
        let code = self.code();
        let greeted = welcome(&mut channel, identity, Some(&code), &from.ip().to_string());
        if matches!(greeted, Ok(Greeted::Paired) | Err(Error::WrongCode)) {
            let fresh = Code::random()?;
            *self.code.lock().unwrap_or_else(PoisonError::into_inner) = fresh.clone();
            tell(Told::NewCode(fresh));
        }
        greeted.map(|_| channel)
    }
}
