//! A packet as a tree: a heading for each layer, a line for each field, the problems at the end.

use std::borrow::Cow;
use std::fmt::Write as _;

use tongro_wire::{Field, FieldValue, Layer, Packet, Type, Value};

use super::of_layer;

/// The longest value that is written out; `-T hex` and `-T json` have all bytes.
const LONGEST: usize = 96;

/// How to draw.
#[derive(Clone, Copy)]
pub struct TreeOptions<'o> {
    /// Whether each line begins with the bytes of the field.
    pub has_bytes: bool,
    /// What a field is called in the reader's language.
    pub name: &'o dyn Fn(&'static Field) -> Cow<'static, str>,
    /// What a heading looks like on the reader's terminal.
    pub heading: &'o dyn Fn(&str) -> String,
}

impl std::fmt::Debug for TreeOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TreeOptions").field("has_bytes", &self.has_bytes).finish_non_exhaustive()
    }
}

impl Default for TreeOptions<'_> {
    fn default() -> Self {
        Self { has_bytes: false, name: &|field| Cow::Borrowed(field.name), heading: &str::to_owned }
    }
}

/// Appends the tree of a packet; an empty line ends it.
pub fn tree(packet: &Packet<'_>, options: &TreeOptions<'_>, out: &mut String) {
    let find = |id: &str| packet.fields.iter().rev().find(|value| value.field.id == id);
    let shown = |id: &str| find(id).map(FieldValue::print).unwrap_or_default();
    let title = format!(
        "Frame {}: {} bytes, {} captured",
        shown("frame.number"),
        shown("frame.len"),
        shown("frame.cap_len")
    );
    let _ = writeln!(out, "{}", (options.heading)(&title));
    for value in packet.fields.iter().filter(|value| super::is_of_frame(value)) {
        line(value, 0, options, out);
    }
    for (index, layer) in packet.layers.iter().enumerate() {
        let _ = writeln!(out, "{}", (options.heading)(&heading(packet, layer)));
        fields(packet, index, options, out);
    }
    for problem in &packet.problems {
        let (id, bytes) =
            (packet.layers.get(problem.layer).map_or("", |layer| layer.protocol.name), &problem.bytes);
        let _ = writeln!(out, "! {id}: {:?} [{}..{}]", problem.kind, bytes.start, bytes.end);
    }
    out.push('\n');
}

fn heading(packet: &Packet<'_>, layer: &Layer) -> String {
    let (name, title, len) = (layer.protocol.name, layer.protocol.title, layer.header.len());
    let mut heading = format!("{title} ({name}), {len} bytes");
    if layer.source > 0 {
        let whole = packet.bytes_of(layer).len();
        let _ = write!(heading, " of {whole} reassembled");
    }
    heading
}

fn fields(packet: &Packet<'_>, index: usize, options: &TreeOptions<'_>, out: &mut String) {
    let mut group_end = 0;
    for value in of_layer(packet, index) {
        let is_part = !value.generated && value.bits.end <= group_end;
        if !value.generated && !is_part && is_group(value) {
            group_end = value.bits.end;
        }
        line(value, usize::from(is_part), options, out);
    }
}

fn is_group(value: &FieldValue<'_>) -> bool {
    value.field.is_group || matches!(value.field.ty, Type::Items(_))
}

fn line(value: &FieldValue<'_>, depth: usize, options: &TreeOptions<'_>, out: &mut String) {
    if options.has_bytes {
        let place = place(value);
        let _ = write!(out, "{place:>11} ");
    }
    let _ = write!(out, "{:1$}", "", 4 + depth * 4);
    let (open, close) = if value.generated { ("[", "]") } else { ("", "") };
    let _ = write!(out, "{open}{}: {}", (options.name)(value.field), short(value));
    if let Some(meaning) = value.meaning() {
        let _ = write!(out, " ({meaning})");
    }
    let _ = writeln!(out, "{close}  {}", value.field.id);
}

/// Where a field stands: `34–35`, `46.4–7` for some bits of a byte, nothing when it has no place.
fn place(value: &FieldValue<'_>) -> String {
    let bits = &value.bits;
    if bits.is_empty() {
        return String::new();
    }
    let span = value.bytes();
    let is_whole = bits.start.is_multiple_of(8) && bits.end.is_multiple_of(8);
    match (is_whole, span.len()) {
        (true, 1) => span.start.to_string(),
        (true, _) => format!("{}–{}", span.start, span.end - 1),
        (false, 1) if bits.end - bits.start == 1 => format!("{}.{}", span.start, bits.start % 8),
        (false, _) => {
            let last = bits.end - 1;
            let end =
                if span.len() == 1 { (last % 8).to_string() } else { format!("{}.{}", last / 8, last % 8) };
            format!("{}.{}–{end}", span.start, bits.start % 8)
        }
    }
}

/// The printed value, long ones cut.
fn short(value: &FieldValue<'_>) -> String {
    let len = match &value.value {
        Value::Bytes(bytes) => bytes.len() * 2,
        Value::Text(text) => text.len(),
        _ => 0,
    };
    if len <= LONGEST {
        return value.print();
    }
    let mut text: String = value.print().chars().take(LONGEST).collect();
    let _ = write!(text, "… ({} bytes)", value.bytes().len().max(1));
    text
}
