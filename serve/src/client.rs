//! A plain blocking client: connect, send, receive, finish.
//!
//! Bytes come from the caller and go to one peer; what comes back is handed over as it arrived, cut where the
//! kernel cut it. Errors have the name of what happened: refused, unreachable, reset, timed out.
//!
//! | what happened | on the wire | the error |
//! |---|---|---|
//! | nobody listens on that port | RST in answer to our SYN | [`Error::Refused`] |
//! | no such host, or no way to it | ICMP, or no route at all | [`Error::Unreachable`] |
//! | the peer's process died, or threw us out | RST in the middle | [`Error::Reset`] |
//! | nothing at all came back | silence | [`Error::TimedOut`] |
//! | the peer has finished | FIN | `Ok(0)`: not an error |
//!
//! Every wait has an end: a client without timeouts waits for ever when a cable is pulled.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rustls::ClientConnection;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::connection::Wire;
use crate::error::{Error, Result};
use crate::session::Io;
use crate::tls::ClientTls;

/// One connection, as a client sees it. `send` and `recv` block, at most for the timeout.
#[derive(Debug)]
pub struct Client {
    pub(crate) socket: Socket,
    /// Between caller and socket, after [`Client::secure`].
    pub(crate) tls: Option<Box<ClientConnection>>,
}

/// How long [`Client::connect`] waits for an address, and each later call for the peer, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

impl Client {
    /// Connects to one address.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        Self::connect_within(address, PATIENCE)
    }

    /// Connects to one address within `patience`, which then also bounds each `send` and `recv`.
    pub fn connect_within(address: SocketAddr, patience: Duration) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
        let socket = socket.map_err(Error::io("socket"))?;
        let connected = socket.connect_timeout(&address.into(), patience);
        connected.map_err(|error| connect_error(error, &address.to_string()))?;
        socket.set_tcp_nodelay(true).map_err(Error::io("setsockopt"))?;
        Self::with_patience(socket, patience)
    }

    /// Connects to a name: every address it has, in order; the error is that of the last.
    pub fn connect_to(host: &str, port: u16) -> Result<Self> {
        Self::connect_to_within(host, port, PATIENCE)
    }

    /// The same within `patience` for each address.
    pub fn connect_to_within(host: &str, port: u16, patience: Duration) -> Result<Self> {
        let mut outcome = None;
        for ip in crate::doors::resolve(host)? {
            match Self::connect_within(SocketAddr::new(ip, port), patience) {
                Ok(client) => return Ok(client),
                Err(error) => outcome = Some(error),
            }
        }
        let none = || Error::Resolve { host: host.to_owned(), source: ErrorKind::NotFound.into() };
        Err(outcome.unwrap_or_else(none))
    }

    /// Connects to a Unix socket.
    pub fn connect_unix(path: &Path) -> Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(Error::io("socket"))?;
        let address = SockAddr::unix(path).map_err(Error::io("connect"))?;
        let connected = socket.connect(&address);
        connected.map_err(|error| connect_error(error, &path.display().to_string()))?;
        Self::with_patience(socket, PATIENCE)
    }

    /// Encrypts the connection: the handshake, and the check that the peer is who it should be.
    pub fn secure(mut self, tls: &ClientTls) -> Result<Self> {
        let mut connection = Box::new(tls.connection()?);
        connection.complete_io(&mut &self.socket).map_err(Error::io("shake hands"))?;
        self.tls = Some(connection);
        Ok(self)
    }

    /// Sends all of it, however many system calls that takes.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let outcome = match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut &self.socket).write_all(bytes),
            None => write_all(&mut Wire(&self.socket), bytes),
        };
        outcome.map_err(Error::io("send"))
    }

    /// Receives what has arrived, at least one byte; 0 when the peer has finished. Under TLS a stream that ends
    /// without `close_notify` is an error: somebody may have cut it.
    pub fn recv(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let outcome = match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut &self.socket).read(buffer),
            None => Wire(&self.socket).read(buffer),
        };
        outcome.map_err(Error::io("receive"))
    }

    /// Receives exactly `len` bytes.
    pub fn recv_exactly(&mut self, len: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let mut filled = 0;
        while filled < len {
            match self.recv(&mut bytes[filled..])? {
                0 => {
                    let source = io::Error::from(ErrorKind::UnexpectedEof);
                    return Err(Error::Io { operation: "receive", source });
                }
                more => filled += more,
            }
        }
        Ok(bytes)
    }

    /// Receives until the peer finishes.
    pub fn recv_to_end(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match self.recv(&mut buffer)? {
                0 => return Ok(bytes),
                len => bytes.extend_from_slice(&buffer[..len]),
            }
        }
    }

    /// Ends our side; the peer may still send (half-close).
    pub fn finish(&mut self) -> Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            while tls.wants_write() {
                tls.write_tls(&mut &self.socket).map_err(Error::io("send"))?;
            }
        }
        Wire(&self.socket).finish().map_err(Error::io("shutdown"))
    }

    /// Ends with a reset instead of an orderly close: what a crash or a killed process looks like to the peer.
    pub fn reset(self) -> Result<()> {
        self.socket.set_linger(Some(Duration::ZERO)).map_err(Error::io("setsockopt"))
    }

    /// A second handle on the same connection, so that one thread can send while another receives. Not under TLS,
    /// where both share one state.
    pub fn try_clone(&self) -> Result<Self> {
        if self.tls.is_some() {
            return Err(Error::Io { operation: "dup", source: ErrorKind::Unsupported.into() });
        }
        Ok(Self { socket: self.socket.try_clone().map_err(Error::io("dup"))?, tls: None })
    }

    /// Our address.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()?.as_socket()
    }

    /// The peer's address.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.socket.peer_addr().ok()?.as_socket()
    }

    /// The bare socket, for a session that drives it itself.
    pub(crate) fn into_socket(self) -> Socket {
        self.socket
    }

    /// `SO_RCVTIMEO` and `SO_SNDTIMEO`: no call waits longer.
    fn with_patience(socket: Socket, patience: Duration) -> Result<Self> {
        socket.set_read_timeout(Some(patience)).map_err(Error::io("setsockopt"))?;
        socket.set_write_timeout(Some(patience)).map_err(Error::io("setsockopt"))?;
        Ok(Self { socket, tls: None })
    }
}

/// `send` may take a part only; the rest is sent by further calls.
fn write_all(wire: &mut Wire<'_>, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        let sent = wire.write(rest)?;
        rest = &rest[sent..];
    }
    Ok(())
}

/// The numbers of `connect(2)` that have a name of their own.
fn connect_error(error: io::Error, address: &str) -> Error {
    let address = address.to_owned();
    match error.kind() {
        ErrorKind::ConnectionRefused => Error::Refused { address },
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Error::Unreachable { address },
        _ => Error::io("connect")(error),
    }
}
