//! HTTP/1: a start line, header lines, an empty line, and a body that is a layer of its own.
//!
//! ```text
//! GET /path HTTP/1.1\r\n          HTTP/1.1 200 OK\r\n
//! Host: example\r\n               Content-Length: 5\r\n
//! \r\n                            \r\n
//!                                 hello
//! ```

use std::ops::Range;

use crate::dissect::{Block, Walk};
use crate::field::{Derive, Display, Field, Type, derived, found, rest, text};
use crate::protocol::Protocol;
use crate::table::data::DATA;
use crate::{ProblemKind, Value};

/// The head of an HTTP/1 message.
pub static HTTP: Protocol = Protocol::new("http", "Hypertext Transfer Protocol", "RFC 9112")
    .scapy("HTTP")
    .fields(0, FIELDS)
    .code(CODE)
    .message()
    .hook(head);

/// A body of text lines.
pub static TEXT_LINES: Protocol =
    body("data-text-lines", "Line-based text data", &[rest("data-text-lines.data", "Text")]);
/// A body of JSON.
pub static JSON: Protocol = body("json", "JavaScript Object Notation", &[rest("json.data", "JSON")]);
/// A body of XML.
pub static XML: Protocol = body("xml", "eXtensible Markup Language", &[rest("xml.data", "XML")]);
/// A body of form fields.
pub static FORM: Protocol =
    body("urlencoded-form", "HTML Form URL Encoded", &[rest("urlencoded-form.data", "Form")]);
/// Any other body whose type is named.
pub static MEDIA: Protocol = body("media", "Media Type", &[rest("media.data", "Media")]);

const fn body(name: &'static str, title: &'static str, fields: &'static [Field]) -> Protocol {
    Protocol::new(name, title, "RFC 9110 section 8.3").fields(0, fields).message().hook(content)
}

static FIELDS: &[Field] = &[
    derived("http.request", "Request", Derive::Hook).display(Display::Bool),
    derived("http.response", "Response", Derive::Hook).display(Display::Bool),
    derived("http.content_length", "Content length", Derive::Hook),
    derived("http.file_data", "File Data", Derive::Hook).of(Type::Text),
    derived("http.request_in", "Request in frame", Derive::Trace),
    derived("http.response_in", "Response in frame", Derive::Trace),
    derived("http.time", "Time since request", Derive::Trace).display(Display::Time),
];

static METHOD: Field = text("http.request.method", "Request Method");
static URI: Field = text("http.request.uri", "Request URI");
static REQUEST_VERSION: Field = text("http.request.version", "Request Version");
static RESPONSE_VERSION: Field = text("http.response.version", "Response Version");
static CODE_NUMBER: Field = found("http.response.code", "Status Code", 0);
static PHRASE: Field = text("http.response.phrase", "Response Phrase");

/// Header names in lower case and their fields.
static HEADERS: &[(&str, Field)] = &[
    ("host", text("http.host", "Host")),
    ("user-agent", text("http.user_agent", "User-Agent")),
    ("content-type", text("http.content_type", "Content-Type")),
    ("content-length", text("http.content_length_header", "Content-Length")),
    ("transfer-encoding", text("http.transfer_encoding", "Transfer-Encoding")),
    ("content-encoding", text("http.content_encoding", "Content-Encoding")),
    ("connection", text("http.connection", "Connection")),
    ("accept", text("http.accept", "Accept")),
    ("accept-language", text("http.accept_language", "Accept-Language")),
    ("accept-encoding", text("http.accept_encoding", "Accept Encoding")),
    ("authorization", text("http.authorization", "Authorization")),
    ("www-authenticate", text("http.www_authenticate", "WWW-Authenticate")),
    ("cache-control", text("http.cache_control", "Cache-Control")),
    ("cookie", text("http.cookie", "Cookie")),
    ("set-cookie", text("http.set_cookie", "Set-Cookie")),
    ("date", text("http.date", "Date")),
    ("last-modified", text("http.last_modified", "Last-Modified")),
    ("location", text("http.location", "Location")),
    ("referer", text("http.referer", "Referer")),
    ("server", text("http.server", "Server")),
    ("upgrade", text("http.upgrade", "Upgrade")),
];

static CODE: &[&Field] = &[
    &METHOD,
    &URI,
    &REQUEST_VERSION,
    &RESPONSE_VERSION,
    &CODE_NUMBER,
    &PHRASE,
    &HEADERS[0].1,
    &HEADERS[1].1,
    &HEADERS[2].1,
    &HEADERS[3].1,
    &HEADERS[4].1,
    &HEADERS[5].1,
    &HEADERS[6].1,
    &HEADERS[7].1,
    &HEADERS[8].1,
    &HEADERS[9].1,
    &HEADERS[10].1,
    &HEADERS[11].1,
    &HEADERS[12].1,
    &HEADERS[13].1,
    &HEADERS[14].1,
    &HEADERS[15].1,
    &HEADERS[16].1,
    &HEADERS[17].1,
    &HEADERS[18].1,
    &HEADERS[19].1,
    &HEADERS[20].1,
];

const METHODS: &[&[u8]] =
    &[b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE "];

/// Whether bytes start like an HTTP/1 message.
pub(crate) fn is_message(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"HTTP/1.") {
        return true;
    }
    // Few payloads pass the first test, so that the line is seldom looked for.
    if !METHODS.iter().any(|method| bytes.starts_with(method)) {
        return false;
    }
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    line.windows(7).any(|part| part == b"HTTP/1.")
}

/// Whether bytes may be the start of a message, as far as they go.
pub(crate) fn may_be_message(bytes: &[u8]) -> bool {
    let starts = |start: &[u8]| {
        let len = start.len().min(bytes.len());
        bytes[..len] == start[..len]
    };
    let is_known = starts(b"HTTP/1.") || METHODS.iter().any(|method| starts(method));
    let has_line = bytes.contains(&b'\n');
    is_known && (!has_line || is_message(bytes))
}

/// What a head says of the length of its message.
#[derive(Debug, Default)]
pub(crate) struct Lengths {
    /// The status of a response.
    pub(crate) status: Option<u16>,
    pub(crate) content_len: Option<usize>,
    pub(crate) is_chunked: bool,
}

/// Reads a head without dissecting it.
pub(crate) fn lengths(head: &[u8]) -> Lengths {
    let mut found = Lengths::default();
    if head.starts_with(b"HTTP/") {
        let code = head.get(9..12).and_then(|code| std::str::from_utf8(code).ok());
        found.status = Some(code.and_then(|code| code.parse().ok()).unwrap_or(200));
    }
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            found.content_len = std::str::from_utf8(value).ok().and_then(|len| len.parse().ok());
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            found.is_chunked = value.to_ascii_lowercase().ends_with(b"chunked");
        }
    }
    found
}

/// What the head says about the body.
#[derive(Default)]
struct Head {
    is_response: bool,
    content_type: Option<Range<usize>>,
    content_len: Option<usize>,
    is_chunked: bool,
}

fn head(walk: &mut Walk<'_>, block: &mut Block) {
    let mut seen = Head::default();
    let mut at = block.start;
    let mut is_first = true;
    let mut is_complete = false;
    while at < block.end {
        let line = line_at(walk.bytes, at, block.end);
        let next = after_line(walk.bytes, line.end, block.end);
        at = next;
        if line.is_empty() {
            is_complete = true;
            break;
        }
        if is_first {
            start_line(walk, block, line, &mut seen);
        } else {
            header(walk, block, line, &mut seen);
        }
        is_first = false;
    }
    if !is_complete {
        walk.problem(block.layer, at.min(block.end)..block.end, ProblemKind::Truncated);
    }
    block.header_end = Some(at.min(block.end));
    end(walk, block, &seen, at);
}

/// The line at `at` without its end.
fn line_at(bytes: &[u8], at: usize, end: usize) -> Range<usize> {
    let len = bytes[at..end].iter().position(|byte| *byte == b'\n').unwrap_or(end - at);
    let last = if len > 0 && bytes[at + len - 1] == b'\r' { at + len - 1 } else { at + len };
    at..last
}

fn after_line(bytes: &[u8], at: usize, end: usize) -> usize {
    let at = if bytes.get(at) == Some(&b'\r') { at + 1 } else { at };
    if bytes.get(at) == Some(&b'\n') { (at + 1).min(end) } else { at.min(end) }
}

fn start_line(walk: &mut Walk<'_>, block: &Block, line: Range<usize>, seen: &mut Head) {
    let words = words(walk.bytes, line);
    seen.is_response = walk.bytes[block.start..].starts_with(b"HTTP/");
    let flag = &FIELDS[usize::from(seen.is_response)];
    walk.generated(flag, block.layer, 0..0, Value::Bool(true));
    let [first, second, third] = words;
    if seen.is_response {
        walk.read(&RESPONSE_VERSION, block, first);
        match std::str::from_utf8(&walk.bytes[second.clone()]).ok().and_then(|code| code.parse().ok()) {
            Some(code) => walk.push(&CODE_NUMBER, block.layer, second, Value::Uint(code)),
            None => walk.problem(block.layer, second, ProblemKind::BadText),
        }
        walk.read(&PHRASE, block, third);
    } else {
        walk.read(&METHOD, block, first);
        walk.push(&URI, block.layer, second.clone(), plain(&walk.bytes[second]));
        walk.read(&REQUEST_VERSION, block, third);
    }
}

/// The first two words of a line and the rest.
fn words(bytes: &[u8], line: Range<usize>) -> [Range<usize>; 3] {
    let space = |from: usize| {
        bytes[from..line.end].iter().position(|byte| *byte == b' ').map_or(line.end, |at| from + at)
    };
    let first = line.start..space(line.start);
    let second_at = (first.end + 1).min(line.end);
    let second = second_at..space(second_at);
    [first, second.clone(), (second.end + 1).min(line.end)..line.end]
}

fn header(walk: &mut Walk<'_>, block: &Block, line: Range<usize>, seen: &mut Head) {
    let bytes = walk.bytes;
    let Some(colon) = bytes[line.clone()].iter().position(|byte| *byte == b':') else { return };
    let name = bytes[line.start..line.start + colon].to_ascii_lowercase();
    let mut value = line.start + colon + 1..line.end;
    while value.start < value.end && matches!(bytes[value.start], b' ' | b'\t') {
        value.start += 1;
    }
    let Some((known, field)) = HEADERS.iter().find(|(known, _)| known.as_bytes() == name) else { return };
    walk.read(field, block, value.clone());
    match *known {
        "content-type" => seen.content_type = Some(value),
        "content-length" => {
            seen.content_len =
                std::str::from_utf8(&bytes[value]).ok().and_then(|len| len.trim().parse().ok());
            if let Some(len) = seen.content_len {
                walk.generated(&FIELDS[2], block.layer, 0..0, Value::Uint(len as u64));
            }
        }
        "transfer-encoding" => seen.is_chunked = bytes[value].to_ascii_lowercase().ends_with(b"chunked"),
        _ => {}
    }
}

/// Chooses the layer of the body, and shows the body as a whole when all of it is here.
fn end(walk: &mut Walk<'_>, block: &mut Block, seen: &Head, at: usize) {
    let here = block.end - at;
    let is_request_alone = !seen.is_response && seen.content_len.is_none() && !seen.is_chunked;
    if here == 0 || is_request_alone || seen.content_len == Some(0) {
        block.next = if is_message(&walk.bytes[at..block.end]) { Some(&HTTP) } else { None };
        return;
    }
    walk.body_len = seen.content_len.filter(|len| !seen.is_chunked && *len < here);
    block.next = seen.content_type.clone().map(|range| of_type(&walk.bytes[range]));
    let bytes = walk.bytes;
    let whole = match seen.content_len {
        _ if seen.is_chunked => unchunked(&bytes[at..block.end]),
        Some(len) if len <= here => Some(bytes[at..at + len].to_vec()),
        // Without a length the body is all there is, up to the close (RFC 9112 section 6.3).
        None => Some(bytes[at..block.end].to_vec()),
        Some(_) => None,
    };
    if let Some(whole) = whole {
        let span = at..walk.body_len.map_or(block.end, |len| at + len);
        walk.generated(&FIELDS[3], block.layer, span, plain(&whole).into_owned());
    }
}

fn of_type(value: &[u8]) -> &'static Protocol {
    let kind = value.split(|byte| *byte == b';').next().unwrap_or(value).trim_ascii().to_ascii_lowercase();
    match kind.as_slice() {
        b"application/json" => &JSON,
        b"text/xml" | b"application/xml" => &XML,
        b"application/x-www-form-urlencoded" => &FORM,
        b"application/octet-stream" => &DATA,
        text if text.starts_with(b"text/") => &TEXT_LINES,
        _ => &MEDIA,
    }
}

/// A body ends where the head said; another message may follow.
fn content(walk: &mut Walk<'_>, block: &mut Block) {
    if let Some(len) = walk.body_len.take() {
        let end = (block.start + len).min(block.end);
        block.header_end = Some(end);
        // The one field of a body covers what the table took for it: all that was there.
        if let Some(last) = walk.packet.fields.last_mut().filter(|last| last.layer == block.layer) {
            last.bits.end = end as u32 * 8;
            last.value = Value::from(&walk.bytes[block.start..end]);
        }
        block.next = is_message(&walk.bytes[end..block.end]).then_some(&HTTP);
    }
}

/// The content of a chunked body (RFC 9112 section 7.1); none when it does not end here.
#[must_use]
pub fn unchunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let digits = bytes[..line].split(|byte| *byte == b';').next()?;
        let len = usize::from_str_radix(std::str::from_utf8(digits).ok()?.trim(), 16).ok()?;
        bytes = &bytes[line + 2..];
        if len == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(bytes.get(..len)?);
        bytes = bytes.get(len.checked_add(2)?..)?;
    }
}

/// Text in which each byte that is not ASCII is one replacement character.
fn plain(bytes: &[u8]) -> Value<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Value::from(text),
        _ => Value::from(
            bytes
                .iter()
                .map(|byte| if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' })
                .collect::<String>(),
        ),
    }
}
