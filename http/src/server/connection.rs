//! One connection: TLS, which HTTP it speaks, and hyper with our service behind the guard.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::guard::{Guard, Line};
use super::reply::{Problem, Reply, refused, without_content};
use super::routes::{Call, Site};
use super::{Entry, Options};

/// What an HTTP/2 client says first (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Accepts until told to stop, then waits for what is running.
pub(super) async fn accept_all(
    listener: std::net::TcpListener,
    options: &Options,
    site: &Arc<Site>,
    mut stopped: watch::Receiver<bool>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let places = Arc::new(Semaphore::new(options.connections));
    let acceptor = options.tls.clone().map(tokio_rustls::TlsAcceptor::from);
    let mut running = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        let Ok((stream, peer)) = accepted else {
            // No descriptors left, most likely: those that end will make room.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let connection =
            Connection { site: Arc::clone(site), peer, options: options.clone(), stopped: stopped.clone() };
        let acceptor = acceptor.clone();
        running.spawn(async move {
            connection.serve(stream, acceptor).await;
            drop(place);
        });
        while running.try_join_next().is_some() {}
    }
    drop(listener);
    let all = async { while running.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(options.grace, all).await;
}

struct Connection {
    site: Arc<Site>,
    peer: SocketAddr,
    options: Options,
    stopped: watch::Receiver<bool>,
}

impl Connection {
    async fn serve(self, stream: TcpStream, acceptor: Option<tokio_rustls::TlsAcceptor>) {
        let site = Arc::clone(&self.site);
        let _open = site.metrics.connection();
        let _ = stream.set_nodelay(true);
        let patience = self.options.patience.head;
        match acceptor {
            None => self.speak(stream, false).await,
            Some(acceptor) => match tokio::time::timeout(patience, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => self.speak(stream, true).await,
                _ => site.metrics.handshake_failed(),
            },
        }
    }

    /// Finds out which HTTP is spoken by the first bytes.
    async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, mut stream: S, is_tls: bool) {
        let mut first = [0u8; PREFACE.len()];
        let mut len = 0;
        let sniff = async {
            while len < PREFACE.len() && first[..len] == PREFACE[..len] {
                match stream.read(&mut first[len..]).await {
                    Ok(more @ 1..) => len += more,
                    _ => break,
                }
            }
        };
        let wait = self.options.patience.idle;
        let mut stopped = self.stopped.clone();
        let is_late = tokio::select! {
            late = tokio::time::timeout(wait, sniff) => late.is_err(),
            _ = stopped.changed() => true,
        };
        match &first[..len] {
            b"" => {}
            PREFACE => self.speak_2(Prefixed::new(&first, stream), is_tls).await,
            _ if is_late => {}
            first => self.speak_1(first, stream, is_tls).await,
        }
    }

    async fn speak_1<S>(mut self, first: &[u8], stream: S, is_tls: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let line = Arc::new(Line::default());
        let guard = Guard::new(stream, first, Arc::clone(&line), self.options.limits, self.options.patience);
        let served = AtomicU64::new(0);
        let answering = Answering { site: Arc::clone(&self.site), peer: self.peer, is_tls };
        let service = service_fn(|request| {
            let number = served.fetch_add(1, Ordering::AcqRel) + 1;
            answering.answer(request, Some((Arc::clone(&line), number)), self.options.limits.body)
        });
        let limits = self.options.limits;
        let connection = hyper::server::conn::http1::Builder::new()
            .half_close(true)
            .max_headers(limits.fields)
            .max_buf_size((limits.head + limits.request_line).max(16 * 1024))
            .pipeline_flush(true)
            .serve_connection(guard, service)
            .with_upgrades();
        let mut connection = pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = self.stopped.changed() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }

    async fn speak_2<S>(mut self, stream: Prefixed<S>, is_tls: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let answering = Arc::new(Answering { site: Arc::clone(&self.site), peer: self.peer, is_tls });
        let most = self.options.limits.body;
        let service = service_fn(move |request| {
            let answering = Arc::clone(&answering);
            async move { answering.answer(request, None, most).await }
        });
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(100)
            .max_header_list_size(u32::try_from(self.options.limits.head).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(20) // rapid reset (CVE-2023-44487)
            .max_local_error_reset_streams(200)
            .keep_alive_interval(self.options.patience.idle)
            .keep_alive_timeout(self.options.patience.head)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = self.stopped.changed() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

/// Answers the requests of one connection.
struct Answering {
    site: Arc<Site>,
    peer: SocketAddr,
    is_tls: bool,
}

impl Answering {
    async fn answer(
        &self,
        request: Request<Incoming>,
        line: Option<(Arc<Line>, u64)>,
        most: u64,
    ) -> Result<Reply, Infallible> {
        let started_at = Instant::now();
        let refusal =
            |line: &Option<(Arc<Line>, u64)>| line.as_ref().and_then(|(line, number)| line.refusal(*number));
        let is_head = request.method() == Method::HEAD;
        let (method, mut why) = (request.method().clone(), refusal(&line));
        let entry = self.site.has_log().then(|| self.entry(&request, why.is_some()));
        let mut reply = match &why {
            Some(why) => refused(why),
            None => {
                let (parts, body) = request.into_parts();
                let call = Call {
                    parts,
                    body: Some(body),
                    peer: self.peer,
                    is_tls: self.is_tls,
                    most,
                    site: Arc::clone(&self.site),
                };
                let reply = call.answer().await.unwrap_or_else(Problem::reply);
                // The content may have turned out to be wrong meanwhile.
                why = refusal(&line);
                why.as_ref().map_or(reply, refused)
            }
        };
        if let (StatusCode::SWITCHING_PROTOCOLS, Some((line, _))) = (reply.status(), &line) {
            line.upgrade();
        }
        reply.headers_mut().entry(header::SERVER).or_insert(HeaderValue::from_static("tongro"));
        if is_head {
            reply = without_content(reply);
        }
        let took = started_at.elapsed();
        let class = why.as_ref().map(|refusal| refusal.class);
        self.site.metrics.answered(&method, reply.status(), took, class);
        if let Some(entry) = entry {
            let len = reply.body().size_hint().exact();
            let refused = why.map(|refusal| (refusal.class.id(), refusal.offset));
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            let status = reply.status().as_u16();
            self.site.log(&Entry { status, len, micros, refused, ..entry });
        }
        Ok(reply)
    }

    /// A request that stands in for a refused one has nothing to tell.
    fn entry(&self, request: &Request<Incoming>, is_stand_in: bool) -> Entry {
        let shown = |text: String| if is_stand_in { "-".to_owned() } else { text };
        Entry {
            peer: self.peer,
            method: shown(request.method().to_string()),
            target: shown(request.uri().to_string()),
            version: format!("{:?}", request.version()),
            status: 0,
            len: None,
            micros: 0,
            refused: None,
        }
    }
}

/// A stream some of whose first bytes were read already.
struct Prefixed<S> {
    first: Vec<u8>,
    at: usize,
    stream: S,
}

impl<S> Prefixed<S> {
    fn new(first: &[u8], stream: S) -> Self {
        Self { first: first.to_vec(), at: 0, stream }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.at == this.first.len() {
            return Pin::new(&mut this.stream).poll_read(cx, into);
        }
        let len = (this.first.len() - this.at).min(into.remaining());
        into.put_slice(&this.first[this.at..this.at + len]);
        this.at += len;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
