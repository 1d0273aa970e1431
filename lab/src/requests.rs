//! The control thread: answers the parent's requests, one at a time, and ends the lab when the parent is gone.

use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tongro_sys::fdpass::Channel;
use tongro_sys::sock_diag::{Diag, Protocol, Row};
use tongro_sys::{Error, Result, namespace, netlink::Route, process, socket};
use tongro_trace::event::{Fault, Host, HostId, ProgramId, TcpState, What};

use crate::link::{LinkHandle, Order, locked};
use crate::message::{
    self, FromLab, Health, Listener, Observation, Reply, Request, Setup, SocketKind, SocketRow,
};
use crate::observe;
use crate::record::{self, Recorder};
use crate::states::{self, States};
use crate::topology::{self, HOST_END, NAMES};
use crate::tracer::{Ground, TracerHandle};

/// All that requests need.
pub(crate) struct Control {
    channel: Arc<Channel>,
    recorder: Arc<Recorder>,
    states: Arc<States>,
    link: LinkHandle,
    tracer: TracerHandle,
    wire_net: OwnedFd,
    ground: Arc<Ground>,
    diags: [Diag; 2],
    routes: [Route; 2],
    addresses: [Vec<IpAddr>; 2],
}

impl Control {
    #[allow(clippy::too_many_arguments)] // everything that building made, handed over once
    pub(crate) fn new(
        channel: Arc<Channel>,
        recorder: Arc<Recorder>,
        states: Arc<States>,
        link: LinkHandle,
        tracer: TracerHandle,
        wire_net: OwnedFd,
        ground: Arc<Ground>,
        diags: [Diag; 2],
        routes: [Route; 2],
        setup: &Setup,
    ) -> Self {
        let addresses = setup.addresses.clone();
        Self { channel, recorder, states, link, tracer, wire_net, ground, diags, routes, addresses }
    }

    /// Tells the parent that the lab stands.
    pub(crate) fn built(self, buffers: [u64; 2]) -> Self {
        for host in 0..2 {
            self.announce(host);
        }
        let _ = record::send(&self.channel, &FromLab::Reply(0, Reply::Built { buffers }), &[]);
        self
    }

    fn announce(&self, host: usize) {
        self.recorder.put(What::Host(Host {
            host: host as HostId,
            name: NAMES[host].to_owned(),
            addresses: self.addresses[host].clone(),
            iface: HOST_END.to_owned(),
        }));
    }

    /// Serves until the parent closes its end; gives the process's exit code.
    pub(crate) fn serve(&mut self) -> i32 {
        let mut buffer = Vec::new();
        while let Ok(Some((bytes, _))) = self.channel.receive(&mut buffer) {
            let Ok((number, request)) = postcard::from_bytes::<(u64, Request)>(bytes) else { return 2 };
            let (reply, fd) = self.answer(request).unwrap_or_else(|error| {
                (Reply::Failed { call: error.call.to_owned(), errno: error.errno() }, None)
            });
            let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
            if record::send(&self.channel, &FromLab::Reply(number, reply), &fds).is_err() {
                break;
            }
        }
        // Everything of the lab but this process; its own end takes the rest with it.
        let _ = process::kill(-1, libc::SIGKILL);
        0
    }

    fn answer(&mut self, request: Request) -> Result<(Reply, Option<OwnedFd>)> {
        let reply = match request {
            Request::Run(plan) => self.tracer.run(*plan),
            Request::Socket { host, kind, is_v6 } => return self.socket(host, kind, is_v6),
            Request::Listeners { host } => Reply::Listeners(self.listeners(host)?),
            Request::Sockets { host } => {
                Reply::Sockets(states::connections(self.diag(host))?.iter().filter_map(socket_row).collect())
            }
            Request::Lookup { host, local, remote } => {
                Reply::Row(self.diag(host).lookup(local, remote)?.as_ref().and_then(socket_row))
            }
            Request::Observe { program } => Reply::Observed(self.observe(program)),
            Request::Mapped { program } => Reply::Names(observe::mapped_files(&self.pids(program))),
            Request::Signal { program, signal } => done(process::kill(self.pid(program)?, signal)?),
            Request::Limit { program, open_files } => done(self.limit(program, open_files)?),
            Request::Input { program, text } => done(self.input(program, &text)?),
            Request::AddAddress { host, address } => done(self.add_address(host, address)?),
            Request::Destroy { host, local, remote } => done(self.destroy(host, local, remote)?),
            Request::Overflows { host } => Reply::Number(self.visit(host, listen_overflows)?),
            Request::Finish => Reply::Health(self.finish()),
            Request::Sync => {
                self.health();
                self.recorder.flush();
                Reply::Done
            }
            order => {
                self.link.order(link_order(order));
                // The order counts from here on: wait until the link has taken it.
                self.health();
                Reply::Done
            }
        };
        Ok((reply, None))
    }

    fn diag(&self, host: HostId) -> &Diag {
        &self.diags[usize::from(host & 1)]
    }

    /// Does something inside a host's network namespace.
    fn visit<T>(&self, host: HostId, act: impl FnOnce() -> Result<T>) -> Result<T> {
        namespace::enter_net(self.ground.nets[usize::from(host & 1)].as_fd())?;
        let done = act();
        namespace::enter_net(self.wire_net.as_fd())?;
        done
    }

    fn socket(&self, host: HostId, kind: SocketKind, is_v6: bool) -> Result<(Reply, Option<OwnedFd>)> {
        let domain = if is_v6 { libc::AF_INET6 } else { libc::AF_INET };
        let kind = if kind == SocketKind::Tcp { libc::SOCK_STREAM } else { libc::SOCK_DGRAM };
        let fd = self.visit(host, || socket::open(domain, kind | libc::SOCK_NONBLOCK, 0))?;
        Ok((Reply::Fd, Some(fd)))
    }

    fn listeners(&self, host: HostId) -> Result<Vec<Listener>> {
        let owners = self.socket_owners();
        let rows = states::listeners(self.diag(host))?;
        // Who asks will connect: the log says LISTEN before that.
        for (row, _) in rows.iter().filter(|(_, protocol)| *protocol == Protocol::Tcp) {
            self.states.note(host, row, None);
        }
        Ok(rows
            .into_iter()
            .map(|(row, protocol)| Listener {
                local: row.local,
                kind: if protocol == Protocol::Tcp { SocketKind::Tcp } else { SocketKind::Udp },
                inode: row.inode,
                waiting: row.rqueue,
                backlog: row.wqueue,
                program: owners.get(&row.inode).copied(),
            })
            .collect())
    }

    fn socket_owners(&self) -> HashMap<u32, ProgramId> {
        let mut owners = HashMap::new();
        let programs = locked(&self.tracer.register.programs).len() as ProgramId;
        for program in 0..programs {
            for inode in self.pids(program).into_iter().flat_map(observe::socket_inodes) {
                owners.insert(inode, program);
            }
        }
        owners
    }

    fn pid(&self, program: ProgramId) -> Result<i32> {
        let programs = locked(&self.tracer.register.programs);
        let known = programs.get(usize::from(program)).filter(|known| !known.has_ended);
        known.map(|known| known.pid).ok_or_else(|| Error::from_errno("kill", libc::ESRCH))
    }

    /// All processes of a program: by the tracer's book, else by descent; an orphan counts to the newest program.
    fn pids(&self, program: ProgramId) -> Vec<i32> {
        let roots: HashMap<i32, ProgramId> = {
            let programs = locked(&self.tracer.register.programs);
            programs.iter().enumerate().map(|(number, known)| (known.pid, number as ProgramId)).collect()
        };
        let traced = locked(&self.tracer.register.pids).clone();
        let newest = roots.len().saturating_sub(1) as ProgramId;
        let owner = |pid: i32| {
            let mut at = pid;
            for _ in 0..64 {
                if let Some(program) = traced.get(&at).or_else(|| roots.get(&at)) {
                    return *program;
                }
                match observe::parent_of(at) {
                    Some(parent) if parent > 1 => at = parent,
                    _ => break,
                }
            }
            newest
        };
        observe::all_pids().into_iter().filter(|pid| owner(*pid) == program).collect()
    }

    fn observe(&self, program: ProgramId) -> Observation {
        let mut seen = observe::observe(&self.pids(program));
        if let Some(counters) = locked(&self.tracer.register.counters).get(usize::from(program)) {
            seen.progress = counters.progress.load(Ordering::Relaxed);
            seen.eof_reads = counters.eof_reads.load(Ordering::Relaxed);
        }
        seen
    }

    fn limit(&self, program: ProgramId, open_files: u64) -> Result<()> {
        for pid in self.pids(program) {
            process::set_soft_limit(pid, process::Limit::OpenFiles, open_files)?;
        }
        let name = "nofile".to_owned();
        self.recorder.put(What::Fault(Fault::Limit { program, name, value: open_files }));
        Ok(())
    }

    fn input(&self, program: ProgramId, text: &str) -> Result<()> {
        let mut inputs = locked(&self.tracer.register.inputs);
        let input = inputs.get_mut(usize::from(program)).and_then(Option::as_mut);
        let input = input.ok_or_else(|| Error::from_errno("write(stdin)", libc::ESRCH))?;
        input.write_all(text.as_bytes()).map_err(|source| Error { call: "write(stdin)", source })
    }

    fn add_address(&mut self, host: HostId, address: IpAddr) -> Result<()> {
        let at = usize::from(host & 1);
        if self.addresses[at].contains(&address) {
            return Ok(());
        }
        self.visit(host, || topology::add_address(&self.routes[at], address))?;
        if address.is_ipv4() || !self.addresses[1 - at].iter().any(IpAddr::is_ipv6) {
            self.visit(1 - host, || topology::reach(&self.routes[1 - at], address, at)).or_else(|error| {
                // Without an IPv6 address of its own yet, the other side cannot be told; it will be when it has one.
                if address.is_ipv6() { Ok(()) } else { Err(error) }
            })?;
        }
        self.addresses[at].push(address);
        if address.is_ipv6() {
            self.reach_each_other()?;
        }
        self.announce(at);
        Ok(())
    }

    /// Once both hosts speak IPv6, each knows the other's hardware address without asking.
    fn reach_each_other(&self) -> Result<()> {
        let v6 = |at: usize| self.addresses[at].iter().copied().filter(IpAddr::is_ipv6).collect::<Vec<_>>();
        if v6(0).is_empty() || v6(1).is_empty() {
            return Ok(());
        }
        for at in 0..2 {
            for address in v6(1 - at) {
                self.visit(at as HostId, || topology::reach(&self.routes[at], address, 1 - at))?;
            }
        }
        Ok(())
    }

    fn destroy(&self, host: HostId, local: SocketAddr, remote: SocketAddr) -> Result<()> {
        self.diag(host).destroy(local, remote)?;
        self.recorder.put(What::Fault(Fault::SocketDestroyed { host, local, remote }));
        Ok(())
    }

    fn health(&self) -> Health {
        let (sender, receiver) = std::sync::mpsc::channel();
        self.link.order(Order::Report(sender));
        receiver.recv().unwrap_or_default()
    }

    fn finish(&self) -> Health {
        let health = self.health();
        self.recorder.flush();
        health
    }
}

fn done((): ()) -> Reply {
    Reply::Done
}

fn link_order(request: Request) -> Order {
    match request {
        Request::Link(settings) => Order::Settings(settings),
        Request::Rules(texts) => Order::Rules(message::parse_rules(&texts)),
        Request::DropNext { from } => Order::DropNext(from),
        Request::Blackhole { from, is_on } => Order::Blackhole(from, is_on),
        Request::HalfClose { toward } => Order::HalfClose(toward),
        _ => Order::Reset,
    }
}

fn socket_row(row: &Row) -> Option<SocketRow> {
    Some(SocketRow {
        local: row.local,
        remote: row.remote,
        state: TcpState::from_kernel(row.state)?,
        rqueue: row.rqueue,
        wqueue: row.wqueue,
        inode: row.inode,
    })
}

/// `TcpExtListenOverflows` of the namespace the calling thread is in.
fn listen_overflows() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/net/netstat")
        .map_err(|source| Error { call: "read(netstat)", source })?;
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let at = names.split_whitespace().position(|name| name == "ListenOverflows");
    let value = at.and_then(|at| values.split_whitespace().nth(at)).and_then(|value| value.parse().ok());
    Ok(value.unwrap_or(0))
}
