//! How packets are shown: as one line, a tree, columns of fields, JSON or hex.
//!
//! A dissected packet comes in, text goes into a buffer of the caller's: nothing is printed here, and no language is
//! known but the field's own. The forms are Wireshark's where it has them (`-T fields`, the line).

mod fields;
mod hex;
mod info;
mod json;
mod line;
mod tree;

pub use fields::Columns;
pub use hex::hex;
pub use info::{Summary, summary};
pub use json::json;
pub use line::line;
pub use tree::{TreeOptions, tree};

use tongro_wire::{FieldValue, Packet};

/// Whether a field describes the frame and not one of its layers.
fn is_of_frame(value: &FieldValue<'_>) -> bool {
    value.field.id.starts_with("frame.")
}

/// The fields of one layer, in the order of the packet; what is said of the frame is left out.
fn of_layer<'p, 'a>(packet: &'p Packet<'a>, layer: usize) -> impl Iterator<Item = &'p FieldValue<'a>> {
    packet.fields.iter().filter(move |value| value.layer == layer && !is_of_frame(value))
}
