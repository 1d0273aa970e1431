//! Formats: from the string to elements with their offsets.

use std::fmt;

use super::Code;

/// Byte order and mode, the first character of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `@` or nothing: the machine's order, sizes and alignment.
    Native,
    /// `=`: the machine's order, standard sizes, no alignment.
    Standard,
    /// `<`: little endian, standard sizes, no alignment.
    Little,
    /// `>`: big endian, standard sizes, no alignment.
    Big,
    /// `!`: network order, the same as `>`.
    Network,
}

impl Order {
    /// Whether the least significant byte comes first.
    #[must_use]
    pub fn is_little(self) -> bool {
        match self {
            Self::Native | Self::Standard => cfg!(target_endian = "little"),
            Self::Little => true,
            Self::Big | Self::Network => false,
        }
    }
}

/// A format that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    order: Order,
    pub(crate) runs: Vec<Run>,
    size: usize,
    values: usize,
}

/// Elements of one code, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) code: Code,
    /// How many; for `s` and `p` the bytes of the one element.
    pub(crate) count: usize,
    pub(crate) offset: usize,
    /// Where its letter stands in the format, in characters.
    at: usize,
}

/// An element in the layout of a structure, to draw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Byte offset.
    pub offset: usize,
    /// Bytes.
    pub len: usize,
    /// What it is; padding is [`Code::Pad`], whether written as `x` or put in by alignment.
    pub code: Code,
    /// The index of its value; padding has none.
    pub value: Option<usize>,
    /// The character of the format that makes it; alignment belongs to the character that needs it.
    pub at: usize,
    /// Put in by alignment, and not written as `x`.
    pub is_alignment: bool,
}

/// Why a format is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at character {at}")]
pub struct FormatError {
    /// Where, in characters from 0.
    pub at: usize,
    /// What is wrong.
    pub kind: FormatErrorKind,
}

/// What is wrong with a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatErrorKind {
    /// No code has this letter.
    BadCode(char),
    /// Only native formats know this letter.
    NativeOnly(char),
    /// A count with no code after it.
    CountWithoutCode,
    /// More bytes than memory can have.
    TooLarge,
}

impl fmt::Display for FormatErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadCode(letter) => write!(f, "no code `{letter}`"),
            Self::NativeOnly(letter) => write!(f, "code `{letter}` needs a native format, `@`"),
            Self::CountWithoutCode => f.write_str("count without a code"),
            Self::TooLarge => f.write_str("structure too large"),
        }
    }
}

impl Format {
    /// Understands a format string.
    ///
    /// # Errors
    /// When a letter is no code, a count has no code, or the structure is too large.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let letters: Vec<char> = text.chars().collect();
        let (order, first) = match letters.first() {
            Some('@') => (Order::Native, 1),
            Some('=') => (Order::Standard, 1),
            Some('<') => (Order::Little, 1),
            Some('>') => (Order::Big, 1),
            Some('!') => (Order::Network, 1),
            _ => (Order::Native, 0),
        };
        let mut format = Self { order, runs: Vec::new(), size: 0, values: 0 };
        let mut at = first;
        while at < letters.len() {
            at = format.element(&letters, at)?;
        }
        Ok(format)
    }

    /// Understands one count and code; yields the place after it.
    fn element(&mut self, letters: &[char], mut at: usize) -> Result<usize, FormatError> {
        // The white space of C, which Python asks for.
        if matches!(letters[at], ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c') {
            return Ok(at + 1);
        }
        let start = at;
        let too_large = FormatError { at: start, kind: FormatErrorKind::TooLarge };
        let mut count = letters[at].is_ascii_digit().then_some(0usize);
        while let Some(digit) = letters.get(at).and_then(|letter| letter.to_digit(10)) {
            let more = count.unwrap_or(0).checked_mul(10).and_then(|count| count.checked_add(digit as usize));
            count = Some(more.filter(|count| isize::try_from(*count).is_ok()).ok_or(too_large)?);
            at += 1;
        }
        let Some(letter) = letters.get(at) else {
            return Err(FormatError { at: start, kind: FormatErrorKind::CountWithoutCode });
        };
        let code = Code::of(*letter).ok_or(FormatError { at, kind: FormatErrorKind::BadCode(*letter) })?;
        let is_native = self.order == Order::Native;
        if code.is_native_only() && !is_native {
            return Err(FormatError { at, kind: FormatErrorKind::NativeOnly(*letter) });
        }
        self.add(code, count.unwrap_or(1), at).ok_or(FormatError { at, kind: FormatErrorKind::TooLarge })?;
        Ok(at + 1)
    }

    fn add(&mut self, code: Code, count: usize, at: usize) -> Option<()> {
        let is_native = self.order == Order::Native;
        let step = if is_native { code.alignment() } else { 1 };
        let offset = self.size.checked_next_multiple_of(step)?;
        let end = offset.checked_add(count.checked_mul(code.size(is_native))?)?;
        isize::try_from(end).ok()?;
        self.size = end;
        self.values += match code {
            Code::Pad => 0,
            Code::Bytes | Code::Pascal => 1,
            _ => count,
        };
        self.runs.push(Run { code, count, offset, at });
        Some(())
    }

    /// The byte order and mode.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// The bytes of the structure, Python's `calcsize`.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many values it takes.
    #[must_use]
    pub fn value_count(&self) -> usize {
        self.values
    }

    /// The bytes of one element of a code.
    pub(crate) fn element_size(&self, code: Code) -> usize {
        code.size(self.order == Order::Native)
    }

    /// Every element with its place, padding included, in order.
    #[must_use]
    pub fn layout(&self) -> Vec<Slot> {
        let mut slots = Vec::new();
        let (mut end, mut value) = (0, 0);
        for run in &self.runs {
            if run.offset > end {
                slots.push(Slot {
                    offset: end,
                    len: run.offset - end,
                    code: Code::Pad,
                    value: None,
                    at: run.at,
                    is_alignment: true,
                });
            }
            let size = self.element_size(run.code);
            let whole = matches!(run.code, Code::Pad | Code::Bytes | Code::Pascal);
            let (elements, len) = if whole { (1, run.count * size) } else { (run.count, size) };
            for index in 0..elements {
                let slot = Slot {
                    offset: run.offset + index * len,
                    len,
                    code: run.code,
                    value: Some(value),
                    at: run.at,
                    is_alignment: false,
                };
                if run.code == Code::Pad {
                    slots.push(Slot { value: None, ..slot });
                } else {
                    slots.push(slot);
                    value += 1;
                }
            }
            end = run.offset + run.count * size;
        }
        slots.retain(|slot| slot.len > 0 || slot.value.is_some());
        slots
    }
}
