//! A packet as source code: Scapy's notation, Python's `struct`, a C array.
//!
//! Packets come from the dissector, text goes out. Whoever runs the text gets the same bytes.
//!
//! ```
//! use tongro_wire::{LinkType, dissect, export, expr::Expression};
//! let text = r#"IP(src="10.0.0.1", dst="10.0.0.2")/UDP(sport=9, dport=7)/Raw(load=b"hi")"#;
//! let bytes = Expression::parse(text)?.packet(0)?;
//! let packet = dissect(LinkType::RawIp, &bytes);
//! assert_eq!(export::scapy(&packet), text);
//! assert!(export::python_struct(&packet).contains("struct.pack(\"!HHHH\", 9, 7, 10, 0x"));
//! assert!(export::c_array(&packet).starts_with("static const unsigned char packet[30] = {\n"));
//! # Ok::<(), tongro_wire::expr::ExprError>(())
//! ```

mod forms;
mod scapy;

pub use forms::{c_array, python_struct};
pub use scapy::scapy;

/// Bytes as a Python literal in double quotes.
pub(crate) fn python_bytes(bytes: &[u8]) -> String {
    let mut out = String::from("b\"");
    for byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            b'"' => out.push_str("\\\""),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}
