//! What a named session keeps between requests: cookies, own fields, authentication. One JSON file each.

use std::path::Path;

use cookie_store::{CookieStore, RawCookie};
use http::HeaderMap;
use serde_json::{Map, Value, json};
use url::Url;

use crate::error::{Error, Result};

/// A session.
#[derive(Debug, Default)]
pub struct Session {
    cookies: CookieStore,
    /// Fields sent with each request, unless it has its own.
    pub headers: Map<String, Value>,
    /// `user:password`
    pub auth: Option<String>,
}

impl Session {
    /// From its file; a new one if there is none.
    ///
    /// # Errors
    /// The file is there but cannot be read.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::file(path)(error)),
        };
        let invalid = || Error::file(path)(std::io::ErrorKind::InvalidData.into());
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
        let cookies = value["cookies"].to_string();
        let cookies = cookie_store::serde::json::load_all(cookies.as_bytes()).map_err(|_| invalid())?;
        let headers = value["headers"].as_object().cloned().unwrap_or_default();
        Ok(Self { cookies, headers, auth: value["auth"].as_str().map(ToOwned::to_owned) })
    }

    /// Into its file, readable by its owner alone: it holds secrets.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        }
        let mut cookies = Vec::new();
        let failed = |_| Error::file(path)(std::io::ErrorKind::InvalidData.into());
        cookie_store::serde::json::save_incl_expired_and_nonpersistent(&self.cookies, &mut cookies)
            .map_err(failed)?;
        let cookies: Value = serde_json::from_slice(&cookies).unwrap_or(json!([]));
        let value = json!({"headers": self.headers, "auth": self.auth, "cookies": cookies});
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        file.and_then(|file| serde_json::to_writer_pretty(file, &value).map_err(Into::into))
            .map_err(Error::file(path))
    }

    /// Puts the session's own fields and authentication into a request that has none.
    pub(super) fn apply(&self, request: &mut super::Request) {
        for (name, value) in &self.headers {
            let name = http::HeaderName::from_bytes(name.as_bytes());
            let value = http::HeaderValue::from_str(value.as_str().unwrap_or_default());
            if let (Ok(name), Ok(value)) = (name, value)
                && !request.headers.contains_key(&name)
            {
                request.headers.insert(name, value);
            }
        }
        let auth = self.auth.as_ref().and_then(|auth| auth.split_once(':'));
        let auth = auth.and_then(|(user, password)| crate::digest::basic(user, password).parse().ok());
        if let Some(value) = auth
            && !request.headers.contains_key(http::header::AUTHORIZATION)
        {
            request.headers.insert(http::header::AUTHORIZATION, value);
        }
    }

    /// The value of Cookie for this URL.
    pub(super) fn cookie(&self, url: &Url) -> Option<String> {
        let pairs: Vec<String> =
            self.cookies.get_request_values(url).map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Keeps what an answer set.
    pub(super) fn keep(&mut self, url: &Url, headers: &HeaderMap) {
        let lines = headers.get_all(http::header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies = lines.filter_map(|line| RawCookie::parse(line.to_owned()).ok());
        self.cookies.store_response_cookies(cookies, url);
    }
}
