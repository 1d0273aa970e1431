//! XML as text for people: one element a line, unless text stands beside elements.

use super::{Document, Element, Node};

/// With two spaces for each level. Mixed content is left as it is: there whitespace means something.
pub fn pretty(document: &Document) -> String {
    let mut text = String::new();
    for node in &document.nodes {
        write(node, 0, &mut text);
        text.push('\n');
    }
    text
}

fn write(node: &Node, level: usize, text: &mut String) {
    match node {
        Node::Element(element) => write_element(element, level, text),
        Node::Text(plain) => text.push_str(&escaped(plain)),
        Node::Comment(comment) => text.push_str(&format!("<!--{comment}-->")),
        Node::Instruction(target, rest) if rest.is_empty() => text.push_str(&format!("<?{target}?>")),
        Node::Instruction(target, rest) => text.push_str(&format!("<?{target} {rest}?>")),
    }
}

fn write_element(element: &Element, level: usize, text: &mut String) {
    text.push_str(&format!("<{}", element.name));
    for (name, value) in &element.attributes {
        let value = escaped(value).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;");
        text.push_str(&format!(" {name}=\"{value}\""));
    }
    let is_blank = |node: &&Node| matches!(node, Node::Text(plain) if plain.trim_matches([' ', '\t', '\n', '\r']).is_empty());
    let is_mixed = element.nodes.iter().any(|node| matches!(node, Node::Text(_)) && !is_blank(&node));
    let has_elements = element.nodes.iter().any(|node| !matches!(node, Node::Text(_)));
    if element.nodes.is_empty() {
        text.push_str("/>");
        return;
    }
    text.push('>');
    if is_mixed || !has_elements {
        element.nodes.iter().for_each(|node| write(node, level, text));
    } else {
        for node in element.nodes.iter().filter(|node| !is_blank(node)) {
            text.push('\n');
            text.push_str(&"  ".repeat(level + 1));
            write(node, level + 1, text);
        }
        text.push('\n');
        text.push_str(&"  ".repeat(level));
    }
    text.push_str(&format!("</{}>", element.name));
}

/// Text with what would be markup escaped.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace("]]>", "]]&gt;").replace('\r', "&#13;")
}
