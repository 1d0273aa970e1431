//! TLS around any stream: cipher text on the socket's side, plain text on the machine's.
//!
//! rustls does no I/O either, so a TLS layer is one more step between `recv` and the machine:
//!
//! ```text
//!   socket ──wire bytes──▶ open ──plain──▶ machine ──plain──▶ seal ──wire bytes──▶ socket
//! ```
//!
//! The provider is ring, named explicitly. If `SSLKEYLOGFILE` is set, the session keys are written there, so that a
//! capture of the connection can be opened.
//!
//! A handshake is bytes like any other: [`Layer::open`] takes what came and writes what must go back. So it cannot block
//! an accept loop, it runs under every model, and a peer that stops in its middle costs one connection and one timeout.
//!
//! If the peer sends something that is no TLS (a browser's `GET /`, a port scanner's junk), rustls writes an alert; it is
//! sent before the connection is dropped, so that the other side learns why.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, KeyLogFile, RootCertStore, ServerConfig};

use crate::error::{Error, Result};

/// A server's certificate and key, ready for use.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    /// The certificate, for clients that shall trust it.
    certificate: String,
}

/// Whom a client trusts.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    /// Whom it expects: the certificate must be for this name.
    name: ServerName<'static>,
}

impl ServerTls {
    /// A certificate chain and its key, both as PEM.
    pub fn from_pem(certificates: &str, key: &str) -> Result<Self> {
        let chain = parse_certificates(certificates)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| Error::Pem { what: "key" })?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.key_log = Arc::new(KeyLogFile::new());
        Ok(Self { config: Arc::new(config), certificate: certificates.to_owned() })
    }

    /// A new P-256 certificate for these names or addresses that nobody but the holder of
    /// [`Self::certificate`] trusts. An RSA key would cost 30 times the time in each handshake.
    pub fn self_signed(names: &[&str]) -> Result<Self> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).map_err(|_| Error::Pem { what: "name" })?;
        Self::from_pem(&made.cert.pem(), &made.signing_key.serialize_pem())
    }

    /// The certificate chain as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The layer for one accepted connection.
    pub(crate) fn layer(&self) -> Result<Layer> {
        Ok(Layer::new(rustls::ServerConnection::new(Arc::clone(&self.config))?.into()))
    }
}

impl ClientTls {
    /// Trusts these certificates (PEM) and expects a peer of this name or address.
    pub fn trusting(certificates: &str, name: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in parse_certificates(certificates)? {
            roots.add(certificate)?;
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.key_log = Arc::new(KeyLogFile::new());
        let name = ServerName::try_from(name.to_owned()).map_err(|_| Error::Pem { what: "name" })?;
        Ok(Self { config: Arc::new(config), name })
    }

    /// The client's layer for one session.
    pub(crate) fn layer(&self) -> Result<Layer> {
        Ok(Layer::new(self.connection()?.into()))
    }

    /// The client's end of one connection.
    pub(crate) fn connection(&self) -> Result<ClientConnection> {
        Ok(ClientConnection::new(Arc::clone(&self.config), self.name.clone())?)
    }
}

/// At least one, the own certificate first.
fn parse_certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Error::Pem { what: "certificate" })?;
    if all.is_empty() { Err(Error::Pem { what: "certificate" }) } else { Ok(all) }
}

/// One end of one TLS connection, without its socket.
pub(crate) struct Layer(Box<Connection>);

impl Layer {
    /// Without rustls' own limit on what waits to be sent.
    fn new(mut connection: Connection) -> Self {
        connection.set_buffer_limit(None); // the session bounds what waits, and counts it
        Self(Box::new(connection))
    }

    /// Opens what came from the socket: plain text to `plain`, answers of the handshake to `wire`. Says whether
    /// the peer has ended properly. After an error `wire` holds the alert that tells the peer.
    pub(crate) fn open(
        &mut self,
        mut bytes: &[u8],
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let mut has_ended = false;
        while !bytes.is_empty() {
            self.0.read_tls(&mut bytes)?;
            let outcome = self.0.process_new_packets();
            self.flush(wire)?;
            let state = outcome.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            let start = plain.len();
            plain.resize(start + state.plaintext_bytes_to_read(), 0);
            self.0.reader().read_exact(&mut plain[start..])?;
            has_ended |= state.peer_has_closed();
            if has_ended {
                break; // what follows close_notify is not the peer's word
            }
        }
        Ok(has_ended)
    }

    /// Seals plain text for the socket.
    pub(crate) fn seal(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> io::Result<()> {
        self.0.writer().write_all(plain)?;
        self.flush(wire)
    }

    /// Says that no more will come, so that the peer can tell an end from a cut.
    pub(crate) fn close(&mut self, wire: &mut Vec<u8>) -> io::Result<()> {
        self.0.send_close_notify();
        self.flush(wire)
    }

    /// Is the handshake still going on?
    pub(crate) fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// Moves what rustls has ready to the wire.
    fn flush(&mut self, wire: &mut Vec<u8>) -> io::Result<()> {
        while self.0.wants_write() {
            self.0.write_tls(wire)?;
        }
        Ok(())
    }
}
