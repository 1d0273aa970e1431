//! What dissecting yields: layers, fields and problems, all with their place in the packet.

use std::fmt;
use std::ops::Range;

use crate::field::Field;
use crate::protocol::Protocol;
use crate::value::{Value, printed};

/// A dissected packet; it borrows the bytes.
#[derive(Debug, Clone)]
pub struct Packet<'a> {
    /// The bytes that were dissected.
    pub bytes: &'a [u8],
    /// What was put together from this and earlier packets; layers of such a source have their places in it.
    pub sources: Vec<&'a [u8]>,
    /// The layers, outer first.
    pub layers: Vec<Layer>,
    /// Every value of every field, in the order of the packet.
    pub fields: Vec<FieldValue<'a>>,
    /// What is wrong with the packet.
    pub problems: Vec<Problem>,
}

/// One layer; ranges are byte offsets from the start of the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its protocol.
    pub protocol: &'static Protocol,
    /// The header; for a message of an application, the whole message.
    pub header: Range<usize>,
    /// The payload, as far as the header's own length allows and the packet reaches.
    pub payload: Range<usize>,
    /// The name that `frame.protocols` shows before this one (`ethertype`), empty when none.
    pub via: &'static str,
    /// Not all bytes of the layer are here (a fragment, a quote in an error message, a cut capture), so its
    /// automatic fields cannot be computed again.
    pub is_partial: bool,
    /// Where its bytes stand: 0 for the packet itself, `n` for the `n`th of [`Packet::sources`].
    pub source: usize,
}

/// One value of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValue<'a> {
    /// The row of the table.
    pub field: &'static Field,
    /// The index of its layer.
    pub layer: usize,
    /// The bits it was read from, counted from the start of the packet; empty when it has none.
    pub bits: Range<u32>,
    /// The value.
    pub value: Value<'a>,
    /// Computed, and not read from bits of this header.
    pub generated: bool,
}

/// Something that is wrong with a packet: never an error, always a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The index of the layer that shows it.
    pub layer: usize,
    /// The bytes that show it, from the start of the packet.
    pub bytes: Range<usize>,
    /// What it is.
    pub kind: ProblemKind,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The packet ends inside a header, an item or a message.
    Truncated,
    /// A length that the packet, or the least size of the header, contradicts (both in bytes).
    BadLength {
        /// What the length field says.
        declared: usize,
        /// What there is, or the least there must be.
        available: usize,
    },
    /// A checksum that does not match.
    BadChecksum {
        /// The checksum in the packet.
        stored: u16,
        /// The right one.
        computed: u16,
    },
    /// A constant of the protocol that is another (the version of IP).
    BadVersion {
        /// The value in the packet.
        found: u64,
        /// The only right one.
        expected: u64,
    },
    /// A name whose pointers loop or leave the message, or a label that is too long (RFC 1035 section 4.1.4).
    BadName,
    /// Text where the protocol wants another form (a status line without number).
    BadText,
    /// More layers than are followed; the rest stays raw.
    TooDeep,
}

impl<'a> Packet<'a> {
    /// A packet of which nothing is known yet.
    pub(crate) fn empty(bytes: &'a [u8]) -> Self {
        let room = if bytes.is_empty() { 0 } else { 64 };
        let (layers, fields) = (Vec::with_capacity(room / 8), Vec::with_capacity(room));
        Self { bytes, sources: Vec::new(), layers, fields, problems: Vec::new() }
    }

    /// The bytes that a layer's places count in.
    #[must_use]
    pub fn bytes_of(&self, layer: &Layer) -> &'a [u8] {
        let source = layer.source.checked_sub(1).and_then(|index| self.sources.get(index));
        source.copied().unwrap_or(self.bytes)
    }

    /// The values of a field id, outer first. `ip.addr`, `eth.addr`, `tcp.port` and their like find both ends.
    pub fn values<'p>(&'p self, id: &str) -> impl Iterator<Item = &'p FieldValue<'a>> + use<'p, 'a> {
        let mut ids = crate::table::ids_of(id);
        if ids.is_empty() {
            // A field of somebody's own table.
            ids.extend(self.fields.iter().find(|value| value.field.id == id).map(|value| value.field.id));
        }
        self.fields.iter().filter(move |value| ids.contains(&value.field.id))
    }

    /// The values of rows that [`rows_of`](crate::rows_of) found, outer first: the fast way for many packets.
    pub fn values_of<'p>(
        &'p self,
        rows: &'p [&'static Field],
    ) -> impl Iterator<Item = &'p FieldValue<'a>> + use<'p, 'a> {
        self.fields.iter().filter(move |value| rows.contains(&value.field))
    }

    /// The outermost value of a field id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&FieldValue<'a>> {
        self.values(id).next()
    }

    /// The outermost layer of a protocol, by its name.
    #[must_use]
    pub fn layer(&self, protocol: &str) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.protocol.name == protocol)
    }

    /// The string of `frame.protocols`, `eth:ethertype:ip:tcp`.
    #[must_use]
    pub fn protocols(&self) -> String {
        let mut names = String::with_capacity(32);
        let mut before = ("", 0);
        for layer in &self.layers {
            let name = layer.protocol.name;
            // The messages of a stream and the labels of a stack count once.
            if (name, layer.source) == before && (!layer.protocol.nests || name == "mpls") {
                continue;
            }
            // A WebSocket goes on inside what began as HTTP (RFC 6455 section 1.2).
            let is_upgraded = name == "websocket" && before.0 != "http";
            before = (name, layer.source);
            let via = if is_upgraded { "http" } else { layer.via };
            for name in [via, name] {
                if !name.is_empty() {
                    if !names.is_empty() {
                        names.push(':');
                    }
                    names.push_str(name);
                }
            }
        }
        names
    }

    /// The innermost field that covers a byte: what to light up when a hex digit is pointed at.
    #[must_use]
    pub fn field_at(&self, byte: usize) -> Option<&FieldValue<'a>> {
        let is_own =
            |value: &&FieldValue<'_>| self.layers.get(value.layer).is_none_or(|layer| layer.source == 0);
        let own = self.fields.iter().filter(is_own);
        let covering = own.filter(|value| !value.generated && value.bytes().contains(&byte));
        covering.min_by_key(|value| value.bits.end - value.bits.start)
    }
}

impl FieldValue<'_> {
    /// The bytes that hold the bits, from the start of the packet.
    #[must_use]
    pub fn bytes(&self) -> Range<usize> {
        (self.bits.start / 8) as usize..self.bits.end.div_ceil(8) as usize
    }

    /// The value as `tshark -T fields` prints it.
    #[must_use]
    pub fn print(&self) -> String {
        printed(&self.value, self.field.display)
    }

    /// The same into a buffer that is already there.
    ///
    /// # Errors
    /// Those of the buffer; a `String` has none.
    pub fn print_to(&self, out: &mut impl fmt::Write) -> fmt::Result {
        self.value.print(self.field.display, out)
    }

    /// The name of the value (`Echo request`, `IPv4`), if the table has one.
    #[must_use]
    pub fn meaning(&self) -> Option<&'static str> {
        self.field.value_name(self.value.uint()?)
    }
}

impl Layer {
    /// Header and payload together.
    #[must_use]
    pub fn extent(&self) -> Range<usize> {
        self.header.start..self.payload.end.max(self.header.end)
    }
}
