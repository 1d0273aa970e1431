// good: Rust std, a reading and a writing thread per client with a bounded queue between
// also: ipv4-only
// build: rustc -O --edition 2021 --crate-name echo
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

fn serve(stream: TcpStream) {
    let (queue, replies) = mpsc::sync_channel::<Vec<u8>>(8);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut out = &stream;
            for reply in replies {
                if out.write_all(&reply).is_err() {
                    let _ = stream.shutdown(Shutdown::Both); // wakes the reader
                    return;
                }
            }
        });
        let mut buf = [0u8; 8192];
        while let Ok(n @ 1..) = (&stream).read(&mut buf) {
            if queue.send(buf[..n].to_vec()).is_err() {
                break;
            }
        }
        drop(queue);
    });
}

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:9117")?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => drop(thread::spawn(|| serve(stream))),
            Err(e) => eprintln!("accept: {e}"),
        }
    }
    Ok(())
}
