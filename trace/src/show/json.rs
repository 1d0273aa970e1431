//! A packet as one line of JSON: every field with the bytes it was read from.
//!
//! ```json
//! {"number":1,"time":1700000000.001000000,"len":42,"captured":42,"interface":0,"protocols":"eth:ethertype:arp",
//!  "layers":[{"id":"eth","name":"Ethernet II","start":0,"len":14,"fields":[
//!    {"id":"eth.dst","value":"ff:ff:ff:ff:ff:ff","start":0,"len":6}, …]}],"problems":[]}
//! ```
//! `start` and `len` count bytes; a field of less than whole bytes has `bit` (from the start of the packet) and `bits`
//! as well. A layer with `source` n has its places in the nth of `sources`, the bytes that were put together from
//! several packets.

use std::fmt::Write as _;

use tongro_wire::{FieldValue, Layer, Packet, Problem, ProblemKind};

use super::of_layer;

/// Appends one line for a packet.
pub fn json(packet: &Packet<'_>, out: &mut String) {
    let of_frame = |id: &str| packet.fields.iter().rev().find(|value| value.field.id == id);
    out.push('{');
    for (key, id) in [
        ("number", "frame.number"),
        ("time", "frame.time_epoch"),
        ("len", "frame.len"),
        ("captured", "frame.cap_len"),
        ("interface", "frame.interface_id"),
    ] {
        if let Some(value) = of_frame(id) {
            let _ = write!(out, "\"{key}\":");
            let _ = value.print_to(out);
            out.push(',');
        }
    }
    if let Some(comment) = of_frame("frame.comment") {
        out.push_str("\"comment\":");
        text(&comment.print(), out);
        out.push(',');
    }
    let _ = write!(out, "\"protocols\":\"{}\",\"layers\":[", packet.protocols());
    for (index, found) in packet.layers.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        layer(packet, index, found, out);
    }
    out.push(']');
    if !packet.sources.is_empty() {
        out.push_str(",\"sources\":[");
        for (index, source) in packet.sources.iter().enumerate() {
            out.push_str(if index > 0 { ",\"" } else { "\"" });
            bytes(source, out);
            out.push('"');
        }
        out.push(']');
    }
    out.push_str(",\"problems\":[");
    for (index, found) in packet.problems.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        problem(found, out);
    }
    out.push_str("]}\n");
}

fn layer(packet: &Packet<'_>, index: usize, found: &Layer, out: &mut String) {
    let (start, len) = (found.header.start, found.header.len());
    let _ = write!(out, "{{\"id\":\"{}\",\"name\":", found.protocol.name);
    text(found.protocol.title, out);
    let _ = write!(out, ",\"start\":{start},\"len\":{len}");
    if found.source > 0 {
        let _ = write!(out, ",\"source\":{}", found.source);
    }
    out.push_str(",\"fields\":[");
    for (at, value) in of_layer(packet, index).enumerate() {
        if at > 0 {
            out.push(',');
        }
        field(value, out);
    }
    out.push_str("]}");
}

fn field(value: &FieldValue<'_>, out: &mut String) {
    out.push_str("{\"id\":\"");
    out.push_str(value.field.id);
    out.push_str("\",\"value\":");
    match &value.value {
        tongro_wire::Value::Text(shown) => text(shown, out),
        _ => {
            out.push('"');
            let _ = value.print_to(out);
            out.push('"');
        }
    }
    if let Some(meaning) = value.meaning() {
        out.push_str(",\"meaning\":");
        text(meaning, out);
    }
    if !value.bits.is_empty() {
        let span = value.bytes();
        let _ = write!(out, ",\"start\":{},\"len\":{}", span.start, span.len());
        if !value.bits.start.is_multiple_of(8) || !value.bits.end.is_multiple_of(8) {
            let len = value.bits.end - value.bits.start;
            let _ = write!(out, ",\"bit\":{},\"bits\":{len}", value.bits.start);
        }
    }
    if value.generated {
        out.push_str(",\"generated\":true");
    }
    out.push('}');
}

fn problem(found: &Problem, out: &mut String) {
    let (layer, start, len) = (found.layer, found.bytes.start, found.bytes.len());
    let _ = write!(out, "{{\"id\":\"{}\",\"layer\":{layer},\"start\":{start},\"len\":{len}", name(found));
    let _ = match found.kind {
        ProblemKind::BadLength { declared, available } => {
            write!(out, ",\"declared\":{declared},\"available\":{available}")
        }
        ProblemKind::BadChecksum { stored, computed } => {
            write!(out, ",\"stored\":\"0x{stored:04x}\",\"computed\":\"0x{computed:04x}\"")
        }
        ProblemKind::BadVersion { found, expected } => {
            write!(out, ",\"found\":{found},\"expected\":{expected}")
        }
        _ => Ok(()),
    };
    out.push('}');
}

/// The id of a problem, as texts and the inspector know it.
fn name(found: &Problem) -> &'static str {
    match found.kind {
        ProblemKind::Truncated => "truncated",
        ProblemKind::BadLength { .. } => "bad_length",
        ProblemKind::BadChecksum { .. } => "bad_checksum",
        ProblemKind::BadVersion { .. } => "bad_version",
        ProblemKind::BadName => "bad_name",
        ProblemKind::BadText => "bad_text",
        ProblemKind::TooDeep => "too_deep",
    }
}

/// A string in JSON's notation (RFC 8259 section 7).
fn text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| matches!(byte, 0..=0x1f | b'"' | b'\\')) {
        out.push_str(&text[plain..at]);
        plain = at + 1;
        let _ = match byte {
            b'"' => out.write_str("\\\""),
            b'\\' => out.write_str("\\\\"),
            b'\n' => out.write_str("\\n"),
            b'\r' => out.write_str("\\r"),
            b'\t' => out.write_str("\\t"),
            other => write!(out, "\\u{other:04x}"),
        };
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

fn bytes(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits =
        bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    out.extend(digits.map(char::from));
}
