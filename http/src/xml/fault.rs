//! What can be wrong in XML.

use crate::place::Place;

macro_rules! kinds {
    ($($name:ident $id:literal $clause:literal $title:literal;)+) => {
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

            /// The section of XML 1.0 (or Namespaces) that says so.
            pub fn clause(self) -> &'static str {
                match self { $(Self::$name => $clause),+ }
            }

            /// In a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }
        }
    };
}

kinds! {
    Empty "empty" "§2.1" "there is no element";
    Ended "ended" "§2.1" "the document ends too early";
    Utf8 "utf8" "§4.3.3" "the bytes are not UTF-8";
    Encoding "encoding" "§4.3.3" "the declared encoding is not UTF-8";
    Char "char" "§2.2" "a character that XML does not allow";
    DeclarationPlace "declaration-place" "§2.8" "an XML declaration that is not at the very beginning";
    DeclarationForm "declaration-form" "§2.8" "a malformed XML declaration";
    Name "name" "§2.3" "a name is expected";
    TagForm "tag-form" "§3.1" "a malformed tag";
    AttributeForm "attribute-form" "§3.1" "an attribute is not `name=\"value\"`";
    AttributeSpace "attribute-space" "§3.1" "whitespace between attributes is missing";
    AttributeTwice "attribute-twice" "§3.1" "an attribute comes twice";
    AttributeLess "attribute-less" "§3.1" "`<` in an attribute's value";
    TagMismatch "tag-mismatch" "§3" "an end tag does not match its start tag";
    TagUnopened "tag-unopened" "§3" "an end tag without a start tag";
    TagUnclosed "tag-unclosed" "§3" "an element is not closed";
    Roots "roots" "§2.1" "more than one root element";
    TextOutside "text-outside" "§2.1" "text outside the root element";
    CdataEnd "cdata-end" "§2.4" "`]]>` in text";
    CommentDashes "comment-dashes" "§2.5" "`--` in a comment";
    InstructionTarget "instruction-target" "§2.6" "`xml` is no target of an instruction";
    ReferenceForm "reference-form" "§4.1" "`&` that begins no reference";
    ReferenceChar "reference-char" "§4.1" "a reference to a character that XML does not allow";
    EntityUnknown "entity-unknown" "§4.1" "an entity that is not declared";
    EntityRecursive "entity-recursive" "§4.1" "an entity that contains itself";
    EntityContent "entity-content" "§4.3.2" "an entity that is not well-formed by itself";
    EntityExternal "entity-external" "§4.2.2" "an external entity: not read here";
    EntityParameter "entity-parameter" "§4.1" "a parameter entity: not expanded here";
    Expansion "expansion" "limit" "entities become too long";
    Depth "depth" "limit" "nested too deep";
    DoctypeForm "doctype-form" "§2.8" "a malformed document type declaration";
    DoctypePlace "doctype-place" "§2.8" "a document type declaration in the wrong place";
    PrefixUnbound "prefix-unbound" "Namespaces §5" "a prefix that no namespace is bound to";
    PrefixForm "prefix-form" "Namespaces §3" "a malformed or forbidden binding of a prefix";
    MarkupUnknown "markup-unknown" "§2.4" "markup that does not exist";
}

/// What is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} (line {line}, column {column}, byte {offset}, XML {})", kind.title(), kind.clause())]
pub struct Fault {
    /// What.
    pub kind: Kind,
    /// The byte at fault, from 0.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The name that is expected, unknown or doubled; empty where there is none.
    pub name: String,
}

/// A fault on its way out: kind, byte, name.
pub(super) type Wrong = (Kind, usize, String);

impl Fault {
    pub(super) fn of((kind, offset, name): Wrong, bytes: &[u8]) -> Self {
        let Place { line, column } = Place::of(bytes, offset);
        Self { kind, offset, line, column, name }
    }
}
