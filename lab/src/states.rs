//! TCP states of both hosts: asked for at every frame, polled between frames, heard of when sockets are freed.
//!
//! Rows come from each host's own socket table (`sock_diag`) and leave as `Socket` events, but only when something a
//! reader would see has changed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tongro_sys::poll;
use tongro_sys::sock_diag::{ALL_STATES, DestroyEvents, Diag, LISTEN, Protocol, Row};
use tongro_trace::event::{HostId, Socket, TcpInfo, TcpState, What};

use crate::record::Recorder;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// The fastest and the slowest poll; it slows down while nothing changes.
const POLL_FAST: Duration = Duration::from_millis(5);
const POLL_SLOW: Duration = Duration::from_millis(40);

/// Which host, its own end of the connection, the other end.
pub(crate) type Ends = (HostId, SocketAddr, SocketAddr);
/// What a reader would see: state, whether a descriptor exists, retransmissions, and whether bytes wait to be read.
type Seen = (u8, bool, u32, bool);

/// What was last said of each socket, shared by the link's thread and the poll.
#[derive(Debug)]
pub(crate) struct States {
    recorder: Arc<Recorder>,
    known: Mutex<HashMap<Ends, Seen>>,
    is_active: AtomicBool,
}

impl States {
    pub(crate) fn new(recorder: Arc<Recorder>) -> Arc<Self> {
        Arc::new(Self { recorder, known: Mutex::default(), is_active: AtomicBool::new(true) })
    }

    /// Asks for one socket and records it if it has changed; gives its state.
    pub(crate) fn ask(
        &self,
        diag: &Diag,
        host: HostId,
        local: SocketAddr,
        remote: SocketAddr,
        frame: Option<u32>,
    ) -> Option<TcpState> {
        let row = diag.lookup(local, remote).ok()?;
        self.is_active.store(true, Ordering::Relaxed);
        if let Some(row) = row {
            self.note(host, &row, frame);
            return TcpState::from_kernel(row.state);
        }
        self.note_gone(host, local, remote, frame);
        None
    }

    /// What was last seen of this end is that it is established.
    pub(crate) fn is_established(&self, ends: Ends) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&ends).is_some_and(|seen| TcpState::from_kernel(seen.0) == Some(TcpState::Established))
    }

    /// Records a row if it has changed.
    pub(crate) fn note(&self, host: HostId, row: &Row, frame: Option<u32>) {
        let Some(state) = TcpState::from_kernel(row.state) else { return };
        let retransmitted = row.info.map_or(0, |info| info.total_retrans);
        let seen = (row.state, row.inode != 0, retransmitted, row.rqueue > 0 && state != TcpState::Listen);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.insert((host, row.local, row.remote), seen);
        if before != Some(seen) {
            self.is_active.store(true, Ordering::Relaxed);
            self.recorder.put(What::Socket(event(host, row, state, frame)));
        }
    }

    fn note_gone(&self, host: HostId, local: SocketAddr, remote: SocketAddr, frame: Option<u32>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.remove(&(host, local, remote)).is_some() {
            self.recorder.put(What::Socket(Socket {
                host,
                local,
                remote,
                state: TcpState::Closed,
                frame,
                rqueue: 0,
                wqueue: 0,
                inode: 0,
                info: None,
            }));
        }
    }

    /// Starts the polling thread. It ends with the lab.
    pub(crate) fn watch(
        self: &Arc<Self>,
        hosts: Vec<(Diag, DestroyEvents)>,
    ) -> std::io::Result<std::thread::JoinHandle<()>> {
        let states = Arc::clone(self);
        std::thread::Builder::new().name("states".into()).spawn(move || states.watch_loop(&hosts))
    }

    fn watch_loop(&self, hosts: &[(Diag, DestroyEvents)]) {
        let mut pause = POLL_FAST;
        loop {
            for (host, (diag, _)) in hosts.iter().enumerate() {
                self.list(host as HostId, diag);
            }
            pause = if self.is_active.swap(false, Ordering::Relaxed) {
                POLL_FAST
            } else {
                (pause * 2).min(POLL_SLOW)
            };
            let [a, b] = [&hosts[0].1, &hosts[1].1];
            let Ok(ready) = poll::readable([a.as_fd(), b.as_fd()], Some(pause.as_nanos() as u64)) else {
                return;
            };
            for (host, events) in [a, b].into_iter().enumerate().filter(|(host, _)| ready[*host]) {
                for row in events.receive().unwrap_or_default() {
                    self.note_gone(host as HostId, row.local, row.remote, None);
                }
            }
        }
    }

    fn list(&self, host: HostId, diag: &Diag) {
        for family in [AF_INET, AF_INET6] {
            for row in diag.list(Protocol::Tcp, family, ALL_STATES).unwrap_or_default() {
                self.note(host, &row, None);
            }
        }
    }
}

/// The listeners (TCP) and bound ports (UDP, state 7) of a host.
pub(crate) fn listeners(diag: &Diag) -> tongro_sys::Result<Vec<(Row, Protocol)>> {
    const UDP_BOUND: u32 = 1 << 7;
    let mut rows = Vec::new();
    for family in [AF_INET, AF_INET6] {
        for (protocol, states) in [(Protocol::Tcp, 1 << LISTEN), (Protocol::Udp, UDP_BOUND)] {
            rows.extend(diag.list(protocol, family, states)?.into_iter().map(|row| (row, protocol)));
        }
    }
    Ok(rows)
}

/// All TCP sockets of a host but its listeners.
pub(crate) fn connections(diag: &Diag) -> tongro_sys::Result<Vec<Row>> {
    let mut rows = diag.list(Protocol::Tcp, AF_INET, ALL_STATES & !(1 << LISTEN))?;
    rows.extend(diag.list(Protocol::Tcp, AF_INET6, ALL_STATES & !(1 << LISTEN))?);
    Ok(rows)
}

fn event(host: HostId, row: &Row, state: TcpState, frame: Option<u32>) -> Socket {
    Socket {
        host,
        local: row.local,
        remote: row.remote,
        state,
        frame,
        rqueue: row.rqueue,
        wqueue: row.wqueue,
        inode: row.inode,
        info: row.info.map(|info| TcpInfo {
            rto_us: info.rto,
            rtt_us: info.rtt,
            cwnd: info.cwnd,
            ssthresh: info.ssthresh,
            unacked: info.unacked,
            total_retrans: info.total_retrans,
            snd_wnd: info.snd_wnd,
        }),
    }
}
