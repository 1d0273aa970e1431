//! QUIC: the part of the long header that is not encrypted. Packets of a datagram stand one behind the other.
//!
//! ```text
//! +-+-+---+----+---------+------+-------------+------+-------------+---------------+---------+------
//! |1|F| T | .. | Version | DCIL | Destination | SCIL |   Source    | Token length, | Length  | ...
//! | | |   |    |         |      |     ID      |      |     ID      |  token (T=0)  |         |
//! +-+-+---+----+---------+------+-------------+------+-------------+---------------+---------+------
//!  1 1  2   4      32       8       0..20        8        0..20      variable-length numbers
//! ```

use crate::Value;
use crate::dissect::{Block, Walk};
use crate::field::{Bits, Field, Type, When, bool, found, typed, uint};
use crate::protocol::Protocol;

/// A QUIC packet.
pub static QUIC: Protocol = Protocol::new("quic", "QUIC IETF", "RFC 9000 section 17.2")
    .fields(1, FIELDS)
    .code(&[&DCIL, &DCID, &SCIL, &SCID, &TOKEN_LENGTH, &TOKEN, &LENGTH, &SUPPORTED])
    .message()
    .hook(long_header);

/// Version negotiation has no type; its bits are anything.
const HAS_VERSION: When = When::Not(8, 32, &[0]);
const IS_LONG: When = When::Is(0, 1, &[1]);

static FIELDS: &[Field] = &[
    uint("quic.header_form", "Header Form", 0, 1)
        .names(&[(0, "Short Header"), (1, "Long Header")])
        .default(1),
    bool("quic.fixed_bit", "Fixed Bit", 1, 1).default(1).when(HAS_VERSION),
    uint("quic.long.packet_type", "Packet Type", 2, 2)
        .names(&[(0, "Initial"), (1, "0-RTT"), (2, "Handshake"), (3, "Retry")])
        .when(HAS_VERSION),
    uint("quic.version", "Version", 8, 32)
        .hex(8)
        .names(&[(0, "Version Negotiation"), (1, "1"), (0x6b33_43cf, "2")])
        .default(1)
        .when(IS_LONG),
];

static DCIL: Field = found("quic.dcil", "Destination Connection ID Length", 8);
static DCID: Field = typed("quic.dcid", "Destination Connection ID", Type::Bytes, Bits::Hook(0));
static SCIL: Field = found("quic.scil", "Source Connection ID Length", 8);
static SCID: Field = typed("quic.scid", "Source Connection ID", Type::Bytes, Bits::Hook(0));
static TOKEN_LENGTH: Field = found("quic.token_length", "Token Length", 0);
static TOKEN: Field = typed("quic.token", "Token", Type::Bytes, Bits::Hook(0));
static LENGTH: Field = found("quic.length", "Length", 0);
static SUPPORTED: Field = found("quic.supported_version", "Supported Version", 32).hex(8);

/// Whether a datagram starts with a long header of a version that is known.
pub(crate) fn is_long(bytes: &[u8]) -> bool {
    let Some([first, version @ .., dcil]) = bytes.get(..6) else { return false };
    let is_known = matches!(version, [0, 0, 0, 0 | 1] | [0x6b, 0x33, 0x43, 0xcf] | [0xff, 0, 0, 1..=40]);
    first & 0xc0 == 0xc0 && is_known && *dcil <= 20
}

fn long_header(walk: &mut Walk<'_>, block: &mut Block) {
    block.header_end = Some(block.end);
    if walk.number(block.start, 1, block.end).is_some_and(|first| first & 0x80 != 0) {
        let _ = connection(walk, block);
    }
}

fn connection(walk: &mut Walk<'_>, block: &mut Block) -> Option<()> {
    let mut at = block.start + 5;
    for (len_field, id_field) in [(&DCIL, &DCID), (&SCIL, &SCID)] {
        let len = walk.number(at, 1, block.end)?;
        walk.read(len_field, block, at..at + 1);
        walk.read(id_field, block, at + 1..at + 1 + len);
        at += 1 + len;
    }
    let version = walk.number(block.start + 1, 4, block.end)?;
    if version == 0 {
        while at + 4 <= block.end {
            walk.read(&SUPPORTED, block, at..at + 4);
            at += 4;
        }
        return Some(());
    }
    let kind = walk.number(block.start, 1, block.end)? >> 4 & 3;
    // Version 2 numbers the types one further (RFC 9369 section 3.2).
    let kind = if version == 0x6b33_43cf { (kind + 3) % 4 } else { kind };
    if kind == 3 {
        return Some(());
    }
    if kind == 0 {
        let (token, after) = variable(walk, block, &TOKEN_LENGTH, at)?;
        walk.read(&TOKEN, block, after..after.checked_add(token)?);
        at = after.checked_add(token)?;
    }
    let (len, after) = variable(walk, block, &LENGTH, at)?;
    let end = after.checked_add(len)?;
    if end < block.end {
        block.header_end = Some(end);
        block.next = is_long(&walk.bytes[end..block.end]).then_some(&QUIC);
    }
    Some(())
}

/// A number of variable length (RFC 9000 section 16); yields it with the place after it.
fn variable(walk: &mut Walk<'_>, block: &Block, field: &'static Field, at: usize) -> Option<(usize, usize)> {
    let len = 1 << (walk.number(at, 1, block.end)? >> 6);
    let raw = walk.number(at, len, block.end)?;
    let number = raw & ((1 << (len * 8 - 2)) - 1);
    walk.push(field, block.layer, at..at + len, Value::Uint(number as u64));
    Some((number, at + len))
}
