//! A packet as one line, with the default columns of tshark: number, time, source, destination, protocol, length,
//! what it says.

use std::fmt::Write as _;

use tongro_wire::Packet;

use super::info::{Summary, summary};

/// Appends one line for a packet.
pub fn line(packet: &Packet<'_>, out: &mut String) {
    let find = |id: &str| packet.fields.iter().rev().find(|value| value.field.id == id);
    let number = |id: &str| find(id).and_then(|value| value.value.uint()).unwrap_or(0);
    let time = number("frame.time_relative");
    let Summary { source, target, protocol, info } = summary(packet);
    let (seconds, micros) = (time / 1_000_000_000, time % 1_000_000_000 / 1000);
    let _ = writeln!(
        out,
        "{:>5} {seconds:>3}.{micros:06} {source:>12} → {target:<12} {protocol} {} {info}",
        number("frame.number"),
        number("frame.len"),
    );
}
