//! A lane's program: started unchanged in a process group of its own, found by the port it listens on, ended whole.
//!
//! Its standard error goes to memory, for the case that it ends before it listens; its output goes nowhere. Where it
//! listens is read from the kernel's socket table (`sock_diag`): the listener whose inode is open in one of the
//! processes it started. So any program can be a lane: nothing has to be told, and nothing is guessed from its output.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, PidfdFlags, Signal};
use tongro_sys::sock_diag::{Diag, LISTEN, Protocol};

use super::usage;
use crate::doors::poll_retrying;
use crate::error::{Error, Result};

/// Between two looks at the socket table; a listener makes no event of its own.
const LOOK: Duration = Duration::from_millis(5);

/// How long a program may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// A running program that listens. Dropped, it and all it started are ended.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stderr: File,
    address: SocketAddr,
}

impl Program {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be started, [`Error::NeverListened`] with what it wrote where it ends first or
    /// does not listen within `patience`.
    pub fn start(argv: &[String], patience: Duration) -> Result<Self> {
        let stderr = rustix::fs::memfd_create("stderr", MemfdFlags::CLOEXEC).map(File::from);
        let stderr = stderr.map_err(|errno| Error::io("memfd_create")(errno.into()))?;
        let theirs = stderr.try_clone().map_err(Error::io("dup"))?;
        let (program, arguments) = argv.split_first().ok_or_else(|| Error::NotStarted {
            program: String::new(),
            source: io::ErrorKind::NotFound.into(),
        })?;
        let mut command = Command::new(program);
        command.args(arguments).process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(theirs);
        let child =
            command.spawn().map_err(|source| Error::NotStarted { program: program.clone(), source })?;
        let unknown = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let mut this = Self { child, stderr, address: unknown };
        this.address = this.find_listener(patience)?;
        Ok(this)
    }

    /// Where it listens, as this host reaches it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The first process; all others are its descendants.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Looks until there is a listener.
    fn find_listener(&mut self, patience: Duration) -> Result<SocketAddr> {
        let diag = Diag::open().map_err(|error| Error::io("sock_diag")(error.source))?;
        let until = Instant::now() + patience;
        loop {
            if let Some(address) = listener_of(&diag, self.child.id()) {
                return Ok(address);
            }
            let has_ended = self.child.try_wait().map_err(Error::io("waitpid"))?;
            if has_ended.is_some_and(|status| !status.success()) || Instant::now() > until {
                return Err(Error::NeverListened { stderr: self.last_lines() });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The end of its standard error.
    fn last_lines(&self) -> String {
        let len = self.stderr.metadata().map_or(0, |about| about.len());
        let from = len.saturating_sub(2000);
        let mut bytes = vec![0; (len - from) as usize];
        let got = self.stderr.read_at(&mut bytes, from).unwrap_or(0);
        let text = String::from_utf8_lossy(&bytes[..got]).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(6)..].join("\n")
    }

    /// Asks politely, then not; everything it started goes with it.
    fn end(&mut self) {
        let descendants = usage::tree(self.child.id());
        let Some(group) = Pid::from_raw(self.child.id() as i32) else { return };
        let _ = rustix::process::kill_process_group(group, Signal::TERM);
        if let Ok(pidfd) = rustix::process::pidfd_open(group, PidfdFlags::empty()) {
            let _ = poll_retrying(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(GRACE));
        }
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
        for pid in descendants.into_iter().filter_map(|pid| Pid::from_raw(pid as i32)) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        let _ = self.child.wait(); // whoever counted its calls may have reaped it
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

/// The TCP listener that a process or a descendant of it has open; an IPv4 one first.
fn listener_of(diag: &Diag, root: u32) -> Option<SocketAddr> {
    const FAMILIES: [u8; 2] = [2, 10]; // AF_INET, AF_INET6
    let rows = FAMILIES.into_iter().filter_map(|family| diag.list(Protocol::Tcp, family, 1 << LISTEN).ok());
    let rows: Vec<_> = rows.flatten().collect();
    let inodes: Vec<u32> = usage::tree(root).into_iter().flat_map(usage::socket_inodes).collect();
    let found = rows.iter().find(|row| inodes.contains(&row.inode))?;
    Some(reachable(found.local))
}

/// A wildcard is reached at the loopback address.
fn reachable(local: SocketAddr) -> SocketAddr {
    let ip = match local.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => {
            if std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only").is_ok_and(|only| only.trim() == "0") {
                Ipv4Addr::LOCALHOST.into()
            } else {
                Ipv6Addr::LOCALHOST.into()
            }
        }
        ip => ip,
    };
    SocketAddr::new(ip, local.port())
}
