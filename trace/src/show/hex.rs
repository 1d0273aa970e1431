//! The bytes of a packet, sixteen a line, as `hexdump -C` and Wireshark show them.

use std::fmt::Write as _;

use tongro_wire::Packet;

/// Appends the bytes of a packet, and those that were put together for it.
pub fn hex(packet: &Packet<'_>, out: &mut String) {
    dump(packet.bytes, out);
    for source in &packet.sources {
        let _ = writeln!(out, "reassembled ({} bytes):", source.len());
        dump(source, out);
    }
}

fn dump(bytes: &[u8], out: &mut String) {
    for (row, line) in bytes.chunks(16).enumerate() {
        let _ = write!(out, "{:04x} ", row * 16);
        for at in 0..16 {
            match line.get(at) {
                Some(byte) => {
                    let _ = write!(out, " {byte:02x}");
                }
                None => out.push_str("   "),
            }
        }
        out.push_str("   ");
        let letter =
            |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
        out.extend(line.iter().map(letter));
        out.push('\n');
    }
}
