use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buf = [0; 4096];
    // (1)
    // (2)
    let _ = (stream.read(&mut buf)?, stream.flush()?);
    Ok(())
}

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:9000")?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        serve(stream?)?; // (3) (4)
    }
    Ok(())
}
