//! `fuzz(…)`: fields that nothing was said of get values from a seed, as Scapy's function of that name does.
//!
//! Addresses stay (the packet shall go where it was sent), and so does what fills itself: a length or a checksum that
//! is wrong is said explicitly.

use crate::field::{Bits, Field, Type, When};
use crate::table::data::DATA;
use crate::{LayerSpec, Value, craft};

/// A generator of numbers from a seed (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    /// The chances of one packet of an expression.
    pub(crate) fn new(seed: u64, index: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// Addresses of links and packets.
const ADDRESSES: [&str; 6] = ["eth.dst", "eth.src", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst"];

/// Leaves to chance what was not said of a layer.
pub(super) fn fuzz(spec: &mut LayerSpec, dice: &mut Dice) {
    if *spec.protocol == DATA {
        if spec.parts.is_empty() {
            let len = dice.next() as usize % 64;
            // Bytes of any length are a value of this field.
            let _ = spec.set("data.data", dice.bytes(len));
        }
        return;
    }
    let (always, sometimes): (Vec<_>, Vec<_>) =
        spec.protocol.fields.iter().partition(|field| matches!(field.when, When::Always));
    always.into_iter().for_each(|field| chance(spec, field, dice));
    // Which of the others are there depends on what chance has put in before them.
    let header = craft(std::slice::from_ref(spec));
    sometimes
        .into_iter()
        .filter(|field| field.when.holds(&header))
        .for_each(|field| chance(spec, field, dice));
}

fn chance(spec: &mut LayerSpec, field: &'static Field, dice: &mut Dice) {
    let is_open = field.is_leaf()
        && field.auto.is_none()
        && !ADDRESSES.contains(&field.id)
        && !spec.parts.iter().filter_map(|part| part.field).any(|said| covers(said, field));
    if !is_open {
        return;
    }
    let len = match (field.bits, field.ty) {
        (Bits::At(_, len) | Bits::Next(len), _) => u32::from(len),
        (Bits::Counted(..), Type::Mac) => 48,
        (Bits::Counted(..), Type::Ipv4) => 32,
        _ => return,
    };
    let value = match field.ty {
        Type::Uint | Type::UintLe => {
            Value::Uint((dice.next() >> (64 - len.clamp(1, 64))) * u64::from(field.scale))
        }
        Type::Bool => Value::Bool(dice.next() & 1 == 1),
        _ => Value::from(dice.bytes(len as usize / 8)),
    };
    // A value of as many bits as the field has fits it.
    let _ = spec.set(field.id, value);
}

/// Whether saying one field says another.
fn covers(said: &Field, field: &Field) -> bool {
    let (Bits::At(at, len), Bits::At(other, other_len)) = (said.bits, field.bits) else {
        return said.id == field.id;
    };
    said.id == field.id || at < other + other_len && other < at + len
}
