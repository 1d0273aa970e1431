//! Dissecting: walks the tables over the bytes of a packet, layer by layer, outer first.
//!
//! Nothing here fails: a row that does not fit ends its header with a [`Problem`], and bytes that no protocol
//! claims become a layer of raw bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::field::{Auto, Bits, Derive, Field, Sum, Type, When, rest, status};
use crate::protocol::{Items, Protocol};
use crate::scope::Scope;
use crate::table::data::DATA;
use crate::{FieldValue, Layer, LinkType, Packet, Problem, ProblemKind, Value, bits, checksum};

/// Layers that are followed; more than any real packet has.
const MAX_LAYERS: usize = 64;

/// Dissects a packet of a link type into layers, fields and problems.
///
/// ```
/// let packet = tongro_wire::dissect(tongro_wire::LinkType::RawIp, &[0x45]);
/// assert_eq!(packet.find("ip.version").map(|version| version.print()), Some("4".to_owned()));
/// assert_eq!(packet.problems[1].kind, tongro_wire::ProblemKind::Truncated);
/// ```
#[must_use]
pub fn dissect(link: LinkType, bytes: &[u8]) -> Packet<'_> {
    dissect_scoped(link, bytes, Scope::default())
}

/// Dissects no more of a packet than the scope says.
#[must_use]
pub fn dissect_scoped<'a>(link: LinkType, bytes: &'a [u8], scope: Scope<'a>) -> Packet<'a> {
    let mut walk = Walk::new(Packet::empty(bytes), bytes, scope);
    walk.run(link.protocol(bytes).unwrap_or(&DATA), 0..bytes.len());
    let mut packet = walk.packet;
    if let (LinkType::RawIp, Some(first)) = (link, packet.layers.first_mut()) {
        first.via = "raw";
    }
    packet
}

/// Dissects bytes that start with the header of a protocol: a reassembled datagram, the bytes of a stream.
#[must_use]
pub fn dissect_from<'a>(protocol: &'static Protocol, bytes: &'a [u8]) -> Packet<'a> {
    let mut walk = Walk::new(Packet::empty(bytes), bytes, Scope::default());
    walk.run(protocol, 0..bytes.len());
    walk.packet
}

/// A message that goes on where a packet's own layers end.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// What it is.
    pub protocol: &'static Protocol,
    /// Whose bytes it is in.
    pub place: Place<'a>,
    /// Where it stands in them.
    pub span: Range<usize>,
    /// Where in them the IP header stands whose addresses a transport's checksum covers.
    pub ip_at: Option<usize>,
}

/// The bytes of a [`Part`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// Those of the packet (0) or of one of its sources, counted as [`Layer::source`] does.
    Known(usize),
    /// Bytes that were put together from several packets: a source more.
    New(&'a [u8]),
}

/// Goes on dissecting where a packet's own layers end; the new layers follow the others.
pub fn dissect_on<'a>(packet: &mut Packet<'a>, part: Part<'a>, scope: Scope<'a>) {
    let (source, bytes) = match part.place {
        Place::New(bytes) => {
            packet.sources.push(bytes);
            (packet.sources.len(), bytes)
        }
        Place::Known(source) => {
            let known = source.checked_sub(1).and_then(|index| packet.sources.get(index));
            (source, known.copied().unwrap_or(packet.bytes))
        }
    };
    let span = part.span.start.min(bytes.len())..part.span.end.min(bytes.len());
    let mut walk = Walk::new(std::mem::replace(packet, Packet::empty(&[])), bytes, scope);
    (walk.source, walk.ip_at) = (source, part.ip_at);
    walk.run(part.protocol, span);
    *packet = walk.packet;
}

static NO_FIELD: Field = rest("", "");
const BLANK: FieldValue<'static> =
    FieldValue { field: &NO_FIELD, layer: 0, bits: 0..0, value: Value::Flag, generated: false };

/// The state of one dissection.
pub(crate) struct Walk<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) packet: Packet<'a>,
    /// Where the innermost IP header starts, for the pseudo headers above it.
    pub(crate) ip_at: Option<usize>,
    /// Layers from here on miss bytes.
    pub(crate) is_partial: bool,
    /// Layers from here on are a quote in an error message, cut on purpose.
    pub(crate) is_quoted: bool,
    /// How many bytes the head of a message gives its body, when less than there are.
    pub(crate) body_len: Option<usize>,
    pub(crate) scope: Scope<'a>,
    /// What the bytes are: 0 for those of the packet, else the number of its source.
    source: usize,
}

/// One header or item while its table is walked; offsets are bytes from the start of the packet.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) layer: usize,
    pub(crate) start: usize,
    /// Where the bytes of the layer end at the latest.
    pub(crate) end: usize,
    /// The bit after the last field, counted from `start`.
    pub(crate) cursor: u32,
    pub(crate) header_end: Option<usize>,
    pub(crate) payload_end: usize,
    pub(crate) next: Option<&'static Protocol>,
    pub(crate) via: &'static str,
    declared: Option<(usize, Auto)>,
    checksum: Option<Stored>,
    /// The header itself is wrong or cut: nothing after it can be trusted.
    is_broken: bool,
    /// The payload is not all here.
    is_cut: bool,
    /// The payload is left as it is.
    pub(crate) is_last: bool,
}

/// A checksum met on the way, to be verified once the layer's ends are known.
#[derive(Debug, Clone, Copy)]
struct Stored {
    at: usize,
    value: u16,
    sum: Sum,
    status: Option<usize>,
}

impl Block {
    fn new(layer: usize, start: usize, end: usize) -> Self {
        Self {
            layer,
            start,
            end,
            cursor: 0,
            header_end: None,
            payload_end: end,
            next: None,
            via: "",
            declared: None,
            checksum: None,
            is_broken: false,
            is_cut: false,
            is_last: false,
        }
    }

    /// Where the fields of the header must end.
    fn limit(&self) -> usize {
        self.header_end.unwrap_or(self.end)
    }

    /// The payload as far as the lengths read so far tell.
    fn payload(&self) -> Range<usize> {
        let from = self.header_end.unwrap_or_else(|| self.at().min(self.end));
        let end = match self.declared {
            Some((declared, Auto::TotalLen)) if declared > 0 => self.start + declared,
            Some((declared, Auto::PayloadLen)) => from + declared,
            _ => self.payload_end,
        };
        from..end.min(self.payload_end).max(from)
    }

    /// The same block, ending earlier.
    pub(crate) fn until(&self, end: usize) -> Self {
        Self { end, ..self.clone() }
    }

    /// The byte after the last field.
    pub(crate) fn at(&self) -> usize {
        self.start + self.cursor.div_ceil(8) as usize
    }
}

impl When {
    /// Whether the field is there, seen from the bytes of its header; never when those bytes are missing.
    #[inline]
    pub(crate) fn holds(&self, header: &[u8]) -> bool {
        let number = |at: u16, len: u16| {
            let is_there = usize::from(at + len).div_ceil(8) <= header.len();
            is_there.then(|| bits::read(header, u32::from(at), u32::from(len)))
        };
        match *self {
            Self::Always => true,
            Self::Is(at, len, any) => number(at, len).is_some_and(|found| any.contains(&found)),
            Self::Not(at, len, any) => number(at, len).is_some_and(|found| !any.contains(&found)),
            Self::AtLeast(at, len, min) => number(at, len).is_some_and(|found| found >= min),
            Self::Below(at, len, max) => number(at, len).is_some_and(|found| found < max),
        }
    }
}

impl<'a> Walk<'a> {
    fn new(packet: Packet<'a>, bytes: &'a [u8], scope: Scope<'a>) -> Self {
        Self {
            bytes,
            packet,
            ip_at: None,
            is_partial: false,
            is_quoted: false,
            body_len: None,
            scope,
            source: 0,
        }
    }

    fn run(&mut self, first: &'static Protocol, span: Range<usize>) {
        let first_layer = self.packet.layers.len();
        let (mut protocol, mut via, mut at, mut end) = (first, "", span.start, span.end);
        while at < end {
            if self.packet.layers.len() >= MAX_LAYERS && *protocol != DATA {
                self.problem(self.packet.layers.len() - 1, at..end, ProblemKind::TooDeep);
                protocol = &DATA;
            }
            let block = self.layer(protocol, via, at, end);
            if block.is_last {
                break;
            }
            if protocol.nests {
                at = block.header_end.unwrap_or(end);
                end = block.payload_end;
            } else {
                // At least a byte further, whatever a hook says: the walk must end.
                at = block.header_end.unwrap_or(end).max(at + 1);
            }
            (protocol, via) = (block.next.unwrap_or(&DATA), block.via);
        }
        if first_layer == 0 {
            crate::table::ethernet::trailer(self);
        }
    }

    fn layer(&mut self, protocol: &'static Protocol, via: &'static str, start: usize, end: usize) -> Block {
        let index = self.packet.layers.len();
        let is_partial = self.is_partial;
        let (header, payload) = (start..end, end..end);
        let source = self.source;
        self.packet.layers.push(Layer { protocol, header, payload, via, is_partial, source });
        let mut block = Block::new(index, start, end);
        self.rows(protocol.fields, protocol.min_len, &mut block);
        self.close(protocol, &mut block);
        if let Some(hook) = protocol.hook {
            hook(self, &mut block);
        }
        if block.is_broken {
            block.next = None;
        }
        self.verify(&block);
        let header_end = block.header_end.unwrap_or(end);
        let payload = if protocol.nests {
            header_end..block.payload_end.max(header_end)
        } else {
            header_end..header_end
        };
        let layer = &mut self.packet.layers[index];
        layer.header = start..header_end;
        layer.payload = payload;
        layer.is_partial |= block.is_cut || block.is_broken;
        block
    }

    /// Walks the rows of a table over a header.
    fn rows(&mut self, fields: &'static [Field], min_len: usize, block: &mut Block) {
        for field in fields {
            if !matches!(field.when, When::Always)
                && !field.when.holds(&self.bytes[block.start..block.limit()])
            {
                continue;
            }
            let (at, len) = match field.bits {
                Bits::At(at, len) => (u32::from(at), u32::from(len)),
                Bits::Next(len) => (block.cursor, u32::from(len)),
                Bits::Counted(at, len) => {
                    let header = &self.bytes[block.start..block.limit()];
                    (block.cursor, bits::read(header, u32::from(at), u32::from(len)) as u32 * 8)
                }
                Bits::Sized(size) => (block.cursor, self.told(size, block.layer)),
                Bits::Rest => (block.cursor, (block.limit() * 8 - block.start * 8) as u32 - block.cursor),
                Bits::Hook(_) => continue,
                Bits::Derived(from) => {
                    self.derive(field, from, block);
                    continue;
                }
            };
            let space = (block.limit() - block.start) as u32 * 8;
            if at + len > space {
                let missing = (block.start + (at / 8) as usize).min(block.limit())..block.limit();
                block.is_broken = true;
                self.problem(block.layer, missing, ProblemKind::Truncated);
                return;
            }
            if len > 0 {
                self.row(field, at, len, min_len, block);
            }
        }
    }

    /// The bits that a field of this layer tells of another.
    fn told(&self, size: &crate::field::Size, layer: usize) -> u32 {
        let mut before = self.packet.fields.iter().rev().take_while(|value| value.layer == layer);
        let number = before.find(|value| value.field.id == size.by).and_then(|value| value.value.uint());
        let bytes = number.unwrap_or(0).saturating_sub(u64::from(size.extra));
        // More than any packet has: what is too long is cut, and not counted round.
        bytes.min(1 << 26) as u32 * 8
    }

    #[inline]
    fn row(&mut self, field: &'static Field, at: u32, len: u32, min_len: usize, block: &mut Block) {
        let from = block.start as u32 * 8 + at;
        if let Some(auto) = field.auto {
            self.obey(field, auto, at, len, min_len, block);
        }
        block.cursor = at + len;
        let span = from..from + len;
        // Each arm writes its own value in place: a value handed through a call would be copied through the stack.
        match field.ty {
            Type::Uint => {
                let number = bits::read(self.bytes, from, len.min(64)) * u64::from(field.scale);
                if let Some(slot) = self.slot(field, block.layer, span, false) {
                    slot.value = Value::Uint(number);
                }
            }
            Type::Bool => {
                let number = bits::read(self.bytes, from, len.min(64));
                if let Some(slot) = self.slot(field, block.layer, span, false) {
                    slot.value = Value::Bool(number != 0);
                }
            }
            Type::Items(items) => {
                let area = (from / 8) as usize..((from + len) / 8) as usize;
                self.emit(field, block.layer, span, Value::from(&self.bytes[area.clone()]), false);
                self.items(items, area, block.layer);
            }
            _ => self.emit(field, block.layer, span, Value::read(field, self.bytes, from, len), false),
        }
    }

    fn emit(
        &mut self,
        field: &'static Field,
        layer: usize,
        bits: Range<u32>,
        value: Value<'a>,
        generated: bool,
    ) {
        if let Some(slot) = self.slot(field, layer, bits, generated) {
            slot.value = value;
        }
    }

    /// Appends a field whose value is still to be written. Pushing a constant and writing its parts in place is
    /// twice as fast as pushing a value built on the stack, whose wide loads would wait for narrow stores.
    #[inline(always)]
    fn slot(
        &mut self,
        field: &'static Field,
        layer: usize,
        bits: Range<u32>,
        generated: bool,
    ) -> Option<&mut FieldValue<'a>> {
        self.packet.fields.push(BLANK);
        let slot = self.packet.fields.last_mut()?;
        (slot.field, slot.layer, slot.bits, slot.generated) = (field, layer, bits, generated);
        Some(slot)
    }

    /// The automatic rule of a field, read backwards: what the value says about the layer.
    fn obey(&mut self, field: &Field, auto: Auto, at: u32, len: u32, min_len: usize, block: &mut Block) {
        let first = block.start + (at / 8) as usize;
        let mut raw = bits::read(self.bytes, block.start as u32 * 8 + at, len.min(64));
        if matches!(field.ty, Type::UintLe) {
            raw = raw.swap_bytes() >> (64 - len.clamp(1, 64));
        }
        let bytes = first..first + len.div_ceil(8) as usize;
        match auto {
            Auto::Constant(expected) if raw != expected => {
                self.problem(block.layer, bytes, ProblemKind::BadVersion { found: raw, expected });
                block.is_broken = true;
            }
            Auto::HeaderLen { unit, bias } => {
                let declared = usize::try_from(raw).unwrap_or(usize::MAX).saturating_add(usize::from(bias));
                let declared = declared.saturating_mul(usize::from(unit));
                let available = block.end - block.start;
                if declared < min_len {
                    self.problem(block.layer, bytes, ProblemKind::BadLength { declared, available: min_len });
                    block.is_broken = true;
                } else if declared > available {
                    self.bad_length(block.layer, bytes, declared, available);
                    block.is_broken = true;
                }
                block.header_end = Some(block.start + declared.max(min_len).min(available));
            }
            Auto::TotalLen | Auto::PayloadLen => block.declared = Some((raw as usize, auto)),
            Auto::Next(registry) => {
                block.next = registry.protocol(raw);
                block.via = registry.via;
            }
            Auto::Checksum(sum) => {
                block.checksum = Some(Stored { at: first, value: raw as u16, sum, status: None });
            }
            Auto::Constant(_) | Auto::ItemLen | Auto::LenOf(..) | Auto::Count(_) | Auto::Present(_) => {}
        }
        debug_assert!(!field.is_group, "a group has no rule");
    }

    fn derive(&mut self, field: &'static Field, from: Derive, block: &mut Block) {
        let payload = block.payload();
        let value = match from {
            Derive::ChecksumStatus => {
                let Some(stored) = &mut block.checksum else { return };
                stored.status = Some(self.packet.fields.len());
                Value::Uint(status::UNVERIFIED)
            }
            Derive::PayloadLen => Value::Uint(payload.len() as u64),
            Derive::Payload if !payload.is_empty() => {
                return self.generated(
                    field,
                    block.layer,
                    payload.clone(),
                    Value::from(&self.bytes[payload]),
                );
            }
            Derive::Payload | Derive::Hook | Derive::Trace => return,
        };
        self.generated(field, block.layer, 0..0, value);
    }

    /// Sets the ends of header and payload from the lengths that were read.
    fn close(&mut self, protocol: &'static Protocol, block: &mut Block) {
        if block.is_broken && block.header_end.is_none() {
            block.header_end =
                Some(if block.at() > block.start + protocol.min_len { block.at() } else { block.end });
        }
        let header_end = block.header_end.unwrap_or_else(|| block.at()).max(block.at().min(block.end));
        block.header_end = Some(header_end);
        if block.is_broken {
            block.next = None;
        }
        let Some((declared, rule)) = block.declared else { return };
        let start = if matches!(rule, Auto::TotalLen) { block.start } else { header_end };
        let (available, least) = (block.end - start, header_end - start);
        if declared < least {
            let kind = ProblemKind::BadLength { declared, available: least };
            self.problem(block.layer, block.start..header_end, kind);
            block.payload_end = if declared == 0 { block.end } else { header_end };
            (self.is_partial, block.is_cut) = (true, true);
        } else if declared > available {
            self.bad_length(block.layer, block.start..header_end, declared, available);
            (self.is_partial, block.is_cut) = (true, true);
        } else {
            block.payload_end = start + declared;
        }
    }

    fn verify(&mut self, block: &Block) {
        let Some(stored) = block.checksum else { return };
        let header_end = block.header_end.unwrap_or(block.end);
        let end = if stored.sum == Sum::Header { header_end } else { block.payload_end.max(header_end) };
        let misses = block.is_cut || self.packet.layers[block.layer].is_partial;
        let cut = !self.scope.verifies || block.is_broken || (misses && stored.sum != Sum::Header);
        let verdict = if matches!(stored.sum, Sum::PseudoOrNone(_)) && stored.value == 0 {
            status::ABSENT
        } else if cut {
            status::UNVERIFIED
        } else {
            match self.computed(stored, block.start..end) {
                None => status::UNVERIFIED,
                Some(computed) if computed == stored.value => status::GOOD,
                Some(computed) => {
                    let kind = ProblemKind::BadChecksum { stored: stored.value, computed };
                    self.problem(block.layer, stored.at..stored.at + 2, kind);
                    status::BAD
                }
            }
        };
        if let Some(value) = stored.status.and_then(|index| self.packet.fields.get_mut(index)) {
            value.value = Value::Uint(verdict);
        }
    }

    /// The checksum that should be stored; `None` when it needs an IP header that is not there.
    fn computed(&self, stored: Stored, span: Range<usize>) -> Option<u16> {
        let total = checksum::sum(&self.bytes[span.clone()])
            + pseudo(self.bytes, self.ip_at, stored.sum, span.len())?;
        let without = checksum::finish(total + u32::from(!stored.value));
        // Zero has two forms in one's complement; the one that is stored is as right as the other.
        Some(if checksum::finish(total) == 0 { stored.value } else { without })
    }

    /// The items of a list, up to the end of their area.
    pub(crate) fn items(&mut self, items: &'static Items, area: Range<usize>, layer: usize) {
        let mut at = area.start;
        while at < area.end {
            let Some(next) = self.item(items, at, area.end, layer) else { return };
            at = next;
        }
    }

    /// One item; yields where the next one starts, or nothing when the list ends here.
    fn item(&mut self, items: &'static Items, at: usize, end: usize, layer: usize) -> Option<usize> {
        let (kind_bits, len_bits) = (u32::from(items.kind_bits), u32::from(items.len_bits));
        let here = at as u32 * 8;
        let is_short = at + items.head_len() > end;
        let kind = bits::read(&self.bytes[..end], here, kind_bits);
        let is_single = items.singles.contains(&kind);
        if is_short && !is_single {
            self.problem(layer, at..end, ProblemKind::Truncated);
            return None;
        }
        let mut block = Block::new(layer, at, end);
        if is_single {
            block.end = at + (kind_bits / 8) as usize;
            self.item_head(items, &mut block, items.kind_bits);
            // Behind the end there is padding; a row of ends is shown, anything else is raw.
            let goes_on = items.end != Some(kind) || self.bytes.get(block.end) == self.bytes.get(at);
            return goes_on.then_some(block.end);
        }
        self.item_head(items, &mut block, items.kind_bits + items.len_bits);
        let raw = bits::read(self.bytes, here + kind_bits, len_bits) as usize * usize::from(items.unit);
        let declared = if items.counts_body { raw + items.head_len() } else { raw };
        if declared < items.head_len() {
            let kind = ProblemKind::BadLength { declared, available: items.head_len() };
            self.problem(layer, at..block.at(), kind);
            return None;
        }
        if declared > end - at {
            self.bad_length(layer, at..block.at(), declared, end - at);
            return None;
        }
        block.end = at + declared;
        self.case(items, kind, &mut block);
        Some(at + declared)
    }

    fn item_head(&mut self, items: &'static Items, block: &mut Block, limit: u16) {
        let fits = |field: &&Field| matches!(field.bits, Bits::At(at, len) if at + len <= limit);
        let rows = items.head.iter().take_while(fits).count();
        self.rows(&items.head[..rows], 0, block);
    }

    fn case(&mut self, items: &'static Items, kind: u64, block: &mut Block) {
        if let Some(case) = items.case(kind) {
            let rows = case.repeat.clone().unwrap_or(case.fields.len()..case.fields.len());
            self.rows(&case.fields[..rows.start], 0, block);
            while !rows.is_empty() && block.at() < block.end && !block.is_broken {
                let before = block.cursor;
                self.rows(&case.fields[rows.clone()], 0, block);
                if block.cursor == before {
                    break;
                }
            }
        }
        let rest = block.at()..block.end;
        if !rest.is_empty() {
            self.push(items.other, block.layer, rest.clone(), Value::from(&self.bytes[rest]));
        }
    }

    /// Records a field that a hook found at whole bytes.
    pub(crate) fn push(
        &mut self,
        field: &'static Field,
        layer: usize,
        bytes: Range<usize>,
        value: Value<'a>,
    ) {
        let bits = bytes.start as u32 * 8..bytes.end as u32 * 8;
        self.emit(field, layer, bits, value, false);
    }

    /// Records a field that a hook found, read by the type of its row; bytes outside the block are left alone.
    pub(crate) fn read(&mut self, field: &'static Field, block: &Block, bytes: Range<usize>) {
        if bytes.start < bytes.end && bytes.end <= block.end {
            let bits = bytes.start as u32 * 8..bytes.end as u32 * 8;
            let value = Value::read(field, self.bytes, bits.start, bits.end - bits.start);
            self.emit(field, block.layer, bits, value, false);
        }
    }

    /// Records a field that a hook found at any bits.
    pub(crate) fn bits(&mut self, field: &'static Field, layer: usize, bits: Range<u32>, value: Value<'a>) {
        self.emit(field, layer, bits, value, false);
    }

    /// The number in `len` bytes, when they lie before `end`.
    pub(crate) fn number(&self, at: usize, len: usize, end: usize) -> Option<usize> {
        (at + len <= end).then(|| bits::read(self.bytes, at as u32 * 8, len as u32 * 8) as usize)
    }

    /// Records a computed field.
    pub(crate) fn generated(
        &mut self,
        field: &'static Field,
        layer: usize,
        bytes: Range<usize>,
        value: Value<'a>,
    ) {
        let bits = bytes.start as u32 * 8..bytes.end as u32 * 8;
        self.emit(field, layer, bits, value, true);
    }

    /// Records a problem.
    pub(crate) fn problem(&mut self, layer: usize, bytes: Range<usize>, kind: ProblemKind) {
        if !(self.is_quoted && kind == ProblemKind::Truncated) {
            self.packet.problems.push(Problem { layer, bytes, kind });
        }
    }

    /// Records a length that goes past the bytes, which is no problem in a quote or a fragment.
    fn bad_length(&mut self, layer: usize, bytes: Range<usize>, declared: usize, available: usize) {
        if !self.is_quoted && !self.is_partial {
            self.problem(layer, bytes, ProblemKind::BadLength { declared, available });
        }
    }
}

/// The partial sum of the pseudo header that a checksum covers besides its own bytes.
pub(crate) fn pseudo(bytes: &[u8], ip_at: Option<usize>, sum: Sum, len: usize) -> Option<u32> {
    let (Sum::Pseudo(protocol) | Sum::PseudoOrNone(protocol)) = sum else { return Some(0) };
    let (src, dst) = ends(bytes, ip_at?)?;
    Some(checksum::pseudo(src, dst, protocol, len as u32))
}

/// Source and final destination of the IP header at `at` (RFC 8200 section 8.1 wants the last of the route).
fn ends(bytes: &[u8], at: usize) -> Option<(IpAddr, IpAddr)> {
    let header = bytes.get(at..)?;
    if header.first()? >> 4 == 4 {
        let quad = |from: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(header.get(from..from + 4)?).ok()?));
        return Some((quad(12)?.into(), quad(16)?.into()));
    }
    let long = |from: usize| Some(Ipv6Addr::from(<[u8; 16]>::try_from(header.get(from..from + 16)?).ok()?));
    let dst = final_destination(header).and_then(long).or_else(|| long(24))?;
    Some((long(8)?.into(), dst.into()))
}

/// Where the last address of a routing header that still has segments left stands.
fn final_destination(header: &[u8]) -> Option<usize> {
    let (mut protocol, mut at) = (*header.get(6)?, 40);
    while matches!(protocol, 0 | 43 | 60) {
        let len = (usize::from(*header.get(at + 1)?) + 1) * 8;
        let (kind, left) = (*header.get(at + 2)?, *header.get(at + 3)?);
        if protocol == 43 && left > 0 && len >= 24 {
            return match kind {
                0 | 2 => Some(at + len - 16),
                4 => Some(at + 8),
                _ => None,
            };
        }
        protocol = *header.get(at)?;
        at += len;
    }
    None
}
