//! Cipher suites, the keys that follow from a secret, and opening one record.

use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use ring::{hkdf, hmac};

/// What a cipher suite of the handshake stands for.
#[derive(Clone, Copy)]
pub(super) struct Suite {
    aead: &'static Algorithm,
    hkdf: hkdf::Algorithm,
    hmac: hmac::Algorithm,
}

/// How a version builds nonce and additional data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// RFC 8446 section 5.2: nonce from the sequence number, the header authenticated.
    Tls13,
    /// RFC 7905: the same nonce, the additional data of TLS 1.2.
    Tls12,
    /// RFC 5288 section 3: half of the nonce travels with the record.
    Tls12Explicit,
}

/// The key of one direction.
pub(super) struct Opener {
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
    shape: Shape,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.aead)
    }
}

impl Suite {
    /// The suite of this number (IANA TLS Cipher Suites), if its records can be opened here.
    pub(super) fn of(number: u16) -> Option<Self> {
        let sha256 = (hkdf::HKDF_SHA256, hmac::HMAC_SHA256);
        let sha384 = (hkdf::HKDF_SHA384, hmac::HMAC_SHA384);
        let (aead, (hkdf, hmac)) = match number {
            0x1301 | 0x009c | 0x009e | 0x00a2 | 0x00a8 | 0x00aa | 0xc02b | 0xc02d | 0xc02f | 0xc031 => {
                (&AES_128_GCM, sha256)
            }
            0x1302 | 0x009d | 0x009f | 0x00a3 | 0x00a9 | 0x00ab | 0xc02c | 0xc02e | 0xc030 | 0xc032 => {
                (&AES_256_GCM, sha384)
            }
            0x1303 | 0xcca8..=0xccae => (&CHACHA20_POLY1305, sha256),
            _ => return None,
        };
        Some(Self { aead, hkdf, hmac })
    }

    /// The key of a traffic secret of TLS 1.3 (RFC 8446 section 7.3).
    pub(super) fn opener13(self, secret: &[u8]) -> Option<Opener> {
        let prk = hkdf::Prk::new_less_safe(self.hkdf, secret);
        let key = expand(&prk, "key", self.aead.key_len())?;
        let iv = expand(&prk, "iv", 12)?.try_into().ok()?;
        self.opener(&key, iv, Shape::Tls13)
    }

    /// The traffic secret after a key update (RFC 8446 section 7.2).
    pub(super) fn update(self, secret: &[u8]) -> Option<Vec<u8>> {
        let prk = hkdf::Prk::new_less_safe(self.hkdf, secret);
        expand(&prk, "traffic upd", self.hkdf.hmac_algorithm().digest_algorithm().output_len())
    }

    /// The keys of client and server of TLS 1.2 (RFC 5246 section 6.3).
    pub(super) fn openers12(
        self,
        master: &[u8],
        client: &[u8; 32],
        server: &[u8; 32],
    ) -> Option<[Opener; 2]> {
        let (key_len, is_explicit) = (self.aead.key_len(), self.aead != &CHACHA20_POLY1305);
        let iv_len = if is_explicit { 4 } else { 12 };
        let seed = [&b"key expansion"[..], server, client].concat();
        let block = self.prf(master, &seed, 2 * (key_len + iv_len));
        let shape = if is_explicit { Shape::Tls12Explicit } else { Shape::Tls12 };
        let one = |index: usize| {
            let key = block.get(index * key_len..(index + 1) * key_len)?;
            let from = 2 * key_len + index * iv_len;
            let mut iv = [0; 12];
            iv[..iv_len].copy_from_slice(block.get(from..from + iv_len)?);
            self.opener(key, iv, shape)
        };
        Some([one(0)?, one(1)?])
    }

    /// P_hash of RFC 5246 section 5.
    fn prf(self, secret: &[u8], seed: &[u8], len: usize) -> Vec<u8> {
        let key = hmac::Key::new(self.hmac, secret);
        let (mut a, mut out) = (hmac::sign(&key, seed), Vec::new());
        while out.len() < len {
            out.extend_from_slice(hmac::sign(&key, &[a.as_ref(), seed].concat()).as_ref());
            a = hmac::sign(&key, a.as_ref());
        }
        out
    }

    fn opener(self, key: &[u8], iv: [u8; 12], shape: Shape) -> Option<Opener> {
        let key = LessSafeKey::new(UnboundKey::new(self.aead, key).ok()?);
        Some(Opener { key, iv, sequence: 0, shape })
    }
}

impl Opener {
    /// Opens the next record: five bytes of header, then the protected body. A record that does not open leaves the
    /// sequence number as it is.
    pub(super) fn open(&mut self, record: &[u8]) -> Option<Vec<u8>> {
        let (header, body) = record.split_at_checked(5)?;
        let tag = self.key.algorithm().tag_len();
        let mut nonce = self.iv;
        let sealed = if self.shape == Shape::Tls12Explicit {
            let (explicit, sealed) = body.split_at_checked(8)?;
            nonce[4..].copy_from_slice(explicit);
            sealed
        } else {
            nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()).for_each(|(byte, with)| *byte ^= with);
            body
        };
        let len = sealed.len().checked_sub(tag)?;
        let aad = match self.shape {
            Shape::Tls13 => header.to_vec(),
            _ => [&self.sequence.to_be_bytes()[..], &header[..3], &(len as u16).to_be_bytes()].concat(),
        };
        let mut plain = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.open_in_place(nonce, Aad::from(aad), &mut plain).ok()?;
        plain.truncate(len);
        self.sequence += 1;
        Some(plain)
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
fn expand(prk: &hkdf::Prk, label: &str, len: usize) -> Option<Vec<u8>> {
    struct Len(usize);
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let label_len = [6 + label.len() as u8];
    let len_bytes = (len as u16).to_be_bytes();
    let parts = [&len_bytes[..], &label_len, b"tls13 ", label.as_bytes(), &[0]];
    let mut out = vec![0; len];
    prk.expand(&parts, Len(len)).ok()?.fill(&mut out).ok()?;
    Some(out)
}
