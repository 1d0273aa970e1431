//! What `pack` and `unpack` share: how a structure is shown, and how a format or value that is none is told.

use std::path::Path;

use serde_json::{Value, json};
use tongro_wire::hex::{self, HexError};
use tongro_wire::structs::diagram::Diagram;
use tongro_wire::structs::{Datum, Format, FormatErrorKind, LiteralError, Order, PackError};

use crate::talk::{Talk, Tone};

/// A structure with its bytes and values.
pub(crate) struct Shown<'s> {
    /// The format as it was written.
    pub(crate) text: &'s str,
    pub(crate) format: &'s Format,
    pub(crate) bytes: &'s [u8],
    pub(crate) values: &'s [Datum],
}

/// What is asked for.
pub(crate) struct View<'v> {
    pub(crate) diagram: bool,
    pub(crate) svg: Option<&'v Path>,
    pub(crate) json: bool,
}

/// Understands a format, or says where it is none.
pub(crate) fn format(talk: &mut Talk, text: &str) -> Result<Format, ()> {
    Format::parse(text).map_err(|error| {
        let (id, letter) = match error.kind {
            FormatErrorKind::BadCode(letter) => ("packet.format.bad_code", letter),
            FormatErrorKind::NativeOnly(letter) => ("packet.format.native_only", letter),
            FormatErrorKind::CountWithoutCode => ("packet.format.count_without_code", ' '),
            FormatErrorKind::TooLarge => ("packet.format.too_large", ' '),
        };
        point(talk, text, error.at);
        told(talk, id, &[("letter", letter.to_string())], Some(&format!("{id}_hint")));
    })
}

/// Shows a text and a caret under the character where it goes wrong.
pub(crate) fn point(talk: &mut Talk, text: &str, at: usize) {
    let mut begun = 0;
    for line in text.split('\n') {
        let len = line.chars().count();
        if at <= begun + len {
            talk.note(&format!("  {line}"));
            let caret = format!("  {}^", " ".repeat(at - begun));
            let caret = talk.tone(Tone::Bad, &caret);
            return talk.note(&caret);
        }
        begun += len + 1;
    }
}

/// An error of the texts, with its parameters and hint.
pub(crate) fn told(talk: &mut Talk, id: &str, params: &[(&str, String)], hint: Option<&str>) {
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let what = talk.text(id, &params);
    let hint = hint.map(|hint| talk.text(hint, &params));
    talk.error(&what, hint.as_deref());
}

pub(crate) fn bad_literal(talk: &mut Talk, error: &LiteralError) {
    let (id, value) = match error {
        LiteralError::OpenQuote(value) => ("packet.value.open_quote", value),
        LiteralError::BadEscape(value) => ("packet.value.bad_escape", value),
        LiteralError::NotANumber(value) => ("packet.value.not_a_number", value),
    };
    told(talk, id, &[("value", value.clone())], Some(&format!("{id}_hint")));
}

pub(crate) fn bad_hex(talk: &mut Talk, error: &HexError) {
    let params = match error {
        HexError::BadDigit { at, letter } => vec![("at", at.to_string()), ("letter", letter.to_string())],
        HexError::HalfByte { at } => vec![("at", at.to_string())],
        HexError::BadString => vec![],
    };
    let id = match error {
        HexError::BadDigit { .. } => "packet.hex.bad_digit",
        HexError::HalfByte { .. } => "packet.hex.half_byte",
        HexError::BadString => "packet.hex.bad_string",
    };
    told(talk, id, &params, Some("packet.hex.hint"));
}

/// Says which value does not fit, and what would.
pub(crate) fn bad_values(talk: &mut Talk, text: &str, format: &Format, error: &PackError) {
    // People count from one.
    let place = |index: usize| (index + 1).to_string();
    if let PackError::Count { .. } = error {
        talk.note(&format!("  {text}"));
    } else if let PackError::Kind { index, .. }
    | PackError::Range { index, .. }
    | PackError::TooLarge { index, .. } = error
        && let Some(slot) = format.layout().iter().find(|slot| slot.value == Some(*index))
    {
        point(talk, text, slot.at);
    }
    let remedy = error.remedy();
    match error {
        PackError::Count { wanted, given } => {
            let params = [("wanted", wanted.to_string()), ("given", given.to_string())];
            told(talk, "packet.pack.count", &params, Some("packet.pack.count_hint"));
        }
        PackError::Kind { index, code } => {
            let params = [("n", place(*index)), ("code", code.letter().to_string())];
            told(talk, "packet.pack.kind", &params, Some(kind_hint(code.letter())));
        }
        PackError::Range { index, code, value, min, max } => {
            let mut params = vec![("n", place(*index)), ("code", code.letter().to_string())];
            params.extend([("value", value.to_string()), ("min", min.to_string()), ("max", max.to_string())]);
            params.extend(remedy.map(|code| ("other", code.letter().to_string())));
            let hint = if remedy.is_some() { "packet.pack.range_hint" } else { "packet.pack.range_none" };
            told(talk, "packet.pack.range", &params, Some(hint));
        }
        PackError::TooLarge { index, code } => {
            let mut params = vec![("n", place(*index)), ("code", code.letter().to_string())];
            params.extend(remedy.map(|code| ("other", code.letter().to_string())));
            told(talk, "packet.pack.too_large", &params, Some("packet.pack.range_hint"));
        }
    }
}

fn kind_hint(letter: char) -> &'static str {
    match letter {
        'c' => "packet.pack.char_hint",
        's' | 'p' => "packet.pack.bytes_hint",
        _ => "packet.pack.number_hint",
    }
}

/// The bytes, as hex, drawing or JSON.
pub(crate) fn show_packed(talk: &mut Talk, shown: &Shown<'_>, view: &View<'_>) -> Result<(), ()> {
    write_svg(talk, shown, view)?;
    if view.json {
        talk.say(&record(shown).to_string());
    } else if view.diagram {
        head(talk, shown);
        drawing(talk, shown);
        talk.say(&hex::print(shown.bytes));
    } else {
        talk.say(&hex::print(shown.bytes));
    }
    Ok(())
}

/// The values, one line as Python prints the tuple, drawing or JSON.
pub(crate) fn show_unpacked(talk: &mut Talk, shown: &Shown<'_>, view: &View<'_>) -> Result<(), ()> {
    write_svg(talk, shown, view)?;
    if view.json {
        talk.say(&record(shown).to_string());
        return Ok(());
    }
    if view.diagram {
        head(talk, shown);
        drawing(talk, shown);
    }
    let values: Vec<String> = shown.values.iter().map(ToString::to_string).collect();
    let comma = if values.len() == 1 { "," } else { "" };
    talk.say(&format!("({}{comma})", values.join(", ")));
    Ok(())
}

/// Two formats of the same values side by side, and what differs.
pub(crate) fn compare(
    talk: &mut Talk,
    one: &Shown<'_>,
    other: &Shown<'_>,
    view: &View<'_>,
) -> Result<(), ()> {
    write_svg(talk, one, view)?;
    if view.json {
        talk.say(&json!({"type": "compare", "formats": [record(one), record(other)]}).to_string());
        return Ok(());
    }
    let drawings = [one, other].map(|shown| Diagram::new(shown.format, shown.bytes, shown.values).text());
    let [left, right] = drawings.each_ref().map(|drawing| drawing.lines().collect::<Vec<_>>());
    let width = left.iter().map(|line| line.chars().count()).max().unwrap_or(0).max(one.text.len() + 5);
    let line = |lines: &[&str], index: usize| lines.get(index).copied().unwrap_or_default().to_owned();
    talk.say(format!("     {:<rest$}   {}", one.text, other.text, rest = width - 5).trim_end());
    for index in 0..left.len().max(right.len()) {
        let (left, right) = (line(&left, index), line(&right, index));
        let gap = " ".repeat(width - left.chars().count());
        talk.say(format!("{left}{gap}   {}", right.strip_prefix("  ").unwrap_or(&right)).trim_end());
    }
    talk.say("");
    offsets(talk, one, other);
    for shown in [one, other] {
        head(talk, shown);
    }
    Ok(())
}

/// A line for each value: its bytes in both.
fn offsets(talk: &mut Talk, one: &Shown<'_>, other: &Shown<'_>) {
    let places = |shown: &Shown<'_>| {
        let slots = shown.format.layout().into_iter().filter(|slot| slot.value.is_some());
        let place = |slot: tongro_wire::structs::Slot| {
            let bytes = hex::print(shown.bytes.get(slot.offset..slot.offset + slot.len).unwrap_or_default());
            format!("{:>3} +{:<3} {bytes}", slot.offset, slot.len)
        };
        slots.map(place).collect::<Vec<_>>()
    };
    let (left, right) = (places(one), places(other));
    let width = left.iter().map(String::len).max().unwrap_or(0);
    for (index, value) in one.values.iter().enumerate() {
        let (left, right) = (left.get(index), right.get(index));
        let mark = if left == right { " " } else { "≠" };
        let [left, right] = [left, right].map(|text| text.cloned().unwrap_or_default());
        talk.say(format!("{mark} {left:<width$}   {right}   {value}").trim_end());
    }
}

fn drawing(talk: &mut Talk, shown: &Shown<'_>) {
    for line in Diagram::new(shown.format, shown.bytes, shown.values).text().lines() {
        talk.say(line);
    }
}

/// `@bi: 8 bytes, 2 values, 3 bytes of padding; the byte order`.
fn head(talk: &mut Talk, shown: &Shown<'_>) {
    let order = talk.text(&format!("packet.order.{}", order_id(shown.format)), &[]);
    let padding: usize =
        shown.format.layout().iter().filter(|slot| slot.value.is_none()).map(|slot| slot.len).sum();
    let numbers = [shown.format.size(), shown.format.value_count(), padding].map(|number| number.to_string());
    let params = [
        ("format", shown.text),
        ("size", numbers[0].as_str()),
        ("values", numbers[1].as_str()),
        ("padding", numbers[2].as_str()),
        ("order", order.as_str()),
    ];
    talk.say(&talk.text("packet.pack.head", &params));
}

fn order_id(format: &Format) -> &'static str {
    match (format.order(), format.order().is_little()) {
        (Order::Native, true) => "native_little",
        (Order::Native, false) => "native_big",
        (Order::Standard, true) => "standard_little",
        (Order::Standard, false) => "standard_big",
        (Order::Little, _) => "little",
        (Order::Big, _) => "big",
        (Order::Network, _) => "network",
    }
}

fn write_svg(talk: &mut Talk, shown: &Shown<'_>, view: &View<'_>) -> Result<(), ()> {
    let Some(path) = view.svg else { return Ok(()) };
    let svg = Diagram::new(shown.format, shown.bytes, shown.values).svg();
    std::fs::write(path, svg).map_err(|error| {
        let path = path.display().to_string();
        told(talk, "packet.no_write", &[("path", path), ("why", error.to_string())], None);
    })
}

fn record(shown: &Shown<'_>) -> Value {
    let layout: Vec<Value> = shown
        .format
        .layout()
        .iter()
        .map(|slot| {
            let code = if slot.is_alignment { '~' } else { slot.code.letter() };
            json!({"offset": slot.offset, "len": slot.len, "code": code.to_string(), "value": slot.value})
        })
        .collect();
    json!({
        "type": "struct",
        "format": shown.text,
        "order": order_id(shown.format),
        "size": shown.format.size(),
        "hex": hex::print(shown.bytes),
        "values": shown.values.iter().map(datum).collect::<Vec<_>>(),
        "layout": layout,
    })
}

/// Numbers as numbers as far as JSON has them, bytes as hex behind a name that says so.
fn datum(value: &Datum) -> Value {
    match value {
        Datum::Int(number) => match (i64::try_from(*number), u64::try_from(*number)) {
            (Ok(number), _) => json!(number),
            (_, Ok(number)) => json!(number),
            _ => json!(number.to_string()),
        },
        Datum::Float(number) if number.is_finite() => json!(number),
        Datum::Float(number) => json!(number.to_string()),
        Datum::Bool(set) => json!(set),
        Datum::Bytes(bytes) => json!({"bytes": hex::print(bytes), "python": value.to_string()}),
    }
}
