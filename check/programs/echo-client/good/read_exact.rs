// build: rustc -O --edition 2021
// A read timeout of the socket; read_exact reports an end that comes too early.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let mut stream = TcpStream::connect((args[1].as_str(), args[2].parse::<u16>().unwrap()))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(args[3].as_bytes())?;
    let mut reply = vec![0; args[3].len()];
    stream.read_exact(&mut reply)?;
    println!("{}", String::from_utf8_lossy(&reply));
    Ok(())
}
