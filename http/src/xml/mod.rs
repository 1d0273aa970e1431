//! XML 1.0 (fifth edition) with namespaces: well-formedness checked whole, each fault with its byte.
//!
//! Text comes from files and answers. Nothing is ever fetched: external entities are a fault, internal ones are expanded
//! within a limit, nesting is limited. The Rust parsers in wide use let some ill-formed documents pass; this one is
//! compared with expat in the tests.
//!
//! ```
//! use tongro_http::xml::{Kind, Limits, parse};
//!
//! let fault = parse(b"<a><b></a>", &Limits::default()).unwrap_err();
//! assert_eq!((fault.kind, fault.offset, fault.name.as_str()), (Kind::TagMismatch, 8, "b"));
//! ```

mod chars;
mod convert;
mod doctype;
mod fault;
mod print;
mod query;
mod read;

pub use convert::{from_json, to_json};
pub use fault::{Fault, Kind};
pub use print::pretty;
pub use query::query;
pub use read::parse;

/// What is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Elements inside each other.
    pub depth: usize,
    /// Bytes that entities may become, all together.
    pub expansion: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 256, expansion: 64 * 1024 }
    }
}

/// A document: what stands before, in and behind its one element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Comments, instructions and the one element.
    pub nodes: Vec<Node>,
}

impl Document {
    /// The one element.
    pub fn root(&self) -> Option<&Element> {
        self.nodes.iter().find_map(|node| match node {
            Node::Element(element) => Some(element),
            _ => None,
        })
    }
}

/// A part of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, with references resolved.
    Text(String),
    /// `<!-- … -->`
    Comment(String),
    /// `<?target …?>`
    Instruction(String, String),
}

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// As written, with its prefix.
    pub name: String,
    /// In order, values normalized (§3.3.3).
    pub attributes: Vec<(String, String)>,
    /// What stands between its tags.
    pub nodes: Vec<Node>,
}

impl Element {
    /// All text inside, in order.
    pub fn text(&self) -> String {
        self.nodes
            .iter()
            .map(|node| match node {
                Node::Text(text) => text.clone(),
                Node::Element(element) => element.text(),
                _ => String::new(),
            })
            .collect()
    }

    /// The elements directly inside.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            _ => None,
        })
    }
}
