//! Starting the program under test unchanged: its port is read from the socket table, a foreign address is given to
//! the host, a question on the terminal is answered, and what keeps it from listening is named.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::sync::mpsc::Receiver;

use tongro_lab::{
    CLIENT, CallRule, Lab, LabError, Live, Observation, Plan, ProgramPlan, SERVER, SocketKind, Tracing,
};
use tongro_sys::socket;
use tongro_trace::event::{ProgramId, What};

use crate::bench::Bench;
use crate::contract::Side;
use crate::error::CheckError;
use crate::runner::Subject;
use crate::verdict::Said;

/// A program that has not listened after this long, ns, is not waited for any more.
const LISTEN_LIMIT: u64 = 15_000_000_000;
/// The same when it waits without a timeout: it will not do anything by itself. Looks in a row.
const QUIET_LOOKS: u32 = 60;
/// Lines typed at a program that asks.
const ANSWERS_MAX: u32 = 5;
const LOOK_MS: u64 = 4;
/// The server host's own address.
const SERVER_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// Why a program could not be tested, in words and with what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstarted {
    /// The reason.
    pub reason: Said,
    /// The last lines it wrote to standard error.
    pub stderr: Vec<String>,
}

/// What a check asks of the lab before the program runs.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    pub(crate) plan: Plan,
    pub(crate) calls: Vec<CallRule>,
    pub(crate) tracing: Tracing,
    pub(crate) side: Side,
}

/// Builds a lab, starts the program in it and waits until it listens.
pub(crate) fn start(
    subject: &Subject,
    conditions: &Conditions,
) -> Result<Result<Bench, Unstarted>, CheckError> {
    if let Side::Client { arguments, is_answered } = conditions.side {
        return start_client(subject, conditions, &arguments(), is_answered);
    }
    let (lab, receiver) = Lab::start(&conditions.plan)?;
    let program = match lab.run(plan(subject, conditions)) {
        Ok(program) => program,
        Err(LabError::Spawn { program, call, errno }) => {
            return Ok(Err(not_executed(&program, &call, errno)));
        }
        Err(error) => return Err(error.into()),
    };
    let mut waiting = Waiting::new(&lab, &receiver, program);
    let listening = waiting.until_listening()?;
    let events = waiting.into_events();
    Ok(listening.map(|address| Bench::new_after(lab, receiver, events, program, address)))
}

/// Where our server side waits for programs that connect.
const OUR_PORT: u16 = 9000;

/// Builds a lab with our server side in it and starts the program, which is told where that is.
fn start_client(
    subject: &Subject,
    conditions: &Conditions,
    arguments: &[String],
    is_answered: bool,
) -> Result<Result<Bench, Unstarted>, CheckError> {
    let (lab, receiver) = Lab::start(&conditions.plan)?;
    let address = SocketAddr::new(SERVER_ADDRESS.into(), OUR_PORT);
    let listener = if is_answered {
        let fd = lab.socket(SERVER, SocketKind::Tcp, false)?;
        socket::bind(fd.as_fd(), address)?;
        socket::listen(fd.as_fd(), 16)?;
        Some(TcpListener::from(fd))
    } else {
        None
    };
    let mut plan = plan(subject, conditions);
    plan.host = CLIENT;
    plan.argv.extend([address.ip().to_string(), address.port().to_string()]);
    plan.argv.extend_from_slice(arguments);
    match lab.run(plan) {
        Ok(program) => Ok(Ok(Bench::new_before(lab, receiver, program, address, listener))),
        Err(LabError::Spawn { program, call, errno }) => Ok(Err(not_executed(&program, &call, errno))),
        Err(error) => Err(error.into()),
    }
}

/// Starts the program again in a lab where it has run before; its stdout and calls are a new program's.
pub(crate) fn restart(
    bench: &mut Bench,
    subject: &Subject,
    conditions: &Conditions,
) -> Result<Option<Unstarted>, CheckError> {
    let program = bench.lab.run(plan(subject, conditions))?;
    bench.program = program;
    let (lab, receiver) = bench.parts();
    let mut waiting = Waiting::new(lab, receiver, program);
    let listening = waiting.until_listening()?;
    let events = waiting.into_events();
    bench.add(events);
    Ok(listening.err())
}

fn plan(subject: &Subject, conditions: &Conditions) -> ProgramPlan {
    ProgramPlan {
        host: SERVER,
        argv: subject.argv.clone(),
        env: Vec::new(),
        cwd: subject.cwd.clone(),
        tracing: conditions.tracing,
        calls: conditions.calls.clone(),
    }
}

fn not_executed(program: &str, call: &str, errno: i32) -> Unstarted {
    let reason = match errno {
        libc::ENOENT => Said::new("outcome.void.not_found").with("program", program),
        libc::EACCES | libc::ENOEXEC => Said::new("outcome.void.not_executable").with("program", program),
        _ => {
            let why = format!("{call}: {}", std::io::Error::from_raw_os_error(errno));
            Said::new("outcome.void.lab_failed").with("why", why)
        }
    };
    Unstarted { reason, stderr: Vec::new() }
}

/// A wait for a listening program.
struct Waiting<'a> {
    lab: &'a Lab,
    receiver: &'a Receiver<Live>,
    program: ProgramId,
    events: Vec<Live>,
    answers: u32,
    quiet_looks: u32,
}

impl<'a> Waiting<'a> {
    fn new(lab: &'a Lab, receiver: &'a Receiver<Live>, program: ProgramId) -> Self {
        Self { lab, receiver, program, events: Vec::new(), answers: 0, quiet_looks: 0 }
    }

    fn into_events(self) -> Vec<Live> {
        self.events
    }

    fn until_listening(&mut self) -> Result<Result<SocketAddr, Unstarted>, CheckError> {
        let started_at = self.lab.now();
        loop {
            if let Some(address) = self.listening()? {
                return Ok(Ok(self.reachable(address)?));
            }
            if let Some(reason) = self.ended()? {
                return Ok(Err(reason));
            }
            self.events.extend(self.receiver.recv_timeout(std::time::Duration::from_millis(LOOK_MS)));
            self.events.extend(self.receiver.try_iter());
            let seen = self.lab.observe(self.program)?;
            self.quiet_looks = if seen.is_quiet() { self.quiet_looks + 1 } else { 0 };
            if self.quiet_looks > 1 && self.answer(&seen)? {
                self.quiet_looks = 0;
            }
            if self.quiet_looks > QUIET_LOOKS || self.lab.now() - started_at > LISTEN_LIMIT {
                // The last look comes last: a listener that appeared meanwhile counts.
                if self.listening()?.is_none() {
                    let ms = (self.lab.now() - started_at) / 1_000_000;
                    return Ok(Err(self.never_listened(ms)?));
                }
            }
        }
    }

    fn listening(&self) -> Result<Option<SocketAddr>, CheckError> {
        let mut found: Vec<SocketAddr> = self
            .lab
            .listeners(SERVER)?
            .into_iter()
            .filter(|listener| listener.kind == SocketKind::Tcp && listener.program == Some(self.program))
            .map(|listener| listener.local)
            .collect();
        // An IPv4 listener first: peers speak IPv4 unless a check says otherwise.
        found.sort_by_key(SocketAddr::is_ipv6);
        Ok(found.first().copied())
    }

    /// The address under which peers reach a listener; a foreign one is given to the host.
    fn reachable(&self, local: SocketAddr) -> Result<SocketAddr, CheckError> {
        let own = SERVER_ADDRESS;
        let ip = match local.ip() {
            ip if ip.is_unspecified() => IpAddr::V4(own),
            ip => ip,
        };
        if !ip.is_loopback() && ip != IpAddr::V4(own) {
            self.lab.add_address(SERVER, ip)?;
        }
        Ok(SocketAddr::new(ip, local.port()))
    }

    /// Types at a program that waits on its terminal; whether it did.
    fn answer(&mut self, seen: &Observation) -> Result<bool, CheckError> {
        let asks = seen.waits.iter().any(|wait| wait.call == "read" && wait.fd == Some(0));
        if !asks || self.answers == ANSWERS_MAX {
            return Ok(false);
        }
        self.answers += 1;
        let prompt = self.last_line().to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| prompt.contains(word));
        let line = if has(&["port", "포트"]) {
            "9000\n"
        } else if has(&["host", "address", "주소", "호스트", "ip"]) {
            "0.0.0.0\n"
        } else {
            "tongro\n"
        };
        self.lab.input(self.program, line)?;
        Ok(true)
    }

    fn last_line(&self) -> String {
        let lines = self.events.iter().rev().filter_map(|live| match &live.what {
            What::Output(output) if output.program == self.program => Some(output.text.clone()),
            _ => None,
        });
        lines.take(1).collect()
    }

    fn ended(&mut self) -> Result<Option<Unstarted>, CheckError> {
        let program = self.program;
        let exit = self.events.iter().find_map(|live| match &live.what {
            What::Exited(exited) if exited.program == program => Some((exited.code, exited.signal)),
            _ => None,
        });
        let Some((code, signal)) = exit else { return Ok(None) };
        // A daemon's first process may end while its child goes on to listen.
        if self.lab.observe(program)?.processes > 0 {
            return Ok(None);
        }
        self.lab.sync()?;
        self.events.extend(self.receiver.try_iter());
        let reason = match (self.connected_out(), signal) {
            (Some(addr), _) => Said::new("outcome.void.connects_out").with("addr", addr),
            (None, Some(signal)) => Said::new("outcome.void.killed_before_listening")
                .with("signal", tongro_sys::process::signal_name(signal)),
            (None, None) => Said::new("outcome.void.exited_before_listening").with("code", code.unwrap_or(0)),
        };
        Ok(Some(Unstarted { reason, stderr: self.stderr() }))
    }

    fn connected_out(&self) -> Option<SocketAddr> {
        self.events.iter().find_map(|live| match &live.what {
            What::CallEnter(call) if call.name == "connect" && call.program == self.program => call.addr,
            _ => None,
        })
    }

    fn never_listened(&self, ms: u64) -> Result<Unstarted, CheckError> {
        let udp = self.lab.listeners(SERVER)?.into_iter().find(|listener| listener.kind == SocketKind::Udp);
        let reason = if let Some(udp) = udp {
            Said::new("outcome.void.udp_only").with("port", udp.local.port())
        } else if let Some(addr) = self.connected_out() {
            Said::new("outcome.void.connects_out").with("addr", addr)
        } else if self.answers == ANSWERS_MAX {
            Said::new("outcome.void.waits_for_input")
        } else {
            let seen = self.lab.observe(self.program)?;
            let call = seen.waits.first().map_or_else(|| "?".to_owned(), |wait| format!("{}()", wait.call));
            Said::new("outcome.void.never_listened").with("ms", ms).with("call", call)
        };
        Ok(Unstarted { reason, stderr: self.stderr() })
    }

    fn stderr(&self) -> Vec<String> {
        let lines: Vec<String> = self
            .events
            .iter()
            .filter_map(|live| match &live.what {
                What::Output(output)
                    if output.program == self.program
                        && output.stream == tongro_trace::event::Stream::Stderr =>
                {
                    Some(output.text.clone())
                }
                _ => None,
            })
            .collect();
        lines[lines.len().saturating_sub(8)..].to_vec()
    }
}
