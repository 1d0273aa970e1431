//! The values a filter names, read by the type of the field they are compared with.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Value;
use crate::field::{Display, Field, Type};
use crate::value::{number, parse_pairs};

/// A value in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    Value(Value<'static>),
    /// A network and the mask of its prefix.
    Net4(u32, u32),
    Net6(u128, u128),
}

/// How a literal stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spelling {
    Word(String),
    Text(Vec<u8>),
}

impl Spelling {
    /// As it is shown in an error.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// The value for a field.
    pub(super) fn for_field(&self, field: &Field) -> Option<Literal> {
        let text = self.shown();
        match field.ty {
            Type::Ipv4 => net4(&text),
            Type::Ipv6 => net6(&text),
            Type::Uint | Type::UintLe if field.display == Display::Time => seconds(&text).map(value),
            Type::Uint | Type::UintLe => octal(&text)
                .or_else(|| boolean(&text))
                .map(value)
                .or_else(|| field.parse(&text).map(Literal::Value)),
            Type::Bool => boolean(&text).map(value),
            Type::Mac | Type::Bytes | Type::Items(_) => self.bytes().map(bytes),
            Type::Text | Type::Name => Some(Literal::Value(Value::from(text))),
        }
    }

    /// The value for bytes, as of a slice or a protocol: pairs of hex digits, or text in quotes.
    pub(super) fn for_bytes(&self) -> Option<Literal> {
        self.bytes().map(bytes)
    }

    /// The value for a number.
    pub(super) fn for_number(&self) -> Option<Literal> {
        number(&self.shown()).map(value)
    }

    /// The value for text.
    pub(super) fn for_text(&self) -> Literal {
        Literal::Value(Value::from(self.shown()))
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(bytes) => Some(bytes.clone()),
            Self::Word(word) => parse_pairs(word).or_else(|| {
                let digits = word.strip_prefix("0x").unwrap_or(word);
                let is_hex = digits.len() % 2 == 0 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
                if is_hex { (0..digits.len()).step_by(2).map(pair).collect() } else { None }
            }),
        }
    }
}

fn value(number: u64) -> Literal {
    Literal::Value(Value::Uint(number))
}

fn bytes(bytes: Vec<u8>) -> Literal {
    Literal::Value(Value::from(bytes))
}

/// A number with a leading zero is octal, as in C.
fn octal(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('0').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    if digits.is_empty() { None } else { u64::from_str_radix(digits, 8).ok() }
}

fn boolean(text: &str) -> Option<u64> {
    match text {
        "true" | "True" | "TRUE" => Some(1),
        "false" | "False" | "FALSE" => Some(0),
        _ => number(text),
    }
}

/// Seconds with a fraction, in nanoseconds.
fn seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: u64 = format!("{fraction:0<9}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

fn net4(text: &str) -> Option<Literal> {
    let (address, prefix) = split_prefix(text, 32)?;
    let address: Ipv4Addr = address.parse().ok()?;
    let mask = if prefix == 0 { 0 } else { u32::MAX << (32 - prefix) };
    Some(Literal::Net4(u32::from(address), mask))
}

fn net6(text: &str) -> Option<Literal> {
    let (address, prefix) = split_prefix(text, 128)?;
    let address: Ipv6Addr = address.parse().ok()?;
    let mask = if prefix == 0 { 0 } else { u128::MAX << (128 - prefix) };
    Some(Literal::Net6(u128::from(address), mask))
}

fn split_prefix(text: &str, most: u32) -> Option<(&str, u32)> {
    match text.split_once('/') {
        Some((address, prefix)) => Some((address, prefix.parse().ok().filter(|prefix| *prefix <= most)?)),
        None => Some((text, most)),
    }
}
