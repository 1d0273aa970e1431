//! The practice server: httpbin's routes, files, notes, WebSocket, behind the strict layer.
//!
//! ```text
//!   socket ─▶ (TLS) ─▶ HTTP/2? ─▶ hyper http2 ────────────┐
//!                  └─▶ guard (strict) ─▶ hyper http1 ─────┴─▶ service ─▶ routes ─▶ answer
//! ```
//!
//! The runtime lives in threads of its own; from outside the server is a handle that is stopped or waited for.

mod connection;
mod guard;
mod metrics;
mod reply;
mod routes;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::strict::Limits;

pub use guard::Patience;
pub use metrics::Totals;
pub use routes::{ROUTES, Route};

/// Told of each request when its answer is ready.
pub type Log = Arc<dyn Fn(&Entry) + Send + Sync>;

/// One line of the request log.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Entry {
    /// The client.
    pub peer: SocketAddr,
    /// The request's method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// `HTTP/1.1` …
    pub version: String,
    /// The answer's status.
    pub status: u16,
    /// Bytes of the answer's content; `None` for a stream.
    pub len: Option<u64>,
    /// Until the answer's head was ready.
    pub micros: u64,
    /// The class of refusal and the byte at fault, if the request was refused.
    pub refused: Option<(&'static str, u64)>,
}

/// How the server is set up. Every limit is a field.
#[derive(Clone)]
pub struct Options {
    /// Name or address to listen on; empty = every address.
    pub host: String,
    /// 0 = any free one.
    pub port: u16,
    /// Where notes and uploads are kept; without it, in memory and nowhere.
    pub data: Option<PathBuf>,
    /// The folder shown under `/files/`; by default `files` in `data`.
    pub files: Option<PathBuf>,
    /// TLS, with certificate and key.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// What is too much in a request.
    pub limits: Limits,
    /// What is too slow.
    pub patience: Patience,
    /// Connections at the same time; more have to wait in the listener's queue.
    pub connections: usize,
    /// Worker threads; 0 = as many as there are processors.
    pub threads: usize,
    /// How long requests may still run after a stop.
    pub grace: Duration,
    /// Who hears of each request.
    pub log: Option<Log>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            data: None,
            files: None,
            tls: None,
            limits: Limits::default(),
            patience: Patience::default(),
            connections: 10_000,
            threads: 0,
            grace: Duration::from_secs(5),
            log: None,
        }
    }
}

/// A server at work; dropping it stops it.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    is_tls: bool,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<Totals>>,
}

impl Server {
    /// Starts it; returns once it listens.
    ///
    /// # Errors
    /// The port is taken, or the data cannot be opened.
    pub fn start(options: Options) -> Result<Self> {
        let listener = listen(&options.host, options.port)?;
        let addr = listener.local_addr().map_err(Error::system("getsockname"))?;
        let site = Arc::new(routes::Site::open(&options, addr)?);
        let runtime = runtime(options.threads)?;
        let (stop, stopped) = watch::channel(false);
        let is_tls = options.tls.is_some();
        let thread = std::thread::Builder::new().name("httpd".to_owned()).spawn(move || {
            runtime.block_on(connection::accept_all(listener, &options, &site, stopped));
            runtime.shutdown_timeout(Duration::from_millis(100));
            site.metrics.totals()
        });
        let thread = Some(thread.map_err(Error::system("clone"))?);
        Ok(Self { addr, is_tls, stop, thread })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address for a browser.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.addr)
    }

    /// Takes no more connections, lets running requests end, and tells what was served.
    pub fn stop(mut self) -> Totals {
        self.end()
    }

    /// Serves until SIGINT or SIGTERM, then stops.
    ///
    /// # Errors
    /// The signals cannot be listened for.
    pub fn run_until_signal(self) -> Result<Totals> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Error::system("epoll_create"))?;
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let mut terminate = signal(SignalKind::terminate()).map_err(Error::system("sigaction"))?;
            tokio::select! {
                done = tokio::signal::ctrl_c() => done.map_err(Error::system("sigaction")),
                _ = terminate.recv() => Ok(()),
            }
        })?;
        Ok(self.stop())
    }

    fn end(&mut self) -> Totals {
        let _ = self.stop.send(true);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn runtime(threads: usize) -> Result<tokio::runtime::Runtime> {
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().thread_name("httpd").build().map_err(Error::system("epoll_create"))
}

/// How many connections the kernel may hold until they are accepted.
const BACKLOG: i32 = 4096;

fn listen(host: &str, port: u16) -> Result<std::net::TcpListener> {
    let shown = || format!("{host}:{port}");
    let failed = |source| Error::Listen { address: shown(), source };
    let host = host.trim_matches(['[', ']']);
    let name = if host.is_empty() { "::" } else { host };
    let address = (name, port).to_socket_addrs().map_err(failed)?.next();
    let address = address.ok_or_else(|| failed(std::io::ErrorKind::AddrNotAvailable.into()))?;
    let make = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    make().map_err(failed)
}
