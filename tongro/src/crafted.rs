//! Packets for `craft`: from an expression, from hex, from a capture; with edits; as JSON and pcapng.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tongro_trace::capture::{ByteOrder, Reader, pcapng};
use tongro_wire::expr::{ExprError, ExprErrorKind, Expression};
use tongro_wire::{LayerSpec, LinkType, SpecError, craft, dissect, forget_automatic, hex};

use crate::structure::{bad_hex, point, told};
use crate::talk::Talk;

/// A packet that was made.
pub(crate) struct Crafted {
    pub(crate) link: LinkType,
    pub(crate) bytes: Vec<u8>,
    /// Nanoseconds since 1970, of packets from a capture.
    pub(crate) at: Option<i64>,
    /// The layers of packets from an expression, in which something may still be open.
    pub(crate) layers: Option<Vec<LayerSpec>>,
}

/// What is changed, and how bytes are read.
pub(crate) struct Edits<'e> {
    pub(crate) set: &'e [String],
    pub(crate) is_kept: bool,
    pub(crate) link: Option<&'e str>,
}

/// More packets than this need a count.
const MOST: u64 = 1_000_000;

/// The packets that a text stands for.
pub(crate) fn read(
    talk: &mut Talk,
    text: &str,
    edits: &Edits<'_>,
    seed: u64,
    count: Option<u64>,
) -> Result<Vec<Crafted>, ()> {
    let mut input = String::new();
    let text = if text == "-" {
        std::io::stdin()
            .read_to_string(&mut input)
            .map_err(|error| unreadable(talk, "-", &error.to_string()))?;
        input.trim()
    } else {
        text
    };
    if let Some((path, range)) = capture_of(text) {
        return captured(talk, path, range, edits, count);
    }
    if is_hex(text) {
        let bytes = hex::parse(text).map_err(|error| bad_hex(talk, &error))?;
        let link = link_of(talk, edits.link, &bytes)?;
        return Ok(vec![edited(talk, link, &bytes, None, edits)?]);
    }
    expressed(talk, text, edits, seed, count)
}

fn expressed(
    talk: &mut Talk,
    text: &str,
    edits: &Edits<'_>,
    seed: u64,
    count: Option<u64>,
) -> Result<Vec<Crafted>, ()> {
    let expression =
        Expression::parse(text).map_err(|error| bad_expression(talk, text, &error))?.with_seed(seed);
    let count = count.unwrap_or(expression.count());
    if count > MOST {
        told(
            talk,
            "packet.craft.too_many",
            &[("count", count.to_string())],
            Some("packet.craft.too_many_hint"),
        );
        return Err(());
    }
    let mut packets = Vec::new();
    for index in 0..count {
        let mut layers = expression.layers(index).map_err(|error| bad_expression(talk, text, &error))?;
        edits.set.iter().try_for_each(|edit| apply(talk, &mut layers, edit))?;
        let bytes = craft(&layers);
        packets.push(Crafted { link: expression.link(), bytes, at: None, layers: Some(layers) });
    }
    Ok(packets)
}

/// `FILE#N`, `FILE#N-M` or a file that is there.
fn capture_of(text: &str) -> Option<(&str, (usize, usize))> {
    if let Some((path, numbers)) = text.rsplit_once('#') {
        let (from, to) = numbers.split_once('-').unwrap_or((numbers, numbers));
        if let (Ok(from), Ok(to)) = (from.parse(), to.parse()) {
            return Some((path, (from, to)));
        }
    }
    Path::new(text).is_file().then_some((text, (1, usize::MAX)))
}

fn captured(
    talk: &mut Talk,
    path: &str,
    (from, to): (usize, usize),
    edits: &Edits<'_>,
    count: Option<u64>,
) -> Result<Vec<Crafted>, ()> {
    let file = File::open(path).map_err(|error| unreadable(talk, path, &error.to_string()))?;
    let mut reader = Reader::new(file).map_err(|error| unreadable(talk, path, &error.to_string()))?;
    let mut packets = Vec::new();
    let mut number = 0;
    let most = usize::try_from(count.unwrap_or(MOST)).unwrap_or(usize::MAX);
    while packets.len() < most && number < to {
        let next = reader.next_packet().map_err(|error| unreadable(talk, path, &error.to_string()))?;
        let Some(packet) = next else { break };
        number += 1;
        if number >= from {
            let link = LinkType::from_number(packet.link_type);
            packets.push(edited(talk, link, packet.bytes, Some(packet.at), edits)?);
        }
    }
    if packets.is_empty() {
        let params = [("path", path.to_owned()), ("number", from.to_string()), ("count", number.to_string())];
        told(talk, "packet.craft.no_packet", &params, Some("packet.craft.no_packet_hint"));
        return Err(());
    }
    Ok(packets)
}

fn edited(
    talk: &mut Talk,
    link: LinkType,
    bytes: &[u8],
    at: Option<i64>,
    edits: &Edits<'_>,
) -> Result<Crafted, ()> {
    let mut layers = dissect(link, bytes).to_layers();
    if !edits.set.is_empty() {
        if !edits.is_kept {
            forget_automatic(&mut layers);
        }
        edits.set.iter().try_for_each(|edit| apply(talk, &mut layers, edit))?;
    }
    Ok(Crafted { link, bytes: craft(&layers), at, layers: None })
}

/// Applies `field=value` to the outermost layer that has the field.
fn apply(talk: &mut Talk, layers: &mut [LayerSpec], edit: &str) -> Result<(), ()> {
    let Some((id, value)) = edit.split_once('=') else {
        told(talk, "packet.craft.bad_edit", &[("edit", edit.to_owned())], Some("packet.craft.bad_edit_hint"));
        return Err(());
    };
    let (id, value) = (id.trim(), value.trim());
    let known = layers.iter_mut().find(|layer| layer.protocol.field(id).is_some());
    let Some(layer) = known else {
        told(talk, "packet.craft.no_field", &[("field", id.to_owned())], Some("packet.craft.no_field_hint"));
        return Err(());
    };
    layer.set(id, value).map_err(|error| match error {
        SpecError::NotPresent { .. } => {
            told(talk, "packet.craft.not_present", &[("field", id.to_owned())], None);
        }
        _ => {
            let params = [("field", id.to_owned()), ("value", value.to_owned())];
            told(talk, "packet.craft.bad_value", &params, Some("packet.craft.bad_value_hint"));
        }
    })
}

/// Digits in pairs and what may stand between them; no layer has such a name.
fn is_hex(text: &str) -> bool {
    let is_digit =
        |letter: char| letter.is_ascii_hexdigit() || matches!(letter, 'x' | ' ' | ':' | '\n' | '\t' | '\\');
    let is_dump = || {
        text.lines()
            .next()
            .is_some_and(|line| line.len() > 9 && line[..4].bytes().all(|b| b.is_ascii_hexdigit()))
    };
    text.len() >= 2 && (text.chars().all(is_digit) || (!text.contains(['(', '"']) && is_dump()))
}

fn link_of(talk: &mut Talk, said: Option<&str>, bytes: &[u8]) -> Result<LinkType, ()> {
    match said {
        Some("ether" | "eth" | "ethernet") => Ok(LinkType::Ethernet),
        Some("ip" | "raw") => Ok(LinkType::RawIp),
        Some(other) => {
            told(talk, "packet.craft.bad_link", &[("link", other.to_owned())], None);
            Err(())
        }
        None => {
            // An IP packet says its own length.
            let half = |at: usize| {
                bytes.get(at..at + 2).map_or(0, |two| usize::from(two[0]) << 8 | usize::from(two[1]))
            };
            let is_ip = match bytes.first().map(|first| first >> 4) {
                Some(4) => half(2) == bytes.len(),
                Some(6) => half(4) + 40 == bytes.len(),
                _ => false,
            };
            Ok(if is_ip { LinkType::RawIp } else { LinkType::Ethernet })
        }
    }
}

fn unreadable(talk: &mut Talk, path: &str, why: &str) {
    talk.error(&talk.text("cli.error.bad_file", &[("path", path), ("why", why)]), None);
}

fn bad_expression(talk: &mut Talk, text: &str, error: &ExprError) {
    point(talk, text, error.at);
    let (id, params) = match &error.kind {
        ExprErrorKind::UnknownLayer(name) => ("unknown_layer", vec![("name", name.clone())]),
        ExprErrorKind::UnknownField { layer, name } => {
            ("unknown_field", vec![("layer", layer.clone()), ("name", name.clone())])
        }
        ExprErrorKind::BadValue { field, value } => {
            ("wrong_value", vec![("field", field.clone()), ("value", value.clone())])
        }
        ExprErrorKind::Unexpected(found) => ("unexpected", vec![("found", found.clone())]),
        ExprErrorKind::UnexpectedEnd => ("unexpected_end", vec![]),
        ExprErrorKind::BadString => ("bad_string", vec![]),
        ExprErrorKind::TooLong => ("too_long", vec![]),
    };
    let nearest = error.nearest();
    let mut params = params;
    params.extend(nearest.map(|name| ("nearest", name.to_owned())));
    let hint =
        if nearest.is_some() { "packet.craft.nearest".to_owned() } else { format!("packet.craft.{id}_hint") };
    told(talk, &format!("packet.craft.{id}"), &params, Some(&hint));
}

/// A packet with its layers and fields and their places.
pub(crate) fn record(number: usize, crafted: &Crafted) -> Value {
    let packet = dissect(crafted.link, &crafted.bytes);
    let layers: Vec<Value> = packet
        .layers
        .iter()
        .enumerate()
        .map(|(index, layer)| {
            let own = packet.fields.iter().filter(|value| value.layer == index);
            let fields: Vec<Value> = own
                .map(|value| {
                    let range = value.bytes();
                    json!({"id": value.field.id, "value": value.print(), "meaning": value.meaning(),
                        "start": range.start, "len": range.len(), "generated": value.generated})
                })
                .collect();
            json!({"id": layer.protocol.name, "start": layer.header.start, "len": layer.header.len(), "fields": fields})
        })
        .collect();
    let problems: Vec<String> = packet.problems.iter().map(|problem| format!("{:?}", problem.kind)).collect();
    json!({"type": "packet", "number": number, "link": crafted.link.number(), "len": crafted.bytes.len(),
        "protocols": packet.protocols(), "hex": hex::print(&crafted.bytes), "layers": layers, "problems": problems})
}

/// Writes the packets as pcapng.
pub(crate) fn write(talk: &mut Talk, path: &Path, packets: &[Crafted]) -> Result<(), ()> {
    let done = if path.as_os_str() == "-" {
        pour(std::io::stdout().lock(), packets)
    } else {
        File::create(path).and_then(|file| pour(BufWriter::new(file), packets))
    };
    done.map_err(|error| {
        let params = [("path", path.display().to_string()), ("why", error.to_string())];
        told(talk, "packet.no_write", &params, None);
    })
}

fn pour(write: impl Write, packets: &[Crafted]) -> std::io::Result<()> {
    let mut writer = pcapng::Writer::new(write, ByteOrder::default(), "tongro")?;
    let mut links: Vec<LinkType> = Vec::new();
    // What was never sent has no time of its own: now, a microsecond apart.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    for (index, packet) in packets.iter().enumerate() {
        let interface = match links.iter().position(|known| *known == packet.link) {
            Some(known) => known as u32,
            None => {
                links.push(packet.link);
                let link_type = packet.link.number();
                writer.interface(&pcapng::Interface {
                    link_type,
                    resolution: 9,
                    ..pcapng::Interface::default()
                })?
            }
        };
        let at = packet.at.unwrap_or(now + index as i64 * 1000);
        writer.packet(interface, at, &packet.bytes, packet.bytes.len() as u32, &[])?;
    }
    writer.finish().map(drop)
}
