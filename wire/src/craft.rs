//! Crafting: writes layers in order, then fills the open fields: numbers from the inside of the layer out, checksums
//! last and from the innermost layer out.

use std::ops::Range;

use crate::bits::BitString;
use crate::dissect::pseudo;
use crate::field::{Auto, Field, Sum, Type};
use crate::plan::plan;
use crate::protocol::{Items, Protocol};
use crate::spec::{LayerSpec, Part};
use crate::{Value, bits, checksum};

/// Writes a packet, outer layer first. Fields of which nothing was said take the defaults of the table, or fill
/// themselves: lengths, checksums, counts, the next protocol. What was said is written as it is, right or wrong.
#[must_use]
pub fn craft(layers: &[LayerSpec]) -> Vec<u8> {
    let mut made = Craft::default();
    for (index, layer) in layers.iter().enumerate() {
        made.layer(layer, layers.get(index + 1).map(|inner| inner.protocol));
    }
    made.unwind(layers);
    made.fill(layers);
    std::mem::take(made.out.bytes_mut())
}

#[derive(Default)]
struct Craft {
    out: BitString,
    placed: Vec<Placed>,
}

/// A layer that was written; offsets are bytes, those of parts bits, from the start of the packet.
struct Placed {
    parts: Vec<Part>,
    at: Vec<u32>,
    header: Range<usize>,
    end: usize,
}

impl Craft {
    fn layer(&mut self, layer: &LayerSpec, inner: Option<&Protocol>) {
        let parts = plan(layer, inner);
        let start = self.out.len() as usize / 8;
        let mut at = Vec::with_capacity(parts.len());
        for part in &parts {
            at.push(self.out.len());
            encode(part.field, part.value.as_ref().unwrap_or(&Value::Uint(0)), part.bits, &mut self.out);
        }
        self.pad(&parts, start);
        let end = self.out.len() as usize / 8;
        if !layer.protocol.nests {
            self.out.extend(&layer.after);
        }
        self.placed.push(Placed { parts, at, header: start..end, end });
    }

    /// Fills the header up to what its own length can say.
    fn pad(&mut self, parts: &[Part], start: usize) {
        let unit = parts.iter().find_map(|part| match part.field?.auto? {
            Auto::HeaderLen { unit, .. } if part.value.is_none() => Some(u32::from(unit)),
            _ => None,
        });
        let step = unit.unwrap_or(1) * 8;
        let rest = (self.out.len() - start as u32 * 8) % step;
        for _ in 0..(step - rest) % step {
            self.out.push(1, 0);
        }
    }

    /// Closes the layers from the innermost out: each ends before the bytes behind it.
    fn unwind(&mut self, layers: &[LayerSpec]) {
        for (layer, placed) in layers.iter().zip(&mut self.placed).rev() {
            if layer.protocol.nests {
                placed.end = self.out.len() as usize / 8;
                self.out.extend(&layer.after);
            }
        }
    }

    fn fill(&mut self, layers: &[LayerSpec]) {
        for index in 0..self.placed.len() {
            for part in self.open(index) {
                if let Some(number) = self.number(layers, index, part) {
                    self.patch(index, part, number);
                }
            }
        }
        for index in (0..self.placed.len()).rev() {
            for part in self.open(index) {
                if let Some(sum) = self.placed[index].parts[part].field.and_then(sum_of) {
                    let number = self.checksum(layers, index, sum);
                    self.patch(index, part, u64::from(number));
                }
            }
        }
    }

    fn open(&self, layer: usize) -> Vec<usize> {
        let parts = self.placed[layer].parts.iter().enumerate();
        parts.filter(|(_, part)| part.value.is_none()).map(|(index, _)| index).collect()
    }

    fn patch(&mut self, layer: usize, part: usize, number: u64) {
        let placed = &self.placed[layer];
        let (at, len) = (placed.at[part], placed.parts[part].bits);
        let swapped = match placed.parts[part].field.map(|field| field.ty) {
            Some(Type::UintLe) => number.swap_bytes() >> (64 - len.clamp(1, 64)),
            _ => number,
        };
        bits::write(self.out.bytes_mut(), at, len, swapped);
    }

    /// The number that an open field holds in its bits; none for checksums.
    fn number(&self, layers: &[LayerSpec], index: usize, part: usize) -> Option<u64> {
        let placed = &self.placed[index];
        let field = placed.parts[part].field?;
        let Some(auto) = field.auto else { return Some(field.default) };
        let holds =
            |id: &str| placed.parts.iter().filter(|part| part.field.is_some_and(|f| f.id == id)).count();
        Some(match auto {
            Auto::Constant(value) => value,
            Auto::HeaderLen { unit, bias } => {
                (placed.header.len() as u64 / u64::from(unit)).saturating_sub(u64::from(bias))
            }
            Auto::TotalLen => (placed.end - placed.header.start) as u64,
            Auto::PayloadLen => (placed.end - placed.header.end) as u64,
            Auto::Next(registry) => {
                let inner = layers.get(index + 1).and_then(|inner| registry.number(inner.protocol));
                inner.unwrap_or(field.default)
            }
            Auto::ItemLen => placed.item_len(layers[index].protocol.fields, part)?,
            Auto::LenOf(id, extra) => {
                let of_id = |part: &&Part| part.field.is_some_and(|field| field.id == id);
                let bits: u32 = placed.parts.iter().filter(of_id).map(|part| part.bits).sum();
                u64::from(bits / 8) + u64::from(extra)
            }
            Auto::Count(id) => holds(id) as u64,
            Auto::Present(id) => u64::from(holds(id) > 0),
            Auto::Checksum(_) => return None,
        })
    }

    fn checksum(&self, layers: &[LayerSpec], index: usize, sum: Sum) -> u16 {
        let placed = &self.placed[index];
        let end = if sum == Sum::Header { placed.header.end } else { placed.end };
        let bytes = self.out.bytes();
        let span = placed.header.start..end;
        let is_ip = |layer: &usize| matches!(layers[*layer].protocol.name, "ip" | "ipv6");
        let ip_at = (0..index).rev().find(is_ip).map(|layer| self.placed[layer].header.start);
        let ends = pseudo(bytes, ip_at, sum, span.len()).unwrap_or(0);
        match checksum::finish(checksum::sum(&bytes[span]) + ends) {
            0 if matches!(sum, Sum::PseudoOrNone(_)) => 0xffff,
            stored => stored,
        }
    }
}

fn sum_of(field: &'static Field) -> Option<Sum> {
    match field.auto {
        Some(Auto::Checksum(sum)) => Some(sum),
        _ => None,
    }
}

impl Placed {
    /// The length of the item that this part stands in, as its list counts it.
    fn item_len(&self, fields: &'static [Field], part: usize) -> Option<u64> {
        let field = self.parts[part].field?;
        let items = fields.iter().find_map(|row| match row.ty {
            Type::Items(items) if items.head.contains(field) => Some(items),
            _ => None,
        })?;
        let starts = |index: &usize| self.parts[*index].field.is_some_and(|field| is_first(items, field));
        let first = (0..part).rev().find(starts)?;
        let next = (part..self.parts.len()).find(starts).unwrap_or(self.parts.len());
        let bits: u32 = self.parts[first..next].iter().map(|part| part.bits).sum();
        let len = bits.div_ceil(8) as usize - if items.counts_body { items.head_len() } else { 0 };
        Some((len / usize::from(items.unit)) as u64)
    }
}

fn is_first(items: &Items, field: &Field) -> bool {
    items.head.iter().find(|row| row.is_leaf()) == Some(field)
}

/// Appends a value as `len` bits.
pub(crate) fn encode(field: Option<&Field>, value: &Value<'_>, len: u32, out: &mut BitString) {
    let number = match value {
        Value::Ipv4(address) if len == 32 => return out.extend(&address.octets()),
        Value::Ipv6(address) if len == 128 => return out.extend(&address.octets()),
        Value::Mac(address) if len == 48 => return out.extend(address),
        Value::Uint(number) => number / field.map_or(1, |field| u64::from(field.scale)),
        Value::Bool(set) => u64::from(*set),
        Value::Flag => 1,
        other => {
            let mut bytes = other.bytes().unwrap_or_default();
            if matches!((field.map(|field| field.ty), other), (Some(Type::Name), Value::Text(_))) {
                bytes = crate::table::dns::encoded(&bytes).into();
            }
            let fits = (len / 8) as usize;
            out.extend(&bytes[..bytes.len().min(fits)]);
            return (bytes.len()..fits).for_each(|_| out.push(8, 0));
        }
    };
    if matches!(field.map(|field| field.ty), Some(Type::UintLe)) {
        return out.push(len, number.swap_bytes() >> (64 - len.clamp(1, 64)));
    }
    (0..len.saturating_sub(64)).for_each(|_| out.push(1, 0));
    out.push(len.min(64), number);
}

/// Whether writing the part yields the bits that stand at `at`.
pub(crate) fn writes(part: &Part, bytes: &[u8], at: u32) -> bool {
    let mut out = BitString::default();
    let Some(value) = &part.value else { return false };
    encode(part.field, value, part.bits, &mut out);
    let chunks = (0..part.bits).step_by(64);
    chunks.into_iter().all(|from| {
        let len = (part.bits - from).min(64);
        bits::read(out.bytes(), from, len) == bits::read(bytes, at + from, len)
    })
}
