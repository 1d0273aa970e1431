// bug: rst-kills-server
// also: epipe-kills-server, ipv4-only
// line: std::process::exit(1);
// why: A reset by one client is treated as fatal for the whole process.
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
    let listener = TcpListener::bind("0.0.0.0:9275")?;
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
                std::process::exit(1);
            }
        });
    }
    Ok(())
}
