//! `tongro fields`: the reference of protocols and fields: names, types, places, meanings, values; and a search.

use clap::Args;
use serde_json::json;
use tongro_wire::{Auto, Bits, Derive, Field, Protocol, Tables, Type};

use crate::protocols::Protocols;
use crate::talk::{Talk, Tone};

/// Look up protocols and fields
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// A protocol (`tcp`), a field (`tcp.flags`), or a word to search for; without it, every protocol
    word: Option<String>,
    #[command(flatten)]
    protocols: Protocols,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl Fields {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let tables = match self.protocols.tables(talk) {
            Ok(tables) => tables,
            Err(code) => return code,
        };
        let Some(word) = self.word.as_deref() else {
            tables.protocols().for_each(|protocol| self.protocol(talk, protocol));
            return 0;
        };
        let word = word.trim().trim_end_matches('.');
        let rows = tables.rows_of(word);
        if !rows.is_empty() {
            rows.iter().for_each(|field| self.field(talk, field, owner(&tables, field)));
            return 0;
        }
        if let Some(protocol) = tables.protocol(word) {
            self.protocol(talk, protocol);
            for field in unique(protocol) {
                self.row(talk, field, protocol);
            }
            return 0;
        }
        self.search(talk, &tables, word)
    }

    /// Fields with the word in their id, their name or the names of their values.
    fn search(&self, talk: &mut Talk, tables: &Tables, word: &str) -> u8 {
        let lower = word.to_lowercase();
        let mut found = 0;
        for protocol in tables.protocols() {
            for field in unique(protocol) {
                let in_values = field.names.iter().any(|(_, name)| name.to_lowercase().contains(&lower));
                let names =
                    [field.id.to_owned(), field.name.to_lowercase(), name(talk, field).to_lowercase()];
                if in_values || names.iter().any(|name| name.contains(&lower)) {
                    self.row(talk, field, protocol);
                    found += 1;
                }
            }
        }
        if found > 0 {
            return 0;
        }
        let hint =
            tables.nearest(word).map(|nearest| talk.text("reading.filter.nearest", &[("nearest", nearest)]));
        talk.error(&talk.text("reading.error.unknown_field", &[("field", word)]), hint.as_deref());
        1
    }

    fn protocol(&self, talk: &mut Talk, protocol: &Protocol) {
        let count = unique(protocol).len();
        if self.json {
            let line = json!({"type": "protocol", "id": protocol.name, "name": protocol.title,
                "reference": protocol.reference, "fields": count, "craft": protocol.scapy});
            return talk.say(&line.to_string());
        }
        let name = talk.tone(Tone::Strong, &format!("{:<16}", protocol.name));
        talk.say(&format!("{name}{:<44}{count:>4}  {}", protocol.title, protocol.reference));
    }

    /// A field in one line.
    fn row(&self, talk: &mut Talk, field: &'static Field, protocol: &Protocol) {
        if self.json {
            return self.field(talk, field, Some(protocol));
        }
        let (kind, place) = (kind(talk, field), place(talk, field));
        talk.say(&format!("  {:<38}{kind:<10}{place:<18}{}", field.id, name(talk, field)));
    }

    /// A field with all that is known of it.
    fn field(&self, talk: &mut Talk, field: &'static Field, protocol: Option<&Protocol>) {
        let blurb = blurb(talk, field);
        if self.json {
            let values: Vec<_> =
                field.names.iter().map(|(n, name)| json!({"value": n, "name": name})).collect();
            let line = json!({"type": "field", "id": field.id, "name": name(talk, field), "kind": kind_id(field),
                "place": place(talk, field), "meaning": blurb, "values": values,
                "protocol": protocol.map(|protocol| protocol.name)});
            return talk.say(&line.to_string());
        }
        let title = format!("{}  {}", field.id, name(talk, field));
        talk.say(&talk.tone(Tone::Strong, &title));
        if let Some(blurb) = blurb {
            talk.say(&format!("  {blurb}"));
        }
        let of = protocol.map(|protocol| format!("{} ({})", protocol.title, protocol.reference));
        for (id, value) in [
            ("protocol", of),
            ("kind", Some(kind(talk, field))),
            ("place", Some(place(talk, field))),
            ("fills", automatic(field).map(|id| talk.text(&format!("reading.auto.{id}"), &[]))),
            ("example", Some(example(field))),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                let label = talk.text(&format!("reading.fields.{id}"), &[]);
                talk.say(&format!("  {label}: {value}"));
            }
        }
        if !field.names.is_empty() {
            let label = talk.text("reading.fields.values", &[]);
            talk.say(&format!("  {label}:"));
            for (number, name) in field.names {
                let mut shown = String::new();
                let hex = format!("0x{number:x}");
                shown.push_str(if matches!(field.display, tongro_wire::Display::Hex(_)) { &hex } else { "" });
                let shown = if shown.is_empty() { number.to_string() } else { shown };
                talk.say(&format!("    {shown:>8}  {name}"));
            }
        }
        talk.say("");
    }
}

/// The fields of a protocol, each id once.
fn unique(protocol: &Protocol) -> Vec<&'static Field> {
    let mut seen = Vec::new();
    protocol
        .all_fields()
        .into_iter()
        .filter(|field| {
            let is_new = !seen.contains(&field.id);
            seen.push(field.id);
            is_new
        })
        .collect()
}

fn owner(tables: &Tables, field: &'static Field) -> Option<&'static Protocol> {
    tables.protocols().find(|protocol| protocol.all_fields().contains(&field))
}

fn name(talk: &Talk, field: &Field) -> String {
    let id = format!("field.{}.name", field.doc);
    tongro_course::try_text(talk.lang, &id, &[]).unwrap_or_else(|_| field.name.to_owned())
}

fn blurb(talk: &Talk, field: &Field) -> Option<String> {
    tongro_course::try_text(talk.lang, &format!("field.{}.blurb", field.doc), &[]).ok()
}

fn kind_id(field: &Field) -> &'static str {
    match field.ty {
        Type::Uint | Type::UintLe if field.display == tongro_wire::Display::Time => "time",
        Type::Uint | Type::UintLe if field.display == tongro_wire::Display::Flag => "flag",
        Type::Uint => "number",
        Type::UintLe => "number_le",
        Type::Bool => "bool",
        Type::Bytes => "bytes",
        Type::Text => "text",
        Type::Name => "name",
        Type::Mac => "mac",
        Type::Ipv4 => "ipv4",
        Type::Ipv6 => "ipv6",
        Type::Items(_) => "list",
    }
}

fn kind(talk: &Talk, field: &Field) -> String {
    talk.text(&format!("reading.kind.{}", kind_id(field)), &[])
}

/// Where a field stands in its header.
fn place(talk: &Talk, field: &Field) -> String {
    let id = |id: &str| talk.text(&format!("reading.place.{id}"), &[]);
    match field.bits {
        Bits::At(at, len) if at % 8 == 0 && len % 8 == 0 => {
            let (from, to) = (at / 8, (at + len) / 8 - 1);
            let bytes = if from == to { from.to_string() } else { format!("{from}–{to}") };
            talk.text("reading.place.bytes", &[("bytes", &bytes)])
        }
        Bits::At(at, len) => {
            let bits = if len == 1 { at.to_string() } else { format!("{at}–{}", at + len - 1) };
            talk.text("reading.place.bits", &[("bits", &bits)])
        }
        Bits::Next(len) | Bits::Hook(len) if len > 0 => {
            talk.text("reading.place.long", &[("bits", &len.to_string())])
        }
        Bits::Derived(Derive::Trace) => id("packets"),
        Bits::Derived(_) => id("computed"),
        _ => id("varies"),
    }
}

/// What fills the field by itself when a packet is crafted.
fn automatic(field: &Field) -> Option<&'static str> {
    Some(match field.auto? {
        Auto::Constant(_) => "constant",
        Auto::Checksum(_) => "checksum",
        Auto::Next(_) => "next",
        Auto::Count(_) | Auto::Present(_) => "count",
        _ => "length",
    })
}

/// A filter that uses the field.
fn example(field: &Field) -> String {
    let id = field.id;
    match (field.ty, field.names.first()) {
        (Type::Bool, _) => format!("{id} == 1"),
        (Type::Uint | Type::UintLe, _) if kind_id(field) == "flag" => id.to_owned(),
        (Type::Uint | Type::UintLe, _) if kind_id(field) == "time" => format!("{id} > 0.1"),
        (Type::Uint | Type::UintLe, Some((number, _))) => format!("{id} == {number}"),
        (Type::Uint | Type::UintLe, None) => format!("{id} > 0"),
        (Type::Text | Type::Name, _) => format!("{id} contains \"a\""),
        (Type::Bytes | Type::Items(_), _) => format!("{id} contains 01:02"),
        (Type::Mac, _) => format!("{id} == 02:00:00:00:00:01"),
        (Type::Ipv4, _) => format!("{id} == 10.0.0.0/8"),
        (Type::Ipv6, _) => format!("{id} == fe80::/10"),
    }
}
