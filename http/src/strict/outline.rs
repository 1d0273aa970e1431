//! The parts of a message head with their places: what a drawing of the bytes needs. Tolerant: shows what is there.

use std::ops::Range;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// The method, or the version of a response.
    First,
    /// The request target, or the status code.
    Second,
    /// The version, or the reason phrase.
    Third,
    /// A field's name.
    Name,
    /// A field's value.
    Value,
    /// CRLF.
    LineEnd,
    /// The empty line.
    HeadEnd,
    /// What follows the head.
    Body,
}

/// One part and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Where it stands.
    pub range: Range<usize>,
}

/// A message in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// In the order of the bytes.
    pub parts: Vec<Part>,
    /// The length of the head with its empty line; `None` if that has not come.
    pub head_len: Option<usize>,
}

/// Cuts a message, request or response, at its lines, spaces and colons.
pub fn outline(bytes: &[u8]) -> Outline {
    let mut outline = Outline::default();
    let mut at = 0;
    while at < bytes.len() {
        let found = bytes[at..].iter().position(|&byte| byte == b'\n').map(|lf| at + lf);
        let next = found.map_or(bytes.len(), |lf| lf + 1);
        let end = found.map_or(bytes.len(), |lf| lf - usize::from(lf > at && bytes[lf - 1] == b'\r'));
        let is_first = outline.parts.is_empty();
        if end == at && !is_first {
            outline.push(PartKind::HeadEnd, at..next);
            outline.head_len = Some(next);
            outline.push(PartKind::Body, next..bytes.len());
            break;
        }
        if is_first {
            outline.start_line(bytes, at..end)
        } else {
            outline.field_line(bytes, at..end)
        }
        outline.push(PartKind::LineEnd, end..next);
        at = next;
    }
    outline
}

impl Outline {
    fn push(&mut self, kind: PartKind, range: Range<usize>) {
        if !range.is_empty() {
            self.parts.push(Part { kind, range });
        }
    }

    fn start_line(&mut self, bytes: &[u8], range: Range<usize>) {
        let mut at = range.start;
        for kind in [PartKind::First, PartKind::Second] {
            let space = bytes[at..range.end].iter().position(|&byte| byte == b' ').map(|len| at + len);
            let Some(space) = space else { break };
            self.push(kind, at..space);
            at = space + 1;
        }
        self.push(PartKind::Third, at..range.end);
    }

    fn field_line(&mut self, bytes: &[u8], range: Range<usize>) {
        let line = &bytes[range.clone()];
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        self.push(PartKind::Name, range.start..range.start + colon);
        let rest = &line[(colon + 1).min(line.len())..];
        let value_at = range.end - rest.trim_ascii_start().len();
        self.push(PartKind::Value, value_at..value_at + rest.trim_ascii().len());
    }
}
