//! From a host to a stream: every address tried, through a proxy if asked, TLS if asked, each step measured.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use url::Url;

use super::fetch::{Options, Version};
use crate::error::{Error, Result};
use crate::tls::Failure;

/// When each phase ended, from the beginning; curl's `-w` names in brackets.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct Phases {
    /// The name was resolved (`time_namelookup`).
    pub dns: Duration,
    /// The connection stood (`time_connect`).
    pub tcp: Duration,
    /// The handshake was done (`time_appconnect`); `None` without TLS.
    pub tls: Option<Duration>,
    /// The request was sent (`time_pretransfer`, at its end).
    pub request: Duration,
    /// The first byte of the answer had come (`time_starttransfer`).
    pub first_byte: Duration,
    /// The last byte had come (`time_total`).
    pub body: Duration,
}

/// What the handshake settled.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct TlsFacts {
    /// `TLSv1_3` …
    pub version: String,
    /// The cipher suite.
    pub suite: String,
    /// The protocol of ALPN.
    pub alpn: Option<String>,
    /// As sent, the server's own first.
    pub certificates: Vec<Certificate>,
}

/// What a certificate says.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Certificate {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// RFC 2822, UTC.
    pub not_before: String,
    /// RFC 2822, UTC.
    pub not_after: String,
    /// Names and addresses it is for.
    pub names: Vec<String>,
}

/// A connection ready for HTTP.
pub(super) struct Connection {
    pub(super) stream: Timed,
    pub(super) peer: SocketAddr,
    pub(super) phases: Phases,
    pub(super) tls: Option<TlsFacts>,
    pub(super) is_http2: bool,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Instants of the last write before the first read, and of that read.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Moments {
    pub(super) written_at: Option<Instant>,
    pub(super) read_at: Option<Instant>,
}

/// A stream that notes when the request left and the answer came.
pub(super) struct Timed {
    stream: Box<dyn Stream>,
    pub(super) moments: Arc<Mutex<Moments>>,
}

impl AsyncRead for Timed {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.stream).poll_read(cx, into);
        if read.is_ready() {
            let mut moments = this.moments.lock().unwrap_or_else(PoisonError::into_inner);
            moments.read_at.get_or_insert_with(Instant::now);
        }
        read
    }
}

impl AsyncWrite for Timed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        let mut moments = this.moments.lock().unwrap_or_else(PoisonError::into_inner);
        if written.is_ready() && moments.read_at.is_none() {
            moments.written_at = Some(Instant::now());
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// Connects to the URL's host.
pub(super) async fn connect(url: &Url, options: &Options) -> Result<Connection> {
    let started_at = Instant::now();
    let via = options.proxy.as_ref().unwrap_or(url);
    let port = via.port_or_known_default().unwrap_or(80);
    let host = via.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let found = tokio::net::lookup_host((host.as_str(), port)).await;
    let addresses: Vec<SocketAddr> =
        found.map_err(|source| Error::Resolve { host: host.clone(), source })?.collect();
    let mut phases = Phases { dns: started_at.elapsed(), ..Phases::default() };
    let mut stream = reach(&addresses, &host).await?;
    let peer = stream.peer_addr().map_err(Error::system("getpeername"))?;
    let _ = stream.set_nodelay(true);
    phases.tcp = started_at.elapsed();
    let is_tls = url.scheme() == "https";
    if is_tls && options.proxy.is_some() {
        tunnel(&mut stream, url, options).await?;
    }
    let moments = Arc::new(Mutex::new(Moments::default()));
    if !is_tls {
        let is_http2 = options.version == Version::Two;
        let stream = Timed { stream: Box::new(stream), moments };
        return Ok(Connection { stream, peer, phases, tls: None, is_http2 });
    }
    let (stream, facts) = shake_hands(stream, url, options).await?;
    phases.tls = Some(started_at.elapsed());
    let is_http2 = facts.alpn.as_deref() == Some("h2");
    let stream = Timed { stream, moments };
    Ok(Connection { stream, peer, phases, tls: Some(facts), is_http2 })
}

/// The first address that answers.
async fn reach(addresses: &[SocketAddr], host: &str) -> Result<TcpStream> {
    let none = || Error::Resolve { host: host.to_owned(), source: io::ErrorKind::NotFound.into() };
    let mut last = none();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(source) => last = Error::Connect { address: *address, source },
        }
    }
    Err(last)
}

/// CONNECT (RFC 9110 §9.3.6): from the answer on, the proxy is a pipe.
async fn tunnel(stream: &mut TcpStream, url: &Url, options: &Options) -> Result<()> {
    let authority =
        format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
    let auth = options.proxy.as_ref().filter(|proxy| !proxy.username().is_empty()).map(|proxy| {
        let value = crate::digest::basic(proxy.username(), proxy.password().unwrap_or_default());
        format!("Proxy-Authorization: {value}\r\n")
    });
    let request =
        format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{}\r\n", auth.unwrap_or_default());
    stream.write_all(request.as_bytes()).await.map_err(Error::system("write"))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 16 * 1024 {
        // Byte by byte: what follows the head is not ours to read.
        head.push(stream.read_u8().await.map_err(Error::system("read"))?);
    }
    let status = String::from_utf8_lossy(&head);
    if status.starts_with("HTTP/1.") && status.get(9..10) == Some("2") {
        return Ok(());
    }
    Err(Error::Protocol(format!("the proxy refuses CONNECT: {}", status.lines().next().unwrap_or_default())))
}

async fn shake_hands(stream: TcpStream, url: &Url, options: &Options) -> Result<(Box<dyn Stream>, TlsFacts)> {
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let server = ServerName::try_from(name.clone())
        .map_err(|error| Error::Url { url: url.to_string(), reason: error.to_string() })?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config(options)?));
    let stream = connector.connect(server, stream).await.map_err(|error| Error::Tls {
        name,
        failure: Failure::of(&error),
        reason: error.to_string(),
    })?;
    let (_, session) = stream.get_ref();
    let facts = TlsFacts {
        version: session.protocol_version().map(|version| format!("{version:?}")).unwrap_or_default(),
        suite: session
            .negotiated_cipher_suite()
            .map(|suite| format!("{:?}", suite.suite()))
            .unwrap_or_default(),
        alpn: session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        certificates: session
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .filter_map(|der| certificate(der))
            .collect(),
    };
    Ok((Box::new(stream), facts))
}

fn config(options: &Options) -> Result<ClientConfig> {
    let wrong = |error: rustls::Error| Error::Certificate(error.to_string());
    let builder = ClientConfig::builder_with_provider(crate::tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let builder = builder.with_root_certificates(roots(options)?);
    let mut config = match &options.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            use rustls::pki_types::pem::PemObject;
            let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(identity.key.as_bytes())
                .map_err(|error| Error::Certificate(format!("the key: {error}")))?;
            builder.with_client_auth_cert(crate::tls::certificates(&identity.chain)?, key).map_err(wrong)?
        }
    };
    let protocols: &[&str] = match options.version {
        Version::One => &["http/1.1"],
        Version::Two => &["h2"],
        Version::Auto => &["h2", "http/1.1"],
    };
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    config.key_log = Arc::new(rustls::KeyLogFile::new());
    Ok(config)
}

/// The authorities given, else the system's, else Mozilla's.
fn roots(options: &Options) -> Result<RootCertStore> {
    if let Some(pem) = &options.authorities {
        return crate::tls::roots_of(pem);
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}

fn certificate(der: &[u8]) -> Option<Certificate> {
    let (_, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.map(|names| {
        names.value.general_names.iter().map(|name| match name {
            x509_parser::extensions::GeneralName::DNSName(name) => (*name).to_owned(),
            x509_parser::extensions::GeneralName::IPAddress(bytes) => match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes)
                    .map(|ip| std::net::Ipv4Addr::from(ip).to_string())
                    .unwrap_or_default(),
                _ => <[u8; 16]>::try_from(*bytes)
                    .map(|ip| std::net::Ipv6Addr::from(ip).to_string())
                    .unwrap_or_default(),
            },
            other => other.to_string(),
        })
    });
    Some(Certificate {
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        not_before: parsed.validity().not_before.to_string(),
        not_after: parsed.validity().not_after.to_string(),
        names: names.map(Iterator::collect).unwrap_or_default(),
    })
}
