//! A packet as a call of `struct.pack` for each header, and as an array of C with a comment for each.

use std::fmt::Write;
use std::ops::Range;

use super::python_bytes;
use crate::{FieldValue, Packet, Type, bits};

/// A run of whole bytes: one field, or several that share bytes.
struct Piece<'p> {
    bytes: Range<usize>,
    fields: Vec<&'p FieldValue<'p>>,
}

/// Python source that packs the bytes, header by header; `packet` holds them.
#[must_use]
pub fn python_struct(packet: &Packet<'_>) -> String {
    let mut out = String::from("import struct\n\npacket = b\"\".join([\n");
    // Writing into a string cannot fail.
    for (title, pieces) in parts(packet) {
        let _ = writeln!(out, "    # {title}");
        if let [piece] = pieces.as_slice()
            && code(piece, packet).is_none()
        {
            let _ = writeln!(out, "    {},", python_bytes(&packet.bytes[piece.bytes.clone()]));
            continue;
        }
        let codes: String =
            pieces.iter().map(|piece| code(piece, packet).unwrap_or_else(|| text(piece))).collect();
        let values: Vec<String> = pieces.iter().map(|piece| value(piece, packet)).collect();
        let _ = writeln!(out, "    struct.pack(\"!{codes}\", {}),", values.join(", "));
    }
    out.push_str("])\n");
    out
}

/// C source of an array with the bytes, a line for each field.
#[must_use]
pub fn c_array(packet: &Packet<'_>) -> String {
    let mut out = format!("static const unsigned char packet[{}] = {{\n", packet.bytes.len());
    for (title, pieces) in parts(packet) {
        let _ = writeln!(out, "    /* {title} */");
        for piece in pieces {
            let names: Vec<String> =
                piece.fields.iter().map(|field| format!("{} {}", field.field.id, printed(field))).collect();
            let rows: Vec<&[u8]> = packet.bytes[piece.bytes].chunks(12).collect();
            for (index, row) in rows.iter().enumerate() {
                let bytes: Vec<String> = row.iter().map(|byte| format!("0x{byte:02x},")).collect();
                let comment = if index + 1 == rows.len() && !names.is_empty() {
                    format!("  /* {} */", names.join(" · ").replace("*/", "* /"))
                } else {
                    String::new()
                };
                let _ = writeln!(out, "    {}{comment}", bytes.join(" "));
            }
        }
    }
    out.push_str("};\n");
    out
}

fn printed(field: &FieldValue<'_>) -> String {
    let text = field.print();
    if text.chars().count() <= 40 { text } else { text.chars().take(39).chain(['…']).collect() }
}

/// The pieces of each header; bytes that no header has stand last.
fn parts<'p>(packet: &'p Packet<'p>) -> Vec<(&'static str, Vec<Piece<'p>>)> {
    let mut parts = Vec::new();
    let mut at = 0;
    for (index, layer) in packet.layers.iter().enumerate() {
        if layer.header.start < at || layer.header.is_empty() {
            continue;
        }
        if layer.header.start > at {
            parts.push(("Data", vec![Piece { bytes: at..layer.header.start, fields: Vec::new() }]));
        }
        at = layer.header.end;
        parts.push((layer.protocol.title, pieces(packet, index, layer.header.clone())));
    }
    if at < packet.bytes.len() {
        parts.push(("Data", vec![Piece { bytes: at..packet.bytes.len(), fields: Vec::new() }]));
    }
    parts
}

fn pieces<'p>(packet: &'p Packet<'p>, layer: usize, header: Range<usize>) -> Vec<Piece<'p>> {
    let is_own = |value: &&FieldValue<'_>| {
        value.layer == layer && !value.generated && value.field.is_leaf() && !value.bits.is_empty()
    };
    let mut leaves: Vec<&FieldValue<'_>> = packet.fields.iter().filter(is_own).collect();
    leaves.sort_by_key(|value| value.bits.start);
    let mut pieces: Vec<Piece<'p>> = Vec::new();
    let mut at = header.start;
    for leaf in leaves {
        let bytes = leaf.bytes();
        if bytes.end > header.end {
            continue;
        }
        if let Some(last) = pieces.last_mut().filter(|_| bytes.start < at) {
            last.bytes.end = last.bytes.end.max(bytes.end);
            last.fields.push(leaf);
        } else {
            if bytes.start > at {
                pieces.push(Piece { bytes: at..bytes.start, fields: Vec::new() });
            }
            pieces.push(Piece { bytes: bytes.clone(), fields: vec![leaf] });
        }
        at = at.max(bytes.end);
    }
    if at < header.end {
        pieces.push(Piece { bytes: at..header.end, fields: Vec::new() });
    }
    pieces
}

/// The code of an integer, for pieces that are one.
fn code(piece: &Piece<'_>, packet: &Packet<'_>) -> Option<String> {
    let _ = packet;
    let is_number = !piece.fields.is_empty()
        && piece.fields.iter().all(|field| matches!(field.field.ty, Type::Uint | Type::Bool));
    let code = match piece.bytes.len() {
        1 => "B",
        2 => "H",
        4 => "I",
        8 => "Q",
        _ => return None,
    };
    is_number.then(|| code.to_owned())
}

fn text(piece: &Piece<'_>) -> String {
    format!("{}s", piece.bytes.len())
}

fn value(piece: &Piece<'_>, packet: &Packet<'_>) -> String {
    if code(piece, packet).is_none() {
        return python_bytes(&packet.bytes[piece.bytes.clone()]);
    }
    let len = piece.bytes.len() as u32 * 8;
    let number = bits::read(packet.bytes, piece.bytes.start as u32 * 8, len);
    let is_decimal = matches!(piece.fields.as_slice(), [one] if matches!(one.field.display, crate::Display::Dec) && one.field.scale == 1);
    if is_decimal {
        number.to_string()
    } else {
        format!("0x{number:0width$x}", width = piece.bytes.len() * 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect;
    use crate::expr::Expression;

    #[test]
    fn every_byte_is_written_once() {
        for text in [
            r#"Ether()/IP()/TCP(options=[("MSS", 1460), ("Timestamp", (1, 2))])/"GET / HTTP/1.1\r\n\r\n""#,
            r#"IP()/UDP()/DNS(qd=DNSQR(qname="example.com"))"#,
            r#"Ether()/IP()/ICMP(type=3, code=3)/IP()/UDP()"#,
        ] {
            let expression = Expression::parse(text).unwrap();
            let bytes = expression.packet(0).unwrap();
            let packet = dissect(expression.link(), &bytes);
            let covered: Vec<usize> = parts(&packet)
                .iter()
                .flat_map(|(_, pieces)| pieces)
                .flat_map(|piece| piece.bytes.clone())
                .collect();
            assert_eq!(covered, (0..bytes.len()).collect::<Vec<_>>(), "{text}");
            let source = c_array(&packet);
            assert!(source.matches("0x").count() >= bytes.len(), "{source}");
        }
    }
}
