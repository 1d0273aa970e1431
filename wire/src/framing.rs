//! Where messages end in the bytes of a stream: TCP keeps no borders, so each protocol says them itself.
//!
//! Bytes come from somebody who puts streams together; how many of them are the next message goes back. Nothing is
//! dissected here, except for protocols of one's own, whose tables say the length.

use crate::protocol::Protocol;
use crate::table::{dns, http, irc, tls, websocket};
use crate::{ProblemKind, dissect_from};

/// How much of a stream's next bytes belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes are a whole message.
    Whole(usize),
    /// The message goes on; it needs at least so many bytes in all.
    Partial(usize),
    /// The message goes on until the sender closes.
    UntilClose,
    /// The protocol takes what one segment brings; it does not put messages together.
    Segment,
    /// No message of this protocol begins here.
    Strange,
}

/// Where the message that these bytes begin with ends. `is_bodiless` says that an HTTP response answers a HEAD.
///
/// ```
/// use tongro_wire::{Framing, framing, table::http::HTTP};
/// let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
/// assert_eq!(framing(&HTTP, answer, false), Framing::Partial(43));
/// assert_eq!(framing(&HTTP, answer, true), Framing::Whole(38));
/// ```
#[must_use]
pub fn framing(protocol: &'static Protocol, bytes: &[u8], is_bodiless: bool) -> Framing {
    match protocol {
        _ if *protocol == http::HTTP => http_message(bytes, is_bodiless),
        _ if *protocol == tls::TLS => record(bytes),
        _ if *protocol == dns::DNS_TCP => counted(bytes, 2, 2, number),
        _ if *protocol == websocket::WEBSOCKET => frame(bytes),
        _ if *protocol == irc::IRC => Framing::Segment,
        _ if protocol.is_own => by_table(protocol, bytes),
        _ => Framing::Segment,
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// A message of `head` bytes and as many more as the number in the last `digits` of them says.
fn counted(bytes: &[u8], head: usize, digits: usize, len: impl Fn(&[u8]) -> usize) -> Framing {
    let Some(first) = bytes.get(..head) else { return Framing::Partial(head) };
    reached(bytes, head.saturating_add(len(&first[head - digits..])))
}

fn reached(bytes: &[u8], len: usize) -> Framing {
    if len <= bytes.len() { Framing::Whole(len) } else { Framing::Partial(len) }
}

fn record(bytes: &[u8]) -> Framing {
    let is_kind = bytes.first().is_some_and(|kind| (20..=24).contains(kind));
    let is_version = bytes.get(1).is_none_or(|major| *major == 3);
    if is_kind && is_version { counted(bytes, 5, 2, number) } else { Framing::Strange }
}

/// RFC 6455 section 5.2: seven bits of length, or 16 or 64 more, then a key of four bytes when masked.
fn frame(bytes: &[u8]) -> Framing {
    let [_, second, rest @ ..] = bytes else { return Framing::Partial(2) };
    let extra = match second & 127 {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let Some(more) = rest.get(..extra) else { return Framing::Partial(2 + extra) };
    let len = if extra == 0 { usize::from(second & 127) } else { number(more) };
    let key = if second & 128 == 0 { 0 } else { 4 };
    reached(bytes, (2 + extra + key).saturating_add(len))
}

/// The longest head that is waited for.
const LONGEST_HEAD: usize = 64 << 10;

fn http_message(bytes: &[u8], is_bodiless: bool) -> Framing {
    if !http::may_be_message(bytes) {
        return Framing::Strange;
    }
    let Some(head) = head_len(bytes) else {
        return if bytes.len() < LONGEST_HEAD { Framing::Partial(bytes.len() + 1) } else { Framing::Segment };
    };
    let said = http::lengths(&bytes[..head]);
    let has_none = match said.status {
        Some(status) => is_bodiless || status < 200 || matches!(status, 204 | 304),
        None => said.content_len.is_none() && !said.is_chunked,
    };
    match said.content_len {
        _ if has_none => Framing::Whole(head),
        _ if said.is_chunked => match chunks(&bytes[head..]) {
            Ok(len) => Framing::Whole(head + len),
            Err(wanted) => Framing::Partial(head + wanted),
        },
        Some(len) => reached(bytes, head.saturating_add(len)),
        None => Framing::UntilClose,
    }
}

/// The bytes up to and with the empty line.
fn head_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(len) = bytes[at..].iter().position(|byte| *byte == b'\n') {
        at += len + 1;
        match &bytes[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// The length of a chunked body (RFC 9112 section 7.1) with its trailer, or how many bytes it needs at least.
fn chunks(bytes: &[u8]) -> Result<usize, usize> {
    let mut at = 0;
    loop {
        let line = bytes[at..].iter().position(|byte| *byte == b'\n').ok_or(bytes.len() + 1)?;
        let digits = bytes[at..at + line].split(|byte| *byte == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).unwrap_or_default().trim();
        // What is no length ends the body: better a short message than a stream that is lost.
        let Ok(len) = usize::from_str_radix(digits, 16) else { return Ok(at) };
        at += line + 1;
        if len == 0 {
            return trailer(bytes, at);
        }
        at = at.saturating_add(len).saturating_add(2);
        if at > bytes.len() {
            return Err(at.saturating_add(5));
        }
    }
}

fn trailer(bytes: &[u8], mut at: usize) -> Result<usize, usize> {
    loop {
        let line = bytes[at..].iter().position(|byte| *byte == b'\n').ok_or(bytes.len() + 1)?;
        let is_empty = bytes[at..at + line].trim_ascii().is_empty();
        at += line + 1;
        if is_empty {
            return Ok(at);
        }
    }
}

/// A message of somebody's own table is whole when the table finds all its bytes.
fn by_table(protocol: &'static Protocol, bytes: &[u8]) -> Framing {
    let packet = dissect_from(protocol, bytes);
    let wanted =
        packet.problems.iter().filter(|problem| problem.layer == 0).find_map(|problem| match problem.kind {
            ProblemKind::Truncated => Some(bytes.len() + 1),
            ProblemKind::BadLength { declared, available } if declared > available => Some(declared),
            _ => None,
        });
    match (wanted, packet.layers.first()) {
        (Some(wanted), _) => Framing::Partial(wanted.max(bytes.len() + 1)),
        (None, Some(layer)) if layer.header.end > 0 => Framing::Whole(layer.header.end),
        _ => Framing::Segment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_chunked_body_ends_with_its_trailer() {
        let body =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\nHTTP/1.1";
        let whole = body.len() - 8;
        assert_eq!(framing(&http::HTTP, body, false), Framing::Whole(whole));
        for len in 8..whole {
            let cut = framing(&http::HTTP, &body[..len], false);
            assert!(matches!(cut, Framing::Partial(wanted) if wanted > len), "{len}: {cut:?}");
        }
    }

    #[test]
    fn records_and_frames_say_their_length() {
        assert_eq!(framing(&tls::TLS, b"\x16\x03\x01\0\x02ab\x17", false), Framing::Whole(7));
        assert_eq!(framing(&tls::TLS, b"\x16\x03", false), Framing::Partial(5));
        assert_eq!(framing(&tls::TLS, b"GET ", false), Framing::Strange);
        assert_eq!(framing(&websocket::WEBSOCKET, b"\x81\x85abcdhello", false), Framing::Whole(11));
        assert_eq!(framing(&dns::DNS_TCP, b"\0\x03ab", false), Framing::Partial(5));
    }

    #[test]
    fn a_response_without_length_ends_with_the_connection() {
        let answer = b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\nbody";
        assert_eq!(framing(&http::HTTP, answer, false), Framing::UntilClose);
        assert_eq!(framing(&http::HTTP, b"GET / HTTP/1.1\r\n\r\nGET", false), Framing::Whole(18));
        assert_eq!(framing(&http::HTTP, b"body", false), Framing::Strange);
    }

    proptest! {
        #[test]
        fn never_panics_and_never_takes_more_than_there_is(
            start in prop::sample::select(vec![&b""[..], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"\x16\x03"]),
            bytes in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let bytes = [start, &bytes].concat();
            for protocol in [&http::HTTP, &tls::TLS, &dns::DNS_TCP, &websocket::WEBSOCKET] {
                match framing(protocol, &bytes, false) {
                    Framing::Whole(len) => prop_assert!(len <= bytes.len() && len > 0),
                    Framing::Partial(len) => prop_assert!(len > bytes.len()),
                    _ => {}
                }
            }
        }
    }
}
