//! Digest access authentication (RFC 7616): what the answer to a challenge is, for client and server alike.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest, Sha256};

/// The hash that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `MD5`, for old servers.
    Md5,
    /// `SHA-256`.
    Sha256,
}

impl Algorithm {
    /// By its name in a challenge.
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "MD5" => Some(Self::Md5),
            "SHA-256" => Some(Self::Sha256),
            _ => None,
        }
    }

    /// Its name in a challenge.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn hash(self, text: &str) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

/// Everything that goes into the response (§3.4.1).
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Of the challenge.
    pub algorithm: Algorithm,
    /// Who asks.
    pub user: &'a str,
    /// The secret shared.
    pub password: &'a str,
    /// Of the challenge.
    pub realm: &'a str,
    /// Of the challenge.
    pub nonce: &'a str,
    /// Chosen by the client.
    pub cnonce: &'a str,
    /// How often the nonce was used, eight hexadecimal digits.
    pub nc: &'a str,
    /// `auth`, or empty for servers of RFC 2069.
    pub qop: &'a str,
    /// Of the request.
    pub method: &'a str,
    /// Path and query of the request.
    pub target: &'a str,
}

impl Answer<'_> {
    /// The `response` parameter: proof of the password without telling it.
    pub fn response(&self) -> String {
        let hash = |text: String| self.algorithm.hash(&text);
        let secret = hash(format!("{}:{}:{}", self.user, self.realm, self.password));
        let request = hash(format!("{}:{}", self.method, self.target));
        if self.qop.is_empty() {
            return hash(format!("{secret}:{}:{request}", self.nonce));
        }
        hash(format!("{secret}:{}:{}:{}:{}:{request}", self.nonce, self.nc, self.cnonce, self.qop))
    }
}

/// `name=value, name="value"` with quotes and backslashes taken off (RFC 9110 §11.2).
pub fn parse_pairs(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while let Some((name, behind)) = rest.split_once('=') {
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = behind.find(',').unwrap_or(behind.len());
                (behind[..end].trim().to_owned(), &behind[end..])
            }
        };
        pairs.push((name.trim().to_ascii_lowercase(), value));
        rest = behind.trim_start_matches([',', ' ', '\t']);
    }
    pairs
}

fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
            _ => value.push(letter),
        }
    }
    (value, "")
}

/// The value of `Authorization` for Basic (RFC 7617).
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1.
    #[test]
    fn the_examples_of_the_rfc_come_out() {
        let answer = |algorithm| Answer {
            algorithm,
            user: "Mufasa",
            password: "Circle of Life",
            realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            nc: "00000001",
            qop: "auth",
            method: "GET",
            target: "/dir/index.html",
        };
        assert_eq!(answer(Algorithm::Md5).response(), "8ca523f5e9506fed4657c9700eebdbec");
        let sha256 = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
        assert_eq!(answer(Algorithm::Sha256).response(), sha256);
    }

    #[test]
    fn pairs_are_read_with_and_without_quotes() {
        let pairs = parse_pairs(r#"realm="a, \"b\"", qop=auth,nonce = "x""#);
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs[..2], [("realm", "a, \"b\""), ("qop", "auth")]);
    }
}
