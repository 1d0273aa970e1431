//! Planning: from what was said of a layer to every part of its header, in the order of the table.

use crate::Value;
use crate::bits::BitString;
use crate::craft::encode;
use crate::field::{Auto, Bits, Field, Type, When};
use crate::protocol::{Case, Items, Protocol};
use crate::spec::{LayerSpec, Part, child_value, width};

/// The parts of a layer: as they are when exact, else what was said, completed by the table.
pub(crate) fn plan(layer: &LayerSpec, inner: Option<&Protocol>) -> Vec<Part> {
    if layer.is_exact {
        return layer.parts.clone();
    }
    let mut plan = Plan {
        said: &layer.parts,
        fields: layer.protocol.fields,
        inner,
        bits: BitString::with_capacity(64),
        parts: Vec::with_capacity(layer.protocol.fields.len()),
    };
    for field in layer.protocol.fields {
        plan.row(field);
    }
    for part in plan.said {
        if part.field.is_some_and(|field| matches!(field.bits, Bits::Hook(_))) {
            plan.add(part.clone());
        }
    }
    plan.parts
}

/// The items that were said of a protocol's list, as parts; empty when none of `said` belongs to one.
pub(crate) fn items_of(protocol: &'static Protocol, said: &[Part]) -> Vec<Part> {
    let lists = protocol.fields.iter().filter_map(|field| match field.ty {
        Type::Items(items) => Some(items),
        _ => None,
    });
    lists.flat_map(|items| item_parts(items, said)).collect()
}

struct Plan<'p> {
    said: &'p [Part],
    fields: &'static [Field],
    inner: Option<&'p Protocol>,
    /// The header so far, for the rows that depend on it; open fields stand as their defaults.
    bits: BitString,
    parts: Vec<Part>,
}

impl Plan<'_> {
    fn row(&mut self, field: &'static Field) {
        if let Type::Items(items) = field.ty {
            if self.is_present(field, None) {
                for part in item_parts(items, self.said) {
                    self.add(part);
                }
            }
            return;
        }
        let said = self.said_of(field);
        if field.is_group
            || matches!(field.bits, Bits::Derived(_) | Bits::Hook(_))
            || !self.is_present(field, said.as_ref())
        {
            return;
        }
        let bits = self.width(field, said.as_ref());
        if let Bits::At(at, _) = field.bits {
            let at = u32::from(at);
            if at < self.bits.len() {
                return;
            }
            self.skip(at - self.bits.len());
        }
        let value = match said {
            None if field.auto.is_none() && bits > 0 => Some(self.default(field, bits)),
            said => said,
        };
        if bits > 0 {
            self.add(Part { field: Some(field), bits, value });
        }
    }

    /// Reserved bits that no row names are zero.
    fn skip(&mut self, bits: u32) {
        if bits > 0 {
            self.add(Part { field: None, bits, value: Some(Value::Uint(0)) });
        }
    }

    fn add(&mut self, part: Part) {
        let default = Value::Uint(part.field.map_or(0, |field| field.default * u64::from(field.scale)));
        encode(part.field, part.value.as_ref().unwrap_or(&default), part.bits, &mut self.bits);
        self.parts.push(part);
    }

    /// What was said of a field last, by its own name or by that of its group.
    fn said_of(&self, field: &'static Field) -> Option<Value<'static>> {
        self.said.iter().rev().find_map(|part| {
            let (known, value) = (part.field?, part.value.as_ref()?);
            if known == field {
                return Some(value.clone());
            }
            // Another row of the same id stands for it where this one is present (`icmp.unused`).
            if known.id == field.id && field.when.holds(self.bits.bytes()) {
                return Some(value.clone());
            }
            if known.is_group { child_value(known, field, value) } else { None }
        })
    }

    fn default(&self, field: &'static Field, bits: u32) -> Value<'static> {
        let groups = self.fields.iter().filter(|group| group.is_group && group.default != 0);
        let from_group = groups
            .filter(|group| !self.is_said_inside(group))
            .find_map(|group| child_value(group, field, &Value::Uint(group.default)));
        match field.ty {
            Type::Uint | Type::UintLe | Type::Bool | Type::Mac | Type::Ipv4 | Type::Ipv6 => {
                from_group.unwrap_or(Value::Uint(field.default))
            }
            _ => Value::from(vec![0; bits as usize / 8]),
        }
    }

    fn is_said_inside(&self, group: &Field) -> bool {
        self.said.iter().filter_map(|part| part.field).any(|field| overlap(field, group))
    }

    fn is_present(&self, field: &'static Field, said: Option<&Value<'static>>) -> bool {
        if said.is_some() || matches!(field.when, When::Always) {
            return true;
        }
        if self.said.iter().filter_map(|part| part.field).any(|other| other != field && overlap(other, field))
        {
            return false;
        }
        // A frame around LLC has a length where others name the next protocol.
        if let (Some(Auto::Next(registry)), Some(inner)) = (field.auto, self.inner)
            && inner.name == "llc"
            && registry.number(inner).is_none()
        {
            return false;
        }
        let mut trial = self.bits.clone();
        if let Bits::At(_, len) | Bits::Next(len) = field.bits {
            encode(Some(field), &Value::Uint(field.default), u32::from(len), &mut trial);
        }
        field.when.holds(trial.bytes())
    }

    fn width(&self, field: &Field, said: Option<&Value<'static>>) -> u32 {
        match (field.bits, said) {
            (Bits::At(_, len) | Bits::Next(len), _) => u32::from(len),
            (Bits::Counted(at, len), None) => {
                crate::bits::read(self.bits.bytes(), u32::from(at), u32::from(len)) as u32 * 8
            }
            (_, said) => said.map_or(0, |value| width(field, value)),
        }
    }
}

/// Whether two fields at fixed places share bits.
fn overlap(one: &Field, other: &Field) -> bool {
    let (Bits::At(a, a_len), Bits::At(b, b_len)) = (one.bits, other.bits) else { return false };
    a < b + b_len && b < a + a_len
}

/// An item in the making.
struct Item {
    kind: u64,
    len: Option<Value<'static>>,
    said: Vec<Part>,
}

fn item_parts(items: &'static Items, said: &[Part]) -> Vec<Part> {
    let mut made: Vec<Item> = Vec::new();
    for part in said {
        gather(items, part, &mut made);
    }
    made.into_iter().flat_map(|item| write_item(items, item)).collect()
}

fn gather(items: &'static Items, part: &Part, made: &mut Vec<Item>) {
    let Some(field) = part.field else { return };
    let kind_row = items.head.first();
    if kind_row == Some(field) {
        let kind = part.value.as_ref().and_then(Value::uint).unwrap_or(0);
        return made.push(Item { kind, len: None, said: Vec::new() });
    }
    if items.head.last() == Some(field) || items.other == field {
        if let Some(item) = made.last_mut() {
            if items.other == field { item.said.push(part.clone()) } else { item.len.clone_from(&part.value) }
        }
        return;
    }
    let takes = |case: &Case| case.fields.iter().any(|row| row == field);
    if let Some(item) = made.last_mut() {
        let case = items.case(item.kind).filter(|case| takes(case));
        let is_new = item.said.iter().all(|known| known.field != Some(field));
        if case.is_some_and(|case| is_new || repeats(case, field)) {
            return item.said.push(part.clone());
        }
    }
    if let Some(case) = items.cases.iter().find(|case| takes(case)) {
        made.push(Item { kind: case.kind, len: None, said: vec![part.clone()] });
    }
}

fn repeats(case: &Case, field: &'static Field) -> bool {
    case.repeat.clone().is_some_and(|rows| case.fields[rows].iter().any(|row| row == field))
}

fn write_item(items: &'static Items, item: Item) -> Vec<Part> {
    let mut parts = Vec::new();
    for row in items.head {
        let Bits::At(at, len) = row.bits else { continue };
        let value = if at < items.kind_bits {
            let below = items.kind_bits - at - len;
            Some(Value::Uint(item.kind >> below & ((1 << len) - 1)))
        } else if items.singles.contains(&item.kind) {
            break;
        } else {
            item.len.clone()
        };
        if row.is_leaf() {
            parts.push(Part { field: Some(row), bits: u32::from(len), value });
        }
    }
    let case = items.case(item.kind);
    let rows = case
        .map_or(&[][..], |case| &case.fields[..case.repeat.clone().map_or(case.fields.len(), |r| r.start)]);
    for row in rows.iter().filter(|row| row.is_leaf()) {
        let said = item.said.iter().find(|part| part.field == Some(row));
        if let Some(part) = said.cloned().or_else(|| default_part(row)) {
            parts.push(part);
        }
    }
    let is_fixed = |part: &Part| rows.iter().any(|row| part.field == Some(row));
    parts.extend(item.said.into_iter().filter(|part| !is_fixed(part)));
    parts
}

fn default_part(row: &'static Field) -> Option<Part> {
    match row.bits {
        Bits::At(_, len) | Bits::Next(len) => {
            Some(Part { field: Some(row), bits: u32::from(len), value: Some(Value::Uint(row.default)) })
        }
        Bits::Counted(..) | Bits::Sized(_) | Bits::Rest | Bits::Hook(_) | Bits::Derived(_) => None,
    }
}
