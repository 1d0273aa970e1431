use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut total = 0u64;
    let mut request = [0; 5];
    loop {
        match stream.read_exact(&mut request) {
            Err(err) if err.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let [op, number @ ..] = request;
        if op == 1 {
            total += u64::from(u32::from_be_bytes(number));
        }
        let mut reply = [op; 9];
        reply[1..].copy_from_slice(&total.to_be_bytes());
        stream.write_all(&reply)?;
    }
}

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:9400")?;
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => drop(thread::spawn(move || {
                if let Err(err) = serve(stream) {
                    eprintln!("broken off: {err}");
                }
            })),
            Err(err) => eprintln!("accept: {err}"),
        }
    }
    Ok(())
}
