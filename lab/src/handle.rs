//! The parent's handle on a lab: starts the child, asks for things, and collects the events.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tongro_sys::fdpass::{self, Channel};
use tongro_sys::{clock, process};
use tongro_trace::event::{HostId, LinkSettings, ProgramId, What};

use crate::error::{LabError, Step};
use crate::link::locked;
use crate::message::{
    FromLab, Health, Listener, Observation, ProgramPlan, Record, Reply, Request, Setup, SocketKind, SocketRow,
};
use crate::script::{Rule, Script};

/// How a lab is to be built.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The executable that enters the stage with [`crate::STAGE_ARGUMENT`]; the running one as a rule.
    pub exe: PathBuf,
    /// What happens on the link.
    pub script: Script,
    /// The client's and the server's addresses.
    pub addresses: [Ipv4Addr; 2],
    /// Sysctls of both hosts, by name: `net.ipv4.tcp_rmem`.
    pub sysctls: Vec<(String, String)>,
    /// No ARP: the hosts know each other's hardware address.
    pub is_arp_static: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            exe: PathBuf::from("/proc/self/exe"),
            script: Script::default(),
            addresses: [Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 2)],
            sysctls: Vec::new(),
            is_arp_static: true,
        }
    }
}

/// One event as it comes out of the lab, with the bytes of its frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Nanoseconds since the run began.
    pub at: u64,
    /// What happened.
    pub what: What,
    /// The frame as sent, or as it arrived where the link altered it.
    pub bytes: Option<Vec<u8>>,
}

/// A running lab. Dropping it ends every process in it.
#[derive(Debug)]
pub struct Lab {
    child: Mutex<Child>,
    channel: Arc<Channel>,
    epoch: u64,
    waiting: Arc<Mutex<Waiting>>,
    live: Sender<Live>,
    /// The kernel's receive buffers of the wire's ends, bytes.
    pub buffers: [u64; 2],
}

/// A reply with the descriptor that came along.
type Answer = (Reply, Option<OwnedFd>);

/// Who waits for which reply; `None` once the lab is gone.
#[derive(Debug)]
struct Waiting {
    next: u64,
    by_number: Option<HashMap<u64, Sender<Answer>>>,
}

impl Lab {
    /// Builds a lab. Its events arrive at the receiver, those of each of its threads in order of time.
    ///
    /// # Errors
    /// [`LabError::Build`] with the step that this machine refuses.
    pub fn start(plan: &Plan) -> Result<(Self, Receiver<Live>), LabError> {
        let (ours, theirs) = fdpass::pair()?;
        let child = Command::new(&plan.exe)
            .arg(crate::STAGE_ARGUMENT)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| LabError::Build {
                step: Step::Start,
                call: "execve".into(),
                errno: error.raw_os_error().unwrap_or(0),
            })?;
        let epoch = clock::monotonic();
        let setup = Setup {
            epoch,
            script: (&plan.script).into(),
            addresses: plan.addresses.map(|address| vec![IpAddr::V4(address)]),
            sysctls: plan.sysctls.clone(),
            is_arp_static: plan.is_arp_static,
        };
        let bytes = postcard::to_stdvec(&setup).map_err(|_| fdpass::garbled())?;
        // A stage that failed at once has said why: its answer, not this EPIPE, is the reason.
        let _ = ours.send(&bytes, &[]);
        let waiting = Arc::new(Mutex::new(Waiting { next: 1, by_number: Some(HashMap::new()) }));
        let (live, receiver) = std::sync::mpsc::channel();
        let mut lab =
            Self { child: Mutex::new(child), channel: Arc::new(ours), epoch, waiting, live, buffers: [0; 2] };
        lab.buffers = lab.await_built()?;
        Ok((lab, receiver))
    }

    fn await_built(&self) -> Result<[u64; 2], LabError> {
        let (sender, receiver) = std::sync::mpsc::channel();
        if let Some(waiting) = &mut locked(&self.waiting).by_number {
            waiting.insert(0, sender);
        }
        let channel = Arc::clone(&self.channel);
        let (waiting, live) = (Arc::clone(&self.waiting), self.live.clone());
        std::thread::Builder::new()
            .name("lab".into())
            .spawn(move || read_loop(&channel, &waiting, &live))
            .map_err(|source| tongro_sys::Error { call: "thread", source })?;
        match receiver.recv() {
            Ok((Reply::Built { buffers }, _)) => Ok(buffers),
            Ok((Reply::NotBuilt { step, call, errno }, _)) => Err(LabError::Build { step, call, errno }),
            _ => Err(LabError::Gone),
        }
    }

    /// Nanoseconds since the run began, on the clock of the events.
    #[must_use]
    pub fn now(&self) -> u64 {
        clock::monotonic().saturating_sub(self.epoch)
    }

    /// Puts an event of the parent's own (a peer's step) among the lab's.
    pub fn put(&self, what: What) {
        let _ = self.live.send(Live { at: self.now(), what, bytes: None });
    }

    /// Starts a program.
    ///
    /// # Errors
    /// [`LabError::Spawn`] with ENOENT or EACCES when there is no such program or it may not be executed.
    pub fn run(&self, plan: ProgramPlan) -> Result<ProgramId, LabError> {
        let program = plan.argv.first().cloned().unwrap_or_default();
        match self.ask(Request::Run(Box::new(plan)))?.0 {
            Reply::Program(id) => Ok(id),
            Reply::Failed { call, errno } => Err(LabError::Spawn { program, call, errno }),
            _ => Err(LabError::Gone),
        }
    }

    /// A non-blocking socket that lives on one of the hosts.
    ///
    /// # Errors
    /// Those of `socket(2)`.
    pub fn socket(&self, host: HostId, kind: SocketKind, is_v6: bool) -> Result<OwnedFd, LabError> {
        let (_, fd) = self.ask_kernel(Request::Socket { host, kind, is_v6 })?;
        fd.ok_or(LabError::Gone)
    }

    /// The ports that programs of a host wait on.
    ///
    /// # Errors
    /// Those of the socket table.
    pub fn listeners(&self, host: HostId) -> Result<Vec<Listener>, LabError> {
        match self.ask_kernel(Request::Listeners { host })?.0 {
            Reply::Listeners(rows) => Ok(rows),
            _ => Err(LabError::Gone),
        }
    }

    /// The TCP sockets of a host that are no listeners.
    ///
    /// # Errors
    /// Those of the socket table.
    pub fn sockets(&self, host: HostId) -> Result<Vec<SocketRow>, LabError> {
        match self.ask_kernel(Request::Sockets { host })?.0 {
            Reply::Sockets(rows) => Ok(rows),
            _ => Err(LabError::Gone),
        }
    }

    /// The TCP socket of a host with exactly these ends.
    ///
    /// # Errors
    /// Those of the socket table.
    pub fn lookup(
        &self,
        host: HostId,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Option<SocketRow>, LabError> {
        match self.ask_kernel(Request::Lookup { host, local, remote })?.0 {
            Reply::Row(row) => Ok(row),
            _ => Err(LabError::Gone),
        }
    }

    /// Looks at a program: its threads' waits and what it holds.
    ///
    /// # Errors
    /// [`LabError::Gone`] when the lab has ended.
    pub fn observe(&self, program: ProgramId) -> Result<Observation, LabError> {
        match self.ask_kernel(Request::Observe { program })?.0 {
            Reply::Observed(seen) => Ok(seen),
            _ => Err(LabError::Gone),
        }
    }

    /// File names of the libraries and programs that a program has mapped: what it is made of.
    ///
    /// # Errors
    /// [`LabError::Gone`] when the lab has ended.
    pub fn mapped_files(&self, program: ProgramId) -> Result<Vec<String>, LabError> {
        match self.ask_kernel(Request::Mapped { program })?.0 {
            Reply::Names(names) => Ok(names),
            _ => Err(LabError::Gone),
        }
    }

    /// Connections that a host had to refuse because a listener's queue was full, so far.
    ///
    /// # Errors
    /// Those of reading the counter.
    pub fn listen_overflows(&self, host: HostId) -> Result<u64, LabError> {
        match self.ask_kernel(Request::Overflows { host })?.0 {
            Reply::Number(count) => Ok(count),
            _ => Err(LabError::Gone),
        }
    }

    /// Sends a signal to a program.
    ///
    /// # Errors
    /// ESRCH when it has ended.
    pub fn signal(&self, program: ProgramId, signal: i32) -> Result<(), LabError> {
        self.ask_kernel(Request::Signal { program, signal }).map(drop)
    }

    /// Lowers how many descriptors a program may have open: EMFILE comes by itself then.
    ///
    /// # Errors
    /// Those of `prlimit(2)`.
    pub fn limit_open_files(&self, program: ProgramId, open_files: u64) -> Result<(), LabError> {
        self.ask_kernel(Request::Limit { program, open_files }).map(drop)
    }

    /// Types a line at a program's terminal.
    ///
    /// # Errors
    /// Those of the terminal.
    pub fn input(&self, program: ProgramId, text: &str) -> Result<(), LabError> {
        self.ask_kernel(Request::Input { program, text: text.to_owned() }).map(drop)
    }

    /// Gives a host one more address, reachable from the other.
    ///
    /// # Errors
    /// Those of rtnetlink.
    pub fn add_address(&self, host: HostId, address: IpAddr) -> Result<(), LabError> {
        self.ask_kernel(Request::AddAddress { host, address }).map(drop)
    }

    /// Changes the link for the frames to come.
    ///
    /// # Errors
    /// [`LabError::Gone`] when the lab has ended; the same holds for all faults below.
    pub fn set_link(&self, settings: LinkSettings) -> Result<(), LabError> {
        self.ask_kernel(Request::Link(settings)).map(drop)
    }

    /// Adds rules for the frames to come.
    ///
    /// # Errors
    /// See [`Lab::set_link`].
    pub fn add_rules(&self, rules: &[Rule]) -> Result<(), LabError> {
        self.ask_kernel(Request::Rules(rules.iter().map(ToString::to_string).collect())).map(drop)
    }

    /// Drops the next frame from a host (or from either) that is more than a bare acknowledgment.
    ///
    /// # Errors
    /// See [`Lab::set_link`].
    pub fn drop_next(&self, from: Option<HostId>) -> Result<(), LabError> {
        self.ask_kernel(Request::DropNext { from }).map(drop)
    }

    /// Swallows everything a host sends, until it is switched off.
    ///
    /// # Errors
    /// See [`Lab::set_link`].
    pub fn blackhole(&self, from: HostId, is_on: bool) -> Result<(), LabError> {
        self.ask_kernel(Request::Blackhole { from, is_on }).map(drop)
    }

    /// Forges a RST to both ends of the TCP conversation opened last.
    ///
    /// # Errors
    /// See [`Lab::set_link`].
    pub fn reset(&self) -> Result<(), LabError> {
        self.ask_kernel(Request::Reset).map(drop)
    }

    /// Forges a FIN to one host in the TCP conversation opened last.
    ///
    /// # Errors
    /// See [`Lab::set_link`].
    pub fn half_close(&self, toward: HostId) -> Result<(), LabError> {
        self.ask_kernel(Request::HalfClose { toward }).map(drop)
    }

    /// Has the kernel destroy a connection: its program gets ECONNABORTED, its peer a RST.
    ///
    /// # Errors
    /// ENOENT without such a connection.
    pub fn destroy(&self, host: HostId, local: SocketAddr, remote: SocketAddr) -> Result<(), LabError> {
        self.ask_kernel(Request::Destroy { host, local, remote }).map(drop)
    }

    /// Waits until every event so far has reached the receiver.
    ///
    /// # Errors
    /// See [`Lab::set_link`].
    pub fn sync(&self) -> Result<(), LabError> {
        self.ask_kernel(Request::Sync).map(drop)
    }

    /// The same, with how well the lab itself worked.
    ///
    /// # Errors
    /// See [`Lab::set_link`].
    pub fn finish(&self) -> Result<Health, LabError> {
        match self.ask_kernel(Request::Finish)?.0 {
            Reply::Health(health) => Ok(Health { began_at: self.began_at(), ..health }),
            _ => Err(LabError::Gone),
        }
    }

    /// The wall clock where the run's own clock stood at 0.
    fn began_at(&self) -> i64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        i64::try_from(wall.saturating_sub(self.now().into())).unwrap_or(0)
    }

    fn ask_kernel(&self, request: Request) -> Result<Answer, LabError> {
        match self.ask(request)? {
            (Reply::Failed { call, errno }, _) => Err(LabError::Refused { call, errno }),
            other => Ok(other),
        }
    }

    fn ask(&self, request: Request) -> Result<Answer, LabError> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let number = {
            let mut waiting = locked(&self.waiting);
            let number = waiting.next;
            waiting.next += 1;
            waiting.by_number.as_mut().ok_or(LabError::Gone)?.insert(number, sender);
            number
        };
        let bytes = postcard::to_stdvec(&(number, request)).map_err(|_| fdpass::garbled())?;
        self.channel.send(&bytes, &[]).map_err(|_| LabError::Gone)?;
        receiver.recv().map_err(|_| LabError::Gone)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The end of file on the pair ends the lab; a stage that does not see it within a second is killed.
        let mut child = self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = tongro_sys::socket::shutdown(self.channel.as_fd());
        let pid = child.id() as i32;
        if !matches!(process::wait_exit(pid, Duration::from_secs(1)), Ok(true)) {
            let _ = child.kill();
        }
        let _ = child.wait();
    }
}

fn read_loop(channel: &Channel, waiting: &Mutex<Waiting>, live: &Sender<Live>) {
    let mut buffer = Vec::new();
    while let Ok(Some((bytes, mut fds))) = channel.receive(&mut buffer) {
        match postcard::from_bytes::<FromLab>(bytes) {
            Ok(FromLab::Records(records)) => {
                for Record { at, what, bytes } in records {
                    // Nobody listens any more: the lab is being ended.
                    let _ = live.send(Live { at, what, bytes });
                }
            }
            Ok(FromLab::Reply(number, reply)) => {
                let sender = locked(waiting).by_number.as_mut().and_then(|map| map.remove(&number));
                if let Some(sender) = sender {
                    let _ = sender.send((reply, fds.pop()));
                }
            }
            Err(_) => break,
        }
    }
    locked(waiting).by_number = None;
}
