//! JSON as RFC 8259 has it: read with the byte at fault named, numbers exact, members in order, limits on depth.
//!
//! Text comes from files, requests and answers. serde_json reads the same language (a test holds us to it); it does not
//! say which byte is wrong and why in a form that can be told in two languages, forgets duplicate names and rounds
//! numbers: that is why this reader exists.
//!
//! ```
//! use tongro_http::json::{Kind, Options, parse};
//!
//! let fault = parse(b"{\"a\": 1,}", &Options::default()).unwrap_err();
//! assert_eq!((fault.kind, fault.line, fault.column), (Kind::TrailingComma, 1, 9));
//! ```

mod fault;
mod print;
mod query;
mod read;

pub use fault::{Fault, Kind};
pub use print::{compact, pretty};
pub use query::{QueryError, query};
pub use read::parse;

/// A value; numbers are kept as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as it was written, so that nothing is rounded.
    Number(String),
    /// A string, decoded.
    String(String),
    /// A list.
    Array(Vec<Self>),
    /// Members in their order; a name may come twice (§4 says only that it SHOULD not).
    Object(Vec<(String, Self)>),
}

/// How strictly is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Arrays and objects inside each other.
    pub depth: usize,
    /// Whether a name that comes twice is a fault.
    pub forbid_duplicates: bool,
}

/// More than this would endanger the stack.
pub const DEEPEST: usize = 512;

impl Default for Options {
    fn default() -> Self {
        Self { depth: 128, forbid_duplicates: false }
    }
}
