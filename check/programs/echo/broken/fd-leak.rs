// bug: fd-leak
// also: ipv4-only
// line: history.lock().unwrap().push(stream.try_clone()?);
// why: try_clone() duplicates the descriptor, and the list keeps the copy for ever.
// build: rustc -O --edition 2021 --crate-name echo
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;

fn serve(mut stream: &TcpStream) -> std::io::Result<()> {
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
    let listener = TcpListener::bind("0.0.0.0:9276")?;
    println!("listening on {}", listener.local_addr()?);
    let history = Mutex::new(Vec::new());
    for stream in listener.incoming() {
        let stream = match stream {
            Ok(stream) => stream,
            Err(e) => {
                eprintln!("accept: {e}");
                continue;
            }
        };
        history.lock().unwrap().push(stream.try_clone()?);
        thread::spawn(move || {
            let ended = serve(&stream);
            let _ = stream.shutdown(Shutdown::Both);
            if let Err(e) = ended {
                eprintln!("client: {e}");
            }
        });
    }
    Ok(())
}
