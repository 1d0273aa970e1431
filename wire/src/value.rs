//! Values: what the bits of a field mean, how they print, and how they are read from text.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::bits;
use crate::field::{Display, Field, Type};

/// The value of a field; bytes and text are borrowed from the packet where they stand there as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number.
    Uint(u64),
    /// A truth value.
    Bool(bool),
    /// Set, and never there when not.
    Flag,
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// Text.
    Text(Cow<'a, str>),
    /// A hardware address.
    Mac([u8; 6]),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
}

impl<'a> Value<'a> {
    /// The number behind a number, a truth value or a flag.
    #[must_use]
    pub fn uint(&self) -> Option<u64> {
        match self {
            Self::Uint(number) => Some(*number),
            Self::Bool(set) => Some(u64::from(*set)),
            Self::Flag => Some(1),
            _ => None,
        }
    }

    /// The bytes behind bytes, text or an address, as they stand in a packet.
    #[must_use]
    pub fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        Some(match self {
            Self::Bytes(bytes) => Cow::Borrowed(bytes.as_ref()),
            Self::Text(text) => Cow::Borrowed(text.as_bytes()),
            Self::Mac(mac) => Cow::Borrowed(&mac[..]),
            Self::Ipv4(address) => Cow::Owned(address.octets().to_vec()),
            Self::Ipv6(address) => Cow::Owned(address.octets().to_vec()),
            Self::Uint(_) | Self::Bool(_) | Self::Flag => return None,
        })
    }

    /// The same value, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Uint(number) => Value::Uint(number),
            Self::Bool(set) => Value::Bool(set),
            Self::Flag => Value::Flag,
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Mac(mac) => Value::Mac(mac),
            Self::Ipv4(address) => Value::Ipv4(address),
            Self::Ipv6(address) => Value::Ipv6(address),
        }
    }

    /// Reads `len` bits at bit `at`, which must lie inside `bytes`.
    #[inline]
    pub(crate) fn read(field: &Field, bytes: &'a [u8], at: u32, len: u32) -> Self {
        match field.ty {
            Type::Uint => Self::Uint(bits::read(bytes, at, len.min(64)) * u64::from(field.scale)),
            Type::Bool => Self::Bool(bits::read(bytes, at, len.min(64)) != 0),
            Type::UintLe => {
                let number = bits::read(bytes, at, len.min(64));
                Self::Uint(number.swap_bytes() >> (64 - len.clamp(1, 64)))
            }
            Type::Mac | Type::Ipv4 | Type::Ipv6 => Self::address(field.ty, slice(bytes, at, len)),
            Type::Bytes | Type::Name | Type::Items(_) => Self::Bytes(Cow::Borrowed(slice(bytes, at, len))),
            Type::Text => Self::Text(String::from_utf8_lossy(slice(bytes, at, len))),
        }
    }

    #[inline]
    fn address(ty: Type, bytes: &'a [u8]) -> Self {
        let plain = Self::Bytes(Cow::Borrowed(bytes));
        match ty {
            Type::Mac => <[u8; 6]>::try_from(bytes).map_or(plain, Self::Mac),
            Type::Ipv4 => <[u8; 4]>::try_from(bytes).map_or(plain, |octets| Self::Ipv4(octets.into())),
            _ => <[u8; 16]>::try_from(bytes).map_or(plain, |octets| Self::Ipv6(octets.into())),
        }
    }

    /// Prints as `tshark -T fields` does for a field of this display.
    pub(crate) fn print(&self, display: Display, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::Uint(number) => print_number(*number, display, out),
            Self::Bool(set) => out.write_str(if *set { "1" } else { "0" }),
            Self::Flag => out.write_str("1"),
            Self::Bytes(bytes) if display == Display::Colons => print_colons(bytes, out),
            Self::Bytes(bytes) => print_hex(bytes, out),
            Self::Text(text) => print_text(text, out),
            Self::Mac(address) => print_colons(address, out),
            Self::Ipv4(address) => print_ipv4(*address, out),
            Self::Ipv6(address) => print_ipv6(*address, out),
        }
    }
}

#[inline]
fn slice(bytes: &[u8], at: u32, len: u32) -> &[u8] {
    let from = (at / 8) as usize;
    bytes.get(from..from + (len / 8) as usize).unwrap_or(&[])
}

fn print_number(number: u64, display: Display, out: &mut impl fmt::Write) -> fmt::Result {
    let mut line = Line::default();
    match display {
        Display::Hex(digits) => {
            line.put(b"0x");
            line.hex(number, digits);
        }
        Display::Bool => line.put(if number == 0 { b"0" } else { b"1" }),
        Display::Time => {
            line.decimal(number / 1_000_000_000, 1);
            line.put(b".");
            line.decimal(number % 1_000_000_000, 9);
        }
        _ => line.decimal(number, 1),
    }
    out.write_str(line.text())
}

/// A short text that is put together here and written at once: the formatting of `core` costs more than a dissection.
struct Line {
    bytes: [u8; 48],
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self { bytes: [0; 48], len: 0 }
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl Line {
    fn put(&mut self, bytes: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    /// A number with at least so many digits.
    fn decimal(&mut self, mut number: u64, least: usize) {
        let mut digits = [b'0'; 20];
        let mut from = digits.len();
        while number > 0 && from > 0 {
            from -= 1;
            digits[from] = b'0' + (number % 10) as u8;
            number /= 10;
        }
        self.put(&digits[from.min(digits.len() - least)..]);
    }

    /// The same in hex.
    fn hex(&mut self, mut number: u64, least: u8) {
        let mut digits = [b'0'; 16];
        let mut from = digits.len();
        while number > 0 && from > 0 {
            from -= 1;
            digits[from] = DIGITS[(number & 15) as usize];
            number >>= 4;
        }
        self.put(&digits[from.min(digits.len() - usize::from(least.clamp(1, 16)))..]);
    }

    fn text(&self) -> &str {
        // Only ASCII was put.
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

fn print_ipv4(address: Ipv4Addr, out: &mut impl fmt::Write) -> fmt::Result {
    let mut line = Line::default();
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            line.put(b".");
        }
        line.decimal(u64::from(octet), 1);
    }
    out.write_str(line.text())
}

fn print_hex(bytes: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    for part in bytes.chunks(64) {
        let mut text = [0; 128];
        for (pair, byte) in text.chunks_exact_mut(2).zip(part) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        out.write_str(std::str::from_utf8(&text[..part.len() * 2]).unwrap_or_default())?;
    }
    Ok(())
}

fn print_colons(bytes: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    for (index, byte) in bytes.iter().enumerate() {
        let mut line = Line::default();
        if index > 0 {
            line.put(b":");
        }
        line.hex(u64::from(*byte), 2);
        out.write_str(line.text())?;
    }
    Ok(())
}

fn print_text(text: &str, out: &mut impl fmt::Write) -> fmt::Result {
    if !text.bytes().any(|byte| matches!(byte, b'\n' | b'\t' | b'\r')) {
        return out.write_str(text);
    }
    for letter in text.chars() {
        match letter {
            '\n' => out.write_str("\\n")?,
            '\t' => out.write_str("\\t")?,
            '\r' => out.write_str("\\r")?,
            _ => out.write_char(letter)?,
        }
    }
    Ok(())
}

/// As `inet_ntop` prints: IPv4-compatible addresses have their last half dotted, too.
fn print_ipv6(address: Ipv6Addr, out: &mut impl fmt::Write) -> fmt::Result {
    let parts = address.segments();
    if parts[..6] == [0; 6] && parts[6] != 0 {
        let octets = address.octets();
        return write!(out, "::{}.{}.{}.{}", octets[12], octets[13], octets[14], octets[15]);
    }
    write!(out, "{address}")
}

impl fmt::Display for Value<'_> {
    /// The value without a field: numbers decimal, bytes as bare hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.print(Display::Dec, &mut text)?;
        f.write_str(&text)
    }
}

impl Field {
    /// A value of this field as `tshark -T fields` prints it.
    #[must_use]
    pub fn print(&self, value: &Value<'_>) -> String {
        printed(value, self.display)
    }

    /// Reads a value of this field from text: a number (decimal, `0x…`), a name of the table (`Echo request`), an
    /// address, `true`/`false`; bytes are taken from `0x…` hex, else as the text itself. `None` when it is none.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<Value<'static>> {
        match self.ty {
            Type::Uint | Type::UintLe => self.parse_number(text).map(Value::Uint),
            Type::Bool => match text {
                "1" | "true" | "True" => Some(Value::Bool(true)),
                "0" | "false" | "False" => Some(Value::Bool(false)),
                _ => None,
            },
            Type::Mac => parse_mac(text).map(Value::Mac),
            Type::Ipv4 => text.parse().ok().map(Value::Ipv4),
            Type::Ipv6 => text.parse().ok().map(Value::Ipv6),
            Type::Bytes | Type::Items(_) => {
                Some(Value::Bytes(Cow::Owned(parse_hex(text).unwrap_or_else(|| text.as_bytes().to_vec()))))
            }
            Type::Text | Type::Name => Some(Value::Text(Cow::Owned(text.to_owned()))),
        }
    }

    fn parse_number(&self, text: &str) -> Option<u64> {
        let named = self.names.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(n, _)| *n);
        named.or_else(|| number(text))
    }
}

/// A number in decimal, `0x`, `0o` or `0b` notation.
pub(crate) fn number(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        _ => (lower.as_str(), 10),
    };
    u64::from_str_radix(digits, radix).ok()
}

/// A hardware address: six pairs of hex digits with `:`, `-` or `.` between them.
pub(crate) fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let bytes = parse_pairs(text)?;
    <[u8; 6]>::try_from(bytes.as_slice()).ok()
}

/// Pairs of hex digits with `:`, `-` or `.` between them.
pub(crate) fn parse_pairs(text: &str) -> Option<Vec<u8>> {
    let pairs = text.split([':', '-', '.']);
    pairs.map(|pair| if pair.len() == 2 { u8::from_str_radix(pair, 16).ok() } else { None }).collect()
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Uint(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(set: bool) -> Self {
        Self::Bool(set)
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(bytes))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<[u8; 6]> for Value<'_> {
    fn from(mac: [u8; 6]) -> Self {
        Self::Mac(mac)
    }
}

impl From<Ipv4Addr> for Value<'_> {
    fn from(address: Ipv4Addr) -> Self {
        Self::Ipv4(address)
    }
}

impl From<Ipv6Addr> for Value<'_> {
    fn from(address: Ipv6Addr) -> Self {
        Self::Ipv6(address)
    }
}

/// Prints a value of a field into a new string.
pub(crate) fn printed(value: &Value<'_>, display: Display) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = value.print(display, &mut out);
    out
}
