//! Who we are and whom we know: a key of our own, and the fingerprints of those we were paired with.
//!
//! The identity is a P-256 key with a self-signed certificate in `identity.pem` (mode 0600), made at first use. A
//! fingerprint is the BLAKE3 hash of the certificate. `peers` holds one paired fingerprint a line, with a name.

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Error, Result};

/// The hash of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(*blake3::hash(certificate).as_bytes())
    }

    /// All of it, in hexadecimal digits.
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Enough of it to tell peers apart by eye.
    pub fn short(&self) -> String {
        self.hex()[..16].to_owned()
    }

    /// Reads [`Self::hex`].
    pub fn parse(hex: &str) -> Option<Self> {
        blake3::Hash::from_hex(hex).ok().map(|hash| Self(*hash.as_bytes()))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

/// Our own certificate and key.
pub struct Identity {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
    folder: PathBuf,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.fingerprint()) // never the key
    }
}

impl Identity {
    /// Reads the identity in this folder; makes it if there is none.
    pub fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(Error::at(folder))?;
        let path = folder.join("identity.pem");
        let pem = match fs::read(&path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(folder, &path)?,
            Err(error) => return Err(Error::at(path)(error)),
        };
        let broken = |_| Error::Identity { path: path.clone() };
        let certificate = CertificateDer::from_pem_slice(&pem).map_err(broken)?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(broken)?;
        Ok(Self { certificate, key, folder: folder.to_owned() })
    }

    /// The hash by which others know us.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    /// Those we were paired with.
    pub fn peers(&self) -> Peers {
        Peers { path: self.folder.join("peers") }
    }

    /// A new key. Written aside and linked into place, so that two processes at once end with one identity.
    fn make(folder: &Path, path: &Path) -> Result<Vec<u8>> {
        let broken = || Error::Identity { path: path.to_owned() };
        let made = rcgen::generate_simple_self_signed(vec!["tongro".to_owned()]).map_err(|_| broken())?;
        let pem = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
        let aside = folder.join(format!("identity.{}.new", std::process::id()));
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .map_err(Error::at(&aside))?;
        file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::at(&aside))?;
        let linked = fs::hard_link(&aside, path);
        fs::remove_file(&aside).map_err(Error::at(&aside))?;
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::at(path)(error)),
            _ => fs::read(path).map_err(Error::at(path)),
        }
    }
}

/// The file of pinned peers.
#[derive(Clone, Debug)]
pub struct Peers {
    path: PathBuf,
}

impl Peers {
    /// All of them, with the names given when they were paired.
    pub fn all(&self) -> Vec<(Fingerprint, String)> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let line = |line: &str| {
            let (hex, name) = line.split_once(' ').unwrap_or((line, ""));
            Some((Fingerprint::parse(hex)?, name.to_owned()))
        };
        text.lines().filter_map(line).collect()
    }

    /// Was this one paired?
    pub fn knows(&self, peer: Fingerprint) -> bool {
        self.all().iter().any(|(known, _)| *known == peer)
    }

    /// Remembers a peer.
    pub fn pin(&self, peer: Fingerprint, name: &str) -> Result<()> {
        if self.knows(peer) {
            return Ok(());
        }
        let mut options = fs::OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(&self.path);
        let name = name.replace(char::is_control, " ");
        let line = format!("{} {name}\n", peer.hex());
        file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(Error::at(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_stays_and_peers_are_remembered() {
        let folder = std::env::temp_dir().join(format!("tongro-identity-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let one = Identity::open(&folder).unwrap();
        let two = Identity::open(&folder).unwrap();
        assert_eq!(one.fingerprint(), two.fingerprint());
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(folder.join("identity.pem")).unwrap());
        assert_eq!(mode & 0o777, 0o600);
        let peer = Fingerprint([7; 32]);
        assert!(!one.peers().knows(peer));
        one.peers().pin(peer, "교실\n노트북").unwrap();
        assert!(two.peers().knows(peer));
        assert_eq!(two.peers().all(), [(peer, "교실 노트북".to_owned())]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
