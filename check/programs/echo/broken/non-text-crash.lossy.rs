// bug: non-text-crash
// also: decode-per-recv, ipv4-only
// line: let text = String::from_utf8_lossy(&buf[..n]);
// why: from_utf8_lossy() writes U+FFFD for every byte that is not UTF-8; the reply is not what was sent.
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
        let text = String::from_utf8_lossy(&buf[..n]);
        stream.write_all(text.as_bytes())?;
    }
}

fn main() -> std::io::Result<()> {
    // On Unix, std sets SO_REUSEADDR and a backlog of 128.
    let listener = TcpListener::bind("0.0.0.0:9271")?;
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
