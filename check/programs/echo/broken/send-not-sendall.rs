// bug: send-not-sendall
// also: ipv4-only
// line: let _ = stream.write(&buf[..n])?;
// why: write() may take only part of the bytes and says how many; the result is ignored, write_all() would not.
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
        let _ = stream.write(&buf[..n])?;
    }
}

fn main() -> std::io::Result<()> {
    // On Unix, std sets SO_REUSEADDR and a backlog of 128.
    let listener = TcpListener::bind("0.0.0.0:9272")?;
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
