//! Sending: one exchange, and what may follow it — redirects, a digest challenge, another try.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use url::Url;

use super::connect::{Phases, TlsFacts, connect};
use super::request::Request;
use super::session::Session;
use crate::digest::{self, Algorithm};
use crate::error::{Error, Result};
use crate::tls::Identity;

/// Which HTTP to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// What ALPN settles; HTTP/1.1 without TLS.
    #[default]
    Auto,
    /// HTTP/1.1
    One,
    /// HTTP/2, without TLS by prior knowledge.
    Two,
}

/// How the client proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// User and password, told in every request.
    Basic(String, String),
    /// User and password, proven when challenged.
    Digest(String, String),
    /// A token.
    Bearer(String),
}

/// How to send.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The version.
    pub version: Version,
    /// For each exchange as a whole; `None` = for ever.
    pub timeout: Option<Duration>,
    /// Redirects followed; 0 = none.
    pub redirects: usize,
    /// Further tries if no connection could be made, or the status is 502, 503 or 504.
    pub retries: usize,
    /// Through this.
    pub proxy: Option<Url>,
    /// Authentication.
    pub auth: Option<Auth>,
    /// Authorities to trust instead of the system's, PEM.
    pub authorities: Option<String>,
    /// Our own certificate.
    pub identity: Option<Identity>,
}

/// The head of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    /// `HTTP/1.1` …
    pub version: String,
    /// The status.
    pub status: StatusCode,
    /// The fields.
    pub headers: HeaderMap,
}

/// An answer, when all of it has come.
#[derive(Debug)]
pub struct Answer {
    /// Its head.
    pub head: Head,
    /// When the phases ended.
    pub phases: Phases,
    /// Who answered.
    pub peer: SocketAddr,
    /// What the handshake settled.
    pub tls: Option<TlsFacts>,
    /// The URL that answered, behind all redirects.
    pub url: Url,
}

/// Where an answer goes while it comes.
pub trait Sink {
    /// A request is about to be sent, or to be sent again.
    fn request(&mut self, request: &Request);
    /// A head has come; whether it is the last, not followed by another exchange.
    fn head(&mut self, head: &Head, is_last: bool);
    /// A piece of the content of the last.
    ///
    /// # Errors
    /// It cannot be taken; ends the exchange.
    fn piece(&mut self, bytes: &[u8]) -> std::io::Result<()>;
}

/// Sends the request and what follows from its answers.
///
/// # Errors
/// No connection, a failed handshake, an answer that is no HTTP, too many redirects, time over.
pub fn fetch(
    mut request: Request,
    options: &Options,
    session: &mut Session,
    sink: &mut dyn Sink,
) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::system("epoll_create"))?;
    session.apply(&mut request);
    authorize(&mut request, options);
    let (mut redirects, mut retries, mut has_answered) = (0, 0, false);
    loop {
        let mut sent = request.clone();
        if let Some(cookie) = session.cookie(&request.url) {
            let own = request.headers.get(header::COOKIE).and_then(|own| own.to_str().ok());
            let all = own.map_or_else(|| cookie.clone(), |own| format!("{own}; {cookie}"));
            if let Ok(all) = HeaderValue::from_str(&all) {
                sent.headers.insert(header::COOKIE, all);
            }
        }
        sink.request(&sent);
        let mut exchange = Exchange { options, sink, redirects, retries, has_answered, next: Next::Done };
        let outcome = runtime.block_on(exchange.limited(&sent));
        let next = std::mem::replace(&mut exchange.next, Next::Done);
        let answer = match outcome {
            Err(Error::Connect { .. } | Error::Resolve { .. }) if retries < options.retries => {
                retries += 1;
                pause(retries);
                continue;
            }
            outcome => outcome?,
        };
        session.keep(&request.url, &answer.head.headers);
        match next {
            Next::Done => return Ok(answer),
            Next::Again => {
                retries += 1;
                pause(retries);
            }
            Next::Answer(value) => {
                has_answered = true;
                request.headers.insert(header::AUTHORIZATION, value);
            }
            Next::Follow(url) => {
                redirects += 1;
                if redirects > options.redirects {
                    return Err(Error::Redirects(options.redirects));
                }
                redirected(&mut request, url, answer.head.status);
            }
        }
    }
}

/// Longer each time, so that a server in trouble is left alone.
fn pause(retries: usize) {
    std::thread::sleep(Duration::from_millis(200 << retries.min(5)));
}

fn authorize(request: &mut Request, options: &Options) {
    let value = match &options.auth {
        Some(Auth::Basic(user, password)) => digest::basic(user, password),
        Some(Auth::Bearer(token)) => format!("Bearer {token}"),
        _ => return,
    };
    if let Ok(value) = HeaderValue::from_str(&value) {
        request.headers.insert(header::AUTHORIZATION, value);
    }
}

/// What an answer asks for.
enum Next {
    Done,
    Again,
    Answer(HeaderValue),
    Follow(Url),
}

struct Exchange<'a> {
    options: &'a Options,
    sink: &'a mut dyn Sink,
    redirects: usize,
    retries: usize,
    has_answered: bool,
    next: Next,
}

impl Exchange<'_> {
    async fn limited(&mut self, request: &Request) -> Result<Answer> {
        let Some(limit) = self.options.timeout else { return self.run(request).await };
        let late = Error::Timeout { phase: "the exchange", seconds: limit.as_secs_f64() };
        tokio::time::timeout(limit, self.run(request)).await.map_err(|_| late)?
    }

    async fn run(&mut self, request: &Request) -> Result<Answer> {
        let started_at = Instant::now();
        let connection = connect(&request.url, self.options).await?;
        let (mut phases, moments) = (connection.phases, connection.stream.moments.clone());
        let io = TokioIo::new(connection.stream);
        let broken = |error: hyper::Error| Error::Protocol(cause(&error));
        let message = message(request, connection.is_http2, self.options)?;
        let (driver, mut response) = if connection.is_http2 {
            let (mut sender, driver) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.map_err(broken)?;
            let driver = tokio::spawn(async move { drop(driver.await) });
            (driver, sender.send_request(message).await.map_err(broken)?)
        } else {
            let mut builder = hyper::client::conn::http1::Builder::new();
            let (mut sender, driver) =
                builder.title_case_headers(true).handshake(io).await.map_err(broken)?;
            let driver = tokio::spawn(async move { drop(driver.await) });
            (driver, sender.send_request(message).await.map_err(broken)?)
        };
        let seen = *moments.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |at: Option<Instant>| at.map_or_else(|| started_at.elapsed(), |at| at - started_at);
        (phases.request, phases.first_byte) = (since(seen.written_at), since(seen.read_at));
        let head = Head {
            version: format!("{:?}", response.version()),
            status: response.status(),
            headers: response.headers().clone(),
        };
        self.next = self.what_next(request, &head);
        let is_last = matches!(self.next, Next::Done);
        self.sink.head(&head, is_last);
        while let Some(frame) = response.frame().await {
            if let (Ok(data), true) = (frame.map_err(broken)?.into_data(), is_last) {
                self.sink.piece(&data).map_err(Error::system("write"))?;
            }
        }
        phases.body = started_at.elapsed();
        driver.abort();
        let url = request.url.clone();
        Ok(Answer { head, phases, peer: connection.peer, tls: connection.tls, url })
    }

    fn what_next(&self, request: &Request, head: &Head) -> Next {
        let is_trouble = matches!(head.status.as_u16(), 502..=504);
        if is_trouble && self.retries < self.options.retries {
            return Next::Again;
        }
        if let (StatusCode::UNAUTHORIZED, Some(Auth::Digest(user, password)), false) =
            (head.status, &self.options.auth, self.has_answered)
        {
            return challenge(request, head, user, password).map_or(Next::Done, Next::Answer);
        }
        let location = head.headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
        let is_redirect = matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308);
        match location.filter(|_| is_redirect && (self.options.redirects > 0 || self.redirects > 0)) {
            Some(to) => request.url.join(to).map_or(Next::Done, Next::Follow),
            None => Next::Done,
        }
    }
}

/// What an error comes from, in one line.
fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

fn message(request: &Request, is_http2: bool, options: &Options) -> Result<http::Request<Full<Bytes>>> {
    let wrong = |error: String| Error::Url { url: request.url.to_string(), reason: error };
    let is_through_proxy = options.proxy.is_some() && request.url.scheme() == "http";
    let target = if is_http2 || is_through_proxy {
        let mut url = request.url.clone();
        url.set_fragment(None);
        let _ = (url.set_username(""), url.set_password(None));
        url.to_string()
    } else {
        request.target()
    };
    let uri: Uri = target.parse().map_err(|error: http::uri::InvalidUri| wrong(error.to_string()))?;
    let mut message = http::Request::new(Full::new(Bytes::from(request.body.clone())));
    (*message.method_mut(), *message.uri_mut()) = (request.method.clone(), uri);
    for (name, value) in request.fields() {
        let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        if !(is_http2 && name == header::HOST) {
            message.headers_mut().append(name, value);
        }
    }
    if is_http2 {
        *message.version_mut() = http::Version::HTTP_2;
    }
    Ok(message)
}

/// RFC 9110 §15.4: 303 turns into GET, 301 and 302 do so for POST; secrets stay with their origin.
fn redirected(request: &mut Request, url: Url, status: StatusCode) {
    let is_get = status == StatusCode::SEE_OTHER && request.method != Method::HEAD
        || matches!(status.as_u16(), 301 | 302) && request.method == Method::POST;
    if is_get {
        request.method = Method::GET;
        request.body.clear();
        request.headers.remove(header::CONTENT_TYPE);
        request.headers.remove(header::CONTENT_LENGTH);
    }
    if request.url.origin() != url.origin() {
        request.headers.remove(header::AUTHORIZATION);
        request.headers.remove(header::COOKIE);
        request.headers.remove(header::HOST);
    }
    request.url = url;
}

/// The value of Authorization that answers a digest challenge.
fn challenge(request: &Request, head: &Head, user: &str, password: &str) -> Option<HeaderValue> {
    use ring::rand::SecureRandom;
    let challenges =
        head.headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let pairs = challenges
        .filter_map(|value| {
            value.split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("digest "))
        })
        .map(|(_, pairs)| digest::parse_pairs(pairs))
        .find(|pairs| algorithm(pairs).is_some())?;
    let of = |name: &str| pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let qop = of("qop").split(',').map(str::trim).find(|qop| *qop == "auth").unwrap_or_default();
    let mut random = [0; 8];
    ring::rand::SystemRandom::new().fill(&mut random).ok()?;
    let cnonce: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let (target, algorithm) = (request.target(), algorithm(&pairs)?);
    let answer = digest::Answer {
        algorithm,
        user,
        password,
        realm: of("realm"),
        nonce: of("nonce"),
        cnonce: &cnonce,
        nc: "00000001",
        qop,
        method: request.method.as_str(),
        target: &target,
    };
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut value = format!(
        "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{target}\", algorithm={}, response=\"{}\"",
        quoted(user),
        quoted(of("realm")),
        quoted(of("nonce")),
        algorithm.name(),
        answer.response()
    );
    if !qop.is_empty() {
        value.push_str(&format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\""));
    }
    if !of("opaque").is_empty() {
        value.push_str(&format!(", opaque=\"{}\"", quoted(of("opaque"))));
    }
    HeaderValue::from_str(&value).ok()
}

fn algorithm(pairs: &[(String, String)]) -> Option<Algorithm> {
    let name = pairs.iter().find(|(key, _)| key == "algorithm").map_or("MD5", |(_, value)| value.as_str());
    Algorithm::parse(name)
}

/// Content with its codings taken off (RFC 9110 §8.4); as it came if they are unknown or it does not decode.
pub fn decoded(head: &Head, bytes: Vec<u8>) -> Vec<u8> {
    /// A few bytes may become many: no more than this.
    const MOST: u64 = 256 * 1024 * 1024;
    let coding = head.headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let mut plain = Vec::new();
    let read = match coding.unwrap_or_default() {
        "gzip" | "x-gzip" => flate2::read::MultiGzDecoder::new(&bytes[..]).take(MOST).read_to_end(&mut plain),
        "deflate" => flate2::read::ZlibDecoder::new(&bytes[..]).take(MOST).read_to_end(&mut plain),
        "br" => brotli::Decompressor::new(&bytes[..], 4096).take(MOST).read_to_end(&mut plain),
        _ => return bytes,
    };
    if read.is_ok() { plain } else { bytes }
}
