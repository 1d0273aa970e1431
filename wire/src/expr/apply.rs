//! From calls to layer specifications: keys to ids, words to numbers, lists to options and records.

use super::fuzz::{Dice, fuzz};
use super::names::{DHCP_OPTIONS, LAYERS, Layer, PORTS, TCP_OPTIONS, WORDS};
use super::parse::{Arg, Call};
use super::{ExprError, ExprErrorKind};
use crate::field::{Field, Type};
use crate::table::{dhcp::DHCP, dns::DNS, dns::DNS_TCP, tcp::TCP, udp::UDP};
use crate::{LayerSpec, Value};

/// The layers of calls whose arguments each hold one value.
pub(super) fn specs(calls: &[Call], dice: &mut Dice) -> Result<Vec<LayerSpec>, ExprError> {
    let mut specs: Vec<LayerSpec> = Vec::new();
    for call in calls {
        if call.name == "Padding" {
            padding(&mut specs, call)?;
            continue;
        }
        // The options of DHCP are a layer of their own in Scapy, and part of BOOTP on the wire.
        if call.name == "DHCP"
            && let Some(last) = specs.last_mut().filter(|last| *last.protocol == DHCP)
        {
            fill(last, call)?;
            continue;
        }
        let mut spec = start(call)?;
        if *spec.protocol == DNS && specs.last().is_some_and(|last| *last.protocol == TCP) {
            spec = LayerSpec::new(&DNS_TCP);
        }
        fill(&mut spec, call)?;
        if let Some(transport) = specs.last_mut() {
            known_ports(transport, &spec, call)?;
        }
        if call.is_fuzzed {
            fuzz(&mut spec, dice);
        }
        specs.push(spec);
    }
    Ok(specs)
}

/// Checks one value of one argument.
pub(super) fn check(call: &Call, key: &str, arg: &Arg) -> Result<(), ExprError> {
    let one = Call {
        at: call.at,
        name: call.name.clone(),
        arguments: vec![(place(call, key), key.to_owned(), arg.clone())],
        is_fuzzed: false,
    };
    fill(&mut start(&one)?, &one)
}

fn place(call: &Call, key: &str) -> usize {
    call.arguments.iter().find(|(_, known, _)| known == key).map_or(call.at, |(at, ..)| *at)
}

/// Bytes that no length counts: behind the layer inside the link layer.
fn padding(specs: &mut [LayerSpec], call: &Call) -> Result<(), ExprError> {
    let Some(last) = specs.len().checked_sub(1) else {
        return Err(ExprError { at: call.at, kind: ExprErrorKind::Unexpected(call.name.clone()) });
    };
    for (at, key, arg) in &call.arguments {
        match (key.as_str(), arg) {
            ("load" | "", Arg::Text(bytes)) => specs[last.min(1)].after.extend_from_slice(bytes),
            _ => {
                let kind = ExprErrorKind::UnknownField { layer: call.name.clone(), name: key.clone() };
                return Err(ExprError { at: *at, kind });
            }
        }
    }
    Ok(())
}

fn start(call: &Call) -> Result<LayerSpec, ExprError> {
    let unknown = || ExprError { at: call.at, kind: ExprErrorKind::UnknownLayer(call.name.clone()) };
    if call.name == "DHCP" {
        return Ok(LayerSpec::new(&DHCP));
    }
    let Some(layer) = layer_of(call) else { return LayerSpec::named(&call.name).ok_or_else(unknown) };
    let mut spec = LayerSpec::new(layer.protocol);
    for (id, value) in layer.preset {
        spec.set(id, *value).map_err(|_| unknown())?;
    }
    Ok(spec)
}

fn layer_of(call: &Call) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.name == call.name)
}

fn fill(spec: &mut LayerSpec, call: &Call) -> Result<(), ExprError> {
    let layer = layer_of(call);
    for (at, key, arg) in &call.arguments {
        let told = |kind| ExprError { at: *at, kind };
        let bad = || told(ExprErrorKind::BadValue { field: key.clone(), value: arg.shown() });
        match (spec.protocol.name, key.as_str(), arg) {
            (_, _, Arg::Nothing) => {}
            ("tcp", "options", Arg::Whole(list)) => tcp_options(spec, list).ok_or_else(bad)?,
            ("dhcp", "options", Arg::Whole(list)) => dhcp_options(spec, list).ok_or_else(bad)?,
            ("dns", "qd" | "an", Arg::Whole(list)) => records(spec, list).ok_or_else(bad)?,
            ("tcp" | "ip", "flags", Arg::Text(letters)) => flags(spec, letters).ok_or_else(bad)?,
            _ => {
                let field = field_of(spec, layer, key).ok_or_else(|| {
                    told(ExprErrorKind::UnknownField { layer: call.name.clone(), name: key.clone() })
                })?;
                put(spec, field, arg).ok_or_else(bad)?;
            }
        }
    }
    Ok(())
}

/// The names that the arguments of a layer may have, Scapy's first.
pub(super) fn keys(layer: &str) -> Vec<&'static str> {
    let known = LAYERS.iter().find(|known| known.name == layer);
    let protocol =
        known.map(|known| known.protocol).or_else(|| LayerSpec::named(layer).map(|spec| spec.protocol));
    let own = known.map_or(&[][..], |known| known.keys).iter().map(|(key, _)| *key);
    let fields = protocol.into_iter().flat_map(|protocol| {
        let rows = protocol.all_fields().into_iter();
        rows.filter_map(move |row| row.id.strip_prefix(protocol.name)?.strip_prefix('.'))
    });
    own.chain(fields).collect()
}

/// The field of a key: Scapy's name, or what follows the protocol in Wireshark's id, or that id as a whole.
fn field_of(spec: &LayerSpec, layer: Option<&'static Layer>, key: &str) -> Option<&'static Field> {
    let known = layer.and_then(|layer| layer.keys.iter().find(|(name, _)| *name == key));
    match known {
        Some((_, id)) => spec.protocol.field(id),
        None => spec.protocol.own_field(key).or_else(|| spec.protocol.field(key)),
    }
}

fn set(spec: &mut LayerSpec, id: &str, arg: &Arg) -> Option<()> {
    put(spec, spec.protocol.field(id)?, arg)
}

fn put(spec: &mut LayerSpec, field: &'static Field, arg: &Arg) -> Option<()> {
    spec.set_field(field, value(field, arg)?).ok()
}

fn value<'a>(field: &Field, arg: &'a Arg) -> Option<Value<'a>> {
    match arg {
        // Scapy counts header lengths in words, the tables in bytes.
        Arg::Number(number) => Some(Value::Uint(number.checked_mul(u64::from(field.scale))?)),
        Arg::Text(text) if matches!(field.ty, Type::Bytes | Type::Items(_)) => {
            Some(Value::from(text.clone()))
        }
        // An address may be said as its bytes, too.
        Arg::Text(bytes) if matches!(field.ty, Type::Mac) && bytes.len() == 6 => {
            Some(Value::from(bytes.clone()))
        }
        Arg::Text(text) => {
            let text = String::from_utf8_lossy(text);
            if !matches!(field.ty, Type::Uint | Type::UintLe) {
                return Some(Value::Text(text));
            }
            let word = WORDS
                .iter()
                .find(|(id, word, _)| *id == field.id && *word == text)
                .map(|(.., number)| *number);
            let is_port = field.id.ends_with("port");
            let port = PORTS.iter().find(|(name, _)| is_port && *name == text).map(|(_, port)| *port);
            Some(word.or(port).map_or(Value::Text(text), Value::Uint))
        }
        _ => None,
    }
}

/// `"SA"` of TCP, `"DF"` or `"MF+DF"` of IP.
fn flags(spec: &mut LayerSpec, letters: &[u8]) -> Option<()> {
    if spec.protocol.name == "ip" {
        spec.set("ip.flags", 0u64).ok()?;
        let words = letters.split(|letter| *letter == b'+').filter(|word| !word.is_empty());
        return words.into_iter().try_for_each(|word| match word {
            b"DF" => spec.set("ip.flags.df", true).ok(),
            b"MF" => spec.set("ip.flags.mf", true).ok(),
            b"evil" => spec.set("ip.flags.rb", true).ok(),
            _ => None,
        });
    }
    let bit = |letter: &u8| b"FSRPAUECN".iter().position(|known| known == letter).map(|bit| 1u64 << bit);
    let number = letters.iter().map(bit).try_fold(0, |sum, bit| Some(sum | bit?))?;
    spec.set("tcp.flags", number).ok()
}

/// `[("MSS", 1460), ("NOP", None), ("Timestamp", (1, 0))]`.
fn tcp_options(spec: &mut LayerSpec, list: &Arg) -> Option<()> {
    let Arg::List(items) = list else { return None };
    for item in items {
        let Arg::Tuple(pair) = item else { return None };
        let [name, rest @ ..] = pair.as_slice() else { return None };
        let (kind, ids) = match name {
            Arg::Text(name) => {
                let known = TCP_OPTIONS.iter().find(|(known, ..)| known.as_bytes() == name)?;
                (known.1, known.2)
            }
            Arg::Number(kind) => (*kind, &["tcp.options.unknown.payload"][..]),
            _ => return None,
        };
        spec.set("tcp.option_kind", kind).ok()?;
        let values = match rest {
            [Arg::Tuple(values)] => values.clone(),
            [Arg::Nothing] | [] => continue,
            [one] => vec![one.clone()],
            _ => return None,
        };
        for (index, value) in values.iter().enumerate() {
            match ids {
                [] => {}
                ids => set(spec, ids[index % ids.len()], value)?,
            }
        }
    }
    Some(())
}

/// `[("message-type", "discover"), "end"]`.
fn dhcp_options(spec: &mut LayerSpec, list: &Arg) -> Option<()> {
    let Arg::List(items) = list else { return None };
    for item in items {
        match item {
            Arg::Text(word) if word == b"end" => spec.set("dhcp.option.type", 255u64).ok()?,
            Arg::Text(word) if word == b"pad" => spec.set("dhcp.option.type", 0u64).ok()?,
            Arg::Tuple(pair) => {
                let [Arg::Text(name), values @ ..] = pair.as_slice() else { return None };
                let id = DHCP_OPTIONS.iter().find(|(known, _)| known.as_bytes() == name)?.1;
                for value in values {
                    match value {
                        Arg::List(several) => several.iter().try_for_each(|one| set(spec, id, one))?,
                        one => set(spec, id, one)?,
                    }
                }
            }
            _ => return None,
        }
    }
    Some(())
}

/// `DNSQR(qname=…, qtype=…)` and `DNSRR(rrname=…, type=…, ttl=…, rdata=…)`, one or a list.
fn records(spec: &mut LayerSpec, list: &Arg) -> Option<()> {
    let one = std::slice::from_ref(list);
    let items = if let Arg::List(items) = list { items.as_slice() } else { one };
    let mut answers = 0u64;
    for item in items {
        let Arg::Call(call) = item else { return None };
        let said =
            |key: &str| call.arguments.iter().find(|(_, known, _)| known == key).map(|(.., arg)| arg.clone());
        match call.name.as_str() {
            "DNSQR" => {
                set(
                    spec,
                    "dns.qry.name",
                    &said("qname").unwrap_or_else(|| Arg::Text(b"www.example.com".to_vec())),
                )?;
                set(spec, "dns.qry.type", &said("qtype").unwrap_or(Arg::Number(1)))?;
                set(spec, "dns.qry.class", &said("qclass").unwrap_or(Arg::Number(1)))?;
            }
            "DNSRR" => {
                answers += 1;
                record(spec, said)?;
            }
            _ => return None,
        }
    }
    if answers > 0 { spec.set("dns.count.answers", answers).ok() } else { Some(()) }
}

fn record(spec: &mut LayerSpec, said: impl Fn(&str) -> Option<Arg>) -> Option<()> {
    set(spec, "dns.resp.name", &said("rrname").unwrap_or_else(|| Arg::Text(b"<Root>".to_vec())))?;
    set(spec, "dns.resp.type", &said("type").unwrap_or(Arg::Number(1)))?;
    set(spec, "dns.resp.class", &said("rclass").unwrap_or(Arg::Number(1)))?;
    set(spec, "dns.resp.ttl", &said("ttl").unwrap_or(Arg::Number(0)))?;
    let id = match spec.value("dns.resp.type").and_then(Value::uint)? {
        1 => "dns.a",
        2 => "dns.ns",
        5 => "dns.cname",
        12 => "dns.ptr.domain_name",
        28 => "dns.aaaa",
        _ => return None,
    };
    // The data is written once to learn its length, which stands before it.
    let mut data = LayerSpec::new(&DNS);
    set(&mut data, id, &said("rdata")?)?;
    let len: u32 = data.parts.iter().map(|part| part.bits / 8).sum();
    spec.set("dns.resp.len", u64::from(len)).ok()?;
    set(spec, id, &said("rdata")?)
}

/// The ports that an application has when none were said.
fn known_ports(transport: &mut LayerSpec, inner: &LayerSpec, call: &Call) -> Result<(), ExprError> {
    let ports = match (transport.protocol.name, inner.protocol.name) {
        ("udp", "dhcp") => [68, 67],
        ("udp", "ntp") => [123, 123],
        ("udp", "vxlan") => [4789, 4789],
        ("tcp", "dns") => [20, 53],
        ("tcp", "tls") => [20, 443],
        _ => return Ok(()),
    };
    let ids = if *transport.protocol == UDP {
        ["udp.srcport", "udp.dstport"]
    } else {
        ["tcp.srcport", "tcp.dstport"]
    };
    for (id, port) in ids.into_iter().zip(ports) {
        if transport.value(id).is_none() {
            let kind = || ExprErrorKind::BadValue { field: id.to_owned(), value: port.to_string() };
            transport.set(id, port as u64).map_err(|_| ExprError { at: call.at, kind: kind() })?;
        }
    }
    Ok(())
}
