use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (address, text) = (format!("{}:{}", args[1], args[2]), &args[3]);
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(text.as_bytes())?;
    let mut reply = vec![0; text.len()];
    // read_exact repeats read(), and takes an early end for an error.
    stream.read_exact(&mut reply)?;
    println!("{}", String::from_utf8_lossy(&reply));
    Ok(())
}
