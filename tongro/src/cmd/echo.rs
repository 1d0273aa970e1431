//! `tongro echo`: the echo server in any concurrency model, and a client that shows what it sends and gets.

use std::io::{BufRead, IsTerminal, Read};
use std::time::Duration;

use clap::{Args, Subcommand};
use tongro_proto::Proto;
use tongro_serve::{Client, Model, Options};

use crate::talk::Talk;

/// An echo server and client
#[derive(Debug, Args)]
pub(crate) struct Echo {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Serve until Ctrl-C
    Serve {
        /// Where to listen; empty = every address
        #[arg(long, default_value = "127.0.0.1")]
        host: String,
        /// The port; 0 = any free one, printed
        #[arg(long, default_value_t = 7777)]
        port: u16,
        /// The concurrency model: sequential, thread, pool, epoll …
        #[arg(long, default_value = "epoll")]
        model: Model,
        /// What is spoken: echo, line …
        #[arg(long, default_value = "echo")]
        proto: Proto,
    },
    /// Connect, send each line of standard input, show what comes back
    Connect {
        /// HOST:PORT
        address: String,
        /// Show each send and receive with its bytes
        #[arg(short, long)]
        verbose: bool,
        /// Keep a conversation going by itself, as the workbench shows it
        #[arg(long, hide = true)]
        demo: bool,
    },
}

impl Echo {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let done = match self.part {
            Part::Serve { host, port, model, proto } => {
                serve(talk, Options { host, port, model, proto, ..Options::default() })
            }
            Part::Connect { address, demo: true, .. } => demo(talk, &address),
            Part::Connect { address, verbose, .. } => connect(talk, &address, verbose),
        };
        match done {
            Ok(()) => 0,
            Err(error) => {
                talk.error(&error.to_string(), None);
                2
            }
        }
    }
}

fn serve(talk: &mut Talk, options: Options) -> tongro_serve::Result<()> {
    let server = tongro_serve::start(options)?;
    for address in server.local_addrs() {
        talk.say(&format!("listening on {address}"));
    }
    server.join().map(drop)
}

fn open(address: &str) -> tongro_serve::Result<Client> {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    Client::connect_to(host.trim_matches(['[', ']']), port.parse().unwrap_or(7777))
}

/// Line by line: interactive on a terminal, a pipe otherwise.
fn connect(talk: &mut Talk, address: &str, verbose: bool) -> tongro_serve::Result<()> {
    let mut client = open(address)?;
    if !std::io::stdin().is_terminal() {
        return pipe(client);
    }
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let message = format!("{line}\n");
        client.send(message.as_bytes())?;
        let reply = client.recv_exactly(message.len())?;
        if verbose {
            talk.note(&format!("send {} B: {}", message.len(), message.as_bytes().escape_ascii()));
            talk.note(&format!("recv {} B: {}", reply.len(), reply.escape_ascii()));
        }
        talk.say(String::from_utf8_lossy(&reply).trim_end_matches('\n'));
    }
    client.finish()
}

/// Standard input to the server, what comes back to standard output, at the same time and until both have ended.
fn pipe(mut client: Client) -> tongro_serve::Result<()> {
    let mut sending = client.try_clone()?;
    let sender = std::thread::spawn(move || {
        let mut buffer = vec![0u8; 64 * 1024];
        let mut stdin = std::io::stdin().lock();
        while let Ok(len @ 1..) = stdin.read(&mut buffer) {
            sending.send(&buffer[..len])?;
        }
        sending.finish()
    });
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        let len = client.recv(&mut buffer)?;
        if len == 0 || std::io::Write::write_all(&mut std::io::stdout(), &buffer[..len]).is_err() {
            break;
        }
    }
    sender.join().unwrap_or(Ok(()))
}

/// A message of 64 bytes, a big one, then a small one every two seconds for ten minutes.
fn demo(talk: &mut Talk, address: &str) -> tongro_serve::Result<()> {
    const BIG: usize = 4 * 1448;
    let mut client = open(address)?;
    talk.say(&format!("connected to {address}"));
    for message in [vec![b'.'; 64], vec![b'#'; BIG]] {
        client.send(&message)?;
        talk.say(&format!("sent {} bytes", message.len()));
    }
    let reply = client.recv_exactly(64 + BIG)?;
    talk.say(&format!("got {} bytes back", reply.len()));
    for number in 1..=300u32 {
        std::thread::sleep(Duration::from_secs(2));
        let message = format!("안녕 tongro {number}\n");
        client.send(message.as_bytes())?;
        let reply = client.recv_exactly(message.len())?;
        talk.say(String::from_utf8_lossy(&reply).trim_end());
    }
    client.finish()
}
