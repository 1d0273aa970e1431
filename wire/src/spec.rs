//! Layer specifications: what a header to be crafted shall hold.
//!
//! A specification is either sparse (what was said, the table fills in the rest) or exact (every bit of a dissected
//! header, in order). Both hold automatic fields open until the whole packet is known.

use std::borrow::Cow;

use crate::field::{Auto, Bits, Field, Sum, Type};
use crate::protocol::Protocol;
use crate::table::data::DATA;
use crate::{Layer, Packet, Value, bits};

/// One layer to be crafted.
///
/// ```
/// use tongro_wire::{LayerSpec, craft, table};
/// let ping = LayerSpec::new(&table::icmp::ICMP).with("icmp.seq", 7)?;
/// assert_eq!(craft(&[ping]), [8, 0, 0xf7, 0xf8, 0, 0, 0, 7]);
/// # Ok::<(), tongro_wire::SpecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSpec {
    /// Its protocol.
    pub protocol: &'static Protocol,
    /// What was said, in order; in an exact specification every part of the header.
    pub(crate) parts: Vec<Part>,
    pub(crate) is_exact: bool,
    /// Its automatic fields cannot be computed from the bytes that are here.
    pub(crate) is_partial: bool,
    /// Bytes behind the layer that belong to the payload of the layer outside.
    pub(crate) after: Vec<u8>,
}

/// A piece of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The row of the table; bits that no row names have none.
    pub(crate) field: Option<&'static Field>,
    pub(crate) bits: u32,
    /// Open when the field fills itself.
    pub(crate) value: Option<Value<'static>>,
}

/// Why a value cannot be said of a layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The protocol has no such field.
    #[error("`{protocol}` has no field `{id}`")]
    UnknownField {
        /// The protocol.
        protocol: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// The value is of another kind, or needs more bits than the field has.
    #[error("`{value}` does not fit `{id}`")]
    BadValue {
        /// The field.
        id: &'static str,
        /// The value.
        value: String,
    },
    /// The dissected header has no such field, and it cannot be added.
    #[error("this `{protocol}` header holds no `{id}`")]
    NotPresent {
        /// The protocol.
        protocol: &'static str,
        /// The field.
        id: &'static str,
    },
}

impl LayerSpec {
    /// A layer of which nothing is said yet.
    #[must_use]
    pub fn new(protocol: &'static Protocol) -> Self {
        Self { protocol, parts: Vec::new(), is_exact: false, is_partial: false, after: Vec::new() }
    }

    /// The layer of this name (`tcp`, or `TCP` as craft expressions say).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut all = crate::protocols().iter();
        all.find(|protocol| protocol.name == name || (!name.is_empty() && protocol.scapy == name))
            .map(|p| Self::new(p))
    }

    /// Raw bytes.
    #[must_use]
    pub fn data(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let len = bytes.len() as u32 * 8;
        let mut layer = Self::new(&DATA);
        layer.parts.push(Part { field: Some(&DATA.fields[0]), bits: len, value: Some(Value::from(bytes)) });
        layer
    }

    /// Says a value of a field; the value is respected, right or wrong.
    ///
    /// # Errors
    /// When the protocol has no such field or the value does not fit it.
    pub fn with<'v>(mut self, id: &str, value: impl Into<Value<'v>>) -> Result<Self, SpecError> {
        self.set(id, value)?;
        Ok(self)
    }

    /// Says a value of a field. In a dissected header it replaces the first value of that field; an option that was
    /// not there is added.
    ///
    /// # Errors
    /// When the protocol has no such field, the value does not fit it, or a dissected header has no place for it.
    pub fn set<'v>(&mut self, id: &str, value: impl Into<Value<'v>>) -> Result<(), SpecError> {
        let field = self
            .protocol
            .field(id)
            .ok_or_else(|| SpecError::UnknownField { protocol: self.protocol.name, id: id.to_owned() })?;
        self.set_field(field, value.into())
    }

    /// The same of a row that was looked up before.
    pub(crate) fn set_field(&mut self, field: &'static Field, value: Value<'_>) -> Result<(), SpecError> {
        let value = fit(field, value)?;
        if self.is_exact {
            return self.replace(field, value);
        }
        let bits = width(field, &value);
        self.parts.push(Part { field: Some(field), bits, value: Some(value) });
        Ok(())
    }

    /// Lets a field fill itself again; without an automatic rule it returns to its default.
    pub fn unset(&mut self, id: &str) {
        if self.is_exact {
            for part in &mut self.parts {
                if part.field.is_some_and(|field| field.id == id) {
                    part.value = None;
                }
            }
        } else {
            self.parts.retain(|part| part.field.is_none_or(|field| field.id != id));
        }
    }

    /// The value that was said of a field last.
    #[must_use]
    pub fn value(&self, id: &str) -> Option<&Value<'static>> {
        let part = self.parts.iter().rev().find(|part| part.field.is_some_and(|field| field.id == id))?;
        part.value.as_ref()
    }

    fn replace(&mut self, field: &'static Field, value: Value<'static>) -> Result<(), SpecError> {
        if field.is_group {
            for part in &mut self.parts {
                if let Some(child) = part.field.and_then(|child| child_value(field, child, &value)) {
                    part.value = Some(child);
                }
            }
            return Ok(());
        }
        if let Some(part) =
            self.parts.iter_mut().find(|part| part.field.is_some_and(|known| known.id == field.id))
        {
            if !matches!(field.bits, Bits::At(..) | Bits::Next(_)) {
                part.bits = width(field, &value);
            }
            part.value = Some(value);
            return Ok(());
        }
        let said = [Part { field: Some(field), bits: width(field, &value), value: Some(value) }];
        let added = crate::plan::items_of(self.protocol, &said);
        if added.is_empty() {
            return Err(SpecError::NotPresent { protocol: self.protocol.name, id: field.id });
        }
        self.parts.extend(added);
        Ok(())
    }

    /// Opens the automatic fields that the rules can compute with this layer around `inner`.
    fn forget(&mut self, inner: Option<&'static Protocol>) {
        if self.is_partial {
            return;
        }
        let named: Vec<_> = self.parts.iter().filter_map(|part| part.field).collect();
        for part in &mut self.parts {
            let Some(auto) = part.field.and_then(|field| field.auto) else { continue };
            let number = part.value.as_ref().and_then(Value::uint);
            let stays = match auto {
                // A name that is compressed, or a count of something else, is not counted again.
                Auto::Count(id) => count(&named, id) != number,
                Auto::Present(id) => count(&named, id).map(|count| count.min(1)) != number,
                Auto::Checksum(Sum::PseudoOrNone(_)) => number == Some(0),
                Auto::Next(registry) => inner.and_then(|inner| registry.number(inner)) != number,
                _ => false,
            };
            if !stays {
                part.value = None;
            }
        }
    }
}

/// Opens every automatic field whose value the rules can give back: lengths, checksums, counts, the next protocol.
///
/// Kept as they are: layers of which bytes are missing (fragments, quotes in errors, cut captures), a UDP checksum of
/// zero (the sender's choice), and numbers that name a protocol without a table.
pub fn forget_automatic(layers: &mut [LayerSpec]) {
    for index in 0..layers.len() {
        let inner = layers.get(index + 1).map(|layer| layer.protocol);
        layers[index].forget(inner);
    }
}

impl Packet<'_> {
    /// The packet as layers to craft: crafting them yields the same bytes, whatever the bytes are.
    #[must_use]
    pub fn to_layers(&self) -> Vec<LayerSpec> {
        let mut outer_end = self.bytes.len();
        let mut layers = Vec::with_capacity(self.layers.len());
        let own = self.layers.iter().enumerate().filter(|(_, layer)| layer.source == 0);
        for (index, layer) in own {
            let after = if layer.protocol.nests {
                let after = layer.payload.end..outer_end;
                outer_end = layer.payload.end;
                after
            } else {
                let sibling = self.layers.get(index + 1).map_or(outer_end, |next| next.header.start);
                layer.header.end..sibling
            };
            layers.push(LayerSpec {
                protocol: layer.protocol,
                parts: self.parts(index, layer),
                is_exact: true,
                is_partial: layer.is_partial,
                after: self.bytes[after].to_vec(),
            });
        }
        layers
    }

    /// Every bit of a header in order: the finest fields, and raw bits where no field names them.
    fn parts(&self, index: usize, layer: &Layer) -> Vec<Part> {
        let mut leaves: Vec<_> = self
            .fields
            .iter()
            .filter(|value| {
                value.layer == index && !value.generated && value.field.is_leaf() && !value.bits.is_empty()
            })
            .collect();
        leaves.sort_by_key(|value| value.bits.start);
        let mut parts = Vec::with_capacity(leaves.len());
        let mut cursor = layer.header.start as u32 * 8;
        let end = layer.header.end as u32 * 8;
        for leaf in leaves {
            if leaf.bits.start < cursor || leaf.bits.end > end {
                continue;
            }
            let part = Part {
                field: Some(leaf.field),
                bits: leaf.bits.end - leaf.bits.start,
                value: Some(leaf.value.clone().into_owned()),
            };
            if crate::craft::writes(&part, self.bytes, leaf.bits.start) {
                raw(self.bytes, cursor, leaf.bits.start, &mut parts);
                cursor = leaf.bits.end;
                parts.push(part);
            }
        }
        raw(self.bytes, cursor, end, &mut parts);
        parts
    }
}

fn count(fields: &[&'static Field], id: &str) -> Option<u64> {
    Some(fields.iter().filter(|field| field.id == id).count() as u64)
}

/// Adds the bits from `from` to `to` as parts without a field: bits up to a whole byte, whole bytes, bits.
fn raw(bytes: &[u8], from: u32, to: u32, parts: &mut Vec<Part>) {
    let first = from.next_multiple_of(8).min(to);
    let last = (to / 8 * 8).max(first);
    raw_bits(bytes, from, first, parts);
    if first < last {
        let whole = bytes[(first / 8) as usize..(last / 8) as usize].to_vec();
        parts.push(Part { field: None, bits: last - first, value: Some(Value::from(whole)) });
    }
    raw_bits(bytes, last, to, parts);
}

fn raw_bits(bytes: &[u8], from: u32, to: u32, parts: &mut Vec<Part>) {
    if from < to {
        let value = Value::Uint(bits::read(bytes, from, to - from));
        parts.push(Part { field: None, bits: to - from, value: Some(value) });
    }
}

/// The value of the bits of a child inside a group of this value.
pub(crate) fn child_value(group: &Field, child: &Field, value: &Value<'_>) -> Option<Value<'static>> {
    let (Bits::At(at, len), Bits::At(child_at, child_len)) = (group.bits, child.bits) else { return None };
    if !child.is_leaf() || child_at < at || child_at + child_len > at + len {
        return None;
    }
    let below = at + len - child_at - child_len;
    let number = value.uint()? >> below & ((1 << child_len) - 1);
    Some(match child.ty {
        Type::Bool => Value::Bool(number != 0),
        _ => Value::Uint(number * u64::from(child.scale)),
    })
}

/// The bits a value takes in a field.
pub(crate) fn width(field: &Field, value: &Value<'_>) -> u32 {
    match field.bits {
        Bits::At(_, len) | Bits::Next(len) => u32::from(len),
        Bits::Hook(len) if len > 0 => u32::from(len),
        Bits::Hook(_) if matches!(field.ty, Type::Name) => {
            value.bytes().map_or(8, |name| crate::table::dns::encoded(&name).len() as u32 * 8)
        }
        Bits::Hook(_) | Bits::Counted(..) | Bits::Sized(_) | Bits::Rest | Bits::Derived(_) => {
            value.bytes().map_or(0, |bytes| bytes.len() as u32 * 8)
        }
    }
}

/// Makes a value one of this field, or says why it is none.
fn fit(field: &'static Field, value: Value<'_>) -> Result<Value<'static>, SpecError> {
    let bad = |value: &Value<'_>| SpecError::BadValue { id: field.id, value: value.to_string() };
    let fitted = match (field.ty, &value) {
        (Type::Text | Type::Name, Value::Text(_)) | (Type::Bytes | Type::Items(_), Value::Bytes(_)) => {
            Some(value.clone())
        }
        (_, Value::Text(text)) => field.parse(text),
        (Type::Uint | Type::UintLe, _) => value.uint().map(Value::Uint),
        (Type::Bool, _) => value.uint().filter(|number| *number < 2).map(|number| Value::Bool(number == 1)),
        (Type::Mac, Value::Mac(_)) | (Type::Ipv4, Value::Ipv4(_)) | (Type::Ipv6, Value::Ipv6(_)) => {
            Some(value.clone())
        }
        (_, Value::Bytes(bytes)) => Some(Value::Bytes(Cow::Owned(bytes.to_vec()))),
        _ => None,
    };
    let fitted = fitted.ok_or_else(|| bad(&value))?.into_owned();
    let bits = width(field, &fitted);
    let overflows = match &fitted {
        Value::Uint(number) => bits < 64 && (number / u64::from(field.scale)) >> bits != 0,
        _ if matches!(field.ty, Type::Name) => false,
        other => other.bytes().is_some_and(|bytes| bytes.len() as u32 * 8 > bits),
    };
    if overflows && !matches!(field.bits, Bits::Derived(_)) { Err(bad(&fitted)) } else { Ok(fitted) }
}
