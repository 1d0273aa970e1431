use std::io::Write;
use std::net::TcpStream;

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (address, text) = (format!("{}:{}", args[1], args[2]), &args[3]);
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(text.as_bytes())?;
    // read the reply
    // until it is whole
    println!();
    Ok(())
}
