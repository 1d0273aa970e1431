// bug: loopback-only-bind
// also: ipv4-only
// line: let listener = TcpListener::bind("127.0.0.1:9277")?;
// why: 127.0.0.1 can be reached from the same machine only.
// build: rustc -O --edition 2021 --crate-name echo
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buf = [0u8; 4096];
    loop {
        let n = match stream.read(&mut buf) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        stream.write_all(&buf[..n])?;
    }
}

fn main() -> std::io::Result<()> {
    // On Unix, std sets SO_REUSEADDR and a backlog of 128.
    let listener = TcpListener::bind("127.0.0.1:9277")?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = match stream {
            Ok(stream) => stream,
            Err(e) => {
                eprintln!("accept: {e}");
                continue;
            }
        };
        thread::spawn(move || {
            if let Err(e) = serve(stream) {
                eprintln!("client: {e}");
            }
        });
    }
    Ok(())
}
