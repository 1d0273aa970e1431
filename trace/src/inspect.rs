//! One frame taken apart: what the inspector panel shows, and what `--json` prints of it.
//!
//! The frame's bytes go through the dissector; what only the conversation knows (relative numbers, the scaled window,
//! findings and times) comes from the ladder's builder. Nothing is left for the front end to compute.

mod shown;

use serde::Serialize;
use tongro_wire::{FieldValue, LinkType, Packet, Problem, ProblemKind, Type, dissect};

use crate::ladder::{Arrow, Builder};
use crate::recording::Recording;
use shown::{Reader, Shown};

/// A frame with its fate, its findings, its layers and fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Number, hosts, times, label and findings.
    #[serde(flatten)]
    pub arrow: Arrow,
    /// The layers, outer first; they cover the frame's bytes without gap as long as nothing is wrong.
    pub layers: Vec<Layer>,
    /// What is wrong with the bytes.
    pub problems: Vec<Fault>,
    /// The bytes as sent, two hex digits each.
    pub hex: String,
}

/// A layer: a header, or the data at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// The protocol as filters name it: `eth`, `ip`, `tcp`, `data`.
    pub id: &'static str,
    /// Its full English name.
    pub name: &'static str,
    /// Where it starts in the frame.
    pub start: usize,
    /// How many bytes it has.
    pub len: usize,
    /// Its fields, in the order of the bytes.
    pub fields: Vec<Field>,
}

/// A field of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Wireshark's id: `tcp.srcport`; of numbers shown relative, the relative one's: `tcp.seq`.
    pub id: &'static str,
    /// A short English name.
    pub name: &'static str,
    /// The value as people say it: `65`, `PSH ACK`, `502 × 128 = 64256`, `0xdf24 ✓`.
    pub value: String,
    /// What stands behind it, quieter: `1511825025`, `00011000`, `0x0800`; empty when nothing does.
    pub detail: String,
    /// The first byte that holds it.
    pub start: usize,
    /// How many bytes hold a part of it.
    pub len: usize,
    /// A checksum that does not hold.
    pub is_bad: bool,
    /// 0 for a row of the list; 1 for a part of the row above: a flag, an option.
    pub depth: u8,
}

/// Something wrong with the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// `truncated`, `bad_length`, `bad_checksum`, `bad_version`, `bad_name`, `bad_text`, `too_deep`.
    pub id: &'static str,
    /// Index of the layer.
    pub layer: usize,
    /// The first byte that shows it.
    pub start: usize,
    /// How many bytes show it.
    pub len: usize,
    /// Parameters of the text, by name.
    pub params: Vec<(&'static str, String)>,
}

/// Takes a frame of a running ladder apart; `None` when no such frame was sent.
#[must_use]
pub fn inspect(builder: &Builder, no: u32, bytes: &[u8]) -> Option<Inspection> {
    let arrow = builder.arrow(no)?.clone();
    let packet = dissect(LinkType::Ethernet, bytes);
    let reader = Reader::new(builder, &arrow, &packet);
    let layers = (0..packet.layers.len()).map(|index| layer(&packet, index, &reader)).collect();
    let problems = packet.problems.iter().map(fault).collect();
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Inspection { arrow, layers, problems, hex })
}

/// Takes a frame of a finished recording apart. To look at several, keep [`Recording::build`] and use [`inspect`].
#[must_use]
pub fn inspect_recorded(recording: &Recording, no: u32) -> Option<Inspection> {
    inspect(&recording.build(), no, recording.frame(no)?)
}

fn layer(packet: &Packet<'_>, index: usize, reader: &Reader<'_>) -> Layer {
    let found = &packet.layers[index];
    let mut group_end = 0;
    let mut fields = Vec::new();
    for value in packet.fields.iter().filter(|value| value.layer == index && !value.generated) {
        let is_part = value.bits.end <= group_end;
        let field = field(value, u8::from(is_part), reader);
        if is_group(value) && !is_part {
            group_end = value.bits.end;
        }
        if field.id != "tcp.urgent_pointer" || field.value != "0" {
            fields.push(field);
        }
    }
    Layer {
        id: found.protocol.name,
        name: found.protocol.title,
        start: found.header.start,
        len: found.header.len(),
        fields,
    }
}

fn is_group(value: &FieldValue<'_>) -> bool {
    value.field.is_group || matches!(value.field.ty, Type::Items(_))
}

fn field(value: &FieldValue<'_>, depth: u8, reader: &Reader<'_>) -> Field {
    let Shown { id, value: text, detail, is_bad } = reader.read(value);
    let bytes = value.bytes();
    // The flags that people know stand in the last byte of the two.
    let start = if id == "tcp.flags" { bytes.end - 1 } else { bytes.start };
    let len = bytes.end - start;
    Field { id, name: value.field.name, value: text, detail, start, len, is_bad, depth }
}

fn fault(problem: &Problem) -> Fault {
    let hex = |sum: u16| format!("0x{sum:04x}");
    let (id, params) = match problem.kind {
        ProblemKind::Truncated => ("truncated", vec![]),
        ProblemKind::BadLength { declared, available } => {
            ("bad_length", vec![("declared", declared.to_string()), ("available", available.to_string())])
        }
        ProblemKind::BadChecksum { stored, computed } => {
            ("bad_checksum", vec![("stored", hex(stored)), ("computed", hex(computed))])
        }
        ProblemKind::BadVersion { found, expected } => {
            ("bad_version", vec![("found", found.to_string()), ("expected", expected.to_string())])
        }
        ProblemKind::BadName => ("bad_name", vec![]),
        ProblemKind::BadText => ("bad_text", vec![]),
        ProblemKind::TooDeep => ("too_deep", vec![]),
    };
    Fault { id, layer: problem.layer, start: problem.bytes.start, len: problem.bytes.len(), params }
}
