//! The reader: markup and text one after the other, open elements on a stack.

use std::collections::{HashMap, HashSet};

use super::chars::{is_char, is_name, is_name_start, is_space};
use super::fault::{Fault, Kind, Wrong};
use super::{Document, Element, Limits, Node};

type Read<T> = Result<T, Wrong>;

/// Reads a document.
///
/// # Errors
/// The first byte that breaks a rule, and which.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Document, Fault> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(Fault::of((Kind::Utf8, error.valid_up_to(), String::new()), bytes)),
    };
    let without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut shared = Shared { left: limits.expansion, depth: limits.depth, ..Shared::default() };
    let mut reader =
        Reader { text, at: text.len() - without_mark.len(), shared: &mut shared, open: Vec::new() };
    reader.document().map_err(|wrong| Fault::of(wrong, bytes))
}

/// What a document and its entities have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Internal entities and what they stand for.
    pub(super) entities: HashMap<String, String>,
    pub(super) external: HashSet<String>,
    /// Entities being expanded.
    expanding: Vec<String>,
    /// Bytes that entities may still become.
    left: usize,
    /// Elements that may still be opened inside each other.
    depth: usize,
    /// Prefixes bound, innermost last.
    bound: Vec<(String, String)>,
}

/// Reads a text: the document, or what an entity stands for.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) shared: &'a mut Shared,
    open: Vec<Open>,
}

/// An element whose end tag has not come.
struct Open {
    element: Element,
    /// Where its start tag begins.
    at: usize,
    /// How many prefixes were bound outside.
    bound: usize,
}

pub(super) fn wrong<T>(kind: Kind, at: usize) -> Read<T> {
    Err((kind, at, String::new()))
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Read<Document> {
        self.declaration()?;
        let mut document = Document { nodes: Vec::new() };
        let mut has_doctype = false;
        loop {
            self.space();
            let (rest, at) = (self.rest(), self.at);
            if rest.is_empty() {
                return if document.root().is_some() { Ok(document) } else { wrong(Kind::Empty, at) };
            }
            if rest.starts_with("<!DOCTYPE") {
                if has_doctype || document.root().is_some() {
                    return wrong(Kind::DoctypePlace, at);
                }
                has_doctype = true;
                self.doctype()?;
            } else if rest.starts_with("<!--") || rest.starts_with("<?") {
                let node = if rest.starts_with("<?") { self.instruction()? } else { self.comment()? };
                document.nodes.push(node);
            } else if rest.starts_with("</") {
                return wrong(Kind::TagUnopened, at);
            } else if rest.starts_with("<!") {
                return wrong(
                    if rest.starts_with("<![CDATA[") { Kind::TextOutside } else { Kind::MarkupUnknown },
                    at,
                );
            } else if !rest.starts_with('<') {
                let letter = rest.chars().next().unwrap_or_default();
                return wrong(if is_char(letter) { Kind::TextOutside } else { Kind::Char }, at);
            } else if document.root().is_some() {
                return wrong(Kind::Roots, at);
            } else {
                document.nodes.extend(self.content(true)?);
            }
        }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Whether there was whitespace.
    pub(super) fn space(&mut self) -> bool {
        let start = self.at;
        self.at = self.text.len() - self.rest().trim_start_matches(is_space).len();
        self.at > start
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        let is_there = self.rest().starts_with(token);
        self.at += if is_there { token.len() } else { 0 };
        is_there
    }

    /// One of the tokens, or a fault: too early an end, or the kind given.
    pub(super) fn expect(&mut self, token: &str, kind: Kind) -> Read<()> {
        if self.eat(token) {
            return Ok(());
        }
        wrong(if self.rest().is_empty() { Kind::Ended } else { kind }, self.at)
    }

    pub(super) fn name(&mut self) -> Read<&'a str> {
        let rest = self.rest();
        if !rest.starts_with(is_name_start) {
            return wrong(if rest.is_empty() { Kind::Ended } else { Kind::Name }, self.at);
        }
        let len = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        self.at += len;
        Ok(&rest[..len])
    }

    /// Everything before `end`, which is taken too. Characters are checked.
    pub(super) fn until(&mut self, end: &str) -> Read<&'a str> {
        let rest = self.rest();
        let found = rest.find(end);
        let text = &rest[..found.unwrap_or(rest.len())];
        self.check_chars(text)?;
        match found {
            Some(len) => {
                self.at += len + end.len();
                Ok(text)
            }
            None => wrong(Kind::Ended, self.text.len()),
        }
    }

    /// Refuses characters that XML does not have; `text` begins where the reader stands.
    fn check_chars(&self, text: &str) -> Read<()> {
        match text.char_indices().find(|(_, letter)| !is_char(*letter)) {
            Some((at, _)) => wrong(Kind::Char, self.at + at),
            None => Ok(()),
        }
    }

    /// `<?xml version="1.0" encoding="…" standalone="…"?>` (§2.8)
    fn declaration(&mut self) -> Read<()> {
        let rest = self.rest();
        if !rest.starts_with("<?xml") || rest[5..].starts_with(is_name) {
            return Ok(());
        }
        self.at += 5;
        for (at, name) in ["version", "encoding", "standalone"].into_iter().enumerate() {
            let before = self.at;
            let has_space = self.space();
            if !self.rest().starts_with(name) {
                if at == 0 {
                    return wrong(Kind::DeclarationForm, self.at);
                }
                continue;
            }
            if !has_space {
                return wrong(Kind::DeclarationForm, before);
            }
            self.at += name.len();
            let (value, value_at) = self.declared()?;
            let is_right = match name {
                "version" => {
                    value.len() > 2
                        && value.starts_with("1.")
                        && value[2..].bytes().all(|byte| byte.is_ascii_digit())
                }
                "standalone" => matches!(value, "yes" | "no"),
                _ => value.starts_with(|letter: char| letter.is_ascii_alphabetic()),
            };
            if !is_right {
                return wrong(Kind::DeclarationForm, value_at);
            }
            if name == "encoding" && !["utf-8", "us-ascii"].contains(&value.to_ascii_lowercase().as_str()) {
                return Err((Kind::Encoding, value_at, value.to_owned()));
            }
        }
        self.space();
        self.expect("?>", Kind::DeclarationForm)
    }

    /// `= "value"`
    fn declared(&mut self) -> Read<(&'a str, usize)> {
        self.space();
        self.expect("=", Kind::DeclarationForm)?;
        self.space();
        let quote = if self.eat("\"") {
            "\""
        } else if self.eat("'") {
            "'"
        } else {
            return wrong(Kind::DeclarationForm, self.at);
        };
        let at = self.at;
        Ok((self.until(quote)?, at))
    }

    fn comment(&mut self) -> Read<Node> {
        self.at += 4;
        let start = self.at;
        let text = self.until("--")?;
        if !self.eat(">") {
            return wrong(Kind::CommentDashes, start + text.len());
        }
        Ok(Node::Comment(text.to_owned()))
    }

    pub(super) fn instruction(&mut self) -> Read<Node> {
        let at = self.at;
        self.at += 2;
        let target = self.name()?;
        if target.eq_ignore_ascii_case("xml") {
            return wrong(if target == "xml" { Kind::DeclarationPlace } else { Kind::InstructionTarget }, at);
        }
        if !self.space() && !self.rest().starts_with("?>") {
            return wrong(Kind::Name, self.at);
        }
        Ok(Node::Instruction(target.to_owned(), self.until("?>")?.to_owned()))
    }

    pub(super) fn skip_comment(&mut self) -> Read<()> {
        self.comment().map(drop)
    }

    /// Content up to the end of the text, or of the first element.
    fn content(&mut self, is_one: bool) -> Read<Vec<Node>> {
        let mut nodes = Vec::new();
        loop {
            let rest = self.rest();
            if rest.is_empty() {
                return match self.open.last() {
                    Some(open) => Err((Kind::TagUnclosed, open.at, open.element.name.clone())),
                    None => Ok(nodes),
                };
            }
            let found = if rest.starts_with("</") {
                Some(Node::Element(self.end_tag()?))
            } else if rest.starts_with("<!--") {
                Some(self.comment()?)
            } else if rest.starts_with("<![CDATA[") {
                self.at += 9;
                Some(Node::Text(self.until("]]>")?.replace("\r\n", "\n").replace('\r', "\n")))
            } else if rest.starts_with("<!DOCTYPE") {
                return wrong(Kind::DoctypePlace, self.at);
            } else if rest.starts_with("<!") {
                return wrong(Kind::MarkupUnknown, self.at);
            } else if rest.starts_with("<?") {
                Some(self.instruction()?)
            } else if rest.starts_with('<') {
                self.start_tag()?.map(Node::Element)
            } else if rest.starts_with('&') {
                for node in self.reference()? {
                    self.push(node, &mut nodes);
                }
                None
            } else {
                Some(self.plain()?)
            };
            if let Some(node) = found {
                self.push(node, &mut nodes);
            }
            if is_one && self.open.is_empty() {
                return Ok(nodes);
            }
        }
    }

    /// Into the innermost open element; text joins text.
    fn push(&mut self, node: Node, outside: &mut Vec<Node>) {
        let nodes = self.open.last_mut().map_or(outside, |open| &mut open.element.nodes);
        match (nodes.last_mut(), node) {
            (Some(Node::Text(before)), Node::Text(text)) => before.push_str(&text),
            (_, node) => nodes.push(node),
        }
    }

    fn plain(&mut self) -> Read<Node> {
        let rest = self.rest();
        let text = &rest[..rest.find(['<', '&']).unwrap_or(rest.len())];
        self.check_chars(text)?;
        if let Some(at) = text.find("]]>") {
            return wrong(Kind::CdataEnd, self.at + at);
        }
        self.at += text.len();
        Ok(Node::Text(text.replace("\r\n", "\n").replace('\r', "\n")))
    }

    /// An element that is empty is whole at once, others wait for their end tag.
    fn start_tag(&mut self) -> Read<Option<Element>> {
        let at = self.at;
        self.at += 1;
        let name = self.name()?;
        let mut element = Element { name: name.to_owned(), ..Element::default() };
        let mut places = Vec::new();
        let bound = self.shared.bound.len();
        let is_empty = loop {
            let has_space = self.space();
            if self.eat(">") {
                break false;
            }
            if self.eat("/>") {
                break true;
            }
            if self.rest().is_empty() {
                return wrong(Kind::Ended, self.at);
            }
            if !self.rest().starts_with(is_name_start) {
                return wrong(Kind::TagForm, self.at);
            }
            if !has_space {
                return wrong(Kind::AttributeSpace, self.at);
            }
            let attribute_at = self.at;
            let (name, value) = self.attribute()?;
            if element.attributes.iter().any(|(other, _)| *other == name) {
                return Err((Kind::AttributeTwice, attribute_at, name));
            }
            places.push(attribute_at);
            element.attributes.push((name, value));
        };
        self.namespaces(&element, at + 1, &places)?;
        if is_empty {
            self.shared.bound.truncate(bound);
            return Ok(Some(element));
        }
        self.shared.depth =
            self.shared.depth.checked_sub(1).ok_or_else(|| (Kind::Depth, at, element.name.clone()))?;
        self.open.push(Open { element, at, bound });
        Ok(None)
    }

    fn attribute(&mut self) -> Read<(String, String)> {
        let name = self.name()?.to_owned();
        self.space();
        self.expect("=", Kind::AttributeForm)?;
        self.space();
        let quote = match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => quote,
            None => return wrong(Kind::Ended, self.at),
            Some(_) => return wrong(Kind::AttributeForm, self.at),
        };
        self.at += 1;
        let mut value = String::new();
        loop {
            let rest = self.rest();
            let len = rest.find([quote, '<', '&']).unwrap_or(rest.len());
            self.check_chars(&rest[..len])?;
            value.push_str(&rest[..len].replace("\r\n", " ").replace(['\r', '\n', '\t'], " "));
            self.at += len;
            match rest[len..].chars().next() {
                Some('<') => return wrong(Kind::AttributeLess, self.at),
                Some('&') => {
                    let at = self.at;
                    for node in self.reference()? {
                        match node {
                            Node::Text(text) => value.push_str(&text),
                            _ => return wrong(Kind::AttributeLess, at),
                        }
                    }
                }
                Some(_) => {
                    self.at += 1;
                    return Ok((name, value));
                }
                None => return wrong(Kind::Ended, self.at),
            }
        }
    }

    fn end_tag(&mut self) -> Read<Element> {
        let at = self.at;
        self.at += 2;
        let name_at = self.at;
        let name = self.name()?;
        let Some(open) = self.open.pop() else { return Err((Kind::TagUnopened, at, name.to_owned())) };
        if open.element.name != name {
            return Err((Kind::TagMismatch, name_at, open.element.name));
        }
        self.space();
        self.expect(">", Kind::TagForm)?;
        self.shared.depth += 1;
        self.shared.bound.truncate(open.bound);
        Ok(open.element)
    }

    /// `&name;`, `&#10;`, `&#xa;` (§4.1): what it stands for.
    fn reference(&mut self) -> Read<Vec<Node>> {
        let at = self.at;
        self.at += 1;
        if self.eat("#") {
            return self.character(at).map(|letter| vec![Node::Text(letter.to_string())]);
        }
        if !self.rest().starts_with(is_name_start) {
            return wrong(Kind::ReferenceForm, at);
        }
        let name = self.name()?;
        if !self.eat(";") {
            return wrong(Kind::ReferenceForm, at);
        }
        let text = match name {
            "lt" => "<",
            "gt" => ">",
            "amp" => "&",
            "apos" => "'",
            "quot" => "\"",
            name => return self.entity(name, at),
        };
        Ok(vec![Node::Text(text.to_owned())])
    }

    pub(super) fn character(&mut self, at: usize) -> Read<char> {
        let radix = if self.eat("x") { 16 } else { 10 };
        let rest = self.rest();
        let len = rest.find(|letter: char| !letter.is_digit(radix)).unwrap_or(rest.len());
        self.at += len;
        if len == 0 || !self.eat(";") {
            return wrong(Kind::ReferenceForm, at);
        }
        let letter = u32::from_str_radix(&rest[..len], radix).ok().and_then(char::from_u32);
        letter
            .filter(|letter| is_char(*letter))
            .ok_or_else(|| (Kind::ReferenceChar, at, rest[..len].to_owned()))
    }

    /// What an entity stands for is read as content of its own; a fault in it is told at the reference.
    fn entity(&mut self, name: &str, at: usize) -> Read<Vec<Node>> {
        let told = |kind| (kind, at, name.to_owned());
        if self.shared.external.contains(name) {
            return Err(told(Kind::EntityExternal));
        }
        let text = self.shared.entities.get(name).cloned().ok_or_else(|| told(Kind::EntityUnknown))?;
        if self.shared.expanding.iter().any(|other| other == name) {
            return Err(told(Kind::EntityRecursive));
        }
        self.shared.left =
            self.shared.left.checked_sub(text.len() + 1).ok_or_else(|| told(Kind::Expansion))?;
        self.shared.depth = self.shared.depth.checked_sub(1).ok_or_else(|| told(Kind::Depth))?;
        self.shared.expanding.push(name.to_owned());
        let mut inner = Reader { text: &text, at: 0, shared: self.shared, open: Vec::new() };
        let nodes = inner.content(false).map_err(|(kind, ..)| match kind {
            Kind::TagUnclosed | Kind::TagUnopened | Kind::TagMismatch | Kind::Ended => {
                told(Kind::EntityContent)
            }
            kind => told(kind),
        })?;
        self.shared.expanding.pop();
        self.shared.depth += 1;
        Ok(nodes)
    }

    /// Binds what the element declares, then looks whether its prefixes are bound (Namespaces §3, §5).
    fn namespaces(&mut self, element: &Element, name_at: usize, places: &[usize]) -> Read<()> {
        const XML: &str = "http://www.w3.org/XML/1998/namespace";
        const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
        for ((name, value), at) in element.attributes.iter().zip(places) {
            let prefix = match name.split_once(':') {
                Some(("xmlns", prefix)) => prefix,
                None if name == "xmlns" => "",
                _ => continue,
            };
            let is_right = match prefix {
                "xmlns" => false,
                "xml" => value == XML,
                "" => value != XML && value != XMLNS,
                _ => !value.is_empty() && value != XML && value != XMLNS,
            };
            if !is_right {
                return Err((Kind::PrefixForm, *at, prefix.to_owned()));
            }
            self.shared.bound.push((prefix.to_owned(), value.clone()));
        }
        self.bound_prefix(&element.name, name_at)?;
        let mut seen = HashSet::new();
        for ((name, _), at) in element.attributes.iter().zip(places) {
            if name == "xmlns" || name.starts_with("xmlns:") {
                continue;
            }
            let namespace = self.bound_prefix(name, *at)?;
            let local = name.split_once(':').map_or(name.as_str(), |(_, local)| local);
            // Two prefixes for one namespace: still the same attribute (Namespaces §6.3).
            if namespace.is_some_and(|namespace| !seen.insert((namespace, local))) {
                return Err((Kind::AttributeTwice, *at, name.clone()));
            }
        }
        Ok(())
    }

    /// The namespace of a name's prefix; `None` without a prefix.
    fn bound_prefix(&self, name: &str, at: usize) -> Read<Option<String>> {
        let Some((prefix, local)) = name.split_once(':') else { return Ok(None) };
        if prefix.is_empty() || local.is_empty() || local.contains(':') || !local.starts_with(is_name_start) {
            return Err((Kind::PrefixForm, at, name.to_owned()));
        }
        if prefix == "xml" {
            return Ok(Some(prefix.to_owned()));
        }
        let bound = self.shared.bound.iter().rev().find(|(other, _)| other == prefix);
        bound
            .map(|(_, namespace)| Some(namespace.clone()))
            .ok_or_else(|| (Kind::PrefixUnbound, at, prefix.to_owned()))
    }
}
