//! What can be wrong in JSON.

use crate::place::Place;

macro_rules! kinds {
    ($($name:ident $id:literal $title:literal;)+) => {
        /// A class of fault; its sentence is in the course's texts under its id.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = $title] $name,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Kind] = &[$(Kind::$name),+];

            /// Its name in texts and `--json`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id),+ }
            }

            /// In a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }
        }
    };
}

kinds! {
    Empty "empty" "there is no value";
    Unexpected "unexpected" "this byte cannot begin a value";
    Ended "ended" "the text ends inside a value";
    Trailing "trailing" "something follows the value";
    Bom "bom" "a byte order mark (RFC 8259 §8.1)";
    Utf8 "utf8" "a string is not UTF-8";
    Control "control" "a control character must be escaped in a string";
    Escape "escape" "an unknown escape";
    Unicode "unicode" "`\\u` needs four hexadecimal digits";
    Surrogate "surrogate" "half of a surrogate pair";
    SingleQuote "single-quote" "strings stand in double quotes";
    Name "name" "a member's name must be a string";
    Colon "colon" "a colon must follow a member's name";
    Comma "comma" "a comma or the closing bracket is missing";
    TrailingComma "trailing-comma" "a comma before the closing bracket";
    LeadingZero "leading-zero" "a number must not begin with 0";
    LeadingPlus "leading-plus" "a number must not begin with +";
    NumberForm "number-form" "a digit is missing in a number";
    NotANumber "not-a-number" "NaN and Infinity are no JSON";
    Literal "literal" "only true, false and null are words";
    Comment "comment" "JSON has no comments";
    Depth "depth" "nested too deep";
    Duplicate "duplicate" "a name comes twice in one object";
}

/// What is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} (line {line}, column {column}, byte {offset})", kind.title())]
pub struct Fault {
    /// What.
    pub kind: Kind,
    /// The byte at fault, from 0.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Fault {
    pub(super) fn at(kind: Kind, bytes: &[u8], offset: usize) -> Self {
        let Place { line, column } = Place::of(bytes, offset);
        Self { kind, offset, line, column }
    }
}
