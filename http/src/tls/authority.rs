//! A certificate authority of one's own, the certificates it issues, and broken ones to learn from.
//!
//! Keys are P-256: an RSA key would cost thirty times the time in each handshake. Files are PEM.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use time::{Duration, OffsetDateTime};

use crate::error::{Error, Result};

/// What is wrong with a certificate on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    /// Nothing.
    None,
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYet,
    /// It is for another name.
    WrongName,
    /// Its authority is known to nobody.
    UnknownCa,
    /// The certificate between it and the authority is not sent.
    MissingIntermediate,
    /// It is signed by its own key.
    SelfSigned,
    /// It is made for clients, not for servers.
    WrongUsage,
}

impl Breakage {
    /// All of them, `None` first.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Expired,
        Self::NotYet,
        Self::WrongName,
        Self::UnknownCa,
        Self::MissingIntermediate,
        Self::SelfSigned,
        Self::WrongUsage,
    ];

    /// Its name in file names and texts.
    pub fn id(self) -> &'static str {
        match self {
            Self::None => "good",
            Self::Expired => "expired",
            Self::NotYet => "not-yet",
            Self::WrongName => "wrong-name",
            Self::UnknownCa => "unknown-ca",
            Self::MissingIntermediate => "missing-intermediate",
            Self::SelfSigned => "self-signed",
            Self::WrongUsage => "wrong-usage",
        }
    }
}

/// A certificate with what must be sent with it, and its key; all PEM.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The own certificate first.
    pub chain: String,
    /// PKCS #8.
    pub key: String,
}

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    certificate: String,
    key: String,
}

impl Authority {
    /// A new one, good for ten years.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn make(name: &str) -> Result<Self> {
        let key = KeyPair::generate().map_err(made)?;
        let params = ca_params(name, BasicConstraints::Unconstrained)?;
        let certificate = params.self_signed(&key).map_err(made)?.pem();
        Ok(Self { certificate, key: key.serialize_pem() })
    }

    /// The one of this folder (`ca.pem`, `ca.key`), or a new one that is kept there. Whether it is new.
    ///
    /// # Errors
    /// The folder cannot be written, or holds something else under these names.
    pub fn open_or_make(folder: &Path) -> Result<(Self, bool)> {
        let (certificate_path, key_path) = (folder.join("ca.pem"), folder.join("ca.key"));
        if certificate_path.exists() && key_path.exists() {
            let certificate =
                std::fs::read_to_string(&certificate_path).map_err(Error::file(&certificate_path))?;
            let key = std::fs::read_to_string(&key_path).map_err(Error::file(&key_path))?;
            let authority = Self { certificate, key };
            authority.issuer()?;
            return Ok((authority, false));
        }
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        let authority = Self::make("tongro practice CA")?;
        write_secret(&key_path, &authority.key)?;
        std::fs::write(&certificate_path, &authority.certificate).map_err(Error::file(&certificate_path))?;
        Ok((authority, true))
    }

    /// Its certificate, to be trusted.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A server's certificate for these names and addresses, broken as asked.
    ///
    /// # Errors
    /// A name is none.
    pub fn issue(&self, names: &[String], breakage: Breakage) -> Result<Identity> {
        let key = KeyPair::generate().map_err(made)?;
        let now = OffsetDateTime::now_utc();
        let (from, to) = match breakage {
            Breakage::Expired => (now - Duration::days(60), now - Duration::days(1)),
            Breakage::NotYet => (now + Duration::days(30), now + Duration::days(90)),
            _ => (now - Duration::hours(1), now + Duration::days(365)),
        };
        let wrong = ["wrong.example".to_owned()];
        let names = if breakage == Breakage::WrongName { &wrong } else { names };
        let mut params = CertificateParams::new(names).map_err(made)?;
        params.distinguished_name.push(DnType::CommonName, names.first().map_or("", String::as_str));
        (params.not_before, params.not_after) = (from, to);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match breakage {
            Breakage::WrongUsage => ExtendedKeyUsagePurpose::ClientAuth,
            _ => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        let chain = match breakage {
            Breakage::SelfSigned => params.self_signed(&key).map_err(made)?.pem(),
            Breakage::UnknownCa => {
                let stranger = Self::make("a stranger's CA")?;
                params.signed_by(&key, &stranger.issuer()?).map_err(made)?.pem()
            }
            Breakage::MissingIntermediate => {
                let between_key = KeyPair::generate().map_err(made)?;
                let between = ca_params("tongro intermediate CA", BasicConstraints::Constrained(0))?;
                between.signed_by(&between_key, &self.issuer()?).map_err(made)?;
                params.signed_by(&key, &Issuer::new(between, between_key)).map_err(made)?.pem()
            }
            _ => params.signed_by(&key, &self.issuer()?).map_err(made)?.pem(),
        };
        Ok(Identity { chain, key: key.serialize_pem() })
    }

    /// A client's certificate.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn issue_client(&self, name: &str) -> Result<Identity> {
        let key = KeyPair::generate().map_err(made)?;
        let mut params = CertificateParams::new(Vec::new()).map_err(made)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let chain = params.signed_by(&key, &self.issuer()?).map_err(made)?.pem();
        Ok(Identity { chain, key: key.serialize_pem() })
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>> {
        let key = KeyPair::from_pem(&self.key).map_err(made)?;
        Issuer::from_ca_cert_pem(&self.certificate, key).map_err(made)
    }
}

impl Identity {
    /// As `NAME.pem` and `NAME.key` in a folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save(&self, folder: &Path, name: &str) -> Result<()> {
        let path = folder.join(format!("{name}.pem"));
        std::fs::write(&path, &self.chain).map_err(Error::file(&path))?;
        write_secret(&folder.join(format!("{name}.key")), &self.key)
    }

    /// From two PEM files.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self> {
        let read = |path: &Path| std::fs::read_to_string(path).map_err(Error::file(path));
        Ok(Self { chain: read(certificate)?, key: read(key)? })
    }

    /// A server's configuration; with `clients` (PEM) it asks for certificates that these authorities signed.
    ///
    /// # Errors
    /// Certificate and key do not belong together, or are none.
    pub fn server(&self, protocols: &[&str], clients: Option<&str>) -> Result<Arc<ServerConfig>> {
        let wrong = |error: rustls::Error| Error::Certificate(error.to_string());
        let builder = ServerConfig::builder_with_provider(super::provider())
            .with_safe_default_protocol_versions()
            .map_err(wrong)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let roots = Arc::new(roots_of(pem)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, super::provider()).build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|error| Error::Certificate(error.to_string()))?,
                )
            }
        };
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
            .map_err(|error| Error::Certificate(format!("the key: {error}")))?;
        let mut config = builder.with_single_cert(certificates(&self.chain)?, key).map_err(wrong)?;
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.key_log = Arc::new(rustls::KeyLogFile::new());
        Ok(Arc::new(config))
    }
}

/// Trusted certificates of a PEM text.
///
/// # Errors
/// There is none, or one that cannot be an authority.
pub fn roots_of(pem: &str) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|error| Error::Certificate(error.to_string()))?;
    }
    Ok(roots)
}

/// The certificates of a PEM text, at least one.
pub(crate) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<std::result::Result<Vec<_>, _>>();
    let all = all.map_err(|error| Error::Certificate(error.to_string()))?;
    if all.is_empty() { Err(Error::Certificate("there is none in the PEM text".to_owned())) } else { Ok(all) }
}

fn ca_params(name: &str, constraints: BasicConstraints) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new()).map_err(made)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - Duration::hours(1), now + Duration::days(3650));
    Ok(params)
}

fn made(error: rcgen::Error) -> Error {
    Error::Certificate(error.to_string())
}

/// A key is for its owner's eyes.
fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(Error::file(path))
}
