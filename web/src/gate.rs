//! Who may talk to the workbench: loopback names only, our own page only, and only with the token.
//!
//! Request lines and headers come from the server, a [`Pass`] or a [`Refusal`] goes back. A page elsewhere that
//! rebinds its name to 127.0.0.1 fails on Host; one that posts or opens a WebSocket to us fails on Origin; a program
//! of another user on the machine fails on the token.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use axum::http::{HeaderMap, Method, StatusCode, Uri, header};

/// The secret in the address that `up` prints: 128 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one from the kernel's generator.
    ///
    /// # Errors
    /// When `/dev/urandom` cannot be read.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// A known one, for tests and for a workbench that comes back at the same address.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Compares without telling by time how much of it is right.
    fn is(&self, other: &str) -> bool {
        self.0.len() == other.len()
            && self.0.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The rules, for one port.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    token: Token,
    cookie: String,
}

/// A request that may go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// The Host it named, for the content policy.
    pub(crate) host: String,
    /// The cookie to set, when the token came in the address.
    pub(crate) cookie: Option<String>,
}

/// A request that may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not a loopback name: DNS rebinding, or a proxy.
    Host,
    /// Another page asks.
    Origin,
    /// No token, or a wrong one.
    Token,
}

impl Refusal {
    /// The status that goes back.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin | Self::Token => StatusCode::FORBIDDEN,
        }
    }
}

impl Gate {
    pub(crate) fn new(token: Token, port: u16) -> Self {
        // cookies do not know ports: two workbenches must not overwrite each other's
        Self { token, cookie: format!("tongro-{port}") }
    }

    /// Judges one request.
    pub(crate) fn judge(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Pass, Refusal> {
        let host = text(headers, header::HOST).filter(|host| is_loopback(host)).ok_or(Refusal::Host)?;
        let is_api = uri.path().starts_with("/api/");
        self.origin(method, headers, host, is_api)?;
        let mut cookie = None;
        if is_api || uri.path() == "/" {
            let given = query_token(uri);
            if given.is_some_and(|given| self.token.is(given)) {
                cookie = Some(format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, self.token));
            } else if !self.has_cookie(headers) {
                return Err(Refusal::Token);
            }
        }
        Ok(Pass { host: host.to_owned(), cookie })
    }

    fn origin(&self, method: &Method, headers: &HeaderMap, host: &str, is_api: bool) -> Result<(), Refusal> {
        let is_own = |origin: &str| origin.strip_prefix("http://") == Some(host);
        let must_say = method != Method::GET || headers.contains_key(header::UPGRADE);
        let from_afar = matches!(text(headers, "sec-fetch-site"), Some("cross-site" | "same-site"));
        match text(headers, header::ORIGIN) {
            Some(origin) if !is_own(origin) => Err(Refusal::Origin),
            None if must_say => Err(Refusal::Origin),
            _ if is_api && from_afar => Err(Refusal::Origin),
            _ => Ok(()),
        }
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(name, value)| name == self.cookie && self.token.is(value))
    }
}

/// A name that only ever means this machine, with any port: `ssh -L` changes the port, never the name.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

fn query_token(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "00112233445566778899aabbccddeeff";

    fn judge(method: &str, uri: &str, headers: &[(&'static str, &str)]) -> Result<Pass, Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Gate::new(Token::new(TOKEN), 8123).judge(&method, &uri.parse().unwrap(), &map)
    }

    #[test]
    fn the_token_in_the_address_becomes_a_cookie() {
        let pass = judge("GET", &format!("/?token={TOKEN}"), &[("host", "127.0.0.1:8123")]).unwrap();
        let cookie = pass.cookie.unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap();
        let again = judge("GET", "/api/texts/ko", &[("host", "localhost:8123"), ("cookie", cookie)]).unwrap();
        assert_eq!(again.cookie, None);
    }

    #[test]
    fn no_token_no_page_and_no_api() {
        let host = ("host", "127.0.0.1:8123");
        assert_eq!(judge("GET", "/", &[host]), Err(Refusal::Token));
        assert_eq!(judge("GET", "/?token=0", &[host]), Err(Refusal::Token));
        assert_eq!(judge("GET", "/api/socket", &[host, ("cookie", "tongro-8123=0")]), Err(Refusal::Token));
        assert!(judge("GET", "/assets/main.js", &[host]).is_ok());
    }

    #[test]
    fn a_rebound_name_is_refused_even_with_the_token() {
        for host in ["evil.example", "evil.example:8123", "127.0.0.1.evil.example:8123", "10.0.0.1:8123", ""]
        {
            let uri = format!("/?token={TOKEN}");
            assert_eq!(judge("GET", &uri, &[("host", host)]), Err(Refusal::Host), "{host}");
        }
        assert_eq!(judge("GET", "/assets/main.js", &[]), Err(Refusal::Host));
    }

    #[test]
    fn other_origins_are_refused() {
        let host = ("host", "127.0.0.1:8123");
        let cookie = format!("tongro-8123={TOKEN}");
        let cookie = ("cookie", cookie.as_str());
        let upgrade = ("upgrade", "websocket");
        let own = ("origin", "http://127.0.0.1:8123");
        assert!(judge("GET", "/api/socket", &[host, cookie, upgrade, own]).is_ok());
        for origin in ["http://evil.example", "https://127.0.0.1:8123", "null", "http://127.0.0.1:9"] {
            let asked = judge("GET", "/api/socket", &[host, cookie, upgrade, ("origin", origin)]);
            assert_eq!(asked, Err(Refusal::Origin), "{origin}");
        }
        assert_eq!(judge("GET", "/api/socket", &[host, cookie, upgrade]), Err(Refusal::Origin));
        let afar = ("sec-fetch-site", "cross-site");
        assert_eq!(judge("GET", "/api/runs/1/trace.pcapng", &[host, cookie, afar]), Err(Refusal::Origin));
    }

    #[test]
    fn tokens_differ() {
        let token = Token::random().unwrap();
        assert_eq!(token.to_string().len(), 32);
        assert_ne!(token, Token::random().unwrap());
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
