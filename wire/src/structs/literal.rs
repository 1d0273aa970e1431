//! Values written as Python writes them: `7`, `-0x1f`, `1.5`, `True`, `b'a\x00'`, `'text'`; bare words are text.

use std::fmt;

use super::{Code, Datum, Format};

/// Why a text is no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiteralError {
    /// The value starts with a quote and does not end with it.
    #[error("`{0}` has no closing quote")]
    OpenQuote(String),
    /// A backslash with a letter that means nothing.
    #[error("`{0}` has an escape that means nothing")]
    BadEscape(String),
    /// The text is no number.
    #[error("`{0}` is no number")]
    NotANumber(String),
}

impl Datum {
    /// Reads a value for any code: a number, a truth value, quoted text or bytes; anything else is text.
    ///
    /// # Errors
    /// When a quote stays open or an escape means nothing.
    pub fn parse(text: &str) -> Result<Self, LiteralError> {
        match text {
            "True" | "true" => return Ok(Self::Bool(true)),
            "False" | "false" => return Ok(Self::Bool(false)),
            _ => {}
        }
        if let Some(bytes) = quoted(text)? {
            return Ok(Self::Bytes(bytes));
        }
        if let Some(number) = integer(text) {
            return Ok(Self::Int(number));
        }
        // Python writes infinities without sign or point, too, and lets `_` part digits.
        let looks_numeric =
            text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.'));
        match text.replace('_', "").parse() {
            Ok(number) if looks_numeric || matches!(text, "inf" | "nan") => Ok(Self::Float(number)),
            _ => Ok(Self::Bytes(text.as_bytes().to_vec())),
        }
    }

    /// Reads a value as its code wants it: for `s`, `p` and `c` even digits are text.
    ///
    /// # Errors
    /// When a quote stays open, an escape means nothing, or a number is none.
    pub fn parse_for(code: Code, text: &str) -> Result<Self, LiteralError> {
        if matches!(code, Code::Bytes | Code::Pascal | Code::Char) {
            return Ok(Self::Bytes(quoted(text)?.unwrap_or_else(|| text.as_bytes().to_vec())));
        }
        match Self::parse(text)? {
            Self::Bytes(_) if code != Code::Bool => Err(LiteralError::NotANumber(text.to_owned())),
            value => Ok(value),
        }
    }
}

impl Format {
    /// Reads one text per value of the format; texts beyond the last value are read without a code.
    ///
    /// # Errors
    /// When a text is no value for its place.
    pub fn parse_values(&self, texts: &[impl AsRef<str>]) -> Result<Vec<Datum>, LiteralError> {
        let codes: Vec<_> =
            self.layout().iter().filter(|slot| slot.value.is_some()).map(|slot| slot.code).collect();
        let mut codes = codes.into_iter();
        texts
            .iter()
            .map(|text| match codes.next() {
                Some(code) => Datum::parse_for(code, text.as_ref()),
                None => Datum::parse(text.as_ref()),
            })
            .collect()
    }
}

fn integer(text: &str) -> Option<i128> {
    let text = text.replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        _ => (lower.as_str(), 10),
    };
    let starts_well = digits.starts_with(|first: char| first.is_ascii_alphanumeric());
    i128::from_str_radix(digits, radix).ok().filter(|_| starts_well).map(|number| sign * number)
}

/// The bytes of a quoted text, with or without `b` before it; `None` when it is not quoted.
fn quoted(text: &str) -> Result<Option<Vec<u8>>, LiteralError> {
    let body = text.strip_prefix('b').unwrap_or(text);
    let Some(quote) = body.chars().next().filter(|first| matches!(first, '\'' | '"')) else {
        return Ok(None);
    };
    let inner = body.get(1..).and_then(|rest| rest.strip_suffix(quote));
    let inner = inner.ok_or_else(|| LiteralError::OpenQuote(text.to_owned()))?;
    unescaped(inner).map(Some).ok_or_else(|| LiteralError::BadEscape(text.to_owned()))
}

/// Text with its backslashes resolved, as Python reads them; `None` when one means nothing.
pub(crate) fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        out.push(match letters.next()? {
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            '0' => 0,
            'x' => {
                let digits: String = letters.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 2)?
            }
            same @ ('\\' | '\'' | '"') => same as u8,
            _ => return None,
        });
    }
    Some(out)
}

impl fmt::Display for Datum {
    /// As Python prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) if number.is_nan() => f.write_str("nan"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Bytes(bytes) => print_bytes(bytes, f),
        }
    }
}

fn print_bytes(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    write!(f, "b{quote}")?;
    for byte in bytes {
        match byte {
            b'\n' => f.write_str("\\n")?,
            b'\r' => f.write_str("\\r")?,
            b'\t' => f.write_str("\\t")?,
            b'\\' => f.write_str("\\\\")?,
            _ if char::from(*byte) == quote => write!(f, "\\{quote}")?,
            b' '..=b'~' => write!(f, "{}", char::from(*byte))?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    write!(f, "{quote}")
}
