//! Protocols and registries: the tables as a whole, and the numbers by which one protocol names the next.

use std::fmt;
use std::ops::Range;

use crate::dissect::{Block, Walk};
use crate::field::Field;

/// One protocol: its names, its source and its fields in the order of the header.
pub struct Protocol {
    /// The name in filters and in `frame.protocols`, `tcp`.
    pub name: &'static str,
    /// The full English name.
    pub title: &'static str,
    /// The document that defines the header.
    pub reference: &'static str,
    /// The name in craft expressions, `TCP`; empty when it has none.
    pub scapy: &'static str,
    /// The fields; a group comes before the fields that name its bits in more detail.
    pub fields: &'static [Field],
    /// The fields that the code of the protocol finds at places no table can name.
    pub code: &'static [&'static Field],
    /// The least number of header bytes.
    pub min_len: usize,
    /// Whether a payload follows that belongs to this layer; a message of an application has none, and the next
    /// message is its sibling.
    pub nests: bool,
    /// Whether it was read from a file of one's own.
    pub is_own: bool,
    pub(crate) hook: Option<Hook>,
}

/// Code that runs after the table: it may push more fields, move the block's ends and choose the next protocol.
pub(crate) type Hook = for<'a> fn(&mut Walk<'a>, &mut Block);

impl Protocol {
    pub(crate) const fn new(name: &'static str, title: &'static str, reference: &'static str) -> Self {
        Self {
            name,
            title,
            reference,
            scapy: "",
            fields: &[],
            code: &[],
            min_len: 0,
            nests: true,
            is_own: false,
            hook: None,
        }
    }

    pub(crate) const fn scapy(mut self, name: &'static str) -> Self {
        self.scapy = name;
        self
    }

    pub(crate) const fn fields(mut self, min_len: usize, fields: &'static [Field]) -> Self {
        self.min_len = min_len;
        self.fields = fields;
        self
    }

    pub(crate) const fn code(mut self, code: &'static [&'static Field]) -> Self {
        self.code = code;
        self
    }

    pub(crate) const fn message(mut self) -> Self {
        self.nests = false;
        self
    }

    pub(crate) const fn hook(mut self, hook: Hook) -> Self {
        self.hook = Some(hook);
        self
    }

    /// Every field, those of options included.
    #[must_use]
    pub fn all_fields(&self) -> Vec<&'static Field> {
        let mut all = Vec::new();
        for field in self.fields {
            all.push(field);
            if let crate::Type::Items(items) = field.ty {
                all.extend(items.all_fields());
            }
        }
        all.extend(self.code);
        all
    }

    /// The field whose id is that of the protocol and this name, as far as the header has it itself.
    pub(crate) fn own_field(&self, name: &str) -> Option<&'static Field> {
        let start = self.name.len() + 1;
        let is_own = |field: &&Field| {
            field.id.len() == start + name.len()
                && field.id.ends_with(name)
                && field.id.starts_with(self.name)
        };
        self.fields.iter().find(is_own)
    }

    /// The field of this id, the first row when there are several.
    #[must_use]
    pub fn field(&self, id: &str) -> Option<&'static Field> {
        let in_items = |field: &'static Field| match field.ty {
            crate::Type::Items(items) => items.field(id),
            _ => None,
        };
        let own = self.fields.iter().find(|field| field.id == id);
        let coded = || self.code.iter().copied().find(|field| field.id == id);
        own.or_else(|| self.fields.iter().find_map(in_items)).or_else(coded)
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Protocol {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Protocol {}

/// The numbers of one number space and the protocols behind them.
pub struct Registry {
    /// The name that `frame.protocols` shows between the layers, empty when it shows none.
    pub via: &'static str,
    /// Number and protocol; the first number of a protocol is the one that crafting writes.
    pub entries: &'static [(u64, &'static Protocol)],
}

impl Registry {
    /// The protocol behind a number.
    #[must_use]
    pub fn protocol(&self, number: u64) -> Option<&'static Protocol> {
        self.entries.iter().find(|(known, _)| *known == number).map(|(_, protocol)| *protocol)
    }

    /// The number of a protocol.
    #[must_use]
    pub fn number(&self, protocol: &Protocol) -> Option<u64> {
        self.entries.iter().find(|(_, known)| *known == protocol).map(|(number, _)| *number)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via)
    }
}

/// The shape of a list of type-length-value items.
#[derive(Debug)]
pub struct Items {
    /// The fields that every item starts with; the kind stands first, the length follows it.
    pub head: &'static [Field],
    /// Bits of the kind.
    pub kind_bits: u16,
    /// Bits of the length.
    pub len_bits: u16,
    /// Bytes that one step of the length counts.
    pub unit: u16,
    /// Whether the length counts the bytes after it, and not the whole item.
    pub counts_body: bool,
    /// Kinds of a single byte, without length.
    pub singles: &'static [u64],
    /// The kind that ends the list.
    pub end: Option<u64>,
    /// The kinds that the table knows.
    pub cases: &'static [Case],
    /// What the bytes are that no case names.
    pub other: &'static Field,
}

/// One kind of item.
#[derive(Debug)]
pub struct Case {
    /// Its number.
    pub kind: u64,
    /// The fields, counted from the start of the item.
    pub fields: &'static [Field],
    /// Rows that repeat up to the end of the item.
    pub repeat: Option<Range<usize>>,
}

impl Case {
    pub(crate) const fn of(kind: u64, fields: &'static [Field]) -> Self {
        Self { kind, fields, repeat: None }
    }

    pub(crate) const fn repeating(kind: u64, fields: &'static [Field], rows: Range<usize>) -> Self {
        Self { kind, fields, repeat: Some(rows) }
    }
}

impl Items {
    /// The case of a kind.
    #[must_use]
    pub fn case(&self, kind: u64) -> Option<&'static Case> {
        self.cases.iter().find(|case| case.kind == kind)
    }

    /// The bytes of kind and length.
    #[must_use]
    pub fn head_len(&self) -> usize {
        usize::from(self.kind_bits + self.len_bits) / 8
    }

    fn field(&self, id: &str) -> Option<&'static Field> {
        let cases = || self.cases.iter().flat_map(|case| case.fields.iter());
        let own = self.head.iter().find(|field| field.id == id);
        own.or_else(|| cases().find(|field| field.id == id))
            .or_else(|| Some(self.other).filter(|other| other.id == id))
    }

    fn all_fields(&self) -> Vec<&'static Field> {
        let mut all: Vec<&'static Field> = self.head.iter().collect();
        for case in self.cases {
            all.extend(case.fields.iter());
        }
        all.push(self.other);
        all
    }
}
