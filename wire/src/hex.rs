//! Hexadecimal in and out: bytes as people paste them, and bytes as a dump shows them.
//!
//! Text comes from a command line, a book or another tool's dump, bytes go out; and the other way.
//!
//! ```
//! use tongro_wire::hex;
//! assert_eq!(hex::parse("45 00:00-1c")?, [0x45, 0, 0, 0x1c]);
//! assert_eq!(hex::parse("00000000: 4500 001c  E...\n")?, [0x45, 0, 0, 0x1c], "a dump of xxd");
//! assert_eq!(hex::print(&[0x45, 0]), "4500");
//! assert_eq!(hex::dump(b"hi\n"), "0000  68 69 0a                                         hi.\n");
//! # Ok::<(), hex::HexError>(())
//! ```

use crate::structs::unescaped;

/// Why a text is no hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// A character that is neither a digit nor something between digits.
    #[error("`{letter}` at character {at} is no hexadecimal digit")]
    BadDigit {
        /// Where, in characters from 0.
        at: usize,
        /// The character.
        letter: char,
    },
    /// A digit without its other half.
    #[error("the digit at character {at} has no second half")]
    HalfByte {
        /// Where, in characters from 0.
        at: usize,
    },
    /// A string in Python's notation that does not end, or with an escape that means nothing.
    #[error("a string does not end, or has an unknown escape")]
    BadString,
}

/// Reads bytes from hexadecimal digits (blanks, `:`, `-`, `,`, `0x` and `\x` between them mean nothing), from a dump with
/// offsets (of `xxd`, `hexdump -C`, `tcpdump -x`, Wireshark), or from a Python string `b'…'`.
///
/// # Errors
/// With the place when a character has no business there, or a byte has one digit.
pub fn parse(text: &str) -> Result<Vec<u8>, HexError> {
    let trimmed = text.trim();
    if let Some(inner) = python_string(trimmed) {
        return unescaped(inner).ok_or(HexError::BadString);
    }
    match dumped(trimmed) {
        Some(bytes) => Ok(bytes),
        None => plain(text),
    }
}

fn python_string(text: &str) -> Option<&str> {
    let body = text.strip_prefix('b').filter(|body| body.starts_with(['\'', '"'])).unwrap_or(text);
    let quote = body.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
    body.get(1..)?.strip_suffix(quote)
}

fn plain(text: &str) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut half: Option<(usize, u8)> = None;
    let mut letters = text.chars().enumerate().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, letter)| *letter);
        match (letter, half) {
            ('0' | '\\', None) if matches!(next, Some('x' | 'X')) => {
                letters.next();
            }
            (_, Some((_, high))) if letter.is_ascii_hexdigit() => {
                bytes.push(high << 4 | digit(letter));
                half = None;
            }
            (_, None) if letter.is_ascii_hexdigit() => half = Some((at, digit(letter))),
            (' ' | '\t' | '\n' | '\r' | ':' | '-' | ',' | '_', None) => {}
            (_, Some((at, _))) => return Err(HexError::HalfByte { at }),
            _ => return Err(HexError::BadDigit { at, letter }),
        }
    }
    half.map_or(Ok(bytes), |(at, _)| Err(HexError::HalfByte { at }))
}

fn digit(letter: char) -> u8 {
    letter.to_digit(16).unwrap_or(0) as u8
}

/// The bytes of a dump, if every line is one: the offset that it should have, bytes, and text after two blanks.
fn dumped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (offset, rest) = line.split_once([' ', '\t'])?;
        let offset = offset.strip_suffix(':').unwrap_or(offset);
        let offset = offset.strip_prefix("0x").unwrap_or(offset);
        let is_offset = offset.len() >= 4 && usize::from_str_radix(offset, 16).ok() == Some(bytes.len());
        if !is_offset
            || !rest.starts_with([' ', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
                && !rest.starts_with(|letter: char| letter.is_ascii_hexdigit())
        {
            return None;
        }
        row(rest.trim_start(), &mut bytes)?;
    }
    (!bytes.is_empty()).then_some(bytes)
}

/// The bytes of a row: groups of digits up to the text at its end, sixteen bytes at most.
fn row(rest: &str, bytes: &mut Vec<u8>) -> Option<()> {
    let before = bytes.len();
    // `hexdump -C` parts its row in two halves by two blanks; the text behind is fenced, or no hex at all.
    for group in rest.split([' ', '\t']) {
        if group.is_empty() {
            continue;
        }
        let is_hex = group.len().is_multiple_of(2)
            && group.len() <= 32
            && group.bytes().all(|letter| letter.is_ascii_hexdigit());
        if !is_hex || bytes.len() - before >= 16 {
            break;
        }
        for at in (0..group.len()).step_by(2) {
            bytes.push(u8::from_str_radix(&group[at..at + 2], 16).ok()?);
        }
    }
    (bytes.len() > before).then_some(())
}

/// Bytes as bare digits, two for each.
#[must_use]
pub fn print(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

/// Bytes as a dump: offset, sixteen bytes, and the same as text, a line each.
#[must_use]
pub fn dump(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 5);
    for (index, row) in bytes.chunks(16).enumerate() {
        let pair = |at: usize| row.get(at).map_or_else(|| "  ".to_owned(), |byte| format!("{byte:02x}"));
        let left: Vec<String> = (0..8).map(pair).collect();
        let right: Vec<String> = (8..16).map(pair).collect();
        let text: String = row.iter().map(|byte| shown(*byte)).collect();
        out.push_str(&format!("{:04x}  {}  {}  {text}\n", index * 16, left.join(" "), right.join(" ")));
    }
    out
}

fn shown(byte: u8) -> char {
    if matches!(byte, b' '..=b'~') { char::from(byte) } else { '.' }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_that_people_paste() {
        let bytes = [0x45, 0x00, 0x00, 0x1c];
        for text in [
            "4500001c",
            "45 00 00 1C",
            "45:00:00:1c",
            "0x4500001c",
            "0x45, 0x00, 0x00, 0x1c",
            r"\x45\x00\x00\x1c",
            r"b'E\x00\x00\x1c'",
            "00000000  45 00 00 1c                                       |E...|\n00000004\n",
            "\t0x0000:  4500 001c",
        ] {
            let got = parse(text.trim_end_matches("00000004\n"));
            assert_eq!(got.as_deref(), Ok(&bytes[..]), "{text}");
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        assert_eq!(parse("45 0g"), Err(HexError::HalfByte { at: 3 }));
        assert_eq!(parse("45 g0"), Err(HexError::BadDigit { at: 3, letter: 'g' }));
        assert_eq!(parse("450"), Err(HexError::HalfByte { at: 2 }));
        assert_eq!(parse("b'\\q'"), Err(HexError::BadString));
        assert_eq!(parse(""), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(bytes: Vec<u8>) {
            prop_assert_eq!(parse(&print(&bytes)).unwrap(), bytes.clone());
            prop_assert_eq!(parse(&dump(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn any_text_is_bytes_or_an_error(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
