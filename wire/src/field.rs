//! The rows of the tables: what a field is called, where its bits stand, how it prints and what fills it.
//!
//! A table is read in both directions. Dissecting walks its rows over bytes; crafting walks the same rows and
//! writes. The automatic rule of a row works both ways too: a header length *ends* the header when read and *is
//! counted* when written.

use std::fmt;

use crate::protocol::{Items, Registry};

/// One field of a protocol.
#[derive(Clone, Copy)]
pub struct Field {
    /// Wireshark's id, `tcp.srcport`.
    pub id: &'static str,
    /// A short English label, `Source Port`.
    pub name: &'static str,
    /// What kind of value the bits hold.
    pub ty: Type,
    /// Where the bits stand.
    pub bits: Bits,
    /// How the value prints.
    pub display: Display,
    /// Names of values, `(6, "TCP")`.
    pub names: &'static [(u64, &'static str)],
    /// The value a crafted header has when nothing else is said; numbers fill addresses from the right.
    pub default: u64,
    /// What fills the field by itself when crafting, and what it rules when dissecting.
    pub auto: Option<Auto>,
    /// When the field is there at all.
    pub when: When,
    /// The value is the number in the bits times this (the header length of IP counts words, its value bytes).
    pub scale: u16,
    /// Whether the rows that follow name the same bits in more detail.
    pub is_group: bool,
    /// The id under which the course explains it.
    pub doc: &'static str,
}

/// What kind of value the bits hold.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// An unsigned number of at most 64 bits, most significant first.
    Uint,
    /// The same, least significant byte first.
    UintLe,
    /// True or false; any set bit is true.
    Bool,
    /// Bytes as they are.
    Bytes,
    /// Text; invalid UTF-8 is shown with replacement characters.
    Text,
    /// A name in DNS encoding (RFC 1035 section 3.1), read by a hook since it may point elsewhere.
    Name,
    /// A 48-bit hardware address.
    Mac,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A list of type-length-value items up to the end of the header.
    Items(&'static Items),
}

/// Where the bits of a field stand, counted from the start of its header or item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// At a fixed offset: offset and length in bits.
    At(u16, u16),
    /// Right after the field before, this many bits long.
    Next(u16),
    /// Right after the field before, as many bytes as the number at (offset, length in bits) says.
    Counted(u16, u16),
    /// Right after the field before, as many bytes as another field of the header says.
    Sized(&'static Size),
    /// From the field before to the end of the header or item.
    Rest,
    /// Where the code of the protocol finds it, this many bits long; 0 when the length varies.
    Hook(u16),
    /// No bits of its own in this header.
    Derived(Derive),
}

/// How many bytes a field has, told by one that stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// The id of the field that tells.
    pub by: &'static str,
    /// What it counts besides the bytes themselves.
    pub extra: u32,
}

/// Where a field without bits takes its value from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derive {
    /// The verdict on the layer's checksum, see [`status`].
    ChecksumStatus,
    /// The number of payload bytes.
    PayloadLen,
    /// The payload bytes, when there are any.
    Payload,
    /// Pushed by the code of the protocol.
    Hook,
    /// Known only across packets: `trace` fills it.
    Trace,
}

/// The values of the `*.checksum.status` fields.
pub mod status {
    /// The stored checksum is wrong.
    pub const BAD: u64 = 0;
    /// The stored checksum is right.
    pub const GOOD: u64 = 1;
    /// Not all the bytes are here (a fragment, a quote, a cut capture).
    pub const UNVERIFIED: u64 = 2;
    /// The sender stored none (UDP over IPv4, zero).
    pub const ABSENT: u64 = 3;
    /// The names of the four.
    pub const NAMES: &[(u64, &str)] =
        &[(BAD, "Bad"), (GOOD, "Good"), (UNVERIFIED, "Unverified"), (ABSENT, "Not present")];
}

/// How a value prints in `-T fields`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// A decimal number.
    Dec,
    /// `0x` and this many digits.
    Hex(u8),
    /// `1` or `0`.
    Bool,
    /// `1` when set; never there when not.
    Flag,
    /// Seconds with nine decimals; the value counts nanoseconds.
    Time,
    /// Bytes as hex pairs with colons between.
    Colons,
    /// The natural form of addresses, bytes and text.
    Plain,
}

/// When a field is there.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// In every header.
    Always,
    /// When the number at (offset, length in bits) is one of these.
    Is(u16, u16, &'static [u64]),
    /// When it is none of these.
    Not(u16, u16, &'static [u64]),
    /// When it is at least this.
    AtLeast(u16, u16, u64),
    /// When it is less than this.
    Below(u16, u16, u64),
}

/// What fills a field by itself when crafting, and what it rules when dissecting.
#[derive(Debug, Clone, Copy)]
pub enum Auto {
    /// Always this value; another is a [`ProblemKind::BadVersion`](crate::ProblemKind::BadVersion).
    Constant(u64),
    /// The header's length: bytes divided by `unit`, less `bias`.
    HeaderLen {
        /// Bytes that one step counts.
        unit: u16,
        /// Steps that are not counted.
        bias: u16,
    },
    /// The length of header and payload in bytes.
    TotalLen,
    /// The length of the payload in bytes.
    PayloadLen,
    /// An Internet checksum.
    Checksum(Sum),
    /// The protocol of the payload.
    Next(&'static Registry),
    /// The length of the item it stands in, by the rule of its [`Items`].
    ItemLen,
    /// The bytes of this field and so many more, see [`Size`].
    LenOf(&'static str, u32),
    /// How many values of this field the layer holds.
    Count(&'static str),
    /// Whether the layer holds this field.
    Present(&'static str),
}

/// What an Internet checksum covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// The header alone.
    Header,
    /// Header and payload.
    Message,
    /// A pseudo header with this protocol number, the header and the payload; a stored zero is wrong.
    Pseudo(u8),
    /// The same, where a stored zero means that the sender computed none (RFC 768).
    PseudoOrNone(u8),
}

impl Field {
    pub(crate) const fn new(
        id: &'static str,
        name: &'static str,
        ty: Type,
        bits: Bits,
        display: Display,
    ) -> Self {
        Self {
            id,
            name,
            ty,
            bits,
            display,
            names: &[],
            default: 0,
            auto: None,
            when: When::Always,
            scale: 1,
            is_group: false,
            doc: id,
        }
    }

    pub(crate) const fn hex(mut self, digits: u8) -> Self {
        self.display = Display::Hex(digits);
        self
    }

    pub(crate) const fn names(mut self, names: &'static [(u64, &'static str)]) -> Self {
        self.names = names;
        self
    }

    pub(crate) const fn default(mut self, value: u64) -> Self {
        self.default = value;
        self
    }

    pub(crate) const fn auto(mut self, auto: Auto) -> Self {
        self.auto = Some(auto);
        self
    }

    pub(crate) const fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    pub(crate) const fn scale(mut self, scale: u16) -> Self {
        self.scale = scale;
        self
    }

    pub(crate) const fn group(mut self) -> Self {
        self.is_group = true;
        self
    }

    pub(crate) const fn of(mut self, ty: Type) -> Self {
        self.ty = ty;
        self
    }

    /// A field without bits of its own that holds bytes.
    pub(crate) const fn bytes(mut self) -> Self {
        self.ty = Type::Bytes;
        self.display = Display::Plain;
        self
    }

    pub(crate) const fn display(mut self, display: Display) -> Self {
        self.display = display;
        self
    }

    /// Whether the field has bits of its own that no other row names in more detail.
    #[must_use]
    pub const fn is_leaf(&self) -> bool {
        !self.is_group && !matches!(self.bits, Bits::Derived(_)) && !matches!(self.ty, Type::Items(_))
    }

    /// The name of a value, if the table has one.
    #[must_use]
    pub fn value_name(&self, value: u64) -> Option<&'static str> {
        self.names.iter().find(|(known, _)| *known == value).map(|(_, name)| *name)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl PartialEq for Field {
    /// One row of one table; two rows may share an id (`icmp.ident` of echo and of timestamp).
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Field {}

/// A number at a fixed offset.
pub(crate) const fn uint(id: &'static str, name: &'static str, at: u16, len: u16) -> Field {
    Field::new(id, name, Type::Uint, Bits::At(at, len), Display::Dec)
}

/// A number right after the field before.
pub(crate) const fn next(id: &'static str, name: &'static str, len: u16) -> Field {
    Field::new(id, name, Type::Uint, Bits::Next(len), Display::Dec)
}

/// A truth value at a fixed offset.
pub(crate) const fn bool(id: &'static str, name: &'static str, at: u16, len: u16) -> Field {
    Field::new(id, name, Type::Bool, Bits::At(at, len), Display::Bool)
}

/// Any other type where `bits` says.
pub(crate) const fn typed(id: &'static str, name: &'static str, ty: Type, bits: Bits) -> Field {
    Field::new(id, name, ty, bits, Display::Plain)
}

/// Bytes to the end of the header or item.
pub(crate) const fn rest(id: &'static str, name: &'static str) -> Field {
    typed(id, name, Type::Bytes, Bits::Rest)
}

/// A number that the code of the protocol finds.
pub(crate) const fn found(id: &'static str, name: &'static str, len: u16) -> Field {
    Field::new(id, name, Type::Uint, Bits::Hook(len), Display::Dec)
}

/// Text that the code of the protocol finds.
pub(crate) const fn text(id: &'static str, name: &'static str) -> Field {
    typed(id, name, Type::Text, Bits::Hook(0))
}

/// A number without bits of its own.
pub(crate) const fn derived(id: &'static str, name: &'static str, from: Derive) -> Field {
    Field::new(id, name, Type::Uint, Bits::Derived(from), Display::Dec)
}

/// The verdict on the checksum of the layer.
pub(crate) const fn checksum_status(id: &'static str) -> Field {
    derived(id, "Checksum Status", Derive::ChecksumStatus).names(status::NAMES)
}
