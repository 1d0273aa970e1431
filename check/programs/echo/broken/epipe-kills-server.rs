// bug: epipe-kills-server
// also: ipv4-only
// line: unsafe { signal(SIGPIPE, SIG_DFL) };
// why: std ignores SIGPIPE; giving it back its default action lets one client that has gone kill the process.
// build: rustc -O --edition 2021 --crate-name echo
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

extern "C" {
    fn signal(signum: i32, handler: usize) -> usize;
}

const SIGPIPE: i32 = 13;
const SIG_DFL: usize = 0;

fn send(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    // Once more, in case it was a hiccup.
    stream.write_all(bytes).or_else(|_| stream.write_all(bytes))
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buf = [0u8; 4096];
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(());
        }
        send(&mut stream, &buf[..n])?;
    }
}

fn main() -> std::io::Result<()> {
    // So that `server | head` ends quietly.
    unsafe { signal(SIGPIPE, SIG_DFL) };
    let listener = TcpListener::bind("0.0.0.0:9284")?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(e) = serve(stream) {
                eprintln!("client: {e}");
            }
        });
    }
    Ok(())
}
