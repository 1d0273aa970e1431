use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

static CONNECTED: AtomicUsize = AtomicUsize::new(0);

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buf = [0; 4096];
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..n])?;
    }
}

fn counted(stream: TcpStream) {
    println!("connected: {}", CONNECTED.fetch_add(1, Ordering::Relaxed) + 1);
    if let Err(err) = serve(stream) {
        eprintln!("broken off: {err}");
    }
    println!("connected: {}", CONNECTED.fetch_sub(1, Ordering::Relaxed) - 1);
}

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:9300")?;
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => drop(thread::spawn(move || counted(stream))),
            Err(err) => eprintln!("accept: {err}"),
        }
    }
    Ok(())
}
