//! HTTPie's request items: what stands on the command line behind the URL, and the request they make.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// One item.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// `Name:value`; an empty value takes a default field away, `Name;` sends it empty.
    Header(String, Option<String>),
    /// `name==value`
    Query(String, String),
    /// `name=value`, `name=@file`
    Field(String, String),
    /// `name:=json`, `name:=@file`
    Json(String, serde_json::Value),
    /// `name@path`
    File(String, PathBuf),
}

/// Longer separators first: of two that begin at one place the longer counts.
const SEPARATORS: [&str; 7] = [":=@", "=@", ":=", "==", "@", "=", ":"];

/// Reads an item; a backslash takes the meaning from the character behind it.
///
/// # Errors
/// There is no separator, a file cannot be read, or `:=` is not followed by JSON.
pub fn parse(text: &str) -> Result<Item> {
    let wrong = |reason: &str| Error::Item { item: text.to_owned(), reason: reason.to_owned() };
    let Some((name, separator, value)) = split(text) else {
        return match text.strip_suffix(';') {
            Some(name) if !name.is_empty() => header(text, name.to_owned(), Some(String::new())),
            _ => Err(wrong("expected one of `:` `=` `:=` `==` `@` `=@` `:=@` inside")),
        };
    };
    let read =
        |path: &str| std::fs::read_to_string(path).map_err(|error| wrong(&format!("`{path}`: {error}")));
    let json = |text: &str| {
        crate::json::parse(text.as_bytes(), &crate::json::Options::default())
            .map_err(|fault| wrong(&format!("no JSON: {fault}")))?;
        serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))
    };
    Ok(match separator {
        ":" => return header(text, name, (!value.is_empty()).then(|| value.trim_start().to_owned())),
        "==" => Item::Query(name, value),
        "=" => Item::Field(name, value),
        "=@" => Item::Field(name, read(&value)?),
        ":=" => Item::Json(name, json(&value)?),
        ":=@" => Item::Json(name, json(&read(&value)?)?),
        _ => Item::File(name, PathBuf::from(value)),
    })
}

/// Nothing that a user types may end a line of the head.
fn header(text: &str, name: String, value: Option<String>) -> Result<Item> {
    let wrong = |reason: &str| Error::Item { item: text.to_owned(), reason: reason.to_owned() };
    if name.is_empty() || !name.bytes().all(crate::strict::is_token) {
        return Err(wrong("a field name is a token (RFC 9110 §5.1)"));
    }
    let is_control = |byte: u8| (byte < 0x20 && byte != b'\t') || byte == 0x7f;
    if value.as_ref().is_some_and(|value| value.bytes().any(is_control)) {
        return Err(wrong("a field value holds no control characters (RFC 9110 §5.5)"));
    }
    Ok(Item::Header(name, value))
}

/// The first separator, with what is before and behind it.
fn split(text: &str) -> Option<(String, &'static str, String)> {
    let mut name = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            match letters.next() {
                Some((_, escaped)) if "\\:=@".contains(escaped) => name.push(escaped),
                Some((_, other)) => name.extend(['\\', other]),
                None => name.push('\\'),
            }
            continue;
        }
        if let Some(separator) = SEPARATORS.iter().find(|separator| text[at..].starts_with(**separator)) {
            return Some((name, separator, text[at + separator.len()..].to_owned()));
        }
        name.push(letter);
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_what_httpie_has() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let field = |name, value| {
            let (name, value) = pair(name, value);
            Item::Field(name, value)
        };
        assert_eq!(parse("a=b").unwrap(), field("a", "b"));
        assert_eq!(parse("a=b:c==d").unwrap(), field("a", "b:c==d"));
        assert_eq!(parse("a\\:b=c").unwrap(), field("a:b", "c"));
        assert_eq!(parse("a:=[1, true]").unwrap(), Item::Json("a".into(), json!([1, true])));
        assert_eq!(parse("q==통로").unwrap(), Item::Query("q".into(), "통로".into()));
        assert_eq!(parse("X-A: b").unwrap(), Item::Header("X-A".into(), Some("b".into())));
        assert_eq!(parse("Accept:").unwrap(), Item::Header("Accept".into(), None));
        assert_eq!(parse("X-A;").unwrap(), Item::Header("X-A".into(), Some(String::new())));
        assert_eq!(parse("f@a.txt").unwrap(), Item::File("f".into(), "a.txt".into()));
    }

    #[test]
    fn what_would_break_the_request_is_refused() {
        for text in ["plain", "X: a\r\nY: b", "X Y:1", "a:={", ":x", "a=@/no/such/file"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
