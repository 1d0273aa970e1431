//! Answers: whole ones, streams, and problems as RFC 9457 has them.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use serde_json::{Value, json};

use crate::strict::Refusal;

/// An answer.
pub(super) type Reply = Response<Content>;
/// An answer, or what was wrong with the question.
pub(super) type Outcome = Result<Reply, Problem>;

type Pieces = Pin<Box<dyn Stream<Item = io::Result<Frame<Bytes>>> + Send>>;

/// What an answer holds.
pub(super) enum Content {
    /// All of it at once; `None` when taken.
    Whole(Option<Bytes>),
    /// Piece by piece.
    Stream(Pieces),
}

impl Content {
    pub(super) fn stream(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        use futures_util::StreamExt;
        Self::Stream(Box::pin(pieces.map(|piece| piece.map(Frame::data))))
    }

    pub(super) fn frames(frames: impl Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static) -> Self {
        Self::Stream(Box::pin(frames))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(pieces) => pieces.as_mut().poll_next(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// Content of a type.
pub(super) fn whole(kind: &'static str, bytes: impl Into<Bytes>) -> Reply {
    let bytes = bytes.into();
    let mut reply = Response::new(Content::Whole((!bytes.is_empty()).then_some(bytes)));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// Nothing but a status.
pub(super) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Content::Whole(None));
    *reply.status_mut() = status;
    reply
}

/// JSON, indented for people.
pub(super) fn json_of(value: &Value) -> Reply {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    whole("application/json", text)
}

/// Pieces as they come.
pub(super) fn streamed(
    kind: &'static str,
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Reply {
    let mut reply = Response::new(Content::stream(pieces));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// Builder's steps on an answer.
pub(super) trait With: Sized {
    fn status(self, status: StatusCode) -> Self;
    /// Adds a field; a value that no field can have is left out.
    fn field(self, name: HeaderName, value: &str) -> Self;
}

impl With for Reply {
    fn status(mut self, status: StatusCode) -> Self {
        *self.status_mut() = status;
        self
    }

    fn field(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers_mut().append(name, value);
        }
        self
    }
}

/// The same content with its length told, for answers to HEAD.
pub(super) fn without_content(reply: Reply) -> Reply {
    let (mut parts, content) = reply.into_parts();
    if let Some(len) = content.size_hint().exact()
        && !matches!(parts.status, StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT)
    {
        parts.headers.insert(CONTENT_LENGTH, len.into());
    }
    Response::from_parts(parts, Content::Whole(None))
}

/// Something wrong with a request, as `application/problem+json` (RFC 9457).
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// What was expected, in words.
    pub(super) detail: String,
    /// Further members.
    pub(super) more: Value,
    /// Fields of the answer.
    pub(super) fields: Vec<(HeaderName, String)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), more: Value::Null, fields: Vec::new() }
    }

    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn with(mut self, more: Value) -> Self {
        self.more = more;
        self
    }

    pub(super) fn field(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    pub(super) fn reply(self) -> Reply {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let mut value = json!({
            "type": "about:blank",
            "title": title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let (Value::Object(all), Value::Object(more)) = (&mut value, self.more) {
            all.extend(more);
        }
        let mut reply = json_of(&value).status(self.status);
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        self.fields.into_iter().fold(reply, |reply, (name, value)| reply.field(name, &value))
    }
}

impl From<Infallible> for Problem {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// The answer to a request that broke the rules of HTTP/1: class, clause and byte at fault.
pub(super) fn refused(refusal: &Refusal) -> Reply {
    let class = refusal.class;
    let status = StatusCode::from_u16(class.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let near = refusal.near.escape_ascii().to_string();
    let mark = refusal.near[..refusal.mark].escape_ascii().to_string().len();
    let problem = Problem::new(status, refusal.to_string()).with(json!({
        "class": class.id(),
        "clause": class.clause(),
        "offset": refusal.offset,
        "byte": refusal.near.get(refusal.mark),
        "near": near,
        "mark": mark,
    }));
    problem.reply().field(http::header::CONNECTION, "close")
}
