// bug: rst-kills-server
// also: epipe-kills-server, ipv4-only
// line: alive.push(client.step(revents)?);
// why: `?` hands one client's ECONNRESET to main(), which returns it and ends the process.
// build: rustc -O --edition 2021 --crate-name echo -C target-feature=+crt-static
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

#[repr(C)]
struct PollFd {
    fd: i32,
    events: i16,
    revents: i16,
}

extern "C" {
    fn poll(fds: *mut PollFd, count: std::ffi::c_ulong, timeout: i32) -> i32;
}

const POLLIN: i16 = 1;
const POLLOUT: i16 = 4;
const HIGH_WATER: usize = 64 * 1024;

struct Client {
    stream: TcpStream,
    out: Vec<u8>,
    eof: bool,
}

impl Client {
    fn wants(&self) -> i16 {
        let mut events = 0;
        if !self.eof && self.out.len() < HIGH_WATER {
            events |= POLLIN;
        }
        if !self.out.is_empty() {
            events |= POLLOUT;
        }
        events
    }

    /// Moves what can be moved; true while the connection lives.
    fn step(&mut self, ready: i16) -> std::io::Result<bool> {
        if ready & !POLLOUT != 0 && self.wants() & POLLIN != 0 {
            let mut buf = [0u8; 16 * 1024];
            match self.stream.read(&mut buf) {
                Ok(0) => self.eof = true,
                Ok(n) => self.out.extend_from_slice(&buf[..n]),
                Err(e) if retry(&e) => {}
                Err(e) => return Err(e),
            }
        }
        if !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(n) => drop(self.out.drain(..n)),
                Err(e) if retry(&e) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(!self.eof || !self.out.is_empty())
    }
}

fn retry(e: &std::io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:9268")?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let mut fds = vec![PollFd { fd: listener.as_raw_fd(), events: POLLIN, revents: 0 }];
        fds.extend(clients.iter().map(|c| PollFd { fd: c.stream.as_raw_fd(), events: c.wants(), revents: 0 }));
        // SAFETY: `fds` outlives the call and its length is the count given.
        if unsafe { poll(fds.as_mut_ptr(), fds.len() as _, -1) } < 0 {
            let e = std::io::Error::last_os_error();
            if e.kind() == ErrorKind::Interrupted {
                continue;
            }
            return Err(e);
        }
        let mut ready = fds.iter().map(|f| f.revents);
        let accept = ready.next().unwrap_or(0) != 0;
        let mut alive = Vec::new();
        for (client, revents) in clients.iter_mut().zip(ready) {
            if revents == 0 {
                alive.push(true);
            } else {
                alive.push(client.step(revents)?);
            }
        }
        let mut alive = alive.into_iter();
        clients.retain(|_| alive.next() != Some(false));
        if accept {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    clients.push(Client { stream, out: Vec::new(), eof: false });
                }
                Err(e) if retry(&e) => {}
                Err(e) => eprintln!("accept: {e}"),
            }
        }
    }
}
