// bug: struct-little-endian
// build: rustc -O --edition 2021
// The order of this computer, which is not the network's.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut total = 0u64;
    let mut request = [0; 5];
    loop {
        stream.read_exact(&mut request)?;
        if request[0] == 1 {
            total += u64::from(u32::from_ne_bytes([request[1], request[2], request[3], request[4]]));
        }
        let mut reply = vec![request[0]];
        reply.extend(total.to_ne_bytes());
        stream.write_all(&reply)?;
    }
}

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:9400")?;
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || serve(stream));
    }
    Ok(())
}
