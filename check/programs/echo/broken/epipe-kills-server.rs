// bug: epipe-kills-server
// also: rst-kills-server, ipv4-only
// line: let n = write_some(&mut client.stream, &client.out)?;
// why: Errors of read() close one client, but those of write() go up to main() by `?` and end the process.
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
    alive: bool,
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

    /// Reads what can be read; true while the connection lives.
    fn read(&mut self, ready: i16) -> std::io::Result<bool> {
        if ready & !POLLOUT != 0 && self.wants() & POLLIN != 0 {
            let mut buf = [0u8; 16 * 1024];
            match self.stream.read(&mut buf) {
                Ok(0) => self.eof = true,
                Ok(n) => self.out.extend_from_slice(&buf[..n]),
                Err(e) if retry(&e) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(!self.eof || !self.out.is_empty())
    }
}

fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<usize> {
    match stream.write(bytes) {
        Err(e) if retry(&e) => Ok(0),
        other => other,
    }
}

fn retry(e: &std::io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:9284")?;
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
        let ready: Vec<i16> = ready.collect();
        for (client, revents) in clients.iter_mut().zip(ready) {
            if revents == 0 {
                continue;
            }
            client.alive = client.read(revents).unwrap_or_else(|e| {
                eprintln!("client: {e}");
                client.out.clear();
                false
            });
            if !client.out.is_empty() {
                let n = write_some(&mut client.stream, &client.out)?;
                client.out.drain(..n);
                client.alive = !client.eof || !client.out.is_empty();
            }
        }
        clients.retain(|client| client.alive);
        if accept {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    clients.push(Client { stream, out: Vec::new(), eof: false, alive: true });
                }
                Err(e) if retry(&e) => {}
                Err(e) => eprintln!("accept: {e}"),
            }
        }
    }
}
