//! DNS over UDP and TCP, and mDNS: names are read by code, since they may point back into the message.
//!
//! ```text
//!                                 1  1  1  1  1  1
//!   0  1  2  3  4  5  6  7  8  9  0  1  2  3  4  5
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! |         Length of the message (TCP only)      |
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! |                      ID                       |
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! |QR|   Opcode  |AA|TC|RD|RA| Z|AD|CD|   RCODE   |
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! |   QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT (16 each) |
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! |  Question: name, type, class                  |
//! |  Record: name, type, class, TTL, length, data |
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! ```

use std::ops::Range;

use crate::dissect::{Block, Walk};
use crate::field::{Auto, Bits, Display, Field, Type, When, bool, found, text, typed, uint};
use crate::protocol::Protocol;
use crate::{ProblemKind, Value};

/// DNS in a datagram.
pub static DNS: Protocol = Protocol::new("dns", "Domain Name System", "RFC 1035 section 4.1")
    .scapy("DNS")
    .fields(12, &ROWS)
    .code(CODE)
    .message()
    .hook(|walk, block| message(walk, block, 0));

/// DNS in a stream, each message with its length before it.
pub static DNS_TCP: Protocol = Protocol::new("dns", "Domain Name System", "RFC 1035 section 4.2.2")
    .scapy("DNSTCP")
    .fields(14, &TCP_ROWS)
    .code(CODE)
    .message()
    .hook(stream);

/// DNS among neighbours.
pub static MDNS: Protocol = Protocol::new("mdns", "Multicast Domain Name System", "RFC 6762 section 18")
    .fields(12, &ROWS)
    .code(CODE)
    .message()
    .hook(|walk, block| message(walk, block, 0));

const COUNT: usize = 16;
static ROWS: [Field; COUNT] = rows(0);
static TCP_ROWS: [Field; COUNT + 1] = tcp_rows();

const fn tcp_rows() -> [Field; COUNT + 1] {
    let rows = rows(16);
    let mut all = [uint("dns.length", "Length", 0, 16).auto(Auto::HeaderLen { unit: 1, bias: 2 }); COUNT + 1];
    let mut index = 0;
    while index < COUNT {
        all[index + 1] = rows[index];
        index += 1;
    }
    all
}

const fn rows(at: u16) -> [Field; COUNT] {
    let is_response = When::Is(at + 16, 1, &[1]);
    [
        uint("dns.id", "Transaction ID", at, 16).hex(4),
        uint("dns.flags", "Flags", at + 16, 16).hex(4).group(),
        bool("dns.flags.response", "Response", at + 16, 1),
        uint("dns.flags.opcode", "Opcode", at + 17, 4).names(OPCODES),
        bool("dns.flags.authoritative", "Authoritative", at + 21, 1).when(is_response),
        bool("dns.flags.truncated", "Truncated", at + 22, 1),
        bool("dns.flags.recdesired", "Recursion desired", at + 23, 1).default(1),
        bool("dns.flags.recavail", "Recursion available", at + 24, 1).when(is_response),
        bool("dns.flags.z", "Z", at + 25, 1),
        bool("dns.flags.authenticated", "Answer authenticated", at + 26, 1).when(is_response),
        bool("dns.flags.checkdisable", "Non-authenticated data", at + 27, 1),
        uint("dns.flags.rcode", "Reply code", at + 28, 4).names(RCODES).when(is_response),
        uint("dns.count.queries", "Questions", at + 32, 16).auto(Auto::Count("dns.qry.name")),
        uint("dns.count.answers", "Answer RRs", at + 48, 16),
        uint("dns.count.auth_rr", "Authority RRs", at + 64, 16),
        uint("dns.count.add_rr", "Additional RRs", at + 80, 16),
    ]
}

const OPCODES: &[(u64, &str)] = &[
    (0, "Standard query"),
    (1, "Inverse query"),
    (2, "Server status request"),
    (4, "Zone change notification"),
    (5, "Dynamic update"),
];
const RCODES: &[(u64, &str)] = &[
    (0, "No error"),
    (1, "Format error"),
    (2, "Server failure"),
    (3, "No such name"),
    (4, "Not implemented"),
    (5, "Refused"),
];
const TYPES: &[(u64, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (41, "OPT"),
    (43, "DS"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (255, "ANY"),
    (257, "CAA"),
];
const CLASSES: &[(u64, &str)] = &[(1, "IN"), (3, "CH"), (4, "HS"), (254, "NONE"), (255, "ANY")];

const fn name(id: &'static str, label: &'static str) -> Field {
    typed(id, label, Type::Name, Bits::Hook(0))
}

static QRY_NAME: Field = name("dns.qry.name", "Name");
static QRY_TYPE: Field = found("dns.qry.type", "Type", 16).names(TYPES);
static QRY_CLASS: Field = found("dns.qry.class", "Class", 16).hex(4).names(CLASSES);
static QRY_QU: Field = found("dns.qry.qu", "\"QU\" question", 1).display(Display::Bool);
static RESP_NAME: Field = name("dns.resp.name", "Name");
static RESP_TYPE: Field = found("dns.resp.type", "Type", 16).names(TYPES);
static RESP_CLASS: Field = found("dns.resp.class", "Class", 16).hex(4).names(CLASSES);
static CACHE_FLUSH: Field = found("dns.resp.cache_flush", "Cache flush", 1).display(Display::Bool);
static RESP_TTL: Field = found("dns.resp.ttl", "Time to live", 32);
static RESP_LEN: Field = found("dns.resp.len", "Data length", 16);
static UDP_SIZE: Field = found("dns.rr.udp_payload_size", "UDP payload size", 16);
static EXT_RCODE: Field = found("dns.resp.ext_rcode", "Higher bits in extended RCODE", 8).hex(2);
static EDNS_VERSION: Field = found("dns.resp.edns0_version", "EDNS0 version", 8);
static EDNS_Z: Field = found("dns.resp.z", "Z", 16).hex(4);
static A: Field = typed("dns.a", "Address", Type::Ipv4, Bits::Hook(32));
static AAAA: Field = typed("dns.aaaa", "AAAA Address", Type::Ipv6, Bits::Hook(128));
static CNAME: Field = name("dns.cname", "CNAME");
static NS: Field = name("dns.ns", "Name Server");
static PTR: Field = name("dns.ptr.domain_name", "Domain Name");
static MX_PREFERENCE: Field = found("dns.mx.preference", "Preference", 16);
static MX_NAME: Field = name("dns.mx.mail_exchange", "Mail Exchange");
static SOA_MNAME: Field = name("dns.soa.mname", "Primary name server");
static SOA_RNAME: Field = name("dns.soa.rname", "Responsible authority's mailbox");
static SOA_SERIAL: Field = found("dns.soa.serial_number", "Serial Number", 32);
static SOA_REFRESH: Field = found("dns.soa.refresh_interval", "Refresh Interval", 32);
static SOA_RETRY: Field = found("dns.soa.retry_interval", "Retry Interval", 32);
static SOA_EXPIRE: Field = found("dns.soa.expire_limit", "Expire limit", 32);
static SOA_MINIMUM: Field = found("dns.soa.minimum_ttl", "Minimum TTL", 32);
static TXT_LENGTH: Field = found("dns.txt.length", "TXT Length", 8);
static TXT: Field = text("dns.txt", "TXT");
static SRV_PRIORITY: Field = found("dns.srv.priority", "Priority", 16);
static SRV_WEIGHT: Field = found("dns.srv.weight", "Weight", 16);
static SRV_PORT: Field = found("dns.srv.port", "Port", 16);
static SRV_TARGET: Field = name("dns.srv.target", "Target");

static CODE: &[&Field] = &[
    &QRY_NAME,
    &QRY_TYPE,
    &QRY_CLASS,
    &QRY_QU,
    &RESP_NAME,
    &RESP_TYPE,
    &RESP_CLASS,
    &CACHE_FLUSH,
    &RESP_TTL,
    &RESP_LEN,
    &UDP_SIZE,
    &EXT_RCODE,
    &EDNS_VERSION,
    &EDNS_Z,
    &A,
    &AAAA,
    &CNAME,
    &NS,
    &PTR,
    &MX_PREFERENCE,
    &MX_NAME,
    &SOA_MNAME,
    &SOA_RNAME,
    &SOA_SERIAL,
    &SOA_REFRESH,
    &SOA_RETRY,
    &SOA_EXPIRE,
    &SOA_MINIMUM,
    &TXT_LENGTH,
    &TXT,
    &SRV_PRIORITY,
    &SRV_WEIGHT,
    &SRV_PORT,
    &SRV_TARGET,
];

/// A name as the labels that stand in a message (RFC 1035 section 3.1), without compression.
pub(crate) fn encoded(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 2);
    if name != b"<Root>" {
        for label in name.split(|byte| *byte == b'.').filter(|label| !label.is_empty()) {
            out.push(label.len().min(63) as u8);
            out.extend_from_slice(&label[..label.len().min(63)]);
        }
    }
    out.push(0);
    out
}

/// Reads a name; yields it with the place after it. Pointers lead back only, so that the walk ends.
pub(crate) fn read_name(bytes: &[u8], message: Range<usize>, at: usize) -> Option<(String, usize)> {
    let (mut name, mut here, mut after) = (String::new(), at, None);
    let mut lowest = at;
    loop {
        if here >= message.end || name.len() > 255 {
            return None;
        }
        let len = usize::from(*bytes.get(here)?);
        match len >> 6 {
            0 if len == 0 => break,
            0 => {
                let label = bytes.get(here + 1..here + 1 + len).filter(|_| here + 1 + len <= message.end)?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&String::from_utf8_lossy(label));
                here += 1 + len;
            }
            3 => {
                let target = message.start + (len & 0x3f) * 256 + usize::from(*bytes.get(here + 1)?);
                if target >= lowest {
                    return None;
                }
                after = after.or(Some(here + 2));
                (here, lowest) = (target, target);
            }
            _ => return None,
        }
    }
    if name.is_empty() {
        name.push_str("<Root>");
    }
    Some((name, after.unwrap_or(here + 1)))
}

/// The message being read: where it starts, and where the next field stands.
struct Reader {
    message: Range<usize>,
    at: usize,
}

fn stream(walk: &mut Walk<'_>, block: &mut Block) {
    message(walk, block, 2);
    if block.header_end.is_some_and(|end| end < block.end) {
        block.next = Some(&DNS_TCP);
    }
}

fn message(walk: &mut Walk<'_>, block: &mut Block, prefix: usize) {
    let start = block.start + prefix;
    let end = if prefix == 0 { block.end } else { block.header_end.unwrap_or(block.end) };
    block.header_end = Some(end);
    let count = |index: usize| walk.number(start + 4 + index * 2, 2, end).unwrap_or(0);
    let (questions, records) = (count(0), count(1) + count(2) + count(3));
    let mut reader = Reader { message: start..end, at: start + 12 };
    let limited = block.until(end);
    let read = (0..questions).try_for_each(|_| reader.question(walk, &limited));
    if read.and_then(|()| (0..records).try_for_each(|_| reader.record(walk, &limited))).is_none() {
        let kind = if reader.at >= end { ProblemKind::Truncated } else { ProblemKind::BadName };
        walk.problem(block.layer, reader.at.min(end)..end, kind);
    }
}

impl Reader {
    fn name(&mut self, walk: &mut Walk<'_>, block: &Block, field: &'static Field) -> Option<()> {
        let (name, after) = read_name(walk.bytes, self.message.clone(), self.at)?;
        walk.push(field, block.layer, self.at..after, Value::from(name));
        self.at = after;
        Some(())
    }

    /// Reads a field of `len` bytes.
    fn field(&mut self, walk: &mut Walk<'_>, block: &Block, field: &'static Field, len: usize) -> Option<()> {
        let range = self.at..self.at + len;
        if range.end > self.message.end {
            return None;
        }
        walk.read(field, block, range.clone());
        self.at = range.end;
        Some(())
    }

    /// Reads a class whose highest bit is a flag in mDNS.
    fn class(
        &mut self,
        walk: &mut Walk<'_>,
        block: &Block,
        class: &'static Field,
        flag: &'static Field,
    ) -> Option<()> {
        let is_multicast = walk.packet.layers[block.layer].protocol.name == "mdns";
        let number = walk.number(self.at, 2, self.message.end)? as u64;
        if !is_multicast {
            return self.field(walk, block, class, 2);
        }
        let bit = self.at as u32 * 8;
        walk.bits(class, block.layer, bit + 1..bit + 16, Value::Uint(number & 0x7fff));
        walk.bits(flag, block.layer, bit..bit + 1, Value::Uint(number >> 15));
        self.at += 2;
        Some(())
    }

    fn question(&mut self, walk: &mut Walk<'_>, block: &Block) -> Option<()> {
        self.name(walk, block, &QRY_NAME)?;
        self.field(walk, block, &QRY_TYPE, 2)?;
        self.class(walk, block, &QRY_CLASS, &QRY_QU)
    }

    fn record(&mut self, walk: &mut Walk<'_>, block: &Block) -> Option<()> {
        self.name(walk, block, &RESP_NAME)?;
        let kind = walk.number(self.at, 2, self.message.end)?;
        self.field(walk, block, &RESP_TYPE, 2)?;
        if kind == 41 {
            self.field(walk, block, &UDP_SIZE, 2)?;
            self.field(walk, block, &EXT_RCODE, 1)?;
            self.field(walk, block, &EDNS_VERSION, 1)?;
            self.field(walk, block, &EDNS_Z, 2)?;
        } else {
            self.class(walk, block, &RESP_CLASS, &CACHE_FLUSH)?;
            self.field(walk, block, &RESP_TTL, 4)?;
        }
        let len = walk.number(self.at, 2, self.message.end)?;
        self.field(walk, block, &RESP_LEN, 2)?;
        let end = self.at + len;
        if end > self.message.end {
            return None;
        }
        // Data that is shorter than its type wants stays raw; the next record starts where the length says.
        let inner = block.until(end);
        let _ = self.data(walk, &inner, kind, end);
        self.at = end;
        Some(())
    }

    fn data(&mut self, walk: &mut Walk<'_>, block: &Block, kind: usize, end: usize) -> Option<()> {
        match kind {
            1 => self.field(walk, block, &A, 4),
            28 => self.field(walk, block, &AAAA, 16),
            2 => self.name(walk, block, &NS),
            5 => self.name(walk, block, &CNAME),
            12 => self.name(walk, block, &PTR),
            15 => {
                self.field(walk, block, &MX_PREFERENCE, 2)?;
                self.name(walk, block, &MX_NAME)
            }
            16 => self.strings(walk, block, end),
            33 => {
                self.field(walk, block, &SRV_PRIORITY, 2)?;
                self.field(walk, block, &SRV_WEIGHT, 2)?;
                self.field(walk, block, &SRV_PORT, 2)?;
                self.name(walk, block, &SRV_TARGET)
            }
            6 => self.authority(walk, block),
            _ => Some(()),
        }
    }

    fn strings(&mut self, walk: &mut Walk<'_>, block: &Block, end: usize) -> Option<()> {
        while self.at < end {
            let len = walk.number(self.at, 1, end)?;
            self.field(walk, block, &TXT_LENGTH, 1)?;
            self.field(walk, block, &TXT, len)?;
        }
        Some(())
    }

    fn authority(&mut self, walk: &mut Walk<'_>, block: &Block) -> Option<()> {
        self.name(walk, block, &SOA_MNAME)?;
        self.name(walk, block, &SOA_RNAME)?;
        let times = [&SOA_SERIAL, &SOA_REFRESH, &SOA_RETRY, &SOA_EXPIRE, &SOA_MINIMUM];
        times.into_iter().try_for_each(|field| self.field(walk, block, field, 4))
    }
}

/// Whether bytes look like one whole DNS message: sane counts and flags, and a first name that can be read.
pub(crate) fn is_message(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(..12) else { return false };
    let count = |at: usize| usize::from(header[at]) << 8 | usize::from(header[at + 1]);
    let (opcode, has_z) = (header[2] >> 3 & 15, header[3] & 0x40 != 0);
    let is_response = header[2] & 0x80 != 0;
    let sane = opcode <= 5 && !has_z && count(4) == 1 && (is_response || count(6) == 0);
    if !sane || count(6) + count(8) + count(10) > 64 {
        return false;
    }
    let Some((_, at)) = read_name(bytes, 0..bytes.len(), 12) else { return false };
    let Some(tail) = bytes.get(at..at + 4) else { return false };
    let is_known_class = matches!(tail[2..], [0, 1 | 3 | 4 | 255]);
    let has_records = count(6) + count(8) + count(10) > 0;
    is_known_class && (has_records || bytes.len() == at + 4)
}
