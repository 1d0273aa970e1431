//! HTTP/1 requests as RFC 9112 asks, byte for byte: a machine without I/O that stands before any parser.
//!
//! Bytes come from a connection (or a file), and only those that are right go on, to hyper in our server. A head goes on
//! as a whole; chunks are checked as they come. A refusal names the class, the clause and the byte at fault, and after it
//! nothing more of that connection is understood: a reader that lost the framing must not guess (§6.3).
//!
//! ```text
//!   HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]        RFC 9112 §2.1
//!   request-line = method SP request-target SP HTTP-version                         §3
//!   field-line   = field-name ":" OWS field-value OWS                               §5
//!   chunked-body = *( chunk-size [ chunk-ext ] CRLF chunk-data CRLF )
//!                  1*"0" [ chunk-ext ] CRLF *( field-line CRLF ) CRLF               §7.1
//! ```
//!
//! ```
//! use tongro_http::strict::{Checker, Class, Limits};
//!
//! let mut checker = Checker::new(Limits::default());
//! let refusal = checker.check(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n").unwrap_err();
//! assert_eq!((refusal.class, refusal.offset), (Class::FieldSpace, 20));
//! ```

mod chunk;
mod field;
mod outline;
mod refusal;
mod request_line;

pub use field::{is_host, is_token};
pub use outline::{Outline, Part, PartKind, outline};
pub use refusal::{Class, Refusal};

use chunk::Chunks;
use field::Fields;

/// What is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request line.
    pub request_line: usize,
    /// Bytes of one field line.
    pub field_line: usize,
    /// Bytes of a head, and of a trailer section.
    pub head: usize,
    /// Field lines of a head.
    pub fields: usize,
    /// Bytes of a chunk's size with its extensions.
    pub chunk_line: usize,
    /// Bytes of content.
    pub body: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 8 * 1024,
            field_line: 8 * 1024,
            head: 32 * 1024,
            fields: 100,
            chunk_line: 256,
            body: 64 * 1024 * 1024,
        }
    }
}

/// What the first bytes given turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing can be said before more bytes come.
    More,
    /// That many bytes are right and are a whole head.
    Head(usize, Framing),
    /// That many bytes are right and are content, or what frames it.
    Body(usize),
    /// That many bytes are right, and with them the message ends.
    End(usize),
}

/// What a head says about what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing {
    /// The content: none, so many bytes, or chunks.
    pub body: Body,
    /// Where in the head the minor version stands if it is above 1; whoever speaks only 1.1 reads it as 1.
    pub minor_at: Option<usize>,
    /// Whether the client asks to speak another protocol from here on (9110 §7.8).
    pub wants_upgrade: bool,
}

/// How the end of the content is found (§6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    None,
    /// Content-Length.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
}

#[derive(Debug)]
enum State {
    Head(Head),
    Length(u64),
    Chunks(Chunks),
    Refused(Refusal),
}

/// A head as far as it was read; its bytes are still with the caller.
#[derive(Debug, Default)]
struct Head {
    /// Where the line being read begins.
    line: usize,
    /// Up to where was looked for its end.
    seen: usize,
    /// The request line, once read.
    request: Option<request_line::RequestLine>,
    has_blank: bool,
    fields: Fields,
}

/// Checks the requests of one connection, one after the other.
#[derive(Debug)]
pub struct Checker {
    limits: Limits,
    state: State,
    /// Bytes of the current message that were passed on.
    passed: u64,
}

impl Checker {
    /// At the beginning of a connection.
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: State::Head(Head::default()), passed: 0 }
    }

    /// Looks at what has come and was not passed on yet; it must begin where the last step ended.
    ///
    /// # Errors
    /// The first rule that is broken. From then on the same refusal is given again.
    pub fn check(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        let step = match &mut self.state {
            State::Refused(refusal) => return Err(refusal.clone()),
            State::Head(head) => head.check(bytes, &self.limits),
            State::Length(left) => Ok(length_step(left, bytes.len())),
            State::Chunks(chunks) => chunks.check(bytes, self.passed, &self.limits),
        };
        match step {
            Ok(step) => {
                self.follow(step);
                Ok(step)
            }
            Err(refusal) => {
                self.state = State::Refused(refusal.clone());
                Err(refusal)
            }
        }
    }

    /// The stream has ended, `bytes` being what was not passed on. Fine between messages, else incomplete (§8).
    ///
    /// # Errors
    /// The message is incomplete.
    pub fn end(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        match &self.state {
            State::Refused(refusal) => Err(refusal.clone()),
            State::Head(_) if bytes.is_empty() => Ok(()),
            _ => Err(self.refuse(Class::Incomplete, bytes)),
        }
    }

    /// Refuses what the machine cannot see by itself: time that has run out.
    pub fn refuse(&mut self, class: Class, bytes: &[u8]) -> Refusal {
        let refusal = Refusal::at(class, bytes, self.passed, bytes.len());
        self.state = State::Refused(refusal.clone());
        refusal
    }

    /// Whether a message has begun: with `bytes` not passed on, or content outstanding.
    pub fn is_inside(&self, bytes: &[u8]) -> bool {
        !matches!(self.state, State::Head(_)) || !bytes.is_empty()
    }

    /// Whether a head is being read.
    pub fn is_in_head(&self) -> bool {
        matches!(self.state, State::Head(_))
    }

    fn follow(&mut self, step: Step) {
        match step {
            Step::More => {}
            Step::Head(len, framing) => {
                self.passed += len as u64;
                self.state = match framing.body {
                    Body::None | Body::Length(0) => State::Head(Head::default()),
                    Body::Length(len) => State::Length(len),
                    Body::Chunked => State::Chunks(Chunks::default()),
                };
                if self.is_in_head() {
                    self.passed = 0;
                }
            }
            Step::Body(len) => self.passed += len as u64,
            Step::End(_) => {
                self.passed = 0;
                self.state = State::Head(Head::default());
            }
        }
    }
}

fn length_step(left: &mut u64, here: usize) -> Step {
    let take = (*left).min(here as u64);
    *left -= take;
    // Not more than `here`, so it fits.
    let len = take as usize;
    match (len, *left) {
        (0, _) => Step::More,
        (_, 0) => Step::End(len),
        _ => Step::Body(len),
    }
}

impl Head {
    /// Reads line by line until the empty one; a head is passed on as a whole.
    fn check(&mut self, bytes: &[u8], limits: &Limits) -> Result<Step, Refusal> {
        loop {
            let limit = if self.request.is_none() { limits.request_line } else { limits.field_line };
            let too_long = if self.request.is_none() { Class::TargetLong } else { Class::FieldLong };
            let Some(end) = line_end(bytes, self.line, &mut self.seen, limit, too_long)
                .map_err(|(class, at)| Refusal::at(class, bytes, 0, at))?
            else {
                return self.within(bytes, bytes.len(), limits).map(|()| Step::More);
            };
            self.within(bytes, end + 2, limits)?;
            let start = std::mem::replace(&mut self.line, end + 2);
            self.seen = self.line;
            if end > start {
                self.line(bytes, start, end, limits)?;
            } else if self.request.is_some() {
                let framing = self.framing().map_err(|(class, at)| {
                    Refusal::at(class, bytes, 0, if at == AT_END { start } else { at })
                })?;
                if let Body::Length(len) = framing.body
                    && len > limits.body
                {
                    let at = self.fields.length.map_or(start, |(_, at)| at);
                    return Err(Refusal::at(Class::BodyLong, bytes, 0, at));
                }
                return Ok(Step::Head(end + 2, framing));
            } else if std::mem::replace(&mut self.has_blank, true) {
                // One empty line before a request is forgiven (§2.2), a second is not.
                return Err(Refusal::at(Class::RequestLine, bytes, 0, start));
            }
        }
    }

    fn within(&self, bytes: &[u8], len: usize, limits: &Limits) -> Result<(), Refusal> {
        if len > limits.head {
            return Err(Refusal::at(Class::HeadLong, bytes, 0, limits.head));
        }
        Ok(())
    }

    fn line(&mut self, bytes: &[u8], start: usize, end: usize, limits: &Limits) -> Result<(), Refusal> {
        let line = &bytes[start..end];
        let outcome = match &self.request {
            None => request_line::parse(line, start).map(|request| self.request = Some(request)),
            Some(_) => self.fields.line(line, start, limits),
        };
        outcome.map_err(|(class, at)| Refusal::at(class, bytes, 0, start + at))
    }

    /// What the whole head means (§3.2, §6.3).
    fn framing(&self) -> Result<Framing, (Class, usize)> {
        let Some(request) = &self.request else { return Err((Class::RequestLine, AT_END)) };
        let fields = &self.fields;
        if request.minor >= 1 && fields.host.is_none() {
            return Err((Class::HostMissing, AT_END));
        }
        if let (Some(at), 0) = (fields.coding_at, request.minor) {
            return Err((Class::CodingOld, at));
        }
        let body = match (fields.coding_at, fields.length) {
            (Some(coding), Some((_, length))) => return Err((Class::CodingAndLength, coding.max(length))),
            (Some(at), None) if !fields.is_chunked => return Err((Class::CodingOrder, at)),
            (Some(_), None) => Body::Chunked,
            (None, Some((len, _))) => Body::Length(len),
            (None, None) => Body::None,
        };
        let minor_at = (request.minor > 1).then_some(request.minor_at);
        Ok(Framing { body, minor_at, wants_upgrade: fields.has_upgrade })
    }
}

/// Stands for the empty line that ends the head, where something is missing.
const AT_END: usize = usize::MAX;

/// Where the CRLF of the line beginning at `start` stands; `None` if it has not come. `seen` remembers up to where was
/// looked, so that bytes that drip in one by one are not read again and again.
fn line_end(
    bytes: &[u8],
    start: usize,
    seen: &mut usize,
    limit: usize,
    too_long: Class,
) -> Result<Option<usize>, (Class, usize)> {
    let from = (*seen).max(start);
    let found = bytes[from..].iter().position(|&byte| byte == b'\n' || byte == b'\r').map(|at| from + at);
    let len = found.unwrap_or(bytes.len()) - start;
    if len > limit {
        return Err((too_long, start + limit));
    }
    match found {
        None => {
            *seen = bytes.len();
            Ok(None)
        }
        Some(at) if bytes[at] == b'\n' => Err((Class::BareLf, at)),
        Some(at) if at + 1 == bytes.len() => {
            *seen = at;
            Ok(None)
        }
        Some(at) if bytes[at + 1] == b'\n' => Ok(Some(at)),
        Some(at) => Err((Class::BareCr, at)),
    }
}
