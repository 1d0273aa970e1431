//! From text to tokens, each with the character it starts at.

use super::{FilterError, FilterErrorKind};

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a number or an address, as it stands.
    Word(String),
    /// Quoted text, its escapes resolved.
    Text(Vec<u8>),
    /// What stands between square brackets.
    Slice(String),
    /// An operator or a bracket.
    Sign(&'static str),
}

/// A token and the character it starts at.
pub(super) type Placed = (usize, Token);

/// Longer signs first.
const SIGNS: &[&str] = &[
    "===", "!==", "==", "!=", ">=", "<=", "&&", "||", "^^", "..", "~=", ">", "<", "!", "(", ")", "{", "}",
    ",", "&", "~",
];

/// Cuts a text into tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, FilterError> {
    let letters: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        let is_raw = *letter == 'r' && letters.get(at + 1) == Some(&'"');
        if letter.is_whitespace() {
            at += 1;
        } else if matches!(letter, '"' | '\'') || is_raw {
            let (token, next) = quoted(&letters, at, is_raw)?;
            out.push((at, token));
            at = next;
        } else if *letter == '[' {
            let len = letters[at..].iter().position(|letter| *letter == ']');
            let end = at + len.ok_or(FilterError { at, kind: FilterErrorKind::UnexpectedEnd })?;
            out.push((at, Token::Slice(letters[at + 1..end].iter().collect())));
            at = end + 1;
        } else if let Some(end) = word(&letters, at) {
            out.push((at, Token::Word(letters[at..end].iter().collect())));
            at = end;
        } else {
            let sign =
                SIGNS.iter().find(|sign| sign.chars().eq(letters[at..].iter().copied().take(sign.len())));
            let unexpected = || FilterErrorKind::Unexpected { found: letter.to_string() };
            let sign = sign.ok_or_else(|| FilterError { at, kind: unexpected() })?;
            out.push((at, Token::Sign(sign)));
            at += sign.len();
        }
    }
    Ok(out)
}

/// The end of the word at `at`; a range (`1..2`) ends it, and so does any sign.
fn word(letters: &[char], at: usize) -> Option<usize> {
    let is_part = |index: usize| {
        let letter = letters[index];
        let is_range = letter == '.' && letters.get(index + 1) == Some(&'.');
        (letter.is_alphanumeric() || matches!(letter, '_' | '.' | ':' | '/' | '-')) && !is_range
    };
    let end = (at..letters.len()).find(|index| !is_part(*index)).unwrap_or(letters.len());
    (end > at && !matches!(letters[at], '/')).then_some(end)
}

fn quoted(letters: &[char], at: usize, is_raw: bool) -> Result<(Token, usize), FilterError> {
    let open = FilterError { at, kind: FilterErrorKind::OpenString };
    let start = if is_raw { at + 1 } else { at };
    let quote = letters[start];
    let mut bytes = Vec::new();
    let mut index = start + 1;
    loop {
        let letter = *letters.get(index).ok_or_else(|| open.clone())?;
        index += 1;
        if letter == quote {
            break;
        }
        if letter != '\\' || is_raw {
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let (byte, used) = escape(&letters[index..]).ok_or_else(|| open.clone())?;
        bytes.extend_from_slice(byte.encode_utf8(&mut [0; 4]).as_bytes());
        index += used;
    }
    // A character in single quotes is a number.
    let token = match bytes.as_slice() {
        [byte] if quote == '\'' => Token::Word(byte.to_string()),
        _ => Token::Text(bytes),
    };
    Ok((token, index))
}

/// What a backslash and these letters mean, and how many of them it takes.
fn escape(letters: &[char]) -> Option<(char, usize)> {
    Some(match letters.first()? {
        'n' => ('\n', 1),
        'r' => ('\r', 1),
        't' => ('\t', 1),
        '0' => ('\0', 1),
        'x' => {
            let digits: String = letters.get(1..3)?.iter().collect();
            (char::from(u8::from_str_radix(&digits, 16).ok()?), 3)
        }
        other => (*other, 1),
    })
}
