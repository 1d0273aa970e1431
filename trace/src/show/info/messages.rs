//! What the messages of applications say.

use std::fmt::Write as _;

use tongro_wire::{FieldValue, Type, Value};

use super::super::of_layer;
use super::Speaker;

pub(super) fn dns(speaker: Speaker<'_, '_>) -> String {
    let is_response = speaker.number("dns.flags.response") == Some(1);
    let opcode = speaker.meaning("dns.flags.opcode").unwrap_or("Unknown operation");
    let mut info = opcode.to_owned();
    if is_response {
        info += " response";
    }
    let _ = write!(info, " {}", speaker.shown("dns.id"));
    if let Some(code) = speaker.number("dns.flags.rcode").filter(|code| *code != 0) {
        let name = speaker.meaning("dns.flags.rcode").map_or_else(|| code.to_string(), str::to_owned);
        let _ = write!(info, " {name}");
    }
    let mut kind = "";
    let mut name = String::new();
    for value in of_layer(speaker.packet, speaker.index) {
        let id = value.field.id;
        match id {
            "dns.qry.name" => name = value.print(),
            "dns.qry.type" => {
                let _ = write!(info, " {} {name}", value.meaning().unwrap_or("Unknown"));
            }
            "dns.resp.type" => {
                kind = value.meaning().unwrap_or("Unknown");
                let _ = write!(info, " {kind}");
            }
            "dns.a"
            | "dns.aaaa"
            | "dns.cname"
            | "dns.ns"
            | "dns.ptr.domain_name"
            | "dns.mx.preference"
            | "dns.mx.mail_exchange"
            | "dns.soa.mname"
            | "dns.srv.priority"
            | "dns.srv.weight"
            | "dns.srv.port"
            | "dns.srv.target"
                if !kind.is_empty() =>
            {
                let _ = write!(info, " {}", value.print());
            }
            _ => {}
        }
    }
    info
}

pub(super) fn http(speaker: Speaker<'_, '_>) -> (String, String) {
    let body = speaker.packet.layers.get(speaker.index + 1).map_or("", |layer| layer.protocol.name);
    let protocol = match body {
        "json" => "HTTP/JSON",
        "xml" => "HTTP/XML",
        _ => "HTTP",
    };
    let info = if speaker.find("http.response.code").is_some() {
        let (version, code) = (speaker.shown("http.response.version"), speaker.shown("http.response.code"));
        let mut info = format!("{version} {code} {}", speaker.shown("http.response.phrase"));
        if let Some(kind) = speaker.text("http.content_type").filter(|_| !body.is_empty()) {
            let kind = kind.split(';').next().unwrap_or(kind).trim();
            let _ = write!(info, "  ({kind})");
        }
        info
    } else {
        let (method, uri) = (speaker.shown("http.request.method"), speaker.shown("http.request.uri"));
        format!("{method} {uri} {}", speaker.shown("http.request.version"))
    };
    (protocol.to_owned(), info)
}

/// Every record of the packet, since they all travel together.
pub(super) fn tls(speaker: Speaker<'_, '_>) -> (String, String) {
    let packet = speaker.packet;
    let records = (0..packet.layers.len()).filter(|index| packet.layers[*index].protocol.name == "tls");
    let mut said: Vec<String> = Vec::new();
    let mut version = None;
    for index in records {
        let record = Speaker { packet, index };
        version = version.or_else(|| record.number("tls.record.version"));
        let messages: Vec<&FieldValue<'_>> =
            of_layer(packet, index).filter(|value| value.field.id == "tls.handshake.type").collect();
        for value in &messages {
            said.push(value.meaning().unwrap_or("Handshake").to_owned());
        }
        if messages.is_empty() {
            said.push(match record.number("tls.record.content_type") {
                Some(22) => "Encrypted Handshake Message".to_owned(),
                Some(21) => match record.meaning("tls.alert_message.desc") {
                    Some(alert) => format!("Alert ({alert})"),
                    None => "Encrypted Alert".to_owned(),
                },
                _ => record.meaning("tls.record.content_type").unwrap_or("Record").to_owned(),
            });
        }
        if let Some(name) = record.find("tls.handshake.extensions_server_name") {
            let _ = write!(said.last_mut().unwrap_or(&mut String::new()), " (SNI={})", name.print());
        }
    }
    let protocol = match version {
        Some(0x0301) => "TLSv1",
        Some(0x0302) => "TLSv1.1",
        Some(0x0303) => "TLSv1.2",
        _ => "TLS",
    };
    (protocol.to_owned(), said.join(", "))
}

pub(super) fn dhcp(speaker: Speaker<'_, '_>) -> String {
    let kind = speaker.meaning("dhcp.option.dhcp").unwrap_or("message");
    format!("DHCP {kind} - Transaction ID {}", speaker.shown("dhcp.id").replacen("0x0", "0x", 0))
}

pub(super) fn ntp(speaker: Speaker<'_, '_>) -> String {
    let mode = speaker.meaning("ntp.flags.mode").unwrap_or("reserved");
    format!("NTP Version {}, {mode}", speaker.shown("ntp.flags.vn"))
}

pub(super) fn websocket(speaker: Speaker<'_, '_>) -> String {
    let kind = speaker.meaning("websocket.opcode").unwrap_or("Unknown");
    let mut info = format!("WebSocket {kind}");
    for (id, name) in [("websocket.fin", " [FIN]"), ("websocket.mask", " [MASKED]")] {
        if speaker.number(id) == Some(1) {
            info += name;
        }
    }
    info
}

pub(super) fn irc(speaker: Speaker<'_, '_>) -> String {
    let words = of_layer(speaker.packet, speaker.index).filter(|value| !value.generated);
    let words: Vec<String> = words.map(FieldValue::print).collect();
    let is_response =
        of_layer(speaker.packet, speaker.index).any(|value| value.field.id.starts_with("irc.response"));
    format!("{} ({})", if is_response { "Response" } else { "Request" }, words.join(" "))
}

pub(super) fn quic(speaker: Speaker<'_, '_>) -> String {
    let kind = speaker.meaning("quic.long.packet_type").unwrap_or("Protected Payload");
    let mut info = kind.to_owned();
    for (id, name) in [("quic.dcid", "DCID"), ("quic.scid", "SCID")] {
        if let Some(value) = speaker.find(id) {
            let _ = write!(info, ", {name}={}", value.print());
        }
    }
    info
}

/// The fields of somebody's own protocol, by the last word of their names.
pub(super) fn own(speaker: Speaker<'_, '_>) -> String {
    let fields = of_layer(speaker.packet, speaker.index).filter(|value| !value.generated && !is_bulk(value));
    let words = fields.map(|value| {
        let name = value.field.id.rsplit('.').next().unwrap_or_default();
        let shown = value.meaning().map_or_else(|| value.print(), str::to_owned);
        let is_text = matches!(value.value, Value::Text(_));
        if is_text { format!("{name}=\"{}\"", short(&shown)) } else { format!("{name}={}", short(&shown)) }
    });
    words.take(8).collect::<Vec<_>>().join(" ")
}

fn is_bulk(value: &FieldValue<'_>) -> bool {
    matches!(value.field.ty, Type::Bytes) && value.bytes().len() > 16
}

fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}
