//! IGMP: hosts tell routers which groups they listen to.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |      Type     | Max Resp Time |           Checksum            |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |         Group Address (version 3 reports: Group Records)      |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::Value;
use crate::dissect::{Block, Walk};
use crate::field::{
    Auto, Bits, Derive, Field, Sum, Type, When, checksum_status, derived, found, typed, uint,
};
use crate::protocol::Protocol;

/// The Internet Group Management Protocol.
pub static IGMP: Protocol =
    Protocol::new("igmp", "Internet Group Management Protocol", "RFC 1112, RFC 2236, RFC 3376")
        .scapy("IGMP")
        .fields(8, FIELDS)
        .code(&[&S, &QRV, &QQIC, &NUM_SRC, &SADDR, &RECORD_TYPE, &AUX_LEN, &RECORD_MADDR, &AUX_DATA])
        .message()
        .hook(members);

const HAS_GROUP: When = When::Not(0, 8, &[0x22]);
const IS_REPORT3: When = When::Is(0, 8, &[0x22]);

static FIELDS: &[Field] = &[
    uint("igmp.type", "Type", 0, 8).hex(2).default(0x11).names(&[
        (0x11, "Membership Query"),
        (0x12, "Membership Report"),
        (0x16, "Membership Report"),
        (0x17, "Leave Group"),
        (0x22, "Membership Report"),
    ]),
    uint("igmp.max_resp", "Max Resp Time", 8, 8).when(HAS_GROUP),
    typed("igmp.reserved", "Reserved", Type::Bytes, Bits::At(8, 8)).when(IS_REPORT3),
    uint("igmp.checksum", "Checksum", 16, 16).hex(4).auto(Auto::Checksum(Sum::Message)),
    checksum_status("igmp.checksum.status"),
    typed("igmp.maddr", "Multicast Address", Type::Ipv4, Bits::At(32, 32)).when(HAS_GROUP),
    typed("igmp.reserved", "Reserved", Type::Bytes, Bits::At(32, 16)).when(IS_REPORT3),
    uint("igmp.num_grp_recs", "Num Group Records", 48, 16).when(IS_REPORT3),
    derived("igmp.version", "IGMP Version", Derive::Hook),
];

static S: Field = found("igmp.s", "S", 5).display(crate::Display::Bool);
static QRV: Field = found("igmp.qrv", "QRV", 3);
static QQIC: Field = found("igmp.qqic", "QQIC", 8);
static NUM_SRC: Field = found("igmp.num_src", "Num Src", 16);
static SADDR: Field = typed("igmp.saddr", "Source Address", Type::Ipv4, Bits::Hook(32));
static RECORD_TYPE: Field = found("igmp.record_type", "Record Type", 8).names(&[
    (1, "Mode Is Include"),
    (2, "Mode Is Exclude"),
    (3, "Change To Include Mode"),
    (4, "Change To Exclude Mode"),
    (5, "Allow New Sources"),
    (6, "Block Old Sources"),
]);
static AUX_LEN: Field = found("igmp.aux_data_len", "Aux Data Len", 8);
static RECORD_MADDR: Field = typed("igmp.maddr", "Multicast Address", Type::Ipv4, Bits::Hook(32));
static AUX_DATA: Field = typed("igmp.aux_data", "Aux Data", Type::Bytes, Bits::Hook(0));

fn members(walk: &mut Walk<'_>, block: &mut Block) {
    let kind = walk.number(block.start, 1, block.end).unwrap_or(0);
    let len = block.end - block.start;
    let max_resp = walk.number(block.start + 1, 1, block.end).unwrap_or(0);
    let version = match kind {
        0x11 if len >= 12 => 3,
        0x11 if max_resp == 0 => 1,
        0x12 => 1,
        0x22 => 3,
        _ => 2,
    };
    let version_field = FIELDS.last().unwrap_or(&FIELDS[0]);
    // Wireshark names this protocol twice; so do we, for the same `frame.protocols`.
    walk.packet.layers[block.layer].via = "igmp";
    walk.generated(version_field, block.layer, 0..0, Value::Uint(version));
    match kind {
        0x11 if version == 3 => query(walk, block),
        0x22 => records(walk, block),
        _ => {}
    }
    // The checksum covers the whole message.
    block.header_end = Some(block.end);
}

fn query(walk: &mut Walk<'_>, block: &Block) {
    let at = block.start + 8;
    // Four reserved bits, S and QRV share a byte; the finer of the two are counted with it.
    walk.read(&QRV, block, at..at + 1);
    walk.read(&QQIC, block, at + 1..at + 2);
    walk.read(&NUM_SRC, block, at + 2..at + 4);
    sources(walk, block, at + 4, walk.number(at + 2, 2, block.end).unwrap_or(0));
}

/// Reads source addresses; yields where they end.
fn sources(walk: &mut Walk<'_>, block: &Block, at: usize, count: usize) -> usize {
    let end = (at + count * 4).min(block.end);
    for from in (at..end).step_by(4) {
        walk.read(&SADDR, block, from..from + 4);
    }
    end
}

fn records(walk: &mut Walk<'_>, block: &Block) {
    let mut at = block.start + 8;
    while let (Some(aux), Some(count)) =
        (walk.number(at + 1, 1, block.end), walk.number(at + 2, 2, block.end))
    {
        walk.read(&RECORD_TYPE, block, at..at + 1);
        walk.read(&AUX_LEN, block, at + 1..at + 2);
        walk.read(&NUM_SRC, block, at + 2..at + 4);
        walk.read(&RECORD_MADDR, block, at + 4..at + 8);
        let end = sources(walk, block, at + 8, count);
        walk.read(&AUX_DATA, block, end..end + aux * 4);
        at = end + aux * 4;
    }
}
