//! A request as it will be sent: made from method, URL and items, shown as bytes, sent by [`super::send()`].

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Map, Value};
use url::Url;

use super::item::Item;
use crate::error::{Error, Result};

/// How data items are put into the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// One JSON object.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`, or multipart if there are files.
    Form,
    /// `multipart/form-data`
    Multipart,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, POST …
    pub method: Method,
    /// With its query.
    pub url: Url,
    /// In order.
    pub headers: HeaderMap,
    /// The whole content.
    pub body: Vec<u8>,
}

/// Reads a URL as people type it: `example.com`, `:8080/path`, `localhost`.
///
/// # Errors
/// It is none, or its scheme is neither http nor https.
pub fn parse_url(text: &str) -> Result<Url> {
    let wrong = |reason: String| Error::Url { url: text.to_owned(), reason };
    let whole = match text {
        port if port.starts_with(':') && port[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            format!("http://localhost{port}")
        }
        path if path.starts_with(":/") => format!("http://localhost{}", &path[1..]),
        ":" => "http://localhost/".to_owned(),
        url if url.contains("://") => url.to_owned(),
        url => format!("http://{url}"),
    };
    let url = Url::parse(&whole).map_err(|error| wrong(error.to_string()))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(wrong(format!("`{}` is not spoken here; http and https are", url.scheme())));
    }
    Ok(url)
}

impl Request {
    /// From what stands on the command line; without a method it is GET, or POST if there is content. `raw` is content
    /// as it is.
    ///
    /// # Errors
    /// The URL is none, the method is no token, a file cannot be read.
    pub fn build(
        method: Option<&str>,
        url: &str,
        items: Vec<Item>,
        form: Form,
        raw: Option<Vec<u8>>,
    ) -> Result<Self> {
        let mut url = parse_url(url)?;
        let mut headers = HeaderMap::new();
        let defaults = [
            (header::ACCEPT, "*/*"),
            (header::ACCEPT_ENCODING, "gzip, deflate, br"),
            (header::USER_AGENT, concat!("tongro/", env!("CARGO_PKG_VERSION"))),
        ];
        for (name, value) in defaults {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let (mut fields, mut files, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            match item {
                Item::Header(name, value) => own.push((name, value)),
                Item::Query(name, value) => {
                    url.query_pairs_mut().append_pair(&name, &value);
                }
                Item::Field(name, value) => fields.push((name, Value::String(value))),
                Item::Json(name, value) => fields.push((name, value)),
                Item::File(name, path) => files.push((name, path)),
            }
        }
        let (kind, body) = match raw {
            Some(bytes) => (None, bytes),
            None => content(form, fields, &files)?,
        };
        if let Some(kind) = &kind {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_str(kind).unwrap_or(HeaderValue::from_static("")),
            );
            if kind == "application/json" {
                headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
            }
        }
        for (name, value) in own {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| Error::Item { item: name.clone(), reason: "no field name".to_owned() })?;
            match value {
                None => drop(headers.remove(&name)),
                Some(value) => {
                    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Error::Item {
                        item: value.clone(),
                        reason: "no field value".to_owned(),
                    })?;
                    headers.insert(name, value);
                }
            }
        }
        let default = if kind.is_some() || !body.is_empty() { "POST" } else { "GET" };
        let method = method.map_or_else(|| default.to_owned(), str::to_uppercase);
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Error::Item {
            item: method.clone(),
            reason: "a method is a token (RFC 9110 §9.1)".to_owned(),
        })?;
        Ok(Self { method, url, headers, body })
    }

    /// `path?query` as it stands in the request line.
    pub fn target(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    /// `host:port`, without the scheme's own port.
    pub fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Every field as it is sent by HTTP/1.1, Host first.
    pub fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        if !self.headers.contains_key(header::HOST) {
            fields.push(("Host".to_owned(), self.authority()));
        }
        for (name, value) in &self.headers {
            fields.push((title_case(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        }
        let needs_len =
            !self.body.is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(&self.method);
        if needs_len && !self.headers.contains_key(header::CONTENT_LENGTH) {
            fields.push(("Content-Length".to_owned(), self.body.len().to_string()));
        }
        fields
    }

    /// The request as bytes of HTTP/1.1.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target());
        self.fields().iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend(&self.body);
        bytes
    }
}

/// `content-type` as it is mostly written.
pub(super) fn title_case(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        let mut letters = part.chars();
        letters
            .next()
            .map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    parts.collect::<Vec<_>>().join("-")
}

type Files = [(String, std::path::PathBuf)];

/// Media type and bytes; no type if there is nothing.
fn content(form: Form, fields: Vec<(String, Value)>, files: &Files) -> Result<(Option<String>, Vec<u8>)> {
    if fields.is_empty() && files.is_empty() {
        return Ok((None, Vec::new()));
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    if form == Form::Multipart || !files.is_empty() {
        return multipart(
            &fields.iter().map(|(name, value)| (name.clone(), text(value))).collect::<Vec<_>>(),
            files,
        );
    }
    if form == Form::Form {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        fields.iter().for_each(|(name, value)| {
            pairs.append_pair(name, &text(value));
        });
        return Ok((Some("application/x-www-form-urlencoded".to_owned()), pairs.finish().into_bytes()));
    }
    let object: Map<String, Value> = fields.into_iter().collect();
    Ok((Some("application/json".to_owned()), Value::Object(object).to_string().into_bytes()))
}

/// RFC 7578; the boundary is a hash of the content, so that it cannot be in it by chance and a request prints the same
/// each time.
fn multipart(fields: &[(String, String)], files: &Files) -> Result<(Option<String>, Vec<u8>)> {
    use sha2::{Digest, Sha256};
    let quoted = |name: &str| name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let mut parts = Vec::new();
    for (name, value) in fields {
        let head = format!("Content-Disposition: form-data; name=\"{}\"\r\n\r\n", quoted(name));
        parts.push([head.as_bytes(), value.as_bytes()].concat());
    }
    for (name, path) in files {
        let bytes = std::fs::read(path).map_err(Error::file(path))?;
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let kind = mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream");
        let (name, file) = (quoted(name), quoted(&file));
        let head = format!(
            "Content-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: {kind}\r\n\r\n"
        );
        parts.push([head.as_bytes(), &bytes].concat());
    }
    let hash = Sha256::digest(parts.concat());
    let boundary: String = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    let mut body = Vec::new();
    for part in parts {
        body.extend(format!("--{boundary}\r\n").into_bytes());
        body.extend(part);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    Ok((Some(format!("multipart/form-data; boundary={boundary}")), body))
}
