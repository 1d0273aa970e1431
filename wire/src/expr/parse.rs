//! From text to calls: names, arguments, and the values they stand for.

use super::{ExprError, ExprErrorKind, is_list_key};
use crate::structs::unescaped;
use crate::value::number;

/// `Name(key=value, …)`; a bare string is `Raw(load=…)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) at: usize,
    pub(super) name: String,
    /// Place, key and value; an argument without a key has an empty one.
    pub(super) arguments: Vec<(usize, String, Arg)>,
    /// Stands inside `fuzz(…)`: what is not said is left to chance.
    pub(super) is_fuzzed: bool,
}

/// The value of an argument.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Arg {
    Number(u64),
    Text(Vec<u8>),
    /// `None`: what fills itself.
    Nothing,
    List(Vec<Self>),
    Tuple(Vec<Self>),
    Call(Call),
    /// A list that is one value, like the options of TCP.
    Whole(Box<Self>),
}

/// No packet is longer.
const MAX_LEN: usize = 65_535;

pub(super) fn parse(text: &str) -> Result<Vec<Call>, ExprError> {
    let mut parser = Parser { letters: text.chars().collect(), at: 0 };
    let mut layers = Vec::new();
    parser.layers(false, &mut layers)?;
    parser.space();
    if parser.at < parser.letters.len() { Err(parser.unexpected()) } else { Ok(layers) }
}

struct Parser {
    letters: Vec<char>,
    at: usize,
}

impl Parser {
    /// `layer/layer/…`, where each may be `fuzz(layer/…)`.
    fn layers(&mut self, is_fuzzed: bool, found: &mut Vec<Call>) -> Result<(), ExprError> {
        loop {
            self.space();
            let at = self.at;
            if !is_fuzzed && self.word("fuzz") && self.sign('(') {
                self.layers(true, found)?;
                if !self.sign(')') {
                    return Err(self.unexpected());
                }
            } else {
                self.at = at;
                found.push(Call { is_fuzzed, ..self.layer()? });
            }
            if !self.sign('/') {
                return Ok(());
            }
        }
    }

    fn layer(&mut self) -> Result<Call, ExprError> {
        self.space();
        let at = self.at;
        if let Some(load) = self.string()? {
            return Ok(Call {
                at,
                name: "Raw".to_owned(),
                arguments: vec![(at, "load".to_owned(), Arg::Text(load))],
                is_fuzzed: false,
            });
        }
        let name = self.name()?;
        self.call(at, name)
    }

    /// Takes this very word.
    fn word(&mut self, word: &str) -> bool {
        let found = self.letters[self.at..].iter().copied().take(word.len()).eq(word.chars());
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn call(&mut self, at: usize, name: String) -> Result<Call, ExprError> {
        let mut arguments = Vec::new();
        if self.sign('(') {
            while !self.sign(')') {
                arguments.push(self.argument()?);
                if !self.sign(',') && self.peek() != Some(')') {
                    return Err(self.unexpected());
                }
            }
        }
        Ok(Call { at, name, arguments, is_fuzzed: false })
    }

    fn argument(&mut self) -> Result<(usize, String, Arg), ExprError> {
        self.space();
        let at = self.at;
        if self.peek().is_some_and(|letter| letter.is_ascii_alphabetic()) && self.string_start().is_none() {
            let name = self.name()?;
            if self.sign('=') {
                let value = self.value()?;
                let value = if is_list_key(&name) { Arg::Whole(Box::new(value)) } else { value };
                return Ok((at, name, value));
            }
            self.at = at;
        }
        Ok((at, String::new(), self.value()?))
    }

    fn value(&mut self) -> Result<Arg, ExprError> {
        self.space();
        let at = self.at;
        if let Some(text) = self.string()? {
            return Ok(Arg::Text(text));
        }
        if self.sign('[') {
            return Ok(Arg::List(self.values(']')?));
        }
        if self.sign('(') {
            return Ok(Arg::Tuple(self.values(')')?));
        }
        let word = self.name()?;
        if let Some(number) = number(&word) {
            return Ok(Arg::Number(number));
        }
        match word.as_str() {
            "None" => Ok(Arg::Nothing),
            "True" => Ok(Arg::Number(1)),
            "False" => Ok(Arg::Number(0)),
            _ if self.peek() == Some('(') => Ok(Arg::Call(self.call(at, word)?)),
            _ => Err(ExprError { at, kind: ExprErrorKind::Unexpected(word) }),
        }
    }

    fn values(&mut self, end: char) -> Result<Vec<Arg>, ExprError> {
        let mut values = Vec::new();
        while !self.sign(end) {
            values.push(self.value()?);
            if !self.sign(',') && self.peek() != Some(end) {
                return Err(self.unexpected());
            }
        }
        Ok(values)
    }

    /// A name or number; names may hold dots and dashes as the ids of fields do.
    fn name(&mut self) -> Result<String, ExprError> {
        self.space();
        let is_part = |letter: &&char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
        let len = self.letters[self.at..].iter().take_while(is_part).count();
        if len == 0 {
            return Err(self.unexpected());
        }
        let name = self.letters[self.at..self.at + len].iter().collect();
        self.at += len;
        Ok(name)
    }

    /// The quote of a string that starts here, and how many letters come before its text.
    fn string_start(&self) -> Option<(char, usize)> {
        let letter = |index: usize| self.letters.get(self.at + index).copied();
        match (letter(0)?, letter(1)) {
            (quote @ ('"' | '\''), _) => Some((quote, 1)),
            ('b', Some(quote @ ('"' | '\''))) => Some((quote, 2)),
            _ => None,
        }
    }

    /// A string, perhaps repeated: `"A" * 100`.
    fn string(&mut self) -> Result<Option<Vec<u8>>, ExprError> {
        self.space();
        let at = self.at;
        let Some((quote, before)) = self.string_start() else { return Ok(None) };
        let bad = ExprError { at, kind: ExprErrorKind::BadString };
        let start = at + before;
        let mut end = start;
        while *self.letters.get(end).ok_or_else(|| bad.clone())? != quote {
            end += if self.letters[end] == '\\' { 2 } else { 1 };
        }
        let inner: String = self.letters[start..end].iter().collect();
        let bytes = unescaped(&inner).ok_or(bad)?;
        self.at = end + 1;
        if !self.sign('*') {
            return Ok(Some(bytes));
        }
        let times = self.name()?;
        let times = number(&times).ok_or(ExprError { at, kind: ExprErrorKind::Unexpected(times) })? as usize;
        if bytes.len().saturating_mul(times) > MAX_LEN {
            return Err(ExprError { at, kind: ExprErrorKind::TooLong });
        }
        Ok(Some(bytes.repeat(times)))
    }

    fn sign(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(sign);
        self.at += usize::from(found);
        found
    }

    fn peek(&mut self) -> Option<char> {
        self.space();
        self.letters.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.letters.get(self.at).is_some_and(|letter| letter.is_whitespace()) {
            self.at += 1;
        }
    }

    fn unexpected(&self) -> ExprError {
        let found = self.letters.get(self.at).map(|letter| ExprErrorKind::Unexpected(letter.to_string()));
        ExprError { at: self.at, kind: found.unwrap_or(ExprErrorKind::UnexpectedEnd) }
    }
}

impl Arg {
    /// How many values it stands for.
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::List(items) => items.iter().map(Self::count).fold(0, u64::saturating_add),
            Self::Tuple(_) => self.range().map_or(1, |(from, to)| (to - from).saturating_add(1)),
            Self::Text(_) => self.network().map_or(1, |(_, count)| count),
            _ => 1,
        }
    }

    /// Whether it stands for itself alone.
    pub(super) fn is_plain(&self) -> bool {
        match self {
            Self::Text(text) => !text.contains(&b'/'),
            Self::List(_) | Self::Tuple(_) => false,
            Self::Number(_) | Self::Nothing | Self::Call(_) | Self::Whole(_) => true,
        }
    }

    /// One of them.
    pub(super) fn at(&self, index: u64) -> Self {
        let mut index = index;
        match self {
            Self::List(items) => {
                for item in items {
                    if index < item.count() {
                        return item.at(index);
                    }
                    index -= item.count();
                }
                Self::Nothing
            }
            Self::Tuple(_) => {
                self.range().map_or_else(|| self.clone(), |(from, _)| Self::Number(from + index))
            }
            Self::Text(_) => self.network().map_or_else(
                || self.clone(),
                |(base, _)| {
                    Self::Text(std::net::Ipv4Addr::from(base + index as u32).to_string().into_bytes())
                },
            ),
            other => other.clone(),
        }
    }

    /// `(from, to)`, both included.
    fn range(&self) -> Option<(u64, u64)> {
        match self {
            Self::Tuple(items) => match items.as_slice() {
                [Self::Number(from), Self::Number(to)] if from <= to => Some((*from, *to)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The first address and the size of an IPv4 network like `10.0.0.0/30`.
    fn network(&self) -> Option<(u32, u64)> {
        let Self::Text(text) = self else { return None };
        let (address, prefix) = std::str::from_utf8(text).ok()?.split_once('/')?;
        let address: std::net::Ipv4Addr = address.parse().ok()?;
        let prefix: u32 = prefix.parse().ok().filter(|prefix| (8..=32).contains(prefix))?;
        let size = 1u64 << (32 - prefix);
        Some((u32::from(address) & !(size as u32 - 1), size))
    }

    /// As it is shown in an error.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Self::Nothing => "None".to_owned(),
            Self::List(items) | Self::Tuple(items) => {
                items.iter().map(Self::shown).collect::<Vec<_>>().join(", ")
            }
            Self::Call(call) => call.name.clone(),
            Self::Whole(inner) => inner.shown(),
        }
    }
}
