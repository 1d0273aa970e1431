//! Key logs: lines of label, client random and secret, as browsers, OpenSSL and rustls write them
//! (draft-ietf-tls-keylogfile).

use std::collections::HashMap;

/// The secrets of many connections, by the random bytes of their ClientHello.
///
/// ```
/// use tongro_trace::tls::KeyLog;
/// let line = format!("# made for a test\nCLIENT_RANDOM {} {}\n", "0a".repeat(32), "0b".repeat(48));
/// let keys = KeyLog::parse(line.as_bytes());
/// assert_eq!(keys.len(), 1);
/// assert_eq!(keys.secret(&[10; 32], "CLIENT_RANDOM"), Some(&[11; 48][..]));
/// ```
#[derive(Debug, Clone, Default)]
pub struct KeyLog {
    secrets: HashMap<([u8; 32], String), Vec<u8>>,
}

impl KeyLog {
    /// Reads a key log. Comments and lines that are none are left out.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut log = Self::default();
        log.add(text);
        log
    }

    /// Adds the lines of another log.
    pub fn add(&mut self, text: &[u8]) {
        for line in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
            if let Some((random, label, secret)) = std::str::from_utf8(line).ok().and_then(entry) {
                self.secrets.insert((random, label), secret);
            }
        }
    }

    /// The secret of this label for a connection.
    #[must_use]
    pub fn secret(&self, client_random: &[u8; 32], label: &str) -> Option<&[u8]> {
        self.secrets.get(&(*client_random, label.to_owned())).map(Vec::as_slice)
    }

    /// How many secrets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }
}

fn entry(line: &str) -> Option<([u8; 32], String, Vec<u8>)> {
    let mut words = line.split_ascii_whitespace();
    let (label, random, secret) = (words.next()?, words.next()?, words.next()?);
    let random = <[u8; 32]>::try_from(hex(random)?).ok()?;
    (!label.starts_with('#')).then_some(())?;
    Some((random, label.to_owned(), hex(secret)?))
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || digits.is_empty() || !digits.is_ascii() {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}
