//! The reader: one byte after the other, the first fault ends it.

use super::fault::{Fault, Kind};
use super::{DEEPEST, Options, Value};

/// Reads one value and nothing behind it.
///
/// # Errors
/// The first byte that breaks the grammar, and why.
pub fn parse(bytes: &[u8], options: &Options) -> Result<Value, Fault> {
    let mut reader = Reader { bytes, at: 0, left: options.depth.min(DEEPEST), options };
    reader.document().map_err(|(kind, offset)| Fault::at(kind, bytes, offset))
}

type Read<T> = Result<T, (Kind, usize)>;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Levels that may still be opened.
    left: usize,
    options: &'a Options,
}

impl Reader<'_> {
    fn document(&mut self) -> Read<Value> {
        if self.bytes.starts_with(b"\xef\xbb\xbf") {
            return Err((Kind::Bom, 0));
        }
        self.space()?;
        if self.peek().is_none() {
            return Err((Kind::Empty, self.at));
        }
        let value = self.value()?;
        self.space()?;
        if self.peek().is_some() { Err((Kind::Trailing, self.at)) } else { Ok(value) }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) -> Read<()> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        match self.peek() {
            Some(b'/' | b'#') => Err((Kind::Comment, self.at)),
            _ => Ok(()),
        }
    }

    fn value(&mut self) -> Read<Value> {
        match self.peek() {
            None => Err((Kind::Ended, self.at)),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b'+') => Err((Kind::LeadingPlus, self.at)),
            Some(b'.') => Err((Kind::NumberForm, self.at)),
            Some(b'\'') => Err((Kind::SingleQuote, self.at)),
            Some(byte) if byte.is_ascii_alphabetic() => self.word(),
            Some(_) => Err((Kind::Unexpected, self.at)),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Read<Value>) -> Read<Value> {
        self.left = self.left.checked_sub(1).ok_or((Kind::Depth, self.at))?;
        self.at += 1;
        let value = read(self)?;
        self.left += 1;
        Ok(value)
    }

    fn array(&mut self) -> Read<Value> {
        let mut items = Vec::new();
        self.space()?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.ends(b']')? {
                return Ok(Value::Array(items));
            }
        }
    }

    fn object(&mut self) -> Read<Value> {
        let mut members: Vec<(String, Value)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        self.space()?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            let name_at = self.at;
            let name = match self.peek() {
                Some(b'"') => self.string()?,
                None => return Err((Kind::Ended, self.at)),
                Some(b'\'') => return Err((Kind::SingleQuote, self.at)),
                Some(_) => return Err((Kind::Name, self.at)),
            };
            if self.options.forbid_duplicates && !names.insert(name.clone()) {
                return Err((Kind::Duplicate, name_at));
            }
            self.space()?;
            match self.peek() {
                Some(b':') => self.at += 1,
                None => return Err((Kind::Ended, self.at)),
                Some(_) => return Err((Kind::Colon, self.at)),
            }
            self.space()?;
            let value = self.value()?;
            members.push((name, value));
            if self.ends(b'}')? {
                return Ok(Value::Object(members));
            }
        }
    }

    /// Behind an item: the closing bracket, or a comma with something behind it.
    fn ends(&mut self, close: u8) -> Read<bool> {
        self.space()?;
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            Some(b',') => {
                self.at += 1;
                self.space()?;
                if self.peek() == Some(close) { Err((Kind::TrailingComma, self.at)) } else { Ok(false) }
            }
            None => Err((Kind::Ended, self.at)),
            Some(_) => Err((Kind::Comma, self.at)),
        }
    }

    fn word(&mut self) -> Read<Value> {
        let start = self.at;
        let len = self.bytes[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let value = match &self.bytes[start..start + len] {
            b"true" => Value::Bool(true),
            b"false" => Value::Bool(false),
            b"null" => Value::Null,
            b"NaN" | b"Infinity" => return Err((Kind::NotANumber, start)),
            word if start + len == self.bytes.len() && is_begun(word) => {
                return Err((Kind::Ended, start + len));
            }
            _ => return Err((Kind::Literal, start)),
        };
        self.at += len;
        Ok(value)
    }

    /// `[ "-" ] int [ frac ] [ exp ]` (§6)
    fn number(&mut self) -> Read<String> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                    return Err((Kind::LeadingZero, self.at - 1));
                }
            }
            Some(b'I') => return Err((Kind::NotANumber, self.at)),
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned())
    }

    fn digits(&mut self) -> Read<()> {
        let len = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if len == 0 {
            let kind = if self.peek().is_none() { Kind::Ended } else { Kind::NumberForm };
            return Err((kind, self.at));
        }
        self.at += len;
        Ok(())
    }

    fn string(&mut self) -> Read<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let start = self.at;
            let plain =
                self.bytes[start..].iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
            self.at += plain.count();
            let plain = std::str::from_utf8(&self.bytes[start..self.at]);
            text.push_str(plain.map_err(|error| (Kind::Utf8, start + error.valid_up_to()))?);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                None => return Err((Kind::Ended, self.at)),
                Some(_) => return Err((Kind::Control, self.at)),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let at = self.at;
        let letter = *self.bytes.get(at + 1).ok_or((Kind::Ended, self.bytes.len()))?;
        self.at += 2;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(at),
            _ => return Err((Kind::Escape, at)),
        })
    }

    /// Four digits, or eight for a pair of surrogates (§7).
    fn unicode(&mut self, at: usize) -> Read<char> {
        let high = self.four()?;
        let code = match high {
            0xd800..=0xdbff => {
                if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                    return Err((Kind::Surrogate, at));
                }
                self.at += 2;
                let low = self.four()?;
                if !(0xdc00..=0xdfff).contains(&low) {
                    return Err((Kind::Surrogate, at));
                }
                0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
            }
            code => code,
        };
        char::from_u32(code).ok_or((Kind::Surrogate, at))
    }

    fn four(&mut self) -> Read<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = self.peek().ok_or((Kind::Ended, self.at))?;
            let digit = char::from(byte).to_digit(16).ok_or((Kind::Unicode, self.at))?;
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

/// Whether a word is the beginning of one that there is.
fn is_begun(word: &[u8]) -> bool {
    [&b"true"[..], b"false", b"null"].iter().any(|whole| whole.starts_with(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_of_fault_is_found_at_its_byte() {
        let cases: &[(&[u8], Kind, usize)] = &[
            (b"", Kind::Empty, 0),
            (b"  \n", Kind::Empty, 3),
            (b"\xef\xbb\xbf1", Kind::Bom, 0),
            (b"[1", Kind::Ended, 2),
            (b"{\"a\"", Kind::Ended, 4),
            (b"tru", Kind::Ended, 3),
            (b"1 2", Kind::Trailing, 2),
            (b"[]]", Kind::Trailing, 2),
            (b"\"\xff\"", Kind::Utf8, 1),
            (b"\"a\nb\"", Kind::Control, 2),
            (b"\"\\x\"", Kind::Escape, 1),
            (b"\"\\u12g4\"", Kind::Unicode, 5),
            (b"\"\\ud800\"", Kind::Surrogate, 1),
            (b"\"\\udc00\"", Kind::Surrogate, 1),
            (b"\"\\ud800\\u0041\"", Kind::Surrogate, 1),
            (b"'a'", Kind::SingleQuote, 0),
            (b"{a: 1}", Kind::Name, 1),
            (b"{\"a\" 1}", Kind::Colon, 5),
            (b"[1 2]", Kind::Comma, 3),
            (b"[1,]", Kind::TrailingComma, 3),
            (b"{\"a\":1,}", Kind::TrailingComma, 7),
            (b"012", Kind::LeadingZero, 0),
            (b"-012", Kind::LeadingZero, 1),
            (b"+1", Kind::LeadingPlus, 0),
            (b"1.", Kind::Ended, 2),
            (b"[1.]", Kind::NumberForm, 3),
            (b".5", Kind::NumberForm, 0),
            (b"[1e]", Kind::NumberForm, 3),
            (b"NaN", Kind::NotANumber, 0),
            (b"-Infinity", Kind::NotANumber, 1),
            (b"True", Kind::Literal, 0),
            (b"// no\n1", Kind::Comment, 0),
            (b"[,1]", Kind::Unexpected, 1),
        ];
        for (text, kind, offset) in cases {
            let fault = parse(text, &Options::default()).expect_err(&text.escape_ascii().to_string());
            assert_eq!((fault.kind, fault.offset), (*kind, *offset), "{}", text.escape_ascii());
        }
        let deep = Options { depth: 2, forbid_duplicates: true };
        assert_eq!(parse(b"[[[", &deep).unwrap_err().kind, Kind::Depth);
        assert_eq!(parse(b"{\"a\":1,\"\\u0061\":2}", &deep).unwrap_err().offset, 7);
        assert!(parse("[".repeat(100_000).as_bytes(), &Options { depth: usize::MAX, ..deep }).is_err());
    }

    proptest! {
        /// serde_json is the peer: both take the same texts.
        #[test]
        fn we_agree_with_serde_json(text in r#"[\[\]{}",:0-9a-z\\. eE+\-truefalsn/\t\n]{0,40}"#) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            let ours = parse(text.as_bytes(), &Options::default());
            // Numbers that no f64 holds are refused by serde_json, but are JSON.
            let is_huge = theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
            prop_assert!(is_huge || ours.is_ok() == theirs.is_ok(), "{text:?}: {ours:?} {theirs:?}");
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let ours = parse(&bytes, &Options::default());
            if serde_json::from_slice::<serde_json::Value>(&bytes).is_ok() {
                prop_assert!(ours.is_ok());
            }
        }

        #[test]
        fn what_is_printed_reads_the_same(text in "\\PC{0,20}", number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
            let value = serde_json::json!({"text": text, "list": [number, null, {"a": []}]}).to_string();
            let read = parse(value.as_bytes(), &Options::default()).unwrap();
            for printed in [super::super::pretty(&read), super::super::compact(&read)] {
                prop_assert_eq!(&parse(printed.as_bytes(), &Options::default()).unwrap(), &read);
            }
        }
    }
}
