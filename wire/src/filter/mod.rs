//! Display filters in Wireshark's syntax, compiled against the tables.
//!
//! Text comes from a user, packets from [`dissect`](crate::dissect) (with the fields that `trace` adds); the answer
//! is yes or no. A field is a list of values: `==` and the orders hold when any value does, `!=` when all differ.
//!
//! ```
//! use tongro_wire::{LinkType, dissect, filter::Filter};
//! let filter = Filter::parse("ip.ttl < 65 && icmp.type in {0, 8}")?;
//! let packet = b"\x45\0\0\x1c\0\x01\0\0\x40\x01\x66\x44\x0a\x4d\0\x01\x0a\x4d\0\x02\x08\0\xf7\xf6\0\x01\0\x08";
//! assert!(filter.matches(&dissect(LinkType::RawIp, packet)));
//! let error = Filter::parse("tcp.srcprt == 80").unwrap_err();
//! assert_eq!(error.to_string(), "no field `tcp.srcprt` at character 0, did you mean `tcp.srcport`?");
//! # Ok::<(), tongro_wire::filter::FilterError>(())
//! ```

pub mod bpf;
mod eval;
mod lexer;
mod literal;
mod parse;

use std::fmt;

use regex::bytes::Regex;

use crate::field::Field;
use crate::protocol::Protocol;
use crate::tables::Tables;
use literal::Literal;

/// A compiled display filter.
#[derive(Debug, Clone)]
pub struct Filter {
    root: Node,
}

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .kind.told(*.at))]
pub struct FilterError {
    /// Where, in characters from 0.
    pub at: usize,
    /// What is wrong.
    pub kind: FilterErrorKind,
}

/// What is wrong with a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterErrorKind {
    /// No table knows this name.
    UnknownField {
        /// The name.
        name: String,
        /// The known name that is nearest.
        nearest: Option<&'static str>,
    },
    /// Something else was expected here.
    Unexpected {
        /// What stands here.
        found: String,
    },
    /// The text ends too early.
    UnexpectedEnd,
    /// A string without its closing quote.
    OpenString,
    /// A value that the field cannot have.
    BadValue {
        /// The field.
        field: &'static str,
        /// The value.
        value: String,
    },
    /// A pattern that is no regular expression.
    BadPattern(String),
    /// A slice that is none.
    BadSlice(String),
    /// Neither side of a comparison is a field.
    NoField,
}

impl FilterErrorKind {
    fn told(&self, at: usize) -> String {
        match self {
            Self::UnknownField { name, nearest: Some(nearest) } => {
                format!("no field `{name}` at character {at}, did you mean `{nearest}`?")
            }
            Self::UnknownField { name, nearest: None } => format!("no field `{name}` at character {at}"),
            Self::Unexpected { found } => format!("`{found}` is not expected at character {at}"),
            Self::UnexpectedEnd => format!("more is expected at character {at}, where the filter ends"),
            Self::OpenString => format!("the string at character {at} has no closing quote"),
            Self::BadValue { field, value } => {
                format!("`{value}` at character {at} is no value of `{field}`")
            }
            Self::BadPattern(pattern) => format!("`{pattern}` at character {at} is no regular expression"),
            Self::BadSlice(slice) => format!("`[{slice}]` at character {at} is no slice"),
            Self::NoField => format!("nothing is compared with a field at character {at}"),
        }
    }
}

impl fmt::Display for FilterErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(0))
    }
}

/// A yes or no.
#[derive(Debug, Clone)]
enum Node {
    /// An empty filter lets everything through.
    True,
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Xor(Box<Self>, Box<Self>),
    Exists(Operand),
    Compare {
        left: Operand,
        op: Op,
        reach: Reach,
        right: Operand,
    },
    In {
        left: Operand,
        reach: Reach,
        set: Vec<Member>,
    },
    Contains {
        left: Operand,
        reach: Reach,
        right: Operand,
    },
    Matches {
        left: Operand,
        reach: Reach,
        pattern: Regex,
    },
}

/// How many pairs of values must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Any,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// One member of a set.
#[derive(Debug, Clone)]
enum Member {
    One(Literal),
    Range(Literal, Literal),
}

/// What a test is about.
#[derive(Debug, Clone)]
enum Operand {
    /// Rows of the tables; several when an id stands for both ends.
    Field(Vec<&'static Field>),
    Protocol(&'static Protocol),
    Literal(Literal),
    Slice(Box<Self>, Vec<Cut>),
    And(Box<Self>, u64),
    Call(Function, Box<Self>),
}

/// A part of bytes; negative numbers count from the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    from: isize,
    len: Option<usize>,
    /// The last byte, for `[a-b]` and `[:b]`.
    to: Option<isize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Len,
    Count,
    Lower,
    Upper,
    Text,
}

impl Filter {
    /// Compiles a filter.
    ///
    /// # Errors
    /// With the place and the reason when the text is no filter, or names a field that no table knows.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Self::parse_with(text, Tables::built_in())
    }

    /// Compiles a filter that may name fields of these tables.
    ///
    /// # Errors
    /// As [`Filter::parse`].
    pub fn parse_with(text: &str, tables: &Tables) -> Result<Self, FilterError> {
        Ok(Self { root: parse::parse(text, tables)? })
    }

    /// The ids of the fields it asks for, to dissect no more than needed.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        let mut ids = Vec::new();
        self.root.visit(&mut |operand| {
            if let Operand::Field(rows) = operand.innermost() {
                ids.extend(rows.iter().map(|row| row.id));
            }
        });
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

impl Filter {
    /// The protocols it asks for by name.
    #[must_use]
    pub fn protocols(&self) -> Vec<&'static Protocol> {
        let mut found = Vec::new();
        self.root.visit(&mut |operand| {
            if let Operand::Protocol(protocol) = operand.innermost() {
                found.push(*protocol);
            }
        });
        found
    }
}

impl Node {
    fn visit<'n>(&'n self, see: &mut impl FnMut(&'n Operand)) {
        match self {
            Self::True => {}
            Self::Not(inner) => inner.visit(see),
            Self::And(left, right) | Self::Or(left, right) | Self::Xor(left, right) => {
                left.visit(see);
                right.visit(see);
            }
            Self::Exists(operand) | Self::In { left: operand, .. } | Self::Matches { left: operand, .. } => {
                see(operand);
            }
            Self::Compare { left, right, .. } | Self::Contains { left, right, .. } => {
                see(left);
                see(right);
            }
        }
    }
}

impl Operand {
    /// The operand without slices, masks and functions around it.
    fn innermost(&self) -> &Self {
        match self {
            Self::Slice(inner, _) | Self::And(inner, _) | Self::Call(_, inner) => inner.innermost(),
            Self::Field(_) | Self::Protocol(_) | Self::Literal(_) => self,
        }
    }
}
