//! How a field's value is said: numbers relative to the conversation, flags by name, checksums with their verdict.

use tongro_wire::view::{self, Transport};
use tongro_wire::{FieldValue, Packet, ProblemKind, Value, status};

use crate::flow;
use crate::ladder::{Arrow, Builder};
use crate::segment::Segment;

/// The most bytes of a value that are written out; the hex view has them all.
const LONGEST: usize = 16;

/// What is said of a value.
pub(super) struct Shown {
    pub(super) id: &'static str,
    pub(super) value: String,
    pub(super) detail: String,
    pub(super) is_bad: bool,
}

impl Shown {
    fn plain(value: &FieldValue<'_>, text: String) -> Self {
        Self { id: value.field.id, value: text, detail: String::new(), is_bad: false }
    }

    /// A number counted from the conversation's first one, the raw one behind it.
    fn relative(id: &'static str, number: u32, value: &FieldValue<'_>) -> Self {
        Self { id, detail: value.print(), ..Self::plain(value, number.to_string()) }
    }
}

/// Reads values of one frame.
pub(super) struct Reader<'p> {
    packet: &'p Packet<'p>,
    /// The TCP segment with relative numbers, the base of its SACK edges, and its window's shift.
    segment: Option<Segment>,
    sack_base: u32,
    shift: Option<u8>,
}

impl<'p> Reader<'p> {
    pub(super) fn new(builder: &Builder, arrow: &Arrow, packet: &'p Packet<'p>) -> Self {
        let mut reader = Self { packet, segment: None, sack_base: 0, shift: None };
        let view = view::ethernet(packet.bytes);
        let flow = arrow.flow.and_then(|no| builder.flows().flows().get(no as usize));
        if let (Some(view), Some(flow)) = (view, flow)
            && let (Some(ip), Transport::Tcp(tcp)) = (&view.ip, &view.transport)
        {
            let dir = flow.direction(flow::ends(ip, &view.transport).0);
            let segment = flow::segment(flow, dir, arrow.no, arrow.sent_at, packet.bytes, tcp);
            reader.shift = builder.window_shift(flow.no, &segment);
            reader.sack_base = flow.base(1 - dir).unwrap_or_default();
            reader.segment = Some(segment);
        }
        reader
    }

    /// The value and what stands behind it.
    pub(super) fn read(&self, value: &FieldValue<'_>) -> Shown {
        let plain = |text: String| Shown::plain(value, text);
        match (value.field.id, &self.segment) {
            ("tcp.seq_raw", Some(segment)) => Shown::relative("tcp.seq", segment.seq, value),
            ("tcp.ack_raw", Some(segment)) => Shown::relative("tcp.ack", segment.ack, value),
            (id @ ("tcp.options.sack_le" | "tcp.options.sack_re"), Some(_)) => {
                let edge = value.value.uint().unwrap_or(0) as u32;
                Shown::relative(id, edge.wrapping_sub(self.sack_base), value)
            }
            ("tcp.window_size_value", Some(segment)) => {
                Shown { id: "tcp.window_size", ..plain(self.window(segment)) }
            }
            ("tcp.flags", _) => flags(value, &TCP_FLAGS, 8),
            ("ip.flags", _) => flags(value, &IP_FLAGS, 3),
            ("tcp.options", _) => plain(self.options()),
            ("data.data", _) => plain(format!("{} B", value.bytes().len())),
            ("tcp.hdr_len" | "ip.hdr_len", _) => plain(format!("{} B", value.print())),
            (id, _) if id.ends_with(".checksum") => self.checksum(value),
            _ => match value.meaning() {
                Some(name) => Shown { detail: value.print(), ..plain(name.to_owned()) },
                None => plain(short(value)),
            },
        }
    }

    fn window(&self, segment: &Segment) -> String {
        match self.shift {
            Some(shift) if shift > 0 => {
                let (factor, window) = (1u32 << shift, u32::from(segment.window));
                format!("{window} × {factor} = {}", window * factor)
            }
            _ => segment.window.to_string(),
        }
    }

    /// `0xdf24 ✓`, or `0x1234 ✗` with the right one behind it.
    fn checksum(&self, value: &FieldValue<'_>) -> Shown {
        let fields = self.packet.fields.iter().filter(|other| other.layer == value.layer);
        let status = fields.filter(|other| other.field.id.ends_with(".checksum.status"));
        let right = self.packet.problems.iter().find_map(|problem| match problem.kind {
            ProblemKind::BadChecksum { computed, .. } if problem.layer == value.layer => Some(computed),
            _ => None,
        });
        match status.filter_map(|other| other.value.uint()).next() {
            Some(status::GOOD) => Shown::plain(value, format!("{} ✓", value.print())),
            Some(status::BAD) => {
                let detail = right.map(|sum| format!("0x{sum:04x}")).unwrap_or_default();
                Shown { detail, is_bad: true, ..Shown::plain(value, format!("{} ✗", value.print())) }
            }
            _ => Shown::plain(value, value.print()),
        }
    }

    /// The names of the TCP options, padding left out.
    fn options(&self) -> String {
        let kinds = self.packet.values("tcp.option_kind").filter_map(|value| value.value.uint());
        let names: Vec<String> = kinds.filter(|kind| *kind > 1).map(option_name).collect();
        names.join(", ")
    }
}

const TCP_FLAGS: [(u64, &str); 9] = [
    (0x100, "AE"),
    (0x80, "CWR"),
    (0x40, "ECE"),
    (0x20, "URG"),
    (0x08, "PSH"),
    (0x04, "RST"),
    (0x02, "SYN"),
    (0x01, "FIN"),
    (0x10, "ACK"),
];

const IP_FLAGS: [(u64, &str); 3] = [(4, "RB"), (2, "DF"), (1, "MF")];

/// The flags that are set by name, and the bits.
fn flags(value: &FieldValue<'_>, names: &[(u64, &str)], digits: usize) -> Shown {
    let bits = value.value.uint().unwrap_or(0);
    let set: Vec<_> = names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    Shown { detail: format!("{bits:0digits$b}"), ..Shown::plain(value, set.join(" ")) }
}

fn option_name(kind: u64) -> String {
    match kind {
        2 => "MSS".to_owned(),
        3 => "WS".to_owned(),
        4 => "SACK_PERM".to_owned(),
        5 => "SACK".to_owned(),
        8 => "TS".to_owned(),
        34 => "TFO".to_owned(),
        other => other.to_string(),
    }
}

/// The printed value, long bytes cut.
fn short(value: &FieldValue<'_>) -> String {
    match &value.value {
        Value::Bytes(bytes) if bytes.len() > LONGEST => {
            let mut text: String = bytes[..LONGEST].iter().map(|byte| format!("{byte:02x}")).collect();
            text.push('…');
            text
        }
        _ => value.print(),
    }
}
