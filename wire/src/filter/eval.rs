//! Asking a packet.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::literal::Literal;
use super::{Cut, Filter, Function, Member, Node, Op, Operand, Reach};
use crate::{Packet, Value};

impl Filter {
    /// Whether a packet passes.
    #[must_use]
    pub fn matches(&self, packet: &Packet<'_>) -> bool {
        self.root.holds(packet)
    }
}

impl Node {
    fn holds(&self, packet: &Packet<'_>) -> bool {
        match self {
            Self::True => true,
            Self::Not(inner) => !inner.holds(packet),
            Self::And(left, right) => left.holds(packet) && right.holds(packet),
            Self::Or(left, right) => left.holds(packet) || right.holds(packet),
            Self::Xor(left, right) => left.holds(packet) != right.holds(packet),
            Self::Exists(operand) => operand.exists(packet),
            Self::Compare { left, op, reach, right } => compare(packet, left, *op, *reach, right),
            Self::In { left, reach, set } => {
                quantified(*reach, &left.values(packet), |value| set.iter().any(|member| member.holds(value)))
            }
            Self::Contains { left, reach, right } => {
                let parts = right.values(packet);
                quantified(*reach, &left.values(packet), |value| {
                    parts.iter().any(|part| contains(value, part))
                })
            }
            Self::Matches { left, reach, pattern } => {
                quantified(*reach, &left.values(packet), |value| pattern.is_match(&raw(value)))
            }
        }
    }
}

fn compare(packet: &Packet<'_>, left: &Operand, op: Op, reach: Reach, right: &Operand) -> bool {
    match (left, right) {
        (Operand::Literal(literal), other) => {
            quantified(reach, &other.values(packet), |value| op.turned().holds(literal.order(value)))
        }
        (other, Operand::Literal(literal)) => {
            quantified(reach, &other.values(packet), |value| op.holds(literal.order(value)))
        }
        (one, other) => {
            let others = other.values(packet);
            !others.is_empty()
                && quantified(reach, &one.values(packet), |value| {
                    let mut orders = others.iter().map(|other| order(value, other));
                    if reach == Reach::All {
                        orders.all(|order| op.holds(order))
                    } else {
                        orders.any(|order| op.holds(order))
                    }
                })
        }
    }
}

/// Any or all of the values; none at all never passes.
fn quantified(reach: Reach, values: &[Value<'_>], test: impl Fn(&Value<'_>) -> bool) -> bool {
    match reach {
        Reach::Any => values.iter().any(test),
        Reach::All => !values.is_empty() && values.iter().all(test),
    }
}

impl Op {
    /// Whether it holds for values in this order; values that have none are different.
    fn holds(self, order: Option<Ordering>) -> bool {
        match (self, order) {
            (Self::Ne, order) => order != Some(Ordering::Equal),
            (_, None) => false,
            (Self::Eq, Some(order)) => order == Ordering::Equal,
            (Self::Gt, Some(order)) => order == Ordering::Greater,
            (Self::Ge, Some(order)) => order != Ordering::Less,
            (Self::Lt, Some(order)) => order == Ordering::Less,
            (Self::Le, Some(order)) => order != Ordering::Greater,
        }
    }

    /// The same with its sides exchanged.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            same => same,
        }
    }
}

impl Operand {
    fn exists(&self, packet: &Packet<'_>) -> bool {
        match self {
            Self::Field(rows) => packet.fields.iter().any(|value| rows.contains(&value.field)),
            Self::Protocol(protocol) if protocol.name == "frame" => true,
            Self::Protocol(protocol) => {
                packet.layers.iter().any(|layer| layer.protocol.name == protocol.name)
            }
            Self::And(..) => self.values(packet).iter().any(|value| match value.uint() {
                Some(number) => number != 0,
                None => raw(value).iter().any(|byte| *byte != 0),
            }),
            _ => !self.values(packet).is_empty(),
        }
    }

    fn values<'p>(&'p self, packet: &'p Packet<'_>) -> Vec<Value<'p>> {
        match self {
            Self::Field(rows) => {
                let found = packet.fields.iter().filter(|value| rows.contains(&value.field));
                found.map(|value| borrowed(&value.value)).collect()
            }
            Self::Protocol(protocol) if protocol.name == "frame" => vec![Value::from(packet.bytes)],
            Self::Protocol(protocol) => {
                let layers = packet.layers.iter().filter(|layer| layer.protocol.name == protocol.name);
                layers.map(|layer| Value::from(&packet.bytes_of(layer)[layer.extent()])).collect()
            }
            Self::Literal(Literal::Value(value)) => vec![borrowed(value)],
            Self::Literal(_) => Vec::new(),
            Self::Slice(inner, cuts) => {
                inner.values(packet).iter().filter_map(|value| sliced(value, cuts)).collect()
            }
            Self::And(inner, mask) => inner.values(packet).iter().map(|value| masked(value, *mask)).collect(),
            Self::Call(Function::Count, inner) => vec![Value::Uint(inner.values(packet).len() as u64)],
            Self::Call(function, inner) => {
                inner.values(packet).iter().map(|value| function.of(value)).collect()
            }
        }
    }
}

impl Function {
    fn of(self, value: &Value<'_>) -> Value<'static> {
        match self {
            Self::Len => Value::Uint(raw(value).len() as u64),
            Self::Lower => Value::from(value.to_string().to_lowercase()),
            Self::Upper => Value::from(value.to_string().to_uppercase()),
            Self::Text | Self::Count => Value::from(value.to_string()),
        }
    }
}

impl Member {
    fn holds(&self, value: &Value<'_>) -> bool {
        match self {
            Self::One(literal) => Op::Eq.holds(literal.order(value)),
            Self::Range(from, to) => Op::Ge.holds(from.order(value)) && Op::Le.holds(to.order(value)),
        }
    }
}

impl Literal {
    /// How a value stands to this one; a network equals every address inside it.
    fn order(&self, value: &Value<'_>) -> Option<Ordering> {
        match (self, value) {
            (Self::Value(known), _) => order(value, known),
            (Self::Net4(net, mask), Value::Ipv4(address)) => {
                Some((u32::from(*address) & mask).cmp(&(net & mask)))
            }
            (Self::Net6(net, mask), Value::Ipv6(address)) => {
                Some((u128::from(*address) & mask).cmp(&(net & mask)))
            }
            _ => None,
        }
    }
}

fn order(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => Some(one.as_bytes().cmp(other.as_bytes())),
        _ => match (one.uint(), other.uint()) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            (None, None) => Some(one.bytes()?.cmp(&other.bytes()?)),
            _ => None,
        },
    }
}

/// The bytes of a value as they stand in a packet; numbers as text.
fn raw<'v>(value: &'v Value<'_>) -> Cow<'v, [u8]> {
    value.bytes().unwrap_or_else(|| Cow::Owned(value.to_string().into_bytes()))
}

fn contains(value: &Value<'_>, part: &Value<'_>) -> bool {
    let (whole, part) = (raw(value), raw(part));
    part.is_empty() || whole.windows(part.len()).any(|window| *window == *part)
}

fn sliced(value: &Value<'_>, cuts: &[Cut]) -> Option<Value<'static>> {
    let bytes = raw(value);
    let mut out = Vec::new();
    for cut in cuts {
        let from = place(cut.from, bytes.len())?;
        let end = match (cut.len, cut.to) {
            (Some(len), _) => from.checked_add(len)?,
            (None, Some(to)) => place(to, bytes.len())? + 1,
            (None, None) => bytes.len(),
        };
        out.extend_from_slice(bytes.get(from..end)?);
    }
    Some(Value::from(out))
}

/// The bits of a number or of bytes that the mask has, too; a mask stands under the last bytes.
fn masked(value: &Value<'_>, mask: u64) -> Value<'static> {
    if let Some(number) = value.uint() {
        return Value::Uint(number & mask);
    }
    let mut bytes = raw(value).into_owned();
    let under = mask.to_be_bytes().into_iter().rev().chain(std::iter::repeat(0));
    bytes.iter_mut().rev().zip(under).for_each(|(byte, mask)| *byte &= mask);
    Value::from(bytes)
}

fn place(at: isize, len: usize) -> Option<usize> {
    if at < 0 { len.checked_sub(at.unsigned_abs()) } else { Some(at.unsigned_abs()) }
}

fn borrowed<'v>(value: &'v Value<'_>) -> Value<'v> {
    match value {
        Value::Bytes(bytes) => Value::from(bytes.as_ref()),
        Value::Text(text) => Value::from(text.as_ref()),
        Value::Uint(number) => Value::Uint(*number),
        Value::Bool(set) => Value::Bool(*set),
        Value::Flag => Value::Flag,
        Value::Mac(mac) => Value::Mac(*mac),
        Value::Ipv4(address) => Value::Ipv4(*address),
        Value::Ipv6(address) => Value::Ipv6(*address),
    }
}
