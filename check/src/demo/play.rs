//! The programs of demonstrations: a list of socket calls, made one after the other by a process of its own.
//!
//! ```text
//! stream    listen 9000 · accept · connect · send N · text T · recv N · recv-eof · shutdown · close · abort
//! datagram  bind 9000 · datagrams N · datagram T · receive N
//! both      unread N (wait until N bytes lie unread) · full (until no more come) · nagle (leave small segments together)
//! ```
//!
//! Bytes sent are letters in order; what is received is told on standard output. An error is told and ends the list.

use std::io::{Error, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use tongro_sys::socket;

/// The hidden argument with which the binary becomes such a program.
pub const PLAY_ARGUMENT: &str = "__play";
/// Where the server host is found.
const SERVER: ([u8; 4], u16) = ([10, 77, 0, 2], 9000);
/// A datagram that has not come after this long is taken for lost: the link of a lesson delays by milliseconds.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// What the list has opened so far.
#[derive(Default)]
struct Open {
    listener: Option<TcpListener>,
    stream: Option<TcpStream>,
    datagrams: Option<UdpSocket>,
    has_nagle: bool,
}

/// Makes the calls; the exit code. `told` takes the lines for standard output.
pub fn play(calls: &[String], told: &mut dyn FnMut(&str)) -> u8 {
    let mut open = Open::default();
    for call in calls {
        match open.make(call, told) {
            Ok(()) => {}
            Err(error) => {
                told(&format!("{call}: {error}"));
                return 1;
            }
        }
    }
    0
}

impl Open {
    fn make(&mut self, call: &str, told: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let (name, argument) = call.split_once(' ').unwrap_or((call, ""));
        let number = || argument.parse::<usize>().map_err(Error::other);
        match name {
            "listen" => self.listener = Some(TcpListener::bind(("0.0.0.0", number()? as u16))?),
            "connect" => {
                let to = SocketAddr::from(SERVER);
                self.keep(TcpStream::connect(to)?)?;
            }
            "accept" => {
                let listener = self.listener.as_ref().ok_or_else(nothing)?;
                let (stream, _) = listener.accept()?;
                self.keep(stream)?;
            }
            "nagle" => self.has_nagle = true,
            "send" => self.stream()?.write_all(&letters(number()?))?,
            "text" => self.stream()?.write_all(argument.as_bytes())?,
            "recv" => {
                let mut bytes = vec![0; number()?];
                self.stream()?.read_exact(&mut bytes)?;
                told(&format!("received {}", bytes.len()));
            }
            "recv-eof" => {
                let mut bytes = Vec::new();
                self.stream()?.read_to_end(&mut bytes)?;
                told(&format!("received {}, then EOF", bytes.len()));
            }
            "unread" => self.until_unread(number()?)?,
            "full" => self.until_full()?,
            "shutdown" => self.stream()?.shutdown(std::net::Shutdown::Write)?,
            "close" => self.stream = None,
            "abort" => {
                let stream = self.stream.take().ok_or_else(nothing)?;
                socket::set_abort_on_close(stream.as_fd(), true).map_err(|error| error.source)?;
            }
            _ => return self.datagram(name, argument, told),
        }
        Ok(())
    }

    fn datagram(&mut self, name: &str, argument: &str, told: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let number = || argument.parse::<usize>().map_err(Error::other);
        match name {
            "bind" => self.datagrams = Some(UdpSocket::bind(("0.0.0.0", number()? as u16))?),
            "datagrams" => {
                for n in 1..=number()? {
                    self.datagrams()?
                        .send_to(format!("datagram {n}").as_bytes(), SocketAddr::from(SERVER))?;
                }
            }
            "receive" => {
                let mut bytes = [0; 2048];
                self.datagrams()?.set_read_timeout(Some(PATIENCE))?;
                for _ in 0..number()? {
                    let Ok((len, _)) = self.datagrams()?.recv_from(&mut bytes) else {
                        told("nothing more came");
                        break;
                    };
                    told(&String::from_utf8_lossy(&bytes[..len]));
                }
            }
            _ => return Err(Error::other("no such call")),
        }
        Ok(())
    }

    fn keep(&mut self, stream: TcpStream) -> Result<(), Error> {
        stream.set_nodelay(!self.has_nagle)?;
        self.stream = Some(stream);
        Ok(())
    }

    fn stream(&mut self) -> Result<&mut TcpStream, Error> {
        self.stream.as_mut().ok_or_else(nothing)
    }

    /// The socket for datagrams; a client's has any port.
    fn datagrams(&mut self) -> Result<&UdpSocket, Error> {
        if self.datagrams.is_none() {
            self.datagrams = Some(UdpSocket::bind("0.0.0.0:0")?);
        }
        self.datagrams.as_ref().ok_or_else(nothing)
    }

    /// Waits until the buffer takes no more: what lies unread has stayed the same for many looks.
    fn until_full(&mut self) -> Result<(), Error> {
        const AGREEING: u32 = 200;
        let (mut last, mut agreeing) = (0, 0);
        let mut seen = vec![0; 1 << 20];
        while agreeing < AGREEING {
            let unread = self.stream()?.peek(&mut seen)?;
            agreeing = if unread == last { agreeing + 1 } else { 0 };
            last = unread;
            std::thread::park_timeout(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Waits until so many bytes have come that nobody has read.
    fn until_unread(&mut self, count: usize) -> Result<(), Error> {
        let mut seen = vec![0; count];
        while self.stream()?.peek(&mut seen)? < count {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        Ok(())
    }
}

fn nothing() -> Error {
    Error::other("nothing is open")
}

fn letters(count: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(count).collect()
}
