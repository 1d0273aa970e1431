use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

#[repr(C)]
struct Request {
    op: u8,
    number: u32,
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = [0; size_of::<Request>()];
    stream.read_exact(&mut request)?;
    let request = Request { op: request[0], number: u32::from_ne_bytes([request[4], request[5], request[6], request[7]]) };
    let total = u64::from(request.number);
    stream.write_all(&[request.op])?;
    stream.write_all(&total.to_ne_bytes())?;
    Ok(())
}

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:9400")?;
    for stream in listener.incoming() {
        serve(stream?)?;
    }
    Ok(())
}
