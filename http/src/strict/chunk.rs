//! Chunked content (RFC 9112 §7.1): sizes, extensions, data, trailers. Data goes on as it comes, lines as a whole.

use super::refusal::{Class, Refusal};
use super::{Limits, Step, field, line_end};

/// Fields that would change framing, routing or meaning if they came late (9110 §6.5.1).
const NOT_IN_TRAILERS: [&[u8]; 12] = [
    b"transfer-encoding",
    b"content-length",
    b"host",
    b"trailer",
    b"te",
    b"connection",
    b"upgrade",
    b"expect",
    b"authorization",
    b"content-encoding",
    b"content-type",
    b"content-range",
];

/// Where in the content the next byte stands.
#[derive(Debug, Default)]
enum Place {
    #[default]
    Size,
    /// So many bytes of data are to come.
    Data(u64),
    /// The CRLF behind the data.
    DataEnd,
    /// Field lines, then an empty one; so many bytes and lines went by.
    Trailer { len: usize, lines: usize },
}

/// The machine for one chunked body.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    place: Place,
    /// Up to where the unfinished line was looked at.
    seen: usize,
    /// Content seen so far.
    total: u64,
}

impl Chunks {
    /// Passes as much as is right; `start` is the offset of `bytes` in the message.
    pub(super) fn check(&mut self, bytes: &[u8], start: u64, limits: &Limits) -> Result<Step, Refusal> {
        let mut done = 0;
        loop {
            let before = done;
            let is_end = self
                .advance(&bytes[done..], &mut done, limits)
                .map_err(|(class, at)| Refusal::at(class, bytes, start, before + at))?;
            if is_end {
                return Ok(Step::End(done));
            }
            if done == before {
                return Ok(if done == 0 { Step::More } else { Step::Body(done) });
            }
        }
    }

    /// One line or one run of data; whether the content has ended.
    fn advance(&mut self, bytes: &[u8], done: &mut usize, limits: &Limits) -> Result<bool, (Class, usize)> {
        match &mut self.place {
            Place::Data(left) => {
                let take = (*left).min(bytes.len() as u64);
                *left -= take;
                if *left == 0 {
                    self.place = Place::DataEnd;
                }
                *done += take as usize;
                Ok(false)
            }
            Place::DataEnd => {
                let right = bytes.iter().zip(b"\r\n").take_while(|(got, want)| got == want).count();
                if right < bytes.len().min(2) {
                    return Err((Class::ChunkEnd, right));
                }
                if right == 2 {
                    *done += 2;
                    self.place = Place::Size;
                }
                Ok(false)
            }
            Place::Size => self.size_line(bytes, done, limits).map(|()| false),
            Place::Trailer { .. } => self.trailer_line(bytes, done, limits),
        }
    }

    fn size_line(&mut self, bytes: &[u8], done: &mut usize, limits: &Limits) -> Result<(), (Class, usize)> {
        let found = line_end(bytes, 0, &mut self.seen, limits.chunk_line, Class::ChunkLong);
        if let Err((_, at)) = found {
            size(&bytes[..at], false)?; // a wrong size comes before a wrong end of its line
        }
        let Some(end) = found? else {
            // What is there of a size must be right already, or a client that waits would wait in vain.
            return size(&bytes[..bytes.len() - usize::from(bytes.ends_with(b"\r"))], false).map(drop);
        };
        self.seen = 0;
        let (len, at) = size(&bytes[..end], true)?;
        extensions(&bytes[at..end]).map_err(|fault| (Class::ChunkExtension, at + fault))?;
        self.total = self.total.saturating_add(len);
        if self.total > limits.body {
            return Err((Class::BodyLong, 0));
        }
        self.place = if len == 0 { Place::Trailer { len: 0, lines: 0 } } else { Place::Data(len) };
        *done += end + 2;
        Ok(())
    }

    fn trailer_line(
        &mut self,
        bytes: &[u8],
        done: &mut usize,
        limits: &Limits,
    ) -> Result<bool, (Class, usize)> {
        let found = line_end(bytes, 0, &mut self.seen, limits.field_line, Class::TrailerLong)?;
        let Some(end) = found else { return Ok(false) };
        self.seen = 0;
        *done += end + 2;
        if end == 0 {
            return Ok(true);
        }
        if let Place::Trailer { len, lines } = &mut self.place {
            (*len, *lines) = (*len + end + 2, *lines + 1);
            if *len > limits.head || *lines > limits.fields {
                return Err((Class::TrailerLong, 0));
            }
        }
        if let b' ' | b'\t' = bytes[0] {
            return Err((Class::ObsFold, 0));
        }
        let line = field::split(&bytes[..end])?;
        if NOT_IN_TRAILERS.iter().any(|name| name.eq_ignore_ascii_case(line.name)) {
            return Err((Class::TrailerField, 0));
        }
        Ok(false)
    }
}

/// The size and where what follows it begins. Leading zeros are legal, so digits are not counted.
fn size(line: &[u8], is_whole: bool) -> Result<(u64, usize), (Class, usize)> {
    let mut len = 0u64;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    for (at, byte) in line[..digits].iter().enumerate() {
        // `to_digit` knows every hexadecimal digit.
        let digit = u64::from(char::from(*byte).to_digit(16).unwrap_or_default());
        let next = len.checked_mul(16).and_then(|len| len.checked_add(digit));
        len = next.ok_or((Class::ChunkOverflow, at))?;
    }
    match line.get(digits) {
        None if digits == 0 && is_whole => Err((Class::ChunkSize, 0)),
        None => Ok((len, digits)),
        Some(b';') if digits > 0 => Ok((len, digits)),
        // Bad whitespace is legal before `;` alone (§7.1.1).
        Some(b' ' | b'\t') if digits > 0 => {
            let space = line[digits..].iter().take_while(|byte| b" \t".contains(byte)).count();
            match line.get(digits + space) {
                Some(b';') => Ok((len, digits)),
                None if !is_whole => Ok((len, digits)),
                _ => Err((Class::ChunkSize, digits)),
            }
        }
        Some(_) => Err((Class::ChunkSize, digits)),
    }
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`; the byte at fault.
fn extensions(text: &[u8]) -> Result<(), usize> {
    let mut at = 0;
    let skip = |at: &mut usize| {
        while text.get(*at).is_some_and(|byte| b" \t".contains(byte)) {
            *at += 1;
        }
    };
    loop {
        skip(&mut at);
        match text.get(at) {
            None if at > 0 && text[at - 1] == b' ' => return Err(at - 1),
            None => return Ok(()),
            Some(b';') => at += 1,
            Some(_) => return Err(at),
        }
        skip(&mut at);
        let name = text[at..].iter().take_while(|byte| field::is_token(**byte)).count();
        if name == 0 {
            return Err(at);
        }
        at += name;
        let after_name = at;
        skip(&mut at);
        if text.get(at) == Some(&b'=') {
            at += 1;
            skip(&mut at);
            at += value_len(&text[at..]).map_err(|fault| at + fault)?;
        } else {
            at = after_name;
        }
    }
}

/// The length of a token or quoted string.
fn value_len(text: &[u8]) -> Result<usize, usize> {
    if text.first() != Some(&b'"') {
        let len = text.iter().take_while(|byte| field::is_token(**byte)).count();
        return if len > 0 { Ok(len) } else { Err(0) };
    }
    let mut at = 1;
    loop {
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') if text.get(at + 1).is_some_and(|byte| *byte >= 0x20 && *byte != 0x7f) => at += 2,
            Some(b'\t' | b' '..=b'[' | b']'..=b'~' | 0x80..) => at += 1,
            _ => return Err(at),
        }
    }
}
