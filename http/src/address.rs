//! URLs in parts: read as RFC 3986 has it (every part a range of the text) and as browsers do (WHATWG), side by side.
//!
//! ```text
//!   https://kim@한글.kr:8443/a/../b?q=1#top
//!   └─┬─┘   └┬┘ └──┬──┘ └┬─┘└──┬──┘ └┬┘ └┬┘
//!  scheme userinfo host port  path query fragment
//! ```

use std::ops::Range;

use url::Url;

/// A part of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// Before the first colon.
    Scheme,
    /// Before `@`.
    Userinfo,
    /// Name or address.
    Host,
    /// Behind the host's colon.
    Port,
    /// From there to `?` or `#`.
    Path,
    /// Behind `?`.
    Query,
    /// Behind `#`.
    Fragment,
}

impl Component {
    /// Its name in texts.
    pub fn id(self) -> &'static str {
        match self {
            Self::Scheme => "scheme",
            Self::Userinfo => "userinfo",
            Self::Host => "host",
            Self::Port => "port",
            Self::Path => "path",
            Self::Query => "query",
            Self::Fragment => "fragment",
        }
    }
}

/// The parts of a URI reference, as the expression in RFC 3986 appendix B cuts it; empty parts that are there included.
pub fn split(text: &str) -> Vec<(Component, Range<usize>)> {
    let mut parts = Vec::new();
    let mut at = 0;
    if let Some(len) = text.find([':', '/', '?', '#'])
        && text[len..].starts_with(':')
        && len > 0
    {
        parts.push((Component::Scheme, 0..len));
        at = len + 1;
    }
    if text[at..].starts_with("//") {
        let start = at + 2;
        let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |len| start + len);
        authority(text, start..end, &mut parts);
        at = end;
    }
    let end = text[at..].find(['?', '#']).map_or(text.len(), |len| at + len);
    if end > at {
        parts.push((Component::Path, at..end));
    }
    at = end;
    if text[at..].starts_with('?') {
        let end = text[at..].find('#').map_or(text.len(), |len| at + len);
        parts.push((Component::Query, at + 1..end));
        at = end;
    }
    if text[at..].starts_with('#') {
        parts.push((Component::Fragment, at + 1..text.len()));
    }
    parts
}

fn authority(text: &str, range: Range<usize>, parts: &mut Vec<(Component, Range<usize>)>) {
    let mut start = range.start;
    if let Some(len) = text[range.clone()].rfind('@') {
        parts.push((Component::Userinfo, start..start + len));
        start += len + 1;
    }
    let rest = &text[start..range.end];
    let from = rest.find(']').map_or(0, |len| len + 1);
    let colon = rest[from..].rfind(':').map(|len| start + from + len);
    parts.push((Component::Host, start..colon.unwrap_or(range.end)));
    if let Some(colon) = colon {
        parts.push((Component::Port, colon + 1..range.end));
    }
}

/// The syntax-based normal form of RFC 3986 §6.2.2: case of scheme, host and escapes, unreserved bytes decoded, dot
/// segments removed, the scheme's own port left out (§6.2.3).
pub fn normalize(text: &str) -> String {
    let parts = split(text);
    let of = |wanted| parts.iter().find(|(part, _)| *part == wanted).map(|(_, range)| &text[range.clone()]);
    let mut out = String::new();
    let scheme = of(Component::Scheme).map(str::to_ascii_lowercase);
    if let Some(scheme) = &scheme {
        out.push_str(&format!("{scheme}:"));
    }
    let host = of(Component::Host);
    if let Some(host) = host {
        out.push_str("//");
        if let Some(user) = of(Component::Userinfo) {
            out.push_str(&format!("{}@", escapes(user)));
        }
        out.push_str(&escapes(&host.to_lowercase()));
        let usual = match scheme.as_deref() {
            Some("http" | "ws") => "80",
            Some("https" | "wss") => "443",
            Some("ftp") => "21",
            _ => "",
        };
        if let Some(port) = of(Component::Port).filter(|port| !port.is_empty() && *port != usual) {
            out.push_str(&format!(":{port}"));
        }
    }
    let path = escapes(of(Component::Path).unwrap_or_default());
    let path = if scheme.is_some() || host.is_some() { without_dots(&path) } else { path };
    out.push_str(if path.is_empty() && host.is_some() { "/" } else { &path });
    for (part, mark) in [(Component::Query, '?'), (Component::Fragment, '#')] {
        if let Some(text) = of(part) {
            out.push_str(&format!("{mark}{}", escapes(text)));
        }
    }
    out
}

/// Escapes in capitals, those of unreserved bytes undone (§6.2.2.1, §6.2.2.2); bytes that are not ASCII escaped.
fn escapes(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match (bytes[at], escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                at += 3;
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    out.push(char::from(byte));
                } else {
                    out.push_str(&format!("%{byte:02X}"));
                }
                continue;
            }
            (byte, _) if byte.is_ascii() => out.push(char::from(byte)),
            (byte, _) => out.push_str(&format!("%{byte:02X}")),
        }
        at += 1;
    }
    out
}

/// §5.2.4
fn without_dots(path: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let is_absolute = path.starts_with('/');
    let segments: Vec<&str> = path.split('/').skip(usize::from(is_absolute)).collect();
    for (at, segment) in segments.iter().enumerate() {
        let is_last = at + 1 == segments.len();
        match *segment {
            "." if is_last => out.push(""),
            "." => {}
            ".." => {
                out.pop();
                if is_last {
                    out.push("");
                }
            }
            segment => out.push(segment),
        }
    }
    format!("{}{}", if is_absolute { "/" } else { "" }, out.join("/"))
}

/// Resolves a reference as RFC 3986 §5.2 does; `None` if the base has no scheme.
pub fn join(base: &str, reference: &str) -> Option<String> {
    let part = |text: &str, wanted| {
        split(text).into_iter().find(|(part, _)| *part == wanted).map(|(_, range)| text[range].to_owned())
    };
    let authority = |text: &str| {
        let parts = split(text);
        let of = |wanted| parts.iter().find(|(part, _)| *part == wanted).map(|(_, range)| range.clone());
        let host = of(Component::Host)?;
        let start = of(Component::Userinfo).map_or(host.start, |user| user.start);
        Some(text[start..of(Component::Port).map_or(host.end, |port| port.end)].to_owned())
    };
    let path = |text: &str| part(text, Component::Path).unwrap_or_default();
    let base_scheme = part(base, Component::Scheme)?;
    let fragment = part(reference, Component::Fragment);
    let own_query = part(reference, Component::Query);
    let (scheme, host, path, query) = if let Some(scheme) = part(reference, Component::Scheme) {
        (scheme, authority(reference), without_dots(&path(reference)), own_query)
    } else if let Some(host) = authority(reference) {
        (base_scheme, Some(host), without_dots(&path(reference)), own_query)
    } else if path(reference).is_empty() {
        (base_scheme, authority(base), path(base), own_query.or_else(|| part(base, Component::Query)))
    } else {
        let own = path(reference);
        let base_path = path(base);
        let merged = if own.starts_with('/') {
            own
        } else if base_path.is_empty() && authority(base).is_some() {
            format!("/{own}")
        } else {
            format!("{}{own}", &base_path[..base_path.rfind('/').map_or(0, |at| at + 1)])
        };
        (base_scheme, authority(base), without_dots(&merged), own_query)
    };
    let mut out = format!("{scheme}:");
    host.iter().for_each(|host| out.push_str(&format!("//{host}")));
    out.push_str(&path);
    query.iter().for_each(|query| out.push_str(&format!("?{query}")));
    fragment.iter().for_each(|fragment| out.push_str(&format!("#{fragment}")));
    Some(out)
}

/// One part as both standards read it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reading {
    /// Which.
    pub part: Component,
    /// By RFC 3986, as written.
    pub rfc: Option<String>,
    /// By the URL standard of browsers, as serialized.
    pub whatwg: Option<String>,
}

/// Both readings, part by part; or why the URL standard refuses the text.
///
/// # Errors
/// The URL standard finds no URL in it.
pub fn readings(text: &str) -> Result<Vec<Reading>, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let parts = split(text);
    let rfc = |wanted| {
        parts.iter().find(|(part, _)| *part == wanted).map(|(_, range)| text[range.clone()].to_owned())
    };
    let user = match (url.username(), url.password()) {
        ("", None) => None,
        (user, None) => Some(user.to_owned()),
        (user, Some(password)) => Some(format!("{user}:{password}")),
    };
    let read = [
        (Component::Scheme, Some(url.scheme().to_owned())),
        (Component::Userinfo, user),
        (Component::Host, url.host_str().map(ToOwned::to_owned)),
        (Component::Port, url.port().map(|port| port.to_string())),
        (Component::Path, Some(url.path().to_owned()).filter(|path| !path.is_empty())),
        (Component::Query, url.query().map(ToOwned::to_owned)),
        (Component::Fragment, url.fragment().map(ToOwned::to_owned)),
    ];
    Ok(read.into_iter().map(|(part, whatwg)| Reading { part, rfc: rfc(part), whatwg }).collect())
}

/// A host name for the wire: `한글.kr` → `xn--bj0bj06e.kr` (UTS 46).
///
/// # Errors
/// It is no name.
pub fn to_ascii(host: &str) -> Result<String, String> {
    idna::domain_to_ascii(host).map_err(|error| error.to_string())
}

/// A host name for people: `xn--bj0bj06e.kr` → `한글.kr`.
pub fn to_unicode(host: &str) -> String {
    idna::domain_to_unicode(host).0
}

/// Text as a component: everything but unreserved bytes escaped (RFC 3986 §2.3).
pub fn encode(text: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Escapes undone.
pub fn decode(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 3986 §5.4
    #[test]
    fn references_resolve_as_the_rfc_lists() {
        let base = "http://a/b/c/d;p?q";
        for (reference, expected) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("g;x", "http://a/b/c/g;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            (".g", "http://a/b/c/.g"),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("http:g", "http:g"),
        ] {
            assert_eq!(join(base, reference).as_deref(), Some(expected), "{reference}");
        }
    }

    #[test]
    fn parts_normal_form_and_names_are_as_the_rfc_has_them() {
        let text = "HTTP://kim:pw@[::1]:80/a%7eb/../%e3?q#f";
        let parts: Vec<_> = split(text).into_iter().map(|(part, range)| (part.id(), &text[range])).collect();
        let expected = [
            ("scheme", "HTTP"),
            ("userinfo", "kim:pw"),
            ("host", "[::1]"),
            ("port", "80"),
            ("path", "/a%7eb/../%e3"),
            ("query", "q"),
            ("fragment", "f"),
        ];
        assert_eq!(parts, expected);
        assert_eq!(normalize(text), "http://kim:pw@[::1]/%E3?q#f");
        assert_eq!(normalize("eXAMPLE://a/./b/../b/%63/%7bfoo%7d"), "example://a/b/c/%7Bfoo%7D");
        assert_eq!(to_ascii("한글.kr").unwrap(), "xn--bj0bj06e.kr");
        assert_eq!(to_unicode("xn--bj0bj06e.kr"), "한글.kr");
        assert_eq!(
            (encode("통 로".as_bytes()).as_str(), decode("%ED%86%B5")),
            ("%ED%86%B5%20%EB%A1%9C", "통".into())
        );
    }

    #[test]
    fn where_the_standards_differ_is_seen() {
        let of = |text: &str, wanted| {
            readings(text).unwrap().into_iter().find(|reading| reading.part == wanted).unwrap()
        };
        let host = of("http://0x7f.1/", Component::Host);
        assert_eq!((host.rfc.as_deref(), host.whatwg.as_deref()), (Some("0x7f.1"), Some("127.0.0.1")));
        let host = of("http://good.example\\@evil.example/", Component::Host);
        assert_eq!(
            (host.rfc.as_deref(), host.whatwg.as_deref()),
            (Some("evil.example"), Some("good.example"))
        );
    }

    proptest! {
        #[test]
        fn any_text_splits_and_normalizes_without_panic(text in "\\PC{0,40}", base in "[a-z:/?#@\\[\\].%0-9]{0,30}") {
            for text in [&text, &base] {
                let parts = split(text);
                prop_assert!(parts.windows(2).all(|pair| pair[0].1.end <= pair[1].1.start));
                prop_assert_eq!(normalize(&normalize(text)), normalize(text));
                let _ = (join(text, &base), join(&base, text), readings(text));
            }
        }
    }
}
