//! The format characters: what each holds, and its size and alignment in both modes.

use std::ffi::{c_int, c_long, c_longlong, c_short};
use std::mem::{align_of, size_of};

/// A format character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// `x`: a byte of padding.
    Pad,
    /// `c`: one byte, as bytes.
    Char,
    /// `b B h H i I l L q Q n N P`: an integer; the letter says its size and sign.
    Int(char),
    /// `?`: a truth value.
    Bool,
    /// `e`: a half float.
    Half,
    /// `f`: a float.
    Float,
    /// `d`: a double.
    Double,
    /// `s`: bytes, as many as the count.
    Bytes,
    /// `p`: bytes with their length in the first.
    Pascal,
}

impl Code {
    /// The code of a letter; `None` when there is none.
    #[must_use]
    pub fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'x' => Self::Pad,
            'c' => Self::Char,
            'b' | 'B' | 'h' | 'H' | 'i' | 'I' | 'l' | 'L' | 'q' | 'Q' | 'n' | 'N' | 'P' => Self::Int(letter),
            '?' => Self::Bool,
            'e' => Self::Half,
            'f' => Self::Float,
            'd' => Self::Double,
            's' => Self::Bytes,
            'p' => Self::Pascal,
            _ => return None,
        })
    }

    /// The letter.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Pad => 'x',
            Self::Char => 'c',
            Self::Int(letter) => letter,
            Self::Bool => '?',
            Self::Half => 'e',
            Self::Float => 'f',
            Self::Double => 'd',
            Self::Bytes => 's',
            Self::Pascal => 'p',
        }
    }

    /// Whether only native formats (`@`) know it.
    #[must_use]
    pub fn is_native_only(self) -> bool {
        matches!(self, Self::Int('n' | 'N' | 'P'))
    }

    /// Whether its integers may be negative.
    #[must_use]
    pub fn is_signed(self) -> bool {
        matches!(self, Self::Int('b' | 'h' | 'i' | 'l' | 'q' | 'n'))
    }

    /// Bytes of one element.
    #[must_use]
    pub fn size(self, is_native: bool) -> usize {
        match self {
            Self::Half | Self::Int('h' | 'H') => 2,
            Self::Float | Self::Int('i' | 'I') => 4,
            Self::Double | Self::Int('q' | 'Q') => 8,
            Self::Int('l' | 'L') => {
                if is_native {
                    size_of::<c_long>()
                } else {
                    4
                }
            }
            Self::Int('n' | 'N' | 'P') => size_of::<usize>(),
            Self::Int(_) | Self::Pad | Self::Char | Self::Bool | Self::Bytes | Self::Pascal => 1,
        }
    }

    /// What its offset is a multiple of in native formats.
    #[must_use]
    pub fn alignment(self) -> usize {
        match self {
            Self::Half | Self::Int('h' | 'H') => align_of::<c_short>(),
            Self::Float => align_of::<f32>(),
            Self::Int('i' | 'I') => align_of::<c_int>(),
            Self::Double => align_of::<f64>(),
            Self::Int('q' | 'Q') => align_of::<c_longlong>(),
            Self::Int('l' | 'L') => align_of::<c_long>(),
            Self::Int('n' | 'N' | 'P') => align_of::<usize>(),
            Self::Int(_) | Self::Pad | Self::Char | Self::Bool | Self::Bytes | Self::Pascal => 1,
        }
    }

    /// The least and greatest integer of `size` bytes. A pointer may be said as a negative number, too.
    #[must_use]
    pub(crate) fn range(self, size: usize) -> (i128, i128) {
        let bits = size as u32 * 8;
        match self {
            Self::Int('P') => (-(1 << (bits - 1)), (1 << bits) - 1),
            _ if self.is_signed() => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            _ => (0, (1 << bits) - 1),
        }
    }
}
