//! One line for a packet, and its layers as a tree, for commands that make or capture packets.

use tongro_wire::{FieldValue, Packet, Value};

use crate::talk::{Talk, Tone};

/// Prints a packet's line with its number and, if it has one, its time in seconds.
pub(crate) fn line(talk: &mut Talk, number: usize, seconds: Option<f64>, packet: &Packet<'_>) {
    let time = seconds.map_or_else(String::new, |seconds| format!("{seconds:>12.6} "));
    let number = talk.tone(Tone::Quiet, &format!("{number:>5}"));
    let line = format!("{number} {time}{}", text(packet));
    talk.say(&line);
}

/// `10.0.0.1 → 10.0.0.2 TCP 60  20 → 80 [SYN] Seq=0 Win=8192 Len=5`, as Wireshark's packet list has it.
pub(crate) fn text(packet: &Packet<'_>) -> String {
    let shown = |id: &str| packet.find(id).map(FieldValue::print);
    let end = |ids: [&str; 4]| ids.iter().find_map(|id| shown(id)).unwrap_or_else(|| "?".to_owned());
    let source = end(["ip.src", "ipv6.src", "arp.src.proto_ipv4", "eth.src"]);
    let destination = end(["ip.dst", "ipv6.dst", "arp.dst.proto_ipv4", "eth.dst"]);
    let named = packet.layers.iter().rev().find(|layer| layer.protocol.name != "data");
    let protocol = named.map_or("data", |layer| layer.protocol.name).to_uppercase();
    let bad = if packet.problems.is_empty() { "" } else { " !" };
    format!("{source} → {destination} {protocol} {}{bad}  {}", packet.bytes.len(), about(packet))
        .trim_end()
        .to_owned()
}

fn about(packet: &Packet<'_>) -> String {
    let shown = |id: &str| packet.find(id).map(FieldValue::print).unwrap_or_default();
    let has = |protocol: &str| packet.layer(protocol).is_some();
    if has("icmp") || has("icmpv6") {
        return echo(packet);
    }
    if has("arp") {
        let (asks, owner) = (shown("arp.opcode") == "1", shown("arp.src.proto_ipv4"));
        return if asks {
            format!("who has {}? tell {owner}", shown("arp.dst.proto_ipv4"))
        } else {
            format!("{owner} is at {}", shown("arp.src.hw_mac"))
        };
    }
    if has("tcp") {
        let ends = format!("{} → {}", shown("tcp.srcport"), shown("tcp.dstport"));
        let numbers = format!("Seq={} Ack={}", shown("tcp.seq_raw"), shown("tcp.ack_raw"));
        let rest = format!("Win={} Len={}", shown("tcp.window_size_value"), shown("tcp.len"));
        return format!("{ends} [{}] {numbers} {rest}", flags(packet));
    }
    if has("udp") {
        let ends = format!("{} → {}", shown("udp.srcport"), shown("udp.dstport"));
        let name = shown("dns.qry.name");
        let len = shown("udp.length").parse::<u32>().unwrap_or(8).saturating_sub(8);
        return if name.is_empty() { format!("{ends} Len={len}") } else { format!("{ends} {name}") };
    }
    String::new()
}

fn echo(packet: &Packet<'_>) -> String {
    let find = |ids: [&str; 2]| ids.iter().find_map(|id| packet.find(id));
    let kind = find(["icmp.type", "icmpv6.type"]);
    let name = kind.and_then(FieldValue::meaning).map_or_else(
        || kind.map(|kind| format!("type {}", kind.print())).unwrap_or_default(),
        ToOwned::to_owned,
    );
    let ids =
        (find(["icmp.ident", "icmpv6.echo.identifier"]), find(["icmp.seq", "icmpv6.echo.sequence_number"]));
    let number = |value: &FieldValue<'_>| value.value.uint().unwrap_or(0);
    match ids {
        (Some(ident), Some(seq)) => format!("{name} id={} seq={}", number(ident), number(seq)),
        _ => name,
    }
}

fn flags(packet: &Packet<'_>) -> String {
    let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    let bits = packet.find("tcp.flags").and_then(|value| value.value.uint()).unwrap_or(0);
    let set: Vec<&str> =
        names.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| *name).collect();
    set.join(", ")
}

/// Prints every layer with its fields: name, value, meaning, id and bytes.
pub(crate) fn tree(talk: &mut Talk, packet: &Packet<'_>) {
    for (index, layer) in packet.layers.iter().enumerate() {
        let range = format!("{}–{}", layer.header.start, layer.header.end.max(1) - 1);
        let head = talk.tone(Tone::Strong, layer.protocol.title);
        let line = format!("{head} {}", talk.tone(Tone::Quiet, &range));
        talk.say(&line);
        let own = packet.fields.iter().filter(|value| value.layer == index);
        for value in own.filter(|value| !is_long(value)) {
            field(talk, value);
        }
    }
    for problem in &packet.problems {
        let line = format!("! {:?}", problem.kind);
        let line = talk.tone(Tone::Bad, &line);
        talk.say(&line);
    }
}

/// Payloads repeat what the next layer shows.
fn is_long(value: &FieldValue<'_>) -> bool {
    value.generated && matches!(&value.value, Value::Bytes(bytes) if bytes.len() > 64)
}

fn field(talk: &mut Talk, value: &FieldValue<'_>) {
    let printed = value.print();
    let printed = if printed.chars().count() > 64 {
        printed.chars().take(63).chain(['…']).collect()
    } else {
        printed
    };
    let meaning = value.meaning().map_or_else(String::new, |meaning| format!(" ({meaning})"));
    let name = talk.text(&format!("field.{}.name", value.field.doc), &[]);
    // A field that the course does not explain has its English name.
    let name = if name.starts_with("field.") { value.field.name.to_owned() } else { name };
    let bytes = value.bytes();
    let place = match (value.generated, bytes.len()) {
        (true, _) => String::new(),
        (_, 1) => format!("  {}", bytes.start),
        _ => format!("  {}–{}", bytes.start, bytes.end.max(1) - 1),
    };
    let quiet = talk.tone(Tone::Quiet, &format!("  {}{place}", value.field.id));
    talk.say(&format!("    {name}: {printed}{meaning}{quiet}"));
}
