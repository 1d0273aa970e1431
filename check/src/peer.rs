//! A peer of ours: one TCP connection from the client host, that does what a probe says and remembers every byte.
//!
//! Bytes it sends go through the lab's link to the program under test; the echo that comes back is compared with
//! them, byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};

use tongro_sys::socket;

use crate::error::CheckError;

/// Bytes shown of what came back.
const PREVIEW: usize = 64;

/// What peers of a contract say to any program of its kind, and what must come back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// One question that every program answers on a new connection.
    pub(crate) question: &'static [u8],
    /// Its answer.
    pub(crate) answer: &'static [u8],
    /// Whether all that is sent must come back: no answer has to be wanted then.
    pub(crate) is_echo: bool,
}

impl Dialect {
    /// All that is sent comes back.
    pub(crate) const ECHO: Self =
        Self { question: b"hello tongro\n", answer: b"hello tongro\n", is_echo: true };
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// 0 = A, 1 = B …
    pub(crate) no: u16,
    stream: TcpStream,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: SocketAddr,
    /// Everything the kernel took from us.
    sent: Vec<u8>,
    /// Everything that must come back.
    wanted: Vec<u8>,
    is_echo: bool,
    pub(crate) received: u64,
    /// What came back, as far as it is shown.
    pub(crate) preview: Vec<u8>,
    /// Offset of the first byte that is not the wanted one.
    pub(crate) differs_at: Option<u64>,
    /// How its reading side ended.
    pub(crate) end: Option<ReadEnd>,
}

/// How a reading side ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadEnd {
    /// FIN.
    Eof,
    /// RST, with the errno.
    Reset(i32),
}

impl Peer {
    pub(crate) fn new(no: u16, fd: OwnedFd, remote: SocketAddr, is_echo: bool) -> Self {
        let stream = TcpStream::from(fd);
        let local = stream.local_addr().ok();
        // One write = one segment is what probes mean; without it nothing is lost but their exactness.
        let _ = stream.set_nodelay(true);
        Self {
            no,
            stream,
            local,
            remote,
            sent: Vec::new(),
            wanted: Vec::new(),
            is_echo,
            received: 0,
            preview: Vec::new(),
            differs_at: None,
            end: None,
        }
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.len() as u64
    }

    /// Bytes that must have come back by now.
    pub(crate) fn wanted(&self) -> u64 {
        self.wanted.len() as u64
    }

    /// Makes these bytes the next ones that must come back.
    pub(crate) fn want(&mut self, bytes: &[u8]) {
        self.wanted.extend_from_slice(bytes);
    }

    /// Gives bytes to the kernel: how many it took now.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize, CheckError> {
        match self.stream.write(bytes) {
            Ok(len) => {
                self.sent.extend_from_slice(&bytes[..len]);
                if self.is_echo {
                    self.wanted.extend_from_slice(&bytes[..len]);
                }
                Ok(len)
            }
            Err(error) if is_later(&error) => Ok(0),
            Err(error) => {
                self.end.get_or_insert_with(|| ReadEnd::Reset(error.raw_os_error().unwrap_or(0)));
                Ok(0)
            }
        }
    }

    /// Takes what has come, at most one buffer: how many bytes; 0 also at the end.
    pub(crate) fn read(&mut self) -> usize {
        let mut buffer = [0u8; 64 * 1024];
        if self.end.is_some() {
            return 0;
        }
        match self.stream.read(&mut buffer) {
            Ok(0) => self.end = Some(ReadEnd::Eof),
            Ok(len) => {
                self.compare(&buffer[..len]);
                return len;
            }
            Err(error) if is_later(&error) => {}
            Err(error) => self.end = Some(ReadEnd::Reset(error.raw_os_error().unwrap_or(0))),
        }
        0
    }

    fn compare(&mut self, bytes: &[u8]) {
        let from = self.received as usize;
        if self.differs_at.is_none() {
            let wanted = self.wanted.get(from..).unwrap_or_default();
            let equal = bytes.iter().zip(wanted).take_while(|(a, b)| a == b).count();
            if equal < bytes.len() {
                self.differs_at = Some((from + equal) as u64);
            }
        }
        let room = PREVIEW.saturating_sub(self.preview.len());
        self.preview.extend_from_slice(&bytes[..room.min(bytes.len())]);
        self.received += bytes.len() as u64;
    }

    /// Sent bytes that the other host's kernel has not acknowledged.
    pub(crate) fn unacknowledged(&self) -> u32 {
        socket::unacknowledged(self.stream.as_fd()).unwrap_or(0)
    }

    pub(crate) fn shutdown(&self) {
        // Fails only where the connection is gone already, which the next read will say.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Makes the coming close a reset.
    pub(crate) fn abort(self) {
        let _ = socket::set_abort_on_close(self.stream.as_fd(), true);
    }

    /// The error of a connect that has completed.
    pub(crate) fn connect_error(&self) -> Option<i32> {
        self.stream.take_error().ok().flatten().and_then(|error| error.raw_os_error())
    }

    pub(crate) fn refresh_local(&mut self) {
        self.local = self.stream.local_addr().ok();
    }

    /// Bytes from `from` on, as they came back, of which at most `PREVIEW` in all are kept.
    pub(crate) fn wants_more(&self) -> bool {
        self.received < self.wanted() && self.end.is_none()
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn is_later(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
