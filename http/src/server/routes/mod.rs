//! Which path leads where. httpbin's routes keep httpbin's names and members, so that what is written about it holds.

mod auth;
mod bytes;
mod cache;
mod cookies;
mod echo;
mod files;
mod formats;
mod notes;
mod openapi;
mod pages;
mod redirect;
mod socket;
mod store;
mod timing;

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, StatusCode, header, request};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::metrics::Metrics;
use super::reply::{Outcome, Problem, With, empty, whole};
use super::{Entry, Log, Options};
use crate::error::{Error, Result};

/// One line of the table of routes: what the docs page shows and the tests walk.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Route {
    /// The methods it takes, with spaces between.
    pub methods: &'static str,
    /// The path; parts in braces vary.
    pub path: &'static str,
    /// An example of it.
    pub example: &'static str,
    /// What it does.
    pub title: &'static str,
}

macro_rules! routes {
    ($($methods:literal $path:literal $example:literal $title:literal;)+) => {
        /// Every route.
        pub const ROUTES: &[Route] =
            &[$(Route { methods: $methods, path: $path, example: $example, title: $title }),+];
    };
}

routes! {
    "GET" "/" "/" "This page";
    "GET" "/get" "/get?a=1" "The request, as JSON";
    "POST" "/post" "/post" "The request with its form, files, JSON or bytes";
    "PUT" "/put" "/put" "The same for PUT";
    "PATCH" "/patch" "/patch" "The same for PATCH";
    "DELETE" "/delete" "/delete" "The same for DELETE";
    "ANY" "/anything/{path}" "/anything/a/b" "Whatever was sent, with any method";
    "GET" "/headers" "/headers" "The request's fields";
    "GET" "/ip" "/ip" "The client's address";
    "GET" "/user-agent" "/user-agent" "The User-Agent field";
    "GET" "/uuid" "/uuid" "A random UUID";
    "ANY" "/status/{codes}" "/status/418" "An answer with this status; several with commas, weights behind colons";
    "GET" "/redirect/{n}" "/redirect/2" "n redirects";
    "GET" "/relative-redirect/{n}" "/relative-redirect/2" "n redirects to relative references";
    "GET" "/absolute-redirect/{n}" "/absolute-redirect/2" "n redirects to absolute URLs";
    "ANY" "/redirect-to" "/redirect-to?url=/get&status_code=307" "A redirect to `url`";
    "ANY" "/delay/{seconds}" "/delay/0.1" "An answer after so many seconds, ten at most";
    "GET" "/drip" "/drip?numbytes=5&duration=0.1" "Bytes that drip: `numbytes`, `duration`, `delay`, `code`";
    "GET" "/stream/{n}" "/stream/3" "n lines of JSON, one chunk each";
    "GET" "/stream-bytes/{n}" "/stream-bytes/100?seed=1" "n random bytes in chunks of `chunk_size`";
    "GET" "/chunked/{n}" "/chunked/3" "n chunks and a trailer field with their SHA-256";
    "GET" "/bytes/{n}" "/bytes/16?seed=1" "n random bytes, always the same for one `seed`";
    "GET" "/range/{n}" "/range/64" "n bytes that Range may ask for in parts";
    "GET" "/gzip" "/gzip" "An answer in gzip";
    "GET" "/deflate" "/deflate" "An answer in deflate (zlib)";
    "GET" "/brotli" "/brotli" "An answer in brotli";
    "GET" "/basic-auth/{user}/{password}" "/basic-auth/kim/secret" "Asks for Basic authentication";
    "GET" "/hidden-basic-auth/{user}/{password}" "/hidden-basic-auth/kim/secret" "The same, but 404 without";
    "GET" "/bearer" "/bearer" "Asks for a bearer token";
    "GET" "/digest-auth/{qop}/{user}/{password}" "/digest-auth/auth/kim/secret" "Asks for Digest authentication";
    "GET" "/digest-auth/{qop}/{user}/{password}/{algorithm}" "/digest-auth/auth/kim/secret/SHA-256" "The same with MD5 or SHA-256";
    "GET" "/cookies" "/cookies" "The cookies that came";
    "GET" "/cookies/set" "/cookies/set?a=1" "Sets cookies, then redirects to /cookies";
    "GET" "/cookies/delete" "/cookies/delete?a" "Deletes cookies, then redirects to /cookies";
    "GET" "/cache" "/cache" "304 if the request is conditional";
    "GET" "/cache/{seconds}" "/cache/60" "Cache-Control with max-age";
    "GET" "/etag/{etag}" "/etag/abc" "An entity tag: try If-Match and If-None-Match";
    "GET POST" "/response-headers" "/response-headers?X-A=1" "An answer with these fields";
    "GET" "/json" "/json" "A small JSON document";
    "GET" "/xml" "/xml" "A small XML document";
    "GET" "/html" "/html" "A small HTML page";
    "GET" "/encoding/utf8" "/encoding/utf8" "Text in many scripts";
    "GET" "/robots.txt" "/robots.txt" "Rules for robots";
    "GET" "/deny" "/deny" "What the rules forbid";
    "GET" "/image/svg" "/image/svg" "A picture";
    "GET" "/base64/{text}" "/base64/7Ya166Gc" "The text decoded";
    "GET" "/links/{n}/{at}" "/links/3/0" "A page with n links";
    "GET" "/forms/post" "/forms/post" "A form to send to /post";
    "GET" "/sse" "/sse?count=2&interval=0.01" "Server-sent events: `count`, `interval`";
    "GET" "/ws" "/ws" "A WebSocket that echoes";
    "GET PUT POST DELETE" "/files/{path}" "/files/" "The folder of files: listing, download, upload";
    "GET POST" "/api/notes" "/api/notes" "Notes: a list in pages, and new ones";
    "GET PUT PATCH DELETE" "/api/notes/{id}" "/api/notes/1" "One note";
    "GET" "/openapi.json" "/openapi.json" "The notes' interface as OpenAPI 3.1";
    "GET" "/docs" "/docs" "The same to read and try";
    "GET" "/metrics" "/metrics" "Counters for Prometheus";
    "GET" "/metrics/latency" "/metrics/latency" "A histogram of latencies";
}

/// What all requests share.
pub(in crate::server) struct Site {
    pub(in crate::server) metrics: Metrics,
    addr: SocketAddr,
    notes: store::Store,
    files: Option<std::path::PathBuf>,
    log: Option<Log>,
    /// Digest nonces are made with it, so that they need not be remembered.
    secret: [u8; 32],
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Site {
    pub(in crate::server) fn open(options: &Options, addr: SocketAddr) -> Result<Self> {
        if let Some(folder) = &options.data {
            std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        }
        let files = options.files.clone().or_else(|| options.data.as_ref().map(|data| data.join("files")));
        if let Some(folder) = &files {
            std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        }
        let notes = options.data.as_ref().map(|data| data.join("notes.db"));
        Ok(Self {
            metrics: Metrics::default(),
            addr,
            notes: store::Store::open(notes.as_deref())?,
            files,
            log: options.log.clone(),
            secret: random()?,
        })
    }

    pub(in crate::server) fn has_log(&self) -> bool {
        self.log.is_some()
    }

    pub(in crate::server) fn log(&self, entry: &Entry) {
        if let Some(log) = &self.log {
            log(entry);
        }
    }
}

/// Bytes nobody can guess.
fn random<const N: usize>() -> Result<[u8; N]> {
    use ring::rand::SecureRandom;
    let mut bytes = [0; N];
    let failed = |_| Error::system("getrandom")(std::io::ErrorKind::Other.into());
    ring::rand::SystemRandom::new().fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// One request on its way to an answer.
pub(in crate::server) struct Call {
    pub(in crate::server) parts: request::Parts,
    /// The content, until it is read.
    pub(in crate::server) body: Option<Incoming>,
    pub(in crate::server) peer: SocketAddr,
    pub(in crate::server) is_tls: bool,
    /// Content longer than this is refused.
    pub(in crate::server) most: u64,
    pub(in crate::server) site: Arc<Site>,
}

impl Call {
    /// What needs neither content nor time is answered at once, the rest in a future of its own.
    pub(in crate::server) async fn answer(mut self) -> Outcome {
        match self.answer_now() {
            Some(outcome) => {
                self.drain().await;
                outcome
            }
            None => Box::pin(self.answer_later()).await,
        }
    }

    /// Content that nobody asked for is read all the same, or the next request could not be found behind it. If the
    /// client waits for `100 Continue`, it is not asked to send.
    async fn drain(&mut self) {
        let Some(mut body) = self.body.take() else { return };
        if hyper::body::Body::is_end_stream(&body) || self.parts.headers.contains_key(header::EXPECT) {
            return;
        }
        while let Some(Ok(_)) = body.frame().await {}
    }

    fn answer_now(&self) -> Option<Outcome> {
        let path = self.parts.uri.path();
        let get = |outcome: Outcome| Some(self.only(&[Method::GET]).and(outcome));
        match path {
            "/json" => return get(Ok(formats::json())),
            "/" => return get(Ok(pages::index())),
            "/xml" => return get(Ok(formats::xml())),
            "/html" => return get(Ok(formats::html())),
            "/encoding/utf8" => return get(Ok(formats::utf8())),
            "/image/svg" => return get(Ok(formats::svg())),
            "/robots.txt" => return get(Ok(whole("text/plain", "User-agent: *\nDisallow: /deny\n"))),
            "/deny" => return get(Ok(whole("text/plain; charset=utf-8", "robots must not come here\n"))),
            "/docs" => return get(Ok(pages::docs())),
            "/openapi.json" => return get(Ok(openapi::reply(self))),
            "/metrics" => {
                return get(Ok(whole("text/plain; version=0.0.4", self.site.metrics.prometheus())));
            }
            "/metrics/latency" => {
                return get(Ok(whole("text/plain; charset=utf-8", self.site.metrics.histogram())));
            }
            "*" if self.parts.method == Method::OPTIONS => {
                let allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
                return Some(Ok(empty(StatusCode::NO_CONTENT).field(header::ALLOW, allow)));
            }
            _ => {}
        }
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let outcome = match parts.as_slice() {
            ["get"] => get(echo::request(self))?,
            ["headers"] => get(Ok(echo::headers(self)))?,
            ["ip"] => get(Ok(echo::ip(self)))?,
            ["user-agent"] => get(Ok(echo::user_agent(self)))?,
            ["uuid"] => get(echo::uuid())?,
            ["status", codes] => redirect::status(codes),
            ["redirect" | "relative-redirect", n] => get(redirect::times(self, n, false))?,
            ["absolute-redirect", n] => get(redirect::times(self, n, true))?,
            ["redirect-to"] => redirect::to(self),
            ["bytes", n] => get(bytes::random(self, n))?,
            ["stream-bytes", n] => get(bytes::random_stream(self, n))?,
            ["range", n] => get(bytes::range(self, n))?,
            ["chunked", n] => get(timing::chunked(n))?,
            ["stream", n] => get(timing::lines(self, n))?,
            ["gzip" | "deflate" | "brotli"] => get(formats::compressed(self, parts[0]))?,
            ["basic-auth", user, password] => get(auth::basic(self, user, password, false))?,
            ["hidden-basic-auth", user, password] => get(auth::basic(self, user, password, true))?,
            ["bearer"] => get(auth::bearer(self))?,
            ["digest-auth", qop, user, password] => get(auth::digest(self, qop, user, password, "MD5"))?,
            ["digest-auth", qop, user, password, algorithm] => {
                get(auth::digest(self, qop, user, password, algorithm))?
            }
            ["cookies"] => get(Ok(cookies::show(self)))?,
            ["cookies", "set"] => get(cookies::set(self, &self.query()))?,
            ["cookies", "set", name, value] => {
                get(cookies::set(self, &[((*name).to_owned(), (*value).to_owned())]))?
            }
            ["cookies", "delete"] => get(cookies::delete(self))?,
            ["cache"] => get(cache::conditional(self))?,
            ["cache", seconds] => get(cache::for_seconds(self, seconds))?,
            ["etag", etag] => get(cache::etag(self, etag))?,
            ["response-headers"] => echo::response_headers(self),
            ["base64", text] => get(formats::base64(text))?,
            ["links", n, at] => get(pages::links(n, at))?,
            ["forms", "post"] => get(Ok(pages::form()))?,
            ["sse"] => get(socket::events(self))?,
            _ => return None,
        };
        Some(outcome)
    }

    async fn answer_later(mut self) -> Outcome {
        let outcome = self.answer_by_path().await;
        self.drain().await;
        outcome
    }

    async fn answer_by_path(&mut self) -> Outcome {
        let path = self.parts.uri.path().to_owned();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match parts.as_slice() {
            [name @ ("post" | "put" | "patch" | "delete")] => {
                let method = name.to_uppercase();
                self.only(&[Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET)])?;
                echo::all(self).await
            }
            ["anything", ..] => echo::all(self).await,
            ["delay", seconds] => timing::delay(self, seconds).await,
            ["drip"] => self.only(&[Method::GET]).and_then(|()| timing::drip(self)),
            ["ws"] => socket::echo(self),
            ["files", rest @ ..] => files::answer(self, rest).await,
            ["api", "notes", rest @ ..] => notes::answer(self, rest).await,
            _ => Err(Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at `{path}`"))
                .with(serde_json::json!({"hint": "`/` lists every route"}))),
        }
    }

    /// Refuses other methods; HEAD goes where GET goes.
    fn only(&self, methods: &[Method]) -> std::result::Result<(), Problem> {
        let asked = if self.parts.method == Method::HEAD { &Method::GET } else { &self.parts.method };
        if methods.contains(asked) {
            return Ok(());
        }
        let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let head = if methods.contains(&Method::GET) { ", HEAD" } else { "" };
        let allow = format!("{}{head}", names.join(", "));
        let detail = format!("`{}` is not allowed here; {allow} is", self.parts.method);
        Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).field(header::ALLOW, allow))
    }

    /// A field's value as text.
    fn field(&self, name: header::HeaderName) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The query's pairs, decoded.
    fn query(&self) -> Vec<(String, String)> {
        let query = self.parts.uri.query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    fn query_of(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A number of the query.
    fn number_of<T: std::str::FromStr>(&self, name: &str, default: T) -> std::result::Result<T, Problem> {
        match self.query_of(name) {
            None => Ok(default),
            Some(text) => {
                text.parse().map_err(|_| Problem::bad(format!("`{name}` must be a number, not `{text}`")))
            }
        }
    }

    /// `http://host` as the client knows us.
    fn origin(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        let authority = self.parts.uri.authority().map(|authority| authority.as_str().to_owned());
        let host = authority.or_else(|| self.field(header::HOST).map(ToOwned::to_owned));
        format!(
            "{scheme}://{}",
            host.filter(|host| !host.is_empty()).unwrap_or_else(|| self.site.addr.to_string())
        )
    }

    /// The whole content.
    async fn content(&mut self) -> std::result::Result<hyper::body::Bytes, Problem> {
        let Some(body) = self.body.take() else { return Ok(hyper::body::Bytes::new()) };
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        match http_body_util::Limited::new(body, most).collect().await {
            Ok(all) => Ok(all.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the content is longer than {most} bytes"),
            )),
            Err(error) => Err(Problem::bad(format!("the content did not come whole: {error}"))),
        }
    }
}

/// A number in a path.
fn number<T: std::str::FromStr>(text: &str, what: &str) -> std::result::Result<T, Problem> {
    text.parse().map_err(|_| Problem::bad(format!("{what} must be a number, not `{text}`")))
}
