//! Reading pcapng: blocks one after another, packets among them.

use std::io::Read;

use crate::capture::source::Source;
use crate::capture::{ByteOrder, Error, LONGEST, Packet, Part, Problem};

use super::{BYTE_ORDER_MAGIC, Options, code, kind, padded};

/// An interface that packets were seen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// What its packets begin with.
    pub link_type: u16,
    /// The most bytes captured of a packet; 0 = no limit.
    pub snaplen: u32,
    /// Its name, where the file has one.
    pub name: Option<String>,
    /// Its description, where the file has one.
    pub description: Option<String>,
    /// The resolution of times: the option's byte, 6 = microseconds.
    pub resolution: u8,
    /// Seconds to add to all times.
    pub offset: i64,
}

impl Default for Interface {
    fn default() -> Self {
        let (link_type, resolution) = (crate::capture::ETHERNET, 9);
        Self { link_type, snaplen: 0, name: None, description: None, resolution, offset: 0 }
    }
}

impl Interface {
    /// A block's time in nanoseconds since 1970: `10^-n` seconds, or `2^-n` where the top bit is set.
    fn nanos(&self, units: u64) -> i64 {
        let units = u128::from(units);
        let exponent = u32::from(self.resolution & 0x7f);
        let nanos = match (self.resolution & 0x80 != 0, exponent) {
            (true, shift) => units.saturating_mul(1_000_000_000) >> shift,
            (false, places @ 0..=9) => units.saturating_mul(10u128.pow(9 - places)),
            (false, places) => 10u128.checked_pow(places - 9).map_or(0, |divisor| units / divisor),
        };
        let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
        nanos.saturating_add(self.offset.saturating_mul(1_000_000_000))
    }
}

/// A block as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// Its type, see [`kind`].
    pub kind: u32,
    /// Order of the bytes of its numbers.
    pub order: ByteOrder,
    /// The bytes between the two lengths; of a section header, those after its byte-order magic.
    pub body: &'a [u8],
    /// What it says, where its type is known.
    pub content: Content<'a>,
}

/// What a block says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// A section begins; interfaces are counted anew.
    Section(Options<'a>),
    /// An interface is described.
    Interface(Interface),
    /// A packet, from an enhanced, simple or (obsolete) packet block.
    Packet(Packet<'a>),
    /// Secrets: their type and bytes.
    Secrets {
        /// [`super::TLS_KEY_LOG`] and others.
        secrets: u32,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// Counters of an interface.
    Statistics {
        /// Which one.
        interface: u32,
        /// The counters.
        options: Options<'a>,
    },
    /// Names of addresses, and all unknown blocks: kept as bytes.
    Other,
}

/// Reads blocks or packets one after another.
#[derive(Debug)]
pub struct Reader<R> {
    source: Source<R>,
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// Where the present section's interfaces begin.
    section_at: usize,
    is_over: bool,
    kind: u32,
    /// TLS secrets that were passed over on the way to packets.
    secrets: Vec<u8>,
}

/// The most bytes of secrets that are kept: 16 MiB.
const SECRETS: usize = 16 << 20;

impl<R: Read> Reader<R> {
    /// A reader that has read nothing.
    pub fn new(read: R) -> Self {
        Self::over(Source::new(read))
    }

    pub(in crate::capture) fn over(source: Source<R>) -> Self {
        let order = ByteOrder::Little;
        Self {
            source,
            order,
            interfaces: Vec::new(),
            section_at: 0,
            is_over: false,
            kind: 0,
            secrets: Vec::new(),
        }
    }

    /// The interfaces described so far, of all sections.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Takes the lines of TLS key logs that stood before the last packet.
    pub fn take_secrets(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.secrets)
    }

    /// The next packet; `None` at the end, and after an error.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, Error> {
        loop {
            if !self.advance()? {
                return Ok(None);
            }
            if matches!(self.kind, kind::ENHANCED_PACKET | kind::SIMPLE_PACKET | kind::PACKET) {
                break;
            }
            if let Content::Secrets { secrets: super::TLS_KEY_LOG, bytes } = self.content() {
                let (bytes, room) = (bytes.to_vec(), SECRETS.saturating_sub(self.secrets.len()));
                self.secrets.extend(bytes.into_iter().take(room));
            }
        }
        match self.content() {
            Content::Packet(packet) => Ok(Some(packet)),
            _ => Ok(None),
        }
    }

    /// The next block of any type; `None` at the end, and after an error.
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>, Error> {
        if !self.advance()? {
            return Ok(None);
        }
        Ok(Some(Block { kind: self.kind, order: self.order, body: self.body(), content: self.content() }))
    }

    /// Takes the next block into the buffer and checks it; `false` at the end.
    fn advance(&mut self) -> Result<bool, Error> {
        if self.is_over {
            return Ok(false);
        }
        self.is_over = true;
        let begins = self.source.offset();
        let Some(head) = self.source.take(8, Part::BlockHeader, begins)? else { return Ok(false) };
        let head: [u8; 8] = head.try_into().unwrap_or_default();
        if head[..4] == kind::SECTION.to_be_bytes() {
            self.section(&head, begins)?;
        } else {
            self.kind = self.order.u32(&head, 0);
            let total = self.order.u32(&head, 4);
            self.take_body(total, 8, begins)?;
        }
        self.check(begins)?;
        self.is_over = false;
        Ok(true)
    }

    /// A section header's own magic decides how its length is to be read.
    fn section(&mut self, head: &[u8; 8], begins: u64) -> Result<(), Error> {
        let part = Part::Block(kind::SECTION);
        let magic = self.source.take_all(4, part, begins)?;
        let magic: [u8; 4] = magic.try_into().unwrap_or_default();
        self.order = match magic {
            _ if magic == BYTE_ORDER_MAGIC.to_le_bytes() => ByteOrder::Little,
            _ if magic == BYTE_ORDER_MAGIC.to_be_bytes() => ByteOrder::Big,
            _ => {
                let problem = Problem::ByteOrder(u32::from_be_bytes(magic));
                return Err(Error::Broken { begins, part, problem });
            }
        };
        self.kind = kind::SECTION;
        let total = self.order.u32(head, 4);
        self.take_body(total, 12, begins)?;
        self.section_at = self.interfaces.len();
        Ok(())
    }

    /// Takes the rest of a block of which `taken` bytes are taken, and holds its two lengths against each other.
    fn take_body(&mut self, total: u32, taken: u32, begins: u64) -> Result<(), Error> {
        let part = Part::Block(self.kind);
        if !total.is_multiple_of(4) || total < taken + 4 || total > LONGEST {
            return Err(Error::Broken { begins, part, problem: Problem::Length(total) });
        }
        let rest = self.source.take_all((total - taken) as usize, part, begins)?;
        let last = self.order.u32(rest, rest.len() - 4);
        if last != total {
            let problem = Problem::Trailer { first: total, last };
            return Err(Error::Broken { begins, part, problem });
        }
        Ok(())
    }

    /// The body of the block in the buffer; a section header's begins after its magic.
    fn body(&self) -> &[u8] {
        let taken = self.source.taken();
        &taken[..taken.len().saturating_sub(4)]
    }

    /// Holds the fixed fields against the body, and notes an interface.
    fn check(&mut self, begins: u64) -> Result<(), Error> {
        let body = self.body();
        let len = body.len() as u32;
        let number = |at| self.order.u32(body, at);
        let least = match self.kind {
            kind::SECTION => 12,
            kind::INTERFACE => 8,
            kind::SIMPLE_PACKET => 4,
            kind::ENHANCED_PACKET | kind::PACKET => 20u32.saturating_add(number(12)),
            kind::STATISTICS => 12,
            kind::SECRETS => 8u32.saturating_add(number(4)),
            _ => 0,
        };
        let part = Part::Block(self.kind);
        if len < least {
            return Err(Error::Broken { begins, part, problem: Problem::Body { len } });
        }
        let interface = match self.kind {
            kind::ENHANCED_PACKET => number(0),
            kind::PACKET => u32::from(self.order.u16(body, 0)),
            kind::SIMPLE_PACKET => 0,
            kind::INTERFACE => {
                let described = interface(body, self.order);
                self.interfaces.push(described);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if self.section_at + interface as usize >= self.interfaces.len() {
            return Err(Error::Broken { begins, part, problem: Problem::Interface(interface) });
        }
        Ok(())
    }

    /// What the checked block in the buffer says.
    fn content(&self) -> Content<'_> {
        let (body, order) = (self.body(), self.order);
        let options = |at: usize| Options::new(body.get(at..).unwrap_or_default(), order);
        match self.kind {
            kind::SECTION => Content::Section(options(12)),
            kind::INTERFACE => Content::Interface(interface(body, order)),
            kind::ENHANCED_PACKET => Content::Packet(self.timed_packet(order.u32(body, 0))),
            kind::PACKET => Content::Packet(self.timed_packet(u32::from(order.u16(body, 0)))),
            kind::SIMPLE_PACKET => Content::Packet(self.simple_packet()),
            kind::SECRETS => {
                let len = order.u32(body, 4) as usize;
                Content::Secrets { secrets: order.u32(body, 0), bytes: &body[8..8 + len] }
            }
            kind::STATISTICS => {
                Content::Statistics { interface: self.whole_index(order.u32(body, 0)), options: options(12) }
            }
            _ => Content::Other,
        }
    }

    fn timed_packet(&self, interface: u32) -> Packet<'_> {
        let (body, order) = (self.body(), self.order);
        let len = order.u32(body, 12) as usize;
        let index = self.whole_index(interface);
        let seen_on = &self.interfaces[index as usize];
        let time = u64::from(order.u32(body, 4)) << 32 | u64::from(order.u32(body, 8));
        Packet {
            interface: index,
            link_type: seen_on.link_type,
            at: seen_on.nanos(time),
            wire_len: order.u32(body, 16),
            bytes: &body[20..20 + len],
            options: Options::new(body.get(20 + padded(len)..).unwrap_or_default(), order),
        }
    }

    fn simple_packet(&self) -> Packet<'_> {
        let body = self.body();
        let seen_on = &self.interfaces[self.section_at];
        let wire_len = self.order.u32(body, 0);
        let limit = if seen_on.snaplen == 0 { u32::MAX } else { seen_on.snaplen };
        let len = (wire_len.min(limit) as usize).min(body.len() - 4);
        Packet {
            interface: self.whole_index(0),
            link_type: seen_on.link_type,
            at: 0,
            wire_len,
            bytes: &body[4..4 + len],
            options: Options::default(),
        }
    }

    /// The index among the interfaces of all sections.
    fn whole_index(&self, interface: u32) -> u32 {
        (self.section_at as u32).saturating_add(interface)
    }
}

fn interface(body: &[u8], order: ByteOrder) -> Interface {
    let options = Options::new(body.get(8..).unwrap_or_default(), order);
    Interface {
        link_type: order.u16(body, 0),
        snaplen: order.u32(body, 4),
        name: options.text(code::IF_NAME),
        description: options.text(code::IF_DESCRIPTION),
        resolution: options.find(code::IF_TSRESOL).and_then(|value| value.first().copied()).unwrap_or(6),
        offset: options.u64(code::IF_TSOFFSET).unwrap_or(0) as i64,
    }
}
