//! XML ⇄ JSON, by one simple convention: attributes are `@name`, text beside them is `#text`, repeated names are lists.

use super::print::escaped;
use super::{Document, Element, Node};
use crate::json::Value;

/// The document as JSON. The order between elements of different names is lost, as are comments.
pub fn to_json(document: &Document) -> Value {
    let members = document.root().map(|root| (root.name.clone(), of_element(root)));
    Value::Object(members.into_iter().collect())
}

fn of_element(element: &Element) -> Value {
    let attributes = element.attributes.iter();
    let mut members: Vec<(String, Value)> =
        attributes.map(|(name, value)| (format!("@{name}"), Value::String(value.clone()))).collect();
    for inside in element.elements() {
        let value = of_element(inside);
        match members.iter_mut().find(|(name, _)| *name == inside.name) {
            None => members.push((inside.name.clone(), value)),
            Some((_, Value::Array(items))) => items.push(value),
            Some((_, first)) => *first = Value::Array(vec![std::mem::replace(first, Value::Null), value]),
        }
    }
    let text: String = element
        .nodes
        .iter()
        .filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let text = text.trim();
    match (members.is_empty(), text.is_empty()) {
        (true, true) => Value::Null,
        (true, false) => Value::String(text.to_owned()),
        (false, true) => Value::Object(members),
        (false, false) => {
            members.push(("#text".to_owned(), Value::String(text.to_owned())));
            Value::Object(members)
        }
    }
}

/// JSON as XML, the way back; names that are no XML names become `<member name="…">`.
pub fn from_json(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(members) if members.len() == 1 && !matches!(members[0].1, Value::Array(_)) => {
            write(&members[0].0, &members[0].1, 0, &mut text);
        }
        value => write("json", value, 0, &mut text),
    }
    text
}

fn write(name: &str, value: &Value, level: usize, text: &mut String) {
    let indent = "  ".repeat(level);
    let is_name = name.starts_with(|letter| super::chars::is_name_start(letter) && letter != ':')
        && name.chars().all(|letter| super::chars::is_name(letter) && letter != ':');
    let (tag, mut attributes) =
        if is_name { (name, String::new()) } else { ("member", format!(" name=\"{}\"", quoted(name))) };
    match value {
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Array(_) => {
                        text.push_str(&format!("{indent}<{tag}{attributes}>\n"));
                        write("item", item, level + 1, text);
                        text.push_str(&format!("{indent}</{tag}>\n"));
                    }
                    item => write(name, item, level, text),
                }
            }
        }
        Value::Object(members) => {
            let is_attribute = |name: &str, value: &Value| {
                name.strip_prefix('@').is_some_and(|name| {
                    name.starts_with(super::chars::is_name_start)
                        && name.chars().all(super::chars::is_name)
                        && !name.contains(':')
                }) && !matches!(value, Value::Array(_) | Value::Object(_))
            };
            for (name, value) in members.iter().filter(|(name, value)| is_attribute(name, value)) {
                attributes.push_str(&format!(" {}=\"{}\"", &name[1..], quoted(&plain(value))));
            }
            text.push_str(&format!("{indent}<{tag}{attributes}>\n"));
            for (name, value) in members.iter().filter(|(name, value)| !is_attribute(name, value)) {
                if name == "#text" {
                    text.push_str(&format!("{indent}  {}\n", escaped(&legal(&plain(value)))));
                } else {
                    write(name, value, level + 1, text);
                }
            }
            text.push_str(&format!("{indent}</{tag}>\n"));
        }
        Value::Null => text.push_str(&format!("{indent}<{tag}{attributes}/>\n")),
        value => {
            text.push_str(&format!("{indent}<{tag}{attributes}>{}</{tag}>\n", escaped(&legal(&plain(value)))))
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) | Value::Number(text) => text.clone(),
        Value::Bool(is_true) => is_true.to_string(),
        _ => String::new(),
    }
}

fn quoted(text: &str) -> String {
    escaped(&legal(text)).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;")
}

/// Characters that XML does not have become U+FFFD.
fn legal(text: &str) -> String {
    text.chars().map(|letter| if super::chars::is_char(letter) { letter } else { '\u{fffd}' }).collect()
}
