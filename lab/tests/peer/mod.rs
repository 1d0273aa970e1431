//! A bench for lab tests: one lab, its events so far, and plain blocking clients on the client host.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use tongro_lab::{
    CLIENT, CallRule, Lab, LabError, Live, Plan, ProgramPlan, SERVER, Script, SocketKind, Tracing,
};
use tongro_trace::event::{HostId, ProgramId, Sent, TcpState, What};
use tongro_wire::view;

/// Longer than anything but a hang takes.
const LIMIT: Duration = Duration::from_secs(20);

/// A correct echo server as a learner writes it.
pub(crate) fn echo_server() -> String {
    r#"
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", 9000))
s.listen()
print("listening")
while True:
    c, _ = s.accept()
    try:
        while data := c.recv(4096):
            c.sendall(data)
    except OSError:
        pass
    c.close()
"#
    .to_owned()
}

pub(crate) struct Bench {
    pub(crate) lab: Lab,
    receiver: Receiver<Live>,
    events: Vec<Live>,
}

impl Bench {
    pub(crate) fn new(script: Script) -> Self {
        let plan = Plan { exe: PathBuf::from(env!("CARGO_BIN_EXE_lab-stage")), script, ..Plan::default() };
        let (lab, receiver) = Lab::start(&plan).unwrap();
        Self { lab, receiver, events: Vec::new() }
    }

    pub(crate) fn run(
        &self,
        argv: &[&str],
        calls: Vec<CallRule>,
        tracing: Tracing,
    ) -> Result<ProgramId, LabError> {
        self.lab.run(ProgramPlan {
            host: SERVER,
            argv: argv.iter().map(ToString::to_string).collect(),
            env: Vec::new(),
            cwd: "/".into(),
            tracing,
            calls,
        })
    }

    pub(crate) fn serve(&mut self, source: &str) -> (ProgramId, SocketAddr) {
        self.serve_with(source, Vec::new(), Tracing::Network)
    }

    pub(crate) fn serve_with(
        &mut self,
        source: &str,
        calls: Vec<CallRule>,
        tracing: Tracing,
    ) -> (ProgramId, SocketAddr) {
        let program = self.run(&["python3", "-c", source], calls, tracing).unwrap();
        let started = std::time::Instant::now();
        loop {
            if let Some(listener) = self.lab.listeners(SERVER).unwrap().first() {
                let local = listener.local;
                let ip = if local.ip().is_unspecified() { "10.77.0.2".parse().unwrap() } else { local.ip() };
                return (program, SocketAddr::new(ip, local.port()));
            }
            assert!(started.elapsed() < LIMIT, "never listened");
            // Whatever happens next, or nothing: a listener makes no event of its own.
            self.events.extend(self.receiver.recv_timeout(Duration::from_millis(2)));
        }
    }

    pub(crate) fn connect(&self, to: SocketAddr) -> TcpStream {
        let fd = self.lab.socket(CLIENT, SocketKind::Tcp, false).unwrap();
        tongro_sys::socket::start_connect(fd.as_fd(), to).unwrap();
        let stream = TcpStream::from(fd);
        tongro_sys::poll::one(stream.as_fd(), 4, LIMIT.as_millis() as i32).unwrap();
        assert!(stream.take_error().unwrap().is_none());
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// Waits for the first event, past or to come, that is meant.
    pub(crate) fn until(&mut self, is_meant: impl Fn(&What) -> bool) -> Live {
        if let Some(event) = self.events.iter().find(|event| is_meant(&event.what)) {
            return event.clone();
        }
        loop {
            let event = self.receiver.recv_timeout(LIMIT).expect("an event that never came");
            self.events.push(event.clone());
            if is_meant(&event.what) {
                return event;
            }
        }
    }

    pub(crate) fn sync(&mut self) {
        self.lab.sync().unwrap();
        self.events.extend(self.receiver.try_iter());
    }

    pub(crate) fn states(&mut self, host: HostId, local: SocketAddr) -> Vec<TcpState> {
        self.sync();
        let states = self.events.iter().filter_map(|event| match &event.what {
            What::Socket(socket) if socket.host == host && socket.local.port() == local.port() => {
                Some(socket.state)
            }
            _ => None,
        });
        states.collect()
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = self.events.iter().filter_map(|event| match &event.what {
            What::CallEnter(call) => Some(call.name.clone()),
            _ => None,
        });
        calls.collect()
    }

    pub(crate) fn results_of(&self, name: &str) -> Vec<i64> {
        let numbers: Vec<u64> = self
            .events
            .iter()
            .filter_map(|event| match &event.what {
                What::CallEnter(call) if call.name == name => Some(call.call),
                _ => None,
            })
            .collect();
        let results = self.events.iter().filter_map(|event| match &event.what {
            What::CallExit(exit) if numbers.contains(&exit.call) => Some(exit.result),
            _ => None,
        });
        results.collect()
    }

    pub(crate) fn output(&mut self, program: ProgramId) -> String {
        let event = self.until(|what| matches!(what, What::Output(output) if output.program == program));
        let What::Output(output) = event.what else { unreachable!() };
        output.text
    }

    pub(crate) fn sent(&self, frame: u32) -> Sent {
        let sent = self.events.iter().find_map(|event| match &event.what {
            What::Sent(sent) if sent.frame == frame => Some(sent.clone()),
            _ => None,
        });
        sent.unwrap()
    }

    /// Whether a later frame carries the same first sequence number and payload.
    pub(crate) fn is_retransmitted(&mut self, frame: u32) -> bool {
        self.sync();
        let of = |event: &Live| match (&event.what, &event.bytes) {
            (What::Sent(sent), Some(bytes)) => {
                let view = view::ethernet(bytes)?;
                let (_, tcp) = view.tcp()?;
                Some((sent.frame, tcp.seq, bytes[tcp.payload.clone()].to_vec()))
            }
            _ => None,
        };
        let frames: Vec<_> = self.events.iter().filter_map(of).collect();
        let lost = frames.iter().find(|(number, ..)| *number == frame).unwrap();
        frames.iter().any(|(number, seq, payload)| *number > frame && *seq == lost.1 && *payload == lost.2)
    }

    /// Numbers of the frames that arrived at a host, in order.
    pub(crate) fn arrivals(&self, host: HostId) -> Vec<u32> {
        let arrived = self.events.iter().filter_map(|event| match &event.what {
            What::Arrived(arrived) if arrived.host == host => Some(arrived.frame),
            _ => None,
        });
        arrived.collect()
    }

    /// ns between sending and arrival of every frame that arrived.
    pub(crate) fn travel_times(&self) -> Vec<u64> {
        let arrived = self.events.iter().filter_map(|event| match &event.what {
            What::Arrived(arrived) => Some((arrived.frame, event.at)),
            _ => None,
        });
        arrived
            .map(|(frame, at)| {
                let sent = self.events.iter().find(|e| matches!(&e.what, What::Sent(s) if s.frame == frame));
                at - sent.unwrap().at
            })
            .collect()
    }

    /// Something that finds the program's process from outside the lab.
    pub(crate) fn marker(&self, program: ProgramId) -> String {
        assert_eq!(self.lab.observe(program).unwrap().processes, 1);
        // The inner pid is unknown outside, but the process descends from this one.
        let found = std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            let is_ours = command.windows(7).any(|part| part == b"python3")
                && parent_chain(&entry.path()).contains(&std::process::id());
            is_ours.then(|| entry.path().to_string_lossy().into_owned())
        });
        found.unwrap()
    }
}

fn parent_chain(process: &std::path::Path) -> Vec<u32> {
    let mut chain = Vec::new();
    let mut at = process.to_path_buf();
    while let Some(parent) = parent(&at) {
        chain.push(parent);
        at = PathBuf::from(format!("/proc/{parent}"));
    }
    chain
}

fn parent(process: &std::path::Path) -> Option<u32> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    stat[stat.rfind(')')? + 4..].split_whitespace().next()?.parse().ok().filter(|pid| *pid > 0)
}

/// Whether the process of a marker still runs.
pub(crate) fn is_alive(marker: &str) -> bool {
    std::fs::read(format!("{marker}/cmdline")).is_ok_and(|command| !command.is_empty())
}
