//! `tongro http`: a request from items as HTTPie has them; the answer, its phases, its certificates, its bytes.

use std::io::{IsTerminal, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use tongro_http::client::{
    Answer, Auth, Form, Head, Options, Request, Session, Sink, Tongue, Version, decoded, export, fetch, item,
    parse_url,
};
use tongro_http::tls::Identity;
use tongro_http::{Error, Result, json, xml};

use crate::talk::{Talk, Tone};

/// Send an HTTP request and explain its answer
#[derive(Debug, Args)]
pub(crate) struct Http {
    /// [METHOD] URL [ITEM]…: name=value, name:=json, name==query, Name:value, name@file
    #[arg(required = true, value_name = "METHOD URL ITEM")]
    words: Vec<String>,
    /// Data as a form
    #[arg(short, long)]
    form: bool,
    /// Data as multipart/form-data
    #[arg(long)]
    multipart: bool,
    /// The content as it is
    #[arg(long, value_name = "TEXT")]
    raw: Option<String>,
    /// Read no content from standard input
    #[arg(long)]
    ignore_stdin: bool,
    /// What to print: H and B of the request, h and b of the answer, m for its phases
    #[arg(short, long, value_name = "HBhbm")]
    print: Option<String>,
    /// All of it: HBhbm
    #[arg(short, long)]
    verbose: bool,
    /// Only print the request, do not send it
    #[arg(long)]
    offline: bool,
    /// Print the request as a curl command
    #[arg(long)]
    curl: bool,
    /// Print the request as Python: requests, urllib, socket
    #[arg(long)]
    python: bool,
    /// Print the request as Rust: a socket
    #[arg(long)]
    rust: bool,
    /// user:password, or the token of bearer
    #[arg(short, long)]
    auth: Option<String>,
    /// How to authenticate
    #[arg(short = 'A', long, value_enum, default_value_t = AuthKind::Basic)]
    auth_type: AuthKind,
    /// A named session, or the path of its file
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
    /// Save the content to a file
    #[arg(short, long)]
    download: bool,
    /// Go on with a download where it stopped
    #[arg(short, long)]
    r#continue: bool,
    /// The file of the download
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Follow redirects
    #[arg(short = 'F', long)]
    follow: bool,
    /// The most redirects
    #[arg(long, default_value_t = 30)]
    max_redirects: usize,
    /// Seconds until the exchange is given up; 0 = never
    #[arg(long, default_value_t = 30.0)]
    timeout: f64,
    /// Further tries if there is no connection or the status is 502, 503 or 504
    #[arg(long, default_value_t = 0)]
    retries: usize,
    /// Through this proxy
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Only HTTP/1.1
    #[arg(long)]
    http1: bool,
    /// HTTP/2, without TLS as well
    #[arg(long)]
    http2: bool,
    /// Trust the certificates of this PEM file only
    #[arg(long, value_name = "PEM")]
    ca: Option<PathBuf>,
    /// Our own certificate
    #[arg(long, value_name = "PEM", requires = "key")]
    cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "PEM", requires = "cert")]
    key: Option<PathBuf>,
    /// Show when each phase ended
    #[arg(short, long)]
    timing: bool,
    /// Exit with 1 if the status is 400 or more
    #[arg(long)]
    check_status: bool,
    /// Print the answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// How the client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuthKind {
    Basic,
    Digest,
    Bearer,
}

impl Http {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let is_checked = self.check_status;
        match self.ask(talk) {
            Ok(Some(answer)) if is_checked && answer.head.status.as_u16() >= 400 => 1,
            Ok(_) => 0,
            Err(error) => {
                let hint = hint(talk, &error);
                talk.error(&error.to_string(), hint.as_deref());
                2
            }
        }
    }

    fn ask(self, talk: &mut Talk) -> Result<Option<Answer>> {
        let mut request = self.request()?;
        let tongues = [(self.curl, Tongue::Curl), (self.python, Tongue::Python), (self.rust, Tongue::Rust)];
        let wanted: Vec<Tongue> =
            tongues.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, tongue)| tongue).collect();
        if !wanted.is_empty() {
            wanted.into_iter().for_each(|tongue| talk.say(export(&request, tongue).trim_end()));
            return Ok(None);
        }
        if self.offline {
            write_out(&request.bytes());
            return Ok(None);
        }
        let path = self.session.as_deref().map(|name| session_path(name, &request.authority()));
        let mut session = path.as_deref().map_or_else(|| Ok(Session::default()), Session::load)?;
        let options = self.options(&mut session)?;
        let is_terminal = std::io::stdout().is_terminal();
        let mut show = Show {
            parts: self.parts(is_terminal),
            is_terminal,
            is_json: self.json,
            content: Vec::new(),
            file: None,
            target: None,
            is_resuming: false,
            progress: None,
        };
        if self.download || self.r#continue {
            let target = self.output.clone().unwrap_or_else(|| file_name(&request));
            show.resume(&mut request, &target, self.r#continue)?;
        }
        let is_plain_output = self.output.clone().filter(|_| !self.download && !self.r#continue);
        let answer = fetch(request, &options, &mut session, &mut Showing { show: &mut show, talk })?;
        if let Some(path) = path {
            session.save(&path)?;
        }
        show.finish(talk, &answer, is_plain_output.as_deref())?;
        if self.timing || show.parts.contains('m') {
            waterfall(talk, &answer);
        }
        Ok(Some(answer))
    }

    /// Method and items are told apart by what they look like: a method is letters alone, followed by a URL.
    fn request(&self) -> Result<Request> {
        let is_method = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        let (method, rest) = match self.words.as_slice() {
            [method, rest @ ..] if !rest.is_empty() && is_method(method) => (Some(method.as_str()), rest),
            words => (None, words),
        };
        let (url, items) = rest.split_first().map_or(("", &[][..]), |(url, items)| (url.as_str(), items));
        let items = items.iter().map(|text| item::parse(text)).collect::<Result<Vec<_>>>()?;
        let form = match (self.multipart, self.form) {
            (true, _) => Form::Multipart,
            (_, true) => Form::Form,
            _ => Form::Json,
        };
        let has_data = items
            .iter()
            .any(|item| matches!(item, item::Item::Field(..) | item::Item::Json(..) | item::Item::File(..)));
        let raw = match &self.raw {
            Some(text) => Some(text.clone().into_bytes()),
            None if !has_data && !self.ignore_stdin => piped(),
            None => None,
        };
        Request::build(method, url, items, form, raw)
    }

    fn options(&self, session: &mut Session) -> Result<Options> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .map_err(|source| Error::File { path: path.display().to_string(), source })
        };
        let auth = self.auth.as_ref().map(|text| {
            let (user, password) = text.split_once(':').unwrap_or((text, ""));
            match self.auth_type {
                AuthKind::Basic => Auth::Basic(user.to_owned(), password.to_owned()),
                AuthKind::Digest => Auth::Digest(user.to_owned(), password.to_owned()),
                AuthKind::Bearer => Auth::Bearer(text.clone()),
            }
        });
        if let Some(Auth::Basic(user, password)) = &auth {
            session.auth = Some(format!("{user}:{password}"));
        }
        let version = match (self.http1, self.http2) {
            (true, _) => Version::One,
            (_, true) => Version::Two,
            _ => Version::Auto,
        };
        let identity = match (&self.cert, &self.key) {
            (Some(certificate), Some(key)) => Some(Identity::load(certificate, key)?),
            _ => None,
        };
        Ok(Options {
            version,
            timeout: (self.timeout > 0.0).then(|| Duration::from_secs_f64(self.timeout.min(1e9))),
            redirects: if self.follow { self.max_redirects } else { 0 },
            retries: self.retries,
            proxy: self.proxy.as_deref().map(parse_url).transpose()?,
            auth,
            authorities: self.ca.as_ref().map(read).transpose()?,
            identity,
        })
    }

    fn parts(&self, is_terminal: bool) -> String {
        match &self.print {
            Some(parts) => parts.clone(),
            None if self.verbose => "HBhbm".to_owned(),
            None if is_terminal => "hb".to_owned(),
            None => "b".to_owned(),
        }
    }
}

/// Content from a pipe or a file; nothing from a terminal or where there is nothing.
fn piped() -> Option<Vec<u8>> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return None;
    }
    // A test runner's or an editor's standard input may be an open pipe that nobody writes to: HTTPie waits as well.
    let mut bytes = Vec::new();
    stdin.lock().read_to_end(&mut bytes).ok().filter(|len| *len > 0).map(|_| bytes)
}

/// A path if it looks like one, else a file of its own for each host.
fn session_path(name: &str, authority: &str) -> PathBuf {
    if name.contains('/') {
        return PathBuf::from(name);
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home).unwrap_or_default();
    let host = authority.replace([':', '[', ']'], "_");
    config.join("tongro/sessions").join(host).join(format!("{name}.json"))
}

/// The last part of the path.
fn file_name(request: &Request) -> PathBuf {
    let last = request.url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let name: String = last.chars().filter(|letter| !letter.is_control() && *letter != '\\').collect();
    PathBuf::from(if name.trim_start_matches('.').is_empty() { "index.html" } else { &name })
}

fn write_out(bytes: &[u8]) {
    // A reader that is gone (`| head`) is no error of ours.
    let _ = std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush());
}

/// What is shown of an exchange, and where its content goes.
struct Show {
    parts: String,
    is_terminal: bool,
    is_json: bool,
    content: Vec<u8>,
    file: Option<std::fs::File>,
    target: Option<PathBuf>,
    is_resuming: bool,
    /// Bytes so far, and in all if that is known.
    progress: Option<(u64, Option<u64>)>,
}

impl Show {
    /// Opens the file of a download; one that is there in part is asked for from where it ends.
    fn resume(&mut self, request: &mut Request, target: &Path, is_continued: bool) -> Result<()> {
        let failed = |source| Error::File { path: target.display().to_string(), source };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(!is_continued);
        let mut file = options.open(target).map_err(failed)?;
        let len = file.seek(std::io::SeekFrom::End(0)).map_err(failed)?;
        request.headers.insert("accept-encoding", "identity".parse().unwrap_or_else(|_| unreachable!()));
        if len > 0 {
            if let Ok(range) = format!("bytes={len}-").parse() {
                request.headers.insert("range", range);
            }
            self.is_resuming = true;
        }
        self.progress = Some((len, None));
        (self.file, self.target) = (Some(file), Some(target.to_owned()));
        Ok(())
    }

    /// The content, once it is whole.
    fn finish(&mut self, talk: &mut Talk, answer: &Answer, output: Option<&Path>) -> Result<()> {
        if let (Some(target), Some((len, _))) = (&self.target, self.progress) {
            let params = [("path", &*target.display().to_string()), ("len", &*len.to_string())];
            talk.note(&talk.text("http.http.saved", &params));
            return Ok(());
        }
        let content = decoded(&answer.head, std::mem::take(&mut self.content));
        if let Some(path) = output {
            let failed = |source| Error::File { path: path.display().to_string(), source };
            return std::fs::write(path, content).map_err(failed);
        }
        if self.is_json {
            talk.say(&as_json(answer, &content));
        } else if self.parts.contains('b') {
            let kind = answer.head.headers.get("content-type").and_then(|kind| kind.to_str().ok());
            show_content(talk, kind.unwrap_or_default(), &content, self.is_terminal);
        }
        Ok(())
    }
}

struct Showing<'a> {
    show: &'a mut Show,
    talk: &'a mut Talk,
}

impl Sink for Showing<'_> {
    fn request(&mut self, request: &Request) {
        if self.show.is_json {
            return;
        }
        if self.show.parts.contains('H') {
            let line = format!("{} {} HTTP/1.1", request.method, request.target());
            let line = self.talk.tone(Tone::Strong, &line);
            self.talk.say(&line);
            show_fields(self.talk, request.fields().into_iter());
        }
        if self.show.parts.contains('B') && !request.body.is_empty() {
            let kind = request.headers.get("content-type").and_then(|kind| kind.to_str().ok());
            show_content(self.talk, kind.unwrap_or_default(), &request.body, self.show.is_terminal);
            self.talk.say("");
        }
    }

    fn head(&mut self, head: &Head, is_last: bool) {
        if is_last {
            // A server that does not know ranges sends all of it again.
            if self.show.is_resuming
                && head.status.as_u16() != 206
                && let Some(file) = &mut self.show.file
            {
                let _ = file.set_len(0).and_then(|()| file.rewind());
                self.show.progress = Some((0, None));
            }
            let len =
                head.headers.get("content-length").and_then(|len| len.to_str().ok()?.parse::<u64>().ok());
            if let Some((done, all)) = &mut self.show.progress {
                *all = len.map(|len| *done + len);
            }
        }
        if self.show.parts.contains('h') && !self.show.is_json {
            let tone = if head.status.as_u16() < 400 { Tone::Good } else { Tone::Bad };
            let status = self.talk.tone(tone, &head.status.to_string());
            self.talk.say(&format!("{} {status}", head.version));
            let fields = head.headers.iter().map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            });
            show_fields(self.talk, fields);
        }
    }

    fn piece(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let Some(file) = &mut self.show.file else {
            self.show.content.extend(bytes);
            return Ok(());
        };
        file.write_all(bytes)?;
        if let Some((done, all)) = &mut self.show.progress {
            *done += bytes.len() as u64;
            let line = match all {
                Some(all) => format!("{done} / {all} B  {} %", *done * 100 / (*all).max(1)),
                None => format!("{done} B"),
            };
            self.talk.progress(&line);
        }
        Ok(())
    }
}

fn show_fields(talk: &mut Talk, fields: impl Iterator<Item = (String, String)>) {
    for (name, value) in fields {
        let name = talk.tone(Tone::Quiet, &format!("{name}:"));
        talk.say(&format!("{name} {value}"));
    }
    talk.say("");
}

/// JSON and XML are indented for people; what goes into a pipe stays as it is.
fn show_content(talk: &mut Talk, kind: &str, content: &[u8], is_terminal: bool) {
    let is_text = std::str::from_utf8(content).is_ok_and(|text| !text.contains('\0'));
    if !is_terminal {
        return write_out(content);
    }
    if !is_text {
        let len = content.len().to_string();
        return talk.say(&talk.text("http.http.binary", &[("len", &len)]));
    }
    let pretty = if kind.contains("json") {
        json::parse(content, &json::Options::default()).ok().map(|value| json::pretty(&value))
    } else if kind.contains("xml") {
        xml::parse(content, &xml::Limits::default()).ok().map(|document| xml::pretty(&document))
    } else {
        None
    };
    talk.say(pretty.unwrap_or_else(|| String::from_utf8_lossy(content).into_owned()).trim_end());
}

fn as_json(answer: &Answer, content: &[u8]) -> String {
    let fields: Vec<_> = answer
        .head
        .headers
        .iter()
        .map(|(name, value)| serde_json::json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    serde_json::json!({
        "url": answer.url.as_str(), "version": answer.head.version, "status": answer.head.status.as_u16(),
        "fields": fields, "peer": answer.peer, "phases": micros(answer), "tls": answer.tls,
        "content": String::from_utf8_lossy(content),
    })
    .to_string()
}

/// Microseconds under curl's names.
fn micros(answer: &Answer) -> serde_json::Value {
    let phases = &answer.phases;
    serde_json::json!({
        "time_namelookup": phases.dns.as_micros(), "time_connect": phases.tcp.as_micros(),
        "time_appconnect": phases.tls.map(|tls| tls.as_micros()), "time_pretransfer": phases.request.as_micros(),
        "time_starttransfer": phases.first_byte.as_micros(), "time_total": phases.body.as_micros(),
    })
}

/// One bar a phase, on one scale, on standard error: it is talk about the answer, not the answer.
fn waterfall(talk: &mut Talk, answer: &Answer) {
    const WIDTH: u128 = 50;
    let phases = &answer.phases;
    let all = phases.body.as_micros().max(1);
    let mut from = 0;
    let ends = [
        ("dns", Some(phases.dns)),
        ("tcp", Some(phases.tcp)),
        ("tls", phases.tls),
        ("request", Some(phases.request)),
        ("first_byte", Some(phases.first_byte)),
        ("body", Some(phases.body)),
    ];
    for (id, end) in ends {
        let Some(end) = end.map(|end| end.as_micros().max(from)) else { continue };
        let column = |at: u128| usize::try_from(at * WIDTH / all).unwrap_or(0);
        let bar = format!("{}{}", " ".repeat(column(from)), "█".repeat((column(end) - column(from)).max(1)));
        let name = talk.text(&format!("http.phase.{id}"), &[]);
        let took = format!("{:.3} ms", (end - from) as f64 / 1000.0);
        talk.note(&format!("{took:>12}  {bar:<52}  {name}"));
        from = end;
    }
    let total = format!("{:.3} ms", all as f64 / 1000.0);
    talk.note(&format!(
        "{total:>12}  {}",
        talk.text("http.phase.all", &[("peer", &answer.peer.to_string())])
    ));
    if let Some(tls) = &answer.tls {
        talk.note(&format!("TLS  {} {} {}", tls.version, tls.suite, tls.alpn.as_deref().unwrap_or("-")));
        for certificate in &tls.certificates {
            let params = [
                ("subject", certificate.subject.as_str()),
                ("issuer", &certificate.issuer),
                ("from", &certificate.not_before),
                ("to", &certificate.not_after),
            ];
            talk.note(&talk.text("http.http.certificate", &params));
        }
    }
}

/// What to do about an error.
fn hint(talk: &Talk, error: &Error) -> Option<String> {
    let id = match error {
        Error::Tls { failure, .. } => format!("http.tls_failure.{}", failure.id()),
        Error::Resolve { .. } => "http.http.resolve_hint".to_owned(),
        Error::Connect { .. } => "http.http.connect_hint".to_owned(),
        Error::Item { .. } => "http.http.item_hint".to_owned(),
        Error::Redirects(_) => "http.http.redirects_hint".to_owned(),
        Error::Timeout { .. } => "http.http.timeout_hint".to_owned(),
        _ => return None,
    };
    Some(talk.text(&id, &[]))
}
