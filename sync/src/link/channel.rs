//! One stream to one peer, plain or under TLS 1.3 with a certificate on both sides, and its byte counts.
//!
//! Bytes come from whoever speaks on it and go to a TCP socket. Certificates are self-signed: the handshake proves that
//! the peer has the key of the one it shows, and nothing else; whether that one is trusted is decided afterwards by
//! pinned fingerprints or a pairing code ([`super::pair`]), before a single byte of a file moves.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, DistinguishedName, ServerConfig,
    ServerConnection, SignatureScheme,
};

use super::identity::{Fingerprint, Identity};
use crate::error::{Error, Result};

/// How long a peer may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stream with an end.
#[derive(Debug)]
pub struct Channel {
    socket: Counted,
    tls: Option<Box<Connection>>,
    peer: Option<Fingerprint>,
}

/// A socket that counts.
#[derive(Debug)]
struct Counted {
    socket: TcpStream,
    sent: u64,
    received: u64,
}

impl Channel {
    /// Without encryption: for learners and their programs.
    pub fn plain(socket: TcpStream) -> Result<Self> {
        socket.set_nodelay(true).map_err(Error::io("setsockopt"))?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(Error::io("setsockopt"))?;
        socket.set_write_timeout(Some(PATIENCE)).map_err(Error::io("setsockopt"))?;
        Ok(Self { socket: Counted { socket, sent: 0, received: 0 }, tls: None, peer: None })
    }

    /// The caller's end of a TLS connection; the handshake is through when this returns.
    pub fn connect(socket: TcpStream, identity: &Identity) -> Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyKey(provider)))
            .with_client_auth_cert(vec![identity.certificate.clone()], identity.key.clone_key())?;
        let name = ServerName::try_from("tongro").map_err(|_| Error::Protocol { what: "name" })?;
        Self::plain(socket)?.secure(ClientConnection::new(Arc::new(config), name)?.into())
    }

    /// The listener's end of a TLS connection.
    pub fn accept(socket: TcpStream, identity: &Identity) -> Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::new(AnyKey(provider)))
            .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())?;
        Self::plain(socket)?.secure(ServerConnection::new(Arc::new(config))?.into())
    }

    /// Shakes hands and keeps the peer's certificate's hash.
    fn secure(mut self, mut tls: Connection) -> Result<Self> {
        tls.set_buffer_limit(Some(256 * 1024));
        while tls.is_handshaking() {
            tls.complete_io(&mut self.socket).map_err(Error::io("shake hands"))?;
        }
        let certificate = tls.peer_certificates().and_then(<[_]>::first);
        let certificate = certificate.ok_or(Error::Protocol { what: "no certificate" })?;
        self.peer = Some(Fingerprint::of(certificate));
        self.tls = Some(Box::new(tls));
        Ok(self)
    }

    /// Whose key it is; `None` if plain.
    pub fn peer(&self) -> Option<Fingerprint> {
        self.peer
    }

    /// A value both ends of this TLS connection know and nobody else.
    pub fn exported(&self) -> [u8; 32] {
        let mut out = [0; 32];
        if let Some(tls) = &self.tls {
            // Both only fail before the handshake is through.
            let _ = match &**tls {
                Connection::Client(client) => {
                    client.export_keying_material(&mut out, b"EXPORTER-tongro", None)
                }
                Connection::Server(server) => {
                    server.export_keying_material(&mut out, b"EXPORTER-tongro", None)
                }
            };
        }
        out
    }

    /// Is there something to read at once?
    pub fn has_input(&mut self) -> bool {
        if let Some(tls) = &mut self.tls
            && tls.process_new_packets().is_ok_and(|state| state.plaintext_bytes_to_read() > 0)
        {
            return true;
        }
        let mut fds = [PollFd::new(&self.socket.socket, PollFlags::IN)];
        rustix::event::poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }

    /// Says that no more will come; the peer can tell it from a cut.
    pub fn finish(&mut self) -> Result<()> {
        self.flush().map_err(Error::io("send"))?;
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            while tls.wants_write() {
                tls.write_tls(&mut self.socket).map_err(Error::io("send"))?;
            }
        }
        match self.socket.socket.shutdown(std::net::Shutdown::Write) {
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(Error::io("shutdown")(error)),
            _ => Ok(()),
        }
    }

    /// Bytes on the wire so far: sent and received.
    pub fn counts(&self) -> (u64, u64) {
        (self.socket.sent, self.socket.received)
    }

    /// A handle on the socket, to end it from elsewhere.
    pub fn socket(&self) -> &TcpStream {
        &self.socket.socket
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
            if tls.read_tls(&mut self.socket)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into()); // no close_notify: somebody may have cut it
            }
            let outcome = tls.process_new_packets();
            while tls.wants_write() {
                tls.write_tls(&mut self.socket)?; // an alert, or new keys
            }
            outcome.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.write(bytes) };
        let len = tls.writer().write(bytes)?;
        while tls.wants_write() {
            tls.write_tls(&mut self.socket)?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(()) // each write goes all the way
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.socket.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(len) => {
                    self.received += len as u64;
                    return Ok(len);
                }
                other => return other,
            }
        }
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.socket.write(bytes)?;
        self.sent += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Accepts every certificate whose key the peer proves to have. Trust comes afterwards.
#[derive(Debug)]
struct AnyKey(Arc<CryptoProvider>);

impl AnyKey {
    fn signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for AnyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
