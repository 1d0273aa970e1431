//! From the description of a protocol to a table as the engine walks it.
//!
//! Tables are static: what is read here is kept for the rest of the program, once for each file.

use crate::dissect::{Block, Walk};
use crate::field::{Auto, Bits, Display, Field, Size, Type, When};
use crate::protocol::Protocol;
use crate::table;
use crate::tables::Own;

use super::toml::{File, Length, Lined, Row};
use super::{OwnError, OwnErrorKind};

pub(super) fn build(file: &File) -> Result<Own, OwnError> {
    let name = kept(&file.name.value);
    if !is_name(name) {
        return Err(error(file.name.line, OwnErrorKind::BadName(name.to_owned())));
    }
    if table::protocol(name).is_some() {
        return Err(error(file.name.line, OwnErrorKind::Known(name.to_owned())));
    }
    let mut builder = Builder { file, name, at: Some(0), fields: Vec::new(), places: Vec::new(), rest: None };
    for row in &file.fields {
        builder.row(row)?;
    }
    builder.count_lengths();
    let fixed = builder.places.iter().filter_map(|place| place.map(|(at, len)| at + len)).max().unwrap_or(0);
    let min_len = if file.fields.iter().any(|row| row.when.is_some()) { 0 } else { usize::from(fixed / 8) };
    let fields: &'static [Field] = Box::leak(builder.fields.into_boxed_slice());
    let title = kept(file.title.as_deref().unwrap_or(name));
    let reference = kept(file.reference.as_deref().unwrap_or(""));
    let mut protocol = Protocol::new(name, title, reference).fields(min_len, fields).message().hook(again);
    protocol.is_own = true;
    protocol.scapy = kept(&file.name.value.to_uppercase());
    let protocol: &'static Protocol = Box::leak(Box::new(protocol));
    Ok(Own { protocol, tcp: file.tcp.clone(), udp: file.udp.clone(), magic: file.magic.clone() })
}

/// Messages follow each other: where one ends before its bytes do, the next begins.
fn again(walk: &mut Walk<'_>, block: &mut Block) {
    let end = block.header_end.unwrap_or(block.end).max(block.at().min(block.end));
    block.header_end = Some(end);
    if end > block.start && end < block.end {
        block.next = walk.packet.layers.get(block.layer).map(|layer| layer.protocol);
    }
}

/// Text for the rest of the program.
fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

fn error(line: usize, kind: OwnErrorKind) -> OwnError {
    OwnError { line, kind }
}

struct Builder<'f> {
    file: &'f File,
    name: &'static str,
    /// The next bit, as long as it is the same in every message.
    at: Option<u16>,
    fields: Vec<Field>,
    /// Place and length of each field whose place is fixed.
    places: Vec<Option<(u16, u16)>>,
    /// The field that takes the rest.
    rest: Option<String>,
}

impl Builder<'_> {
    fn row(&mut self, row: &Row) -> Result<(), OwnError> {
        let name = &row.name.value;
        let id = kept(&format!("{}.{name}", self.name));
        if !is_name(name) || self.fields.iter().any(|field| field.id == id) {
            return Err(error(row.name.line, OwnErrorKind::BadName(name.clone())));
        }
        if let Some(rest) = &self.rest {
            return Err(error(row.line, OwnErrorKind::BehindRest(rest.clone())));
        }
        let is_little = row.is_little.unwrap_or(self.file.is_little);
        let (ty, width) = kind(&row.ty, is_little)?;
        let is_number = matches!(ty, Type::Uint | Type::UintLe | Type::Bool);
        if !is_number && self.at.is_some_and(|at| at % 8 != 0) {
            return Err(error(row.line, OwnErrorKind::NotWhole(name.clone())));
        }
        let bits = match width {
            Some(width) => Bits::Next(width),
            None => self.length(row)?,
        };
        let display = match ty {
            Type::Bool => Display::Bool,
            Type::Uint | Type::UintLe if row.is_hex => Display::Hex(width.unwrap_or(8).div_ceil(4) as u8),
            Type::Uint | Type::UintLe => Display::Dec,
            _ => Display::Plain,
        };
        let mut field = Field::new(id, kept(row.title.as_deref().unwrap_or(name)), ty, bits, display);
        let values: Vec<(u64, &'static str)> = row.values.iter().map(|(n, name)| (*n, kept(name))).collect();
        field.names = Box::leak(values.into_boxed_slice());
        field.default = row.default;
        field.when = self.when(row)?;
        field.auto = self.covers(row, width)?;
        self.fields.push(field);
        self.advance(bits, row);
        Ok(())
    }

    /// How many bytes a field without fixed length has.
    fn length(&mut self, row: &Row) -> Result<Bits, OwnError> {
        match &row.length {
            None => {
                self.rest = Some(row.name.value.clone());
                Ok(Bits::Rest)
            }
            Some(Lined { value: Length::Bytes(bytes), .. }) => Ok(Bits::Next(bytes * 8)),
            Some(Lined { line, value: Length::By(name) }) => {
                let by =
                    self.before(name).ok_or_else(|| error(*line, OwnErrorKind::NotBefore(name.clone())))?;
                let size = Size { by: self.fields[by].id, extra: 0 };
                Ok(Bits::Sized(Box::leak(Box::new(size))))
            }
        }
    }

    fn before(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.id.split_once('.').is_some_and(|(_, own)| own == name))
    }

    fn when(&self, row: &Row) -> Result<When, OwnError> {
        let Some((field, is, numbers)) = &row.when else { return Ok(When::Always) };
        let name = || field.value.clone();
        let before = self.before(&field.value);
        let before = before.ok_or_else(|| error(field.line, OwnErrorKind::NotBefore(name())))?;
        let place = self.places[before];
        let (at, len) = place.ok_or_else(|| error(field.line, OwnErrorKind::NotFixed(name())))?;
        // The engine compares bits as they stand, most significant byte first.
        let is_swapped = matches!(self.fields[before].ty, Type::UintLe);
        let as_read =
            |number: &u64| if is_swapped { number.swap_bytes() >> (64 - len.clamp(1, 64)) } else { *number };
        let numbers: &'static [u64] = Box::leak(numbers.iter().map(as_read).collect());
        Ok(if *is { When::Is(at, len, numbers) } else { When::Not(at, len, numbers) })
    }

    /// A field that counts the message, or what stands behind it.
    fn covers(&self, row: &Row, width: Option<u16>) -> Result<Option<Auto>, OwnError> {
        let Some(covers) = &row.covers else { return Ok(None) };
        let end = self.at.and_then(|at| Some(at + width?));
        let end = end.ok_or_else(|| error(covers.line, OwnErrorKind::NotFixed(row.name.value.clone())))?;
        match covers.value.as_str() {
            "message" => Ok(Some(Auto::HeaderLen { unit: 1, bias: 0 })),
            "rest" => Ok(Some(Auto::HeaderLen { unit: 1, bias: end / 8 })),
            _ => {
                let key = "covers".to_owned();
                Err(error(covers.line, OwnErrorKind::Wanted { key, wanted: "\"message\" or \"rest\"" }))
            }
        }
    }

    /// Moves on; behind what varies or may be absent, no place is fixed any more.
    fn advance(&mut self, bits: Bits, row: &Row) {
        let width = match bits {
            Bits::Next(width) if row.when.is_none() => Some(width),
            _ => None,
        };
        let is_sometimes = row.when.is_some();
        self.places.push(if is_sometimes { None } else { self.at.zip(width) });
        self.at = self.at.zip(width).map(|(at, width)| at + width);
    }

    /// Fields that tell the length of another fill themselves.
    fn count_lengths(&mut self) {
        for index in 0..self.fields.len() {
            let Bits::Sized(size) = self.fields[index].bits else { continue };
            let of = self.fields[index].id;
            let teller = self.fields.iter_mut().find(|field| field.id == size.by && field.auto.is_none());
            if let Some(teller) = teller {
                teller.auto = Some(Auto::LenOf(of, size.extra));
            }
        }
    }
}

/// The type of this name, and its bits where they are fixed.
fn kind(ty: &Lined<String>, is_little: bool) -> Result<(Type, Option<u16>), OwnError> {
    let bad = || error(ty.line, OwnErrorKind::BadType(ty.value.clone()));
    Ok(match ty.value.as_str() {
        "bool" => (Type::Bool, Some(1)),
        "bytes" => (Type::Bytes, None),
        "text" => (Type::Text, None),
        "mac" => (Type::Mac, Some(48)),
        "ipv4" => (Type::Ipv4, Some(32)),
        "ipv6" => (Type::Ipv6, Some(128)),
        uint => {
            let width = uint.strip_prefix("uint").and_then(|width| width.parse::<u16>().ok());
            let width = width.filter(|width| (1..=64).contains(width)).ok_or_else(bad)?;
            let is_swapped = is_little && width > 8;
            if is_swapped && width % 8 != 0 {
                return Err(bad());
            }
            (if is_swapped { Type::UintLe } else { Type::Uint }, Some(width))
        }
    })
}
