//! Finding elements: `/catalog/book/title`, `//title`, `book/@id`, `*`, `[2]`. A small part of XPath, the one in use.

use super::{Document, Element};

/// The texts of what is found: of elements their text, of attributes their value.
pub fn query(document: &Document, path: &str) -> Vec<String> {
    let Some(root) = document.root() else { return Vec::new() };
    // A node above the root, so that the first step may name the root.
    let above = Element { nodes: vec![super::Node::Element(root.clone())], ..Element::default() };
    let mut here: Vec<&Element> = vec![&above];
    let mut rest = path;
    loop {
        let is_deep = rest.starts_with("//");
        rest = rest.trim_start_matches('/');
        if rest.is_empty() {
            return here.iter().map(|element| element.text()).collect();
        }
        let (step, behind) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if let Some(name) = step.strip_prefix('@') {
            let from = if is_deep { here.iter().flat_map(|element| deep(element)).collect() } else { here };
            let values = from.iter().flat_map(|element| &element.attributes);
            return values
                .filter(|(other, _)| name == "*" || other == name)
                .map(|(_, value)| value.clone())
                .collect();
        }
        here = follow(&here, step, is_deep);
        rest = behind;
    }
}

fn follow<'a>(here: &[&'a Element], step: &str, is_deep: bool) -> Vec<&'a Element> {
    let (name, number) = match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
        Some((name, number)) => (name, number.parse::<usize>().ok()),
        None => (step, None),
    };
    let fits = |element: &&Element| name == "*" || element.name == name;
    let mut found = Vec::new();
    for element in here {
        let inside: Vec<&Element> = if is_deep {
            deep(element).into_iter().skip(1).filter(fits).collect()
        } else {
            element.elements().filter(fits).collect()
        };
        match number {
            Some(number) => found.extend(number.checked_sub(1).and_then(|at| inside.get(at))),
            None => found.extend(inside),
        }
    }
    found
}

/// The element and all inside, in the order of the document.
fn deep(element: &Element) -> Vec<&Element> {
    let mut all = vec![element];
    element.elements().for_each(|inside| all.extend(deep(inside)));
    all
}
