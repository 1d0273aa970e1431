//! JSON as text, for people or for wires.

use super::Value;

/// With two spaces for each level.
pub fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(value, Some(0), &mut text);
    text
}

/// On one line, without a space.
pub fn compact(value: &Value) -> String {
    let mut text = String::new();
    write(value, None, &mut text);
    text
}

fn write(value: &Value, level: Option<usize>, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(is_true) => text.push_str(if *is_true { "true" } else { "false" }),
        Value::Number(number) => text.push_str(number),
        Value::String(string) => quote(string, text),
        Value::Array(items) => {
            enclosed(text, ('[', ']'), level, items, write);
        }
        Value::Object(members) => {
            enclosed(text, ('{', '}'), level, members, |(name, value), level, text| {
                quote(name, text);
                text.push_str(if level.is_some() { ": " } else { ":" });
                write(value, level, text);
            });
        }
    }
}

fn enclosed<T>(
    text: &mut String,
    (open, close): (char, char),
    level: Option<usize>,
    items: &[T],
    write: impl Fn(&T, Option<usize>, &mut String),
) {
    let line = |level: Option<usize>, text: &mut String| {
        if let Some(level) = level {
            text.push('\n');
            text.push_str(&"  ".repeat(level));
        }
    };
    text.push(open);
    let inner = level.map(|level| level + 1);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        line(inner, text);
        write(item, inner, text);
    }
    if !items.is_empty() {
        line(level, text);
    }
    text.push(close);
}

/// A string in quotes, escaped where it must be (RFC 8259 §7).
pub(super) fn quote(string: &str, text: &mut String) {
    text.push('"');
    for letter in string.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0'..='\x1f' => text.push_str(&format!("\\u{:04x}", letter as u32)),
            _ => text.push(letter),
        }
    }
    text.push('"');
}
