//! Field lines (RFC 9112 §5) and what the framing fields among them say (§3.2, §6).

use super::Limits;
use super::refusal::Class;

/// `tchar` of RFC 9110 §5.6.2.
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What the fields read so far say about framing and routing.
#[derive(Debug, Default)]
pub(super) struct Fields {
    count: usize,
    /// Where Host stands.
    pub(super) host: Option<usize>,
    /// Content-Length, and where its value stands.
    pub(super) length: Option<(u64, usize)>,
    /// Where the first Transfer-Encoding's value stands.
    pub(super) coding_at: Option<usize>,
    /// Whether the last coding is `chunked`.
    pub(super) is_chunked: bool,
    /// Whether there is an Upgrade.
    pub(super) has_upgrade: bool,
}

/// A field line in parts, as ranges of the line.
pub(super) struct FieldLine<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) value_at: usize,
}

impl Fields {
    /// Reads a line, not empty, whose first byte is number `start` of the head. Offsets of errors count from the line.
    pub(super) fn line(&mut self, line: &[u8], start: usize, limits: &Limits) -> Result<(), (Class, usize)> {
        if let b' ' | b'\t' = line[0] {
            let class = if self.count == 0 { Class::SpaceBeforeFields } else { Class::ObsFold };
            return Err((class, 0));
        }
        self.count += 1;
        if self.count > limits.fields {
            return Err((Class::FieldsMany, 0));
        }
        let field = split(line)?;
        self.take(&field, start).map_err(|(class, at)| (class, field.value_at + at))
    }

    /// Offsets of errors count from the value.
    fn take(&mut self, field: &FieldLine<'_>, start: usize) -> Result<(), (Class, usize)> {
        let (name, value, at) = (field.name, field.value, start + field.value_at);
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.host(value, at),
            6 if name.eq_ignore_ascii_case(b"expect") => expect(value),
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.has_upgrade = true;
                Ok(())
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => self.length(value, at),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.coding(value, at),
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &[u8], at: usize) -> Result<(), (Class, usize)> {
        if self.host.replace(at).is_some() {
            return Err((Class::HostTwice, 0));
        }
        // Empty is legal (§3.2): a target without authority has none to name.
        if value.is_empty() || is_host(value) { Ok(()) } else { Err((Class::HostForm, host_fault(value))) }
    }

    fn length(&mut self, value: &[u8], at: usize) -> Result<(), (Class, usize)> {
        if self.length.is_some() {
            return Err((Class::LengthTwice, 0));
        }
        if value.is_empty() {
            return Err((Class::LengthForm, 0));
        }
        let mut len = 0u64;
        for (at, byte) in value.iter().enumerate() {
            if !byte.is_ascii_digit() {
                return Err((Class::LengthForm, at));
            }
            let next = len.checked_mul(10).and_then(|len| len.checked_add(u64::from(byte - b'0')));
            len = next.ok_or((Class::LengthOverflow, at))?;
        }
        self.length = Some((len, at));
        Ok(())
    }

    /// A list of codings; several lines are one list (9110 §5.3).
    fn coding(&mut self, value: &[u8], at: usize) -> Result<(), (Class, usize)> {
        self.coding_at = self.coding_at.or(Some(at));
        let mut offset = 0;
        for element in value.split(|&byte| byte == b',') {
            let coding = element.trim_ascii();
            let at = offset + (element.len() - element.trim_ascii_start().len());
            offset += element.len() + 1;
            if coding.is_empty() || !coding.iter().all(|&byte| is_token(byte)) {
                return Err((Class::CodingForm, at.min(value.len())));
            }
            let is_chunked = coding.eq_ignore_ascii_case(b"chunked");
            if self.is_chunked {
                return Err((if is_chunked { Class::CodingTwice } else { Class::CodingOrder }, at));
            }
            if !is_chunked {
                return Err((Class::CodingUnknown, at));
            }
            self.is_chunked = true;
        }
        Ok(())
    }
}

/// 9110 §10.1.1: the one expectation there is.
fn expect(value: &[u8]) -> Result<(), (Class, usize)> {
    if value.eq_ignore_ascii_case(b"100-continue") { Ok(()) } else { Err((Class::Expectation, 0)) }
}

/// Name and value of a line (§5), each byte looked at once. Offsets count from the line.
pub(super) fn split(line: &[u8]) -> Result<FieldLine<'_>, (Class, usize)> {
    let Some(colon) = line.iter().position(|&byte| !is_token(byte)) else {
        return Err((Class::FieldColon, line.len()));
    };
    match line[colon] {
        b':' if colon > 0 => {}
        b' ' | b'\t' if colon > 0 => {
            let after = line[colon..].iter().find(|byte| !b" \t".contains(byte));
            let class = match after {
                Some(b':') => Class::FieldSpace,
                _ if line.contains(&b':') => Class::FieldName,
                _ => Class::FieldColon,
            };
            return Err((class, if class == Class::FieldColon { line.len() } else { colon }));
        }
        _ => return Err((Class::FieldName, colon)),
    }
    let rest = &line[colon + 1..];
    if let Some(at) = rest.iter().position(|&byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
        return Err((Class::FieldByte, colon + 1 + at));
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let before = rest.iter().take_while(|byte| is_space(byte)).count();
    let behind = rest[before..].iter().rev().take_while(|byte| is_space(byte)).count();
    let value_at = colon + 1 + before;
    Ok(FieldLine { name: &line[..colon], value: &line[value_at..line.len() - behind], value_at })
}

/// `uri-host [ ":" port ]` (9110 §7.2, RFC 3986 §3.2.2): a name of unreserved bytes, sub-delims and escapes, an IPv4
/// address, or an IP literal in brackets. Commas, though sub-delims, are refused: in Host they are a list in disguise.
pub fn is_host(value: &[u8]) -> bool {
    host_fault(value) == value.len() && !value.is_empty()
}

/// The first byte that no host has; the length if all are right.
fn host_fault(value: &[u8]) -> usize {
    let host_len = match value.first() {
        Some(b'[') => match literal_len(value) {
            Ok(len) => len,
            Err(at) => return at,
        },
        _ => {
            let name = value.iter().position(|&byte| byte == b':').unwrap_or(value.len());
            match name_fault(&value[..name]) {
                Some(at) => return at,
                None => name,
            }
        }
    };
    match value.get(host_len) {
        None => value.len(),
        Some(b':') => port_fault(value, host_len + 1),
        Some(_) => host_len,
    }
}

fn name_fault(name: &[u8]) -> Option<usize> {
    let is_right = |at: usize| match name[at] {
        b'%' => name.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
        byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=".contains(&byte),
    };
    (0..name.len()).find(|&at| !is_right(at))
}

/// The length of `[…]`, or the byte at fault.
fn literal_len(value: &[u8]) -> Result<usize, usize> {
    let close = value.iter().position(|&byte| byte == b']').ok_or(value.len() - 1)?;
    let inside = std::str::from_utf8(&value[1..close]).map_err(|error| 1 + error.valid_up_to())?;
    let is_future = inside.len() > 3
        && inside.starts_with(['v', 'V'])
        && inside[1..].split_once('.').is_some_and(|(version, rest)| {
            !version.is_empty()
                && version.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !rest.is_empty()
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(&byte))
        });
    if is_future || inside.parse::<std::net::Ipv6Addr>().is_ok() { Ok(close + 1) } else { Err(1) }
}

/// `*DIGIT`, and not above 65535, which no port is.
fn port_fault(value: &[u8], from: usize) -> usize {
    let port = &value[from..];
    if let Some(at) = port.iter().position(|byte| !byte.is_ascii_digit()) {
        return from + at;
    }
    let number = port.iter().fold(0u32, |number, byte| (number * 10 + u32::from(byte - b'0')).min(1 << 20));
    if number > 65535 { from } else { value.len() }
}
