//! `tongro echo`: any protocol of `proto` served under any concurrency model, and a client that shows each send and
//! receive with its bytes.

use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use tongro_proto::Proto;
use tongro_serve::{
    Client, ClientTls, Error, Limits, Model, Moved, Options, Server, ServerTls, Summary, Timeouts,
};

use crate::serving;
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
    Serve(Box<ServePart>),
    /// Connect, send each line of standard input, show what comes back
    Connect(ConnectPart),
}

#[derive(Debug, Args)]
struct ServePart {
    /// Where to listen; empty = every address
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port; 0 = any free one, printed
    #[arg(long, default_value_t = 7777)]
    port: u16,
    /// A Unix socket to listen on instead
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
    /// The concurrency model
    #[arg(long, default_value = "epoll", value_parser = model_names())]
    model: Model,
    /// What is spoken
    #[arg(long, default_value = "echo", value_parser = proto_names())]
    proto: Proto,
    /// Encrypt every connection; without --cert with a fresh certificate that nobody trusts
    #[arg(long)]
    tls: bool,
    /// The certificate chain (PEM); without --tls nothing is encrypted
    #[arg(long, value_name = "FILE", requires_all = ["key", "tls"])]
    cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Where to write the fresh certificate, for clients that shall trust it
    #[arg(long, value_name = "FILE", requires = "tls", conflicts_with = "cert")]
    save_cert: Option<PathBuf>,
    /// How many finished handshakes may wait for accept
    #[arg(long, default_value_t = 4096)]
    backlog: i32,
    /// Threads of pool, processes of prefork, runtime threads of async-multi
    #[arg(long, default_value_t = 8)]
    hands: usize,
    /// The most connections at once
    #[arg(long, default_value_t = 16_384, value_name = "N")]
    connections: usize,
    /// Seconds after which a silent peer is let go
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    idle: u64,
    /// The directory of the file transfer
    #[arg(long, default_value = ".", value_name = "DIR")]
    directory: PathBuf,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ConnectPart {
    /// HOST:PORT, or unix:PATH
    address: String,
    /// Show each send and receive with its bytes
    #[arg(short, long)]
    verbose: bool,
    /// Encrypt; the certificate that is trusted (PEM)
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Seconds to wait for a connection and for an answer
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    timeout: u64,
    /// Keep a conversation going by itself, as the workbench shows it
    #[arg(long, hide = true)]
    demo: bool,
}

/// The names of the models, for help and for the message on a wrong one.
pub(crate) fn model_names() -> impl TypedValueParser<Value = Model> {
    let names = PossibleValuesParser::new(Model::ALL.iter().map(|model| model.name()));
    names.map(|name| name.parse().unwrap_or_default())
}

/// The same for protocols.
fn proto_names() -> impl TypedValueParser<Value = Proto> {
    let names = PossibleValuesParser::new(Proto::ALL.iter().map(|proto| proto.name()));
    names.map(|name| name.parse().unwrap_or(Proto::Echo))
}

impl Echo {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let done = match self.part {
            Part::Serve(part) => part.run(talk),
            Part::Connect(ConnectPart { address, demo: true, .. }) => demo(talk, &address),
            Part::Connect(part) => part.run(talk),
        };
        match done {
            Ok(()) => 0,
            Err(error) => {
                serving::tell(talk, &error);
                2
            }
        }
    }
}

// ---- serving

impl ServePart {
    fn run(self, talk: &mut Talk) -> tongro_serve::Result<()> {
        let json = self.json;
        // Before any thread of the server exists: threads inherit which signals are blocked.
        let (ring, rung) = std::sync::mpsc::channel();
        tongro_sys::process::on_interrupt(move || {
            let _ = ring.send(()); // nobody listens any more once the server has failed
        })
        .map_err(|error| Error::Io { operation: "pthread_sigmask", source: error.source })?;
        let server = tongro_serve::start(self.options()?)?;
        tell_doors(talk, &server, json);
        let shutdown = server.shutdown_handle();
        std::thread::spawn(move || {
            if rung.recv().is_ok() {
                shutdown.shutdown();
            }
        });
        server.wait_for_shutdown();
        if !json {
            talk.note(&talk.text("serve.echo.draining", &[("n", &server.connections().to_string())]));
        }
        tell_summary(talk, server.join()?, json);
        Ok(())
    }

    fn options(self) -> tongro_serve::Result<Options> {
        let tls = self.server_tls()?;
        Ok(Options {
            tls,
            host: self.host,
            port: self.port,
            unix: self.unix,
            model: self.model,
            proto: self.proto,
            backlog: self.backlog,
            hands: self.hands,
            directory: self.directory,
            limits: Limits { connections: self.connections, ..Limits::default() },
            timeouts: Timeouts { idle: Duration::from_secs(self.idle), ..Timeouts::default() },
            ..Options::default()
        })
    }

    fn server_tls(&self) -> tongro_serve::Result<Option<ServerTls>> {
        if !self.tls {
            return Ok(None);
        }
        let tls = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => ServerTls::from_pem(&read(cert)?, &read(key)?)?,
            _ => {
                let own = if self.host.is_empty() || self.host == "*" { "127.0.0.1" } else { &self.host };
                ServerTls::self_signed(&["localhost", own])?
            }
        };
        if let Some(path) = &self.save_cert {
            std::fs::write(path, tls.certificate())
                .map_err(|source| Error::Io { operation: "write the certificate", source })?;
        }
        Ok(Some(tls))
    }
}

fn read(path: &PathBuf) -> tongro_serve::Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::Io { operation: "read a PEM file", source })
}

/// Where it listens, on stdout: programs read it too.
fn tell_doors(talk: &mut Talk, server: &Server, json: bool) {
    let tcp = server.local_addrs().iter().map(SocketAddr::to_string);
    let unix = server.unix_path().map(|path| format!("unix:{}", path.display()));
    for address in tcp.chain(unix) {
        if json {
            talk.say(&serde_json::json!({ "event": "listening", "address": address }).to_string());
        } else {
            talk.say(&talk.text("serve.echo.listening", &[("address", &address)]));
        }
    }
}

/// What it did, when it has ended.
fn tell_summary(talk: &mut Talk, summary: Summary, json: bool) {
    let Summary { accepted, refused, cut } = summary;
    if json {
        let line =
            serde_json::json!({ "event": "ended", "accepted": accepted, "refused": refused, "cut": cut });
        return talk.say(&line.to_string());
    }
    let [accepted, refused, cut] = [accepted, refused, cut as u64].map(|count| count.to_string());
    let params = [("accepted", &*accepted), ("refused", &*refused), ("cut", &*cut)];
    talk.say(&talk.text("serve.echo.summary", &params));
}

// ---- connecting

impl ConnectPart {
    /// Standard input to the peer, what comes back to standard output, at the same time and until both have ended.
    fn run(self, talk: &mut Talk) -> tongro_serve::Result<()> {
        let patience = Duration::from_secs(self.timeout.max(1));
        let mut client = open(&self.address, patience)?;
        if let Some(path) = &self.trust {
            let (host, _) = split(&self.address);
            client = client.secure(&ClientTls::trusting(&read(path)?, host)?)?;
        }
        if self.verbose {
            let (ours, theirs) = (client.local_addr(), client.peer_addr());
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                let params = [("local", &*ours.to_string()), ("peer", &*theirs.to_string())];
                talk.note(&talk.text("serve.echo.connected", &params));
            }
        }
        let stdin = std::io::stdin();
        tongro_serve::converse(&mut client, stdin.as_fd(), patience, |moved| {
            if self.verbose {
                show(talk, moved);
            }
            match moved {
                Moved::Received(bytes) => {
                    let mut stdout = std::io::stdout().lock();
                    stdout.write_all(bytes)?;
                    stdout.flush()
                }
                Moved::PeerFinished(unsent @ 1..) => {
                    let params = [("n", &*unsent.to_string())];
                    talk.note(&talk.text("serve.echo.unsent", &params));
                    Ok(())
                }
                _ => Ok(()),
            }
        })
    }
}

/// One line for each call: what, how many bytes, which.
fn show(talk: &mut Talk, moved: Moved<'_>) {
    let (id, bytes) = match moved {
        Moved::Sent(bytes) => ("sent", bytes),
        Moved::Received(bytes) => ("received", bytes),
        Moved::Finished => ("finished", &[][..]),
        Moved::PeerFinished(_) => ("peer_finished", &[][..]),
    };
    let params = [("n", &*bytes.len().to_string()), ("bytes", &*shown(bytes))];
    talk.note(&talk.text(&format!("serve.echo.{id}"), &params));
}

/// Text as it is, everything else escaped; long messages with their beginning and end.
fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 96;
    let readable = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => text.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\""),
        Err(_) => bytes.escape_ascii().to_string(),
    };
    if bytes.len() <= MOST {
        return readable(bytes);
    }
    let (head, tail) = (&bytes[..MOST / 2], &bytes[bytes.len() - MOST / 4..]);
    format!("{} … {}", readable(head), readable(tail))
}

/// Host and port of an address; the port is 7777 where none is given.
fn split(address: &str) -> (&str, u16) {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
        _ => (address, ""),
    };
    (host.trim_matches(['[', ']']), port.parse().unwrap_or(7777))
}

fn open(address: &str, patience: Duration) -> tongro_serve::Result<Client> {
    if let Some(path) = address.strip_prefix("unix:") {
        return Client::connect_unix(path.as_ref());
    }
    let (host, port) = split(address);
    Client::connect_to_within(host, port, patience)
}

/// A message of 64 bytes, a big one, then a small one every two seconds for ten minutes.
fn demo(talk: &mut Talk, address: &str) -> tongro_serve::Result<()> {
    const BIG: usize = 4 * 1448;
    let mut client = open(address, Duration::from_secs(10))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cut_at_the_right_colon() {
        assert_eq!(split("localhost:80"), ("localhost", 80));
        assert_eq!(split("127.0.0.1"), ("127.0.0.1", 7777));
        assert_eq!(split("[::1]:9"), ("::1", 9));
        assert_eq!(split("::1"), ("::1", 7777));
    }

    #[test]
    fn bytes_are_shown_as_text_where_they_are_text() {
        assert_eq!(shown("안녕\n".as_bytes()), "안녕\\n");
        assert_eq!(shown(b"\xff\x00it's"), "\\xff\\x00it\\'s");
        assert!(shown(&[b'a'; 5000]).len() < 100);
    }
}
