//! The first line of a request (RFC 9112 §3): method, target, version, and the form of target that each method takes.

use super::field::{is_host, is_token};
use super::refusal::Class;

/// What is kept of a request line.
#[derive(Debug)]
pub(super) struct RequestLine {
    /// The minor version.
    pub(super) minor: u8,
    /// Where its digit stands in the head.
    pub(super) minor_at: usize,
}

/// The methods of RFC 9110 §9.3 and PATCH (RFC 5789).
pub(super) const METHODS: [&[u8]; 9] =
    [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"];

/// Reads the line without its CRLF; offsets of errors count from its first byte, `minor_at` from `start`.
pub(super) fn parse(line: &[u8], start: usize) -> Result<RequestLine, (Class, usize)> {
    let method_len = line.iter().position(|&byte| byte == b' ').ok_or_else(|| no_space(line))?;
    let method = &line[..method_len];
    if let Some(at) = not_token(method) {
        return Err((Class::MethodToken, at));
    }
    let rest = method_len + 1;
    let Some(target_len) = line[rest..].iter().position(|&byte| byte == b' ') else {
        // No second space: is there at least a target of right bytes?
        check_bytes(&line[rest..], rest)?;
        return Err((Class::RequestLine, line.len()));
    };
    let target = &line[rest..rest + target_len];
    if target.is_empty() {
        return Err((Class::RequestLine, rest));
    }
    check_bytes(target, rest)?;
    let version_at = rest + target_len + 1;
    let minor = version(&line[version_at..], version_at)?;
    if !METHODS.contains(&method) {
        return Err((Class::MethodUnknown, 0));
    }
    check_form(method, target, rest)?;
    Ok(RequestLine { minor, minor_at: start + version_at + 7 })
}

/// A line without any space: a method that is no token, or nothing but a method.
fn no_space(line: &[u8]) -> (Class, usize) {
    match not_token(line) {
        Some(at) => (Class::MethodToken, at),
        None => (Class::RequestLine, line.len()),
    }
}

fn not_token(name: &[u8]) -> Option<usize> {
    if name.is_empty() { Some(0) } else { name.iter().position(|&byte| !is_token(byte)) }
}

/// Visible ASCII without `#`, `"`, `<`, `>`, and whole percent escapes. Browsers send `|`, `^`, `{`, `}` and `[` bare:
/// those are let through.
fn check_bytes(target: &[u8], base: usize) -> Result<(), (Class, usize)> {
    for (at, &byte) in target.iter().enumerate() {
        let class = match byte {
            b'#' => Class::TargetFragment,
            b'%' if !is_escape(&target[at + 1..]) => Class::TargetPercent,
            0..=0x20 | 0x7f.. | b'"' | b'<' | b'>' => Class::TargetByte,
            _ => continue,
        };
        return Err((class, base + at));
    }
    Ok(())
}

fn is_escape(rest: &[u8]) -> bool {
    rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit)
}

/// `HTTP/1.x` (§2.3); the minor version.
fn version(version: &[u8], base: usize) -> Result<u8, (Class, usize)> {
    const NAME: &[u8] = b"HTTP/";
    if version.is_empty() {
        return Err((Class::RequestLine, base));
    }
    if version[0] == b' ' {
        return Err((Class::RequestLine, base));
    }
    if let Some(at) = version.iter().position(|&byte| byte == b' ' || byte == b'\t') {
        return Err((Class::RequestLine, base + at)); // something follows the version
    }
    if let Some(at) = NAME.iter().zip(version).position(|(want, got)| want != got) {
        return Err((Class::VersionForm, base + at));
    }
    match version.get(NAME.len()..) {
        Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit() => {
            if *major == b'1' {
                Ok(minor - b'0')
            } else {
                Err((Class::VersionMajor, base + NAME.len()))
            }
        }
        digits => Err((Class::VersionForm, base + misplaced(version, digits.unwrap_or_default()))),
    }
}

/// The first byte that is not as `d.d` has it.
fn misplaced(version: &[u8], digits: &[u8]) -> usize {
    let is_right = |(at, byte): (usize, &u8)| match at {
        0 | 2 => byte.is_ascii_digit(),
        1 => *byte == b'.',
        _ => false,
    };
    let right = digits.iter().enumerate().take_while(|&(at, byte)| is_right((at, byte))).count();
    version.len() - digits.len() + right
}

/// §3.2.1–§3.2.4: origin-form for all, authority-form for CONNECT alone, asterisk-form for OPTIONS alone.
fn check_form(method: &[u8], target: &[u8], base: usize) -> Result<(), (Class, usize)> {
    let wrong = Err((Class::TargetForm, base));
    match (method, target) {
        (b"CONNECT", _) => match target.iter().rposition(|&byte| byte == b':') {
            Some(colon) if colon + 1 < target.len() && is_host(target) => Ok(()),
            _ => wrong,
        },
        (_, [b'/', ..]) => Ok(()),
        (b"OPTIONS", b"*") => Ok(()),
        (_, b"*") => wrong,
        _ => {
            let authority = [&b"http://"[..], b"https://"]
                .iter()
                .find(|scheme| {
                    target.len() > scheme.len() && target[..scheme.len()].eq_ignore_ascii_case(scheme)
                })
                .map(|scheme| scheme.len());
            let Some(from) = authority else { return wrong };
            let rest = &target[from..];
            let len = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
            // An empty host is invalid in http URIs (9110 §4.2.1), user info is refused (§4.2.4).
            if len == 0 || rest[0] == b':' || !is_host(&rest[..len]) {
                return Err((Class::TargetForm, base + from));
            }
            Ok(())
        }
    }
}
