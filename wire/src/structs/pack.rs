//! Packing values into bytes and unpacking them again.

use super::format::{Format, Order, Run};
use super::{Code, Datum, half};

/// Why values cannot be packed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PackError {
    /// The format takes another number of values.
    #[error("the format takes {wanted} values, not {given}")]
    Count {
        /// How many it takes.
        wanted: usize,
        /// How many were given.
        given: usize,
    },
    /// A value of another kind than its code wants.
    #[error("value {index} is no value for `{}`", .code.letter())]
    Kind {
        /// Which value, from 0.
        index: usize,
        /// Its code.
        code: Code,
    },
    /// An integer outside what its code can hold.
    #[error("value {index} is {value}, but `{}` holds {min} to {max}", .code.letter())]
    Range {
        /// Which value, from 0.
        index: usize,
        /// Its code.
        code: Code,
        /// The value.
        value: i128,
        /// The least that fits.
        min: i128,
        /// The greatest that fits.
        max: i128,
    },
    /// A finite number too large for its float.
    #[error("value {index} is too large for `{}`", .code.letter())]
    TooLarge {
        /// Which value, from 0.
        index: usize,
        /// Its code.
        code: Code,
    },
}

/// Why bytes cannot be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the format takes {wanted} bytes, not {given}")]
pub struct UnpackError {
    /// How many bytes the format takes.
    pub wanted: usize,
    /// How many were given.
    pub given: usize,
}

impl PackError {
    /// The smallest code that would hold the value, if one does: what to write instead.
    #[must_use]
    pub fn remedy(&self) -> Option<Code> {
        match self {
            Self::Range { value, .. } => {
                let codes = if *value < 0 { ['b', 'h', 'i', 'q'] } else { ['B', 'H', 'I', 'Q'] };
                let fits = |code: &Code| {
                    let (min, max) = code.range(code.size(false));
                    (min..=max).contains(value)
                };
                codes.into_iter().map(Code::Int).find(fits)
            }
            Self::TooLarge { code: Code::Half, .. } => Some(Code::Float),
            Self::TooLarge { .. } => Some(Code::Double),
            Self::Count { .. } | Self::Kind { .. } => None,
        }
    }
}

impl Format {
    /// Packs values; padding is zero. Bytes too long for `s` or `p` are cut, too short ones filled with zeros.
    ///
    /// # Errors
    /// When the number of values, their kinds or their sizes do not fit the format.
    pub fn pack(&self, values: &[Datum]) -> Result<Vec<u8>, PackError> {
        if values.len() != self.value_count() {
            return Err(PackError::Count { wanted: self.value_count(), given: values.len() });
        }
        let mut out = Vec::new();
        let mut index = 0;
        for run in &self.runs {
            out.resize(run.offset, 0);
            match run.code {
                Code::Pad => out.resize(run.offset + run.count, 0),
                Code::Bytes | Code::Pascal => {
                    let bytes = bytes_of(&values[index], index, run.code)?;
                    put_bytes(run, bytes, &mut out);
                    index += 1;
                }
                _ => {
                    for _ in 0..run.count {
                        self.put(run.code, &values[index], index, &mut out)?;
                        index += 1;
                    }
                }
            }
        }
        out.resize(self.size(), 0);
        Ok(out)
    }

    fn put(&self, code: Code, value: &Datum, index: usize, out: &mut Vec<u8>) -> Result<(), PackError> {
        let large = PackError::TooLarge { index, code };
        let number: u128 = match code {
            Code::Char => match bytes_of(value, index, code)? {
                [byte] => u128::from(*byte),
                _ => return Err(PackError::Kind { index, code }),
            },
            Code::Bool => u128::from(value.is_truthy()),
            Code::Half => u128::from(half::from_f64(value.float(index, code)?).ok_or(large)?),
            Code::Float => {
                let wide = value.float(index, code)?;
                let narrow = wide as f32;
                // Native floats are cast as C does, to infinity.
                if narrow.is_infinite() && wide.is_finite() && self.order() != Order::Native {
                    return Err(large);
                }
                u128::from(narrow.to_bits())
            }
            Code::Double => u128::from(value.float(index, code)?.to_bits()),
            _ => self.integer(code, value, index)?,
        };
        self.put_number(number, self.element_size(code), out);
        Ok(())
    }

    fn integer(&self, code: Code, value: &Datum, index: usize) -> Result<u128, PackError> {
        let value = match value {
            Datum::Int(number) => *number,
            Datum::Bool(set) => i128::from(*set),
            _ => return Err(PackError::Kind { index, code }),
        };
        let (min, max) = code.range(self.element_size(code));
        if value < min || value > max {
            return Err(PackError::Range { index, code, value, min, max });
        }
        Ok(value as u128)
    }

    fn put_number(&self, number: u128, size: usize, out: &mut Vec<u8>) {
        let bytes = number.to_le_bytes();
        if self.order().is_little() {
            out.extend_from_slice(&bytes[..size]);
        } else {
            out.extend(bytes[..size].iter().rev());
        }
    }

    /// Unpacks as many bytes as the structure has.
    ///
    /// # Errors
    /// When there are more or fewer bytes.
    pub fn unpack(&self, bytes: &[u8]) -> Result<Vec<Datum>, UnpackError> {
        if bytes.len() != self.size() {
            return Err(UnpackError { wanted: self.size(), given: bytes.len() });
        }
        let mut values = Vec::with_capacity(self.value_count().min(bytes.len() + self.runs.len()));
        for run in &self.runs {
            let size = self.element_size(run.code);
            let area = &bytes[run.offset..run.offset + run.count * size];
            match run.code {
                Code::Pad => {}
                Code::Bytes => values.push(Datum::Bytes(area.to_vec())),
                Code::Pascal => values.push(Datum::Bytes(pascal(area).to_vec())),
                code => values.extend(area.chunks_exact(size).map(|element| self.value(code, element))),
            }
        }
        Ok(values)
    }

    fn value(&self, code: Code, element: &[u8]) -> Datum {
        let fold = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
        let number = if self.order().is_little() {
            element.iter().rev().fold(0, fold)
        } else {
            element.iter().fold(0, fold)
        };
        match code {
            Code::Char => Datum::Bytes(element.to_vec()),
            Code::Bool => Datum::Bool(number != 0),
            Code::Half => Datum::Float(half::to_f64(number as u16)),
            Code::Float => Datum::Float(f64::from(f32::from_bits(number as u32))),
            Code::Double => Datum::Float(f64::from_bits(number as u64)),
            _ if code.is_signed() => {
                let unused = 128 - element.len() as u32 * 8;
                Datum::Int((number as i128) << unused >> unused)
            }
            _ => Datum::Int(number as i128),
        }
    }
}

impl Datum {
    fn is_truthy(&self) -> bool {
        match self {
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Bool(set) => *set,
            Self::Bytes(bytes) => !bytes.is_empty(),
        }
    }

    fn float(&self, index: usize, code: Code) -> Result<f64, PackError> {
        match self {
            Self::Float(number) => Ok(*number),
            Self::Int(number) => Ok(*number as f64),
            Self::Bool(set) => Ok(f64::from(u8::from(*set))),
            Self::Bytes(_) => Err(PackError::Kind { index, code }),
        }
    }
}

fn bytes_of(value: &Datum, index: usize, code: Code) -> Result<&[u8], PackError> {
    match value {
        Datum::Bytes(bytes) => Ok(bytes),
        _ => Err(PackError::Kind { index, code }),
    }
}

fn put_bytes(run: &Run, bytes: &[u8], out: &mut Vec<u8>) {
    let mut room = run.count;
    if run.code == Code::Pascal && room > 0 {
        room -= 1;
        out.push(bytes.len().min(room).min(255) as u8);
    }
    out.extend_from_slice(&bytes[..bytes.len().min(room)]);
    out.resize(run.offset + run.count, 0);
}

/// The bytes that the first byte counts.
fn pascal(area: &[u8]) -> &[u8] {
    match area {
        [len, rest @ ..] => &rest[..rest.len().min(usize::from(*len))],
        [] => &[],
    }
}
