//! TLS: one layer per record; handshake messages that are not encrypted are read, the rest stays raw.
//!
//! ```text
//! Record                                   Handshake message
//! +--------+---------+---------+------+    +--------+--------------+---------+--------+------------+
//! |  Type  | Version | Length  | ...  |    |  Type  |    Length    | Version | Random | Session ID |
//! +--------+---------+---------+------+    +--------+--------------+---------+--------+------------+
//!     8        16        16                    8          24           16       256      8 + n
//!                                          | Cipher Suites | Compression | Extensions: type, length, data |
//! ```

use crate::ProblemKind;
use crate::dissect::{Block, Walk};
use crate::field::{Bits, Field, Type, found, text, typed, uint};
use crate::protocol::Protocol;
use crate::table::tls_names::{ALERTS, CIPHERS, EXTENSIONS, GROUPS, HANDSHAKES, LEVELS, RECORDS, VERSIONS};

/// A TLS record.
pub static TLS: Protocol = Protocol::new("tls", "Transport Layer Security", "RFC 8446 section 5.1, RFC 5246")
    .scapy("TLS")
    .fields(5, FIELDS)
    .code(CODE)
    .message()
    .hook(record);

static FIELDS: &[Field] = &[
    uint("tls.record.content_type", "Content Type", 0, 8).names(RECORDS).default(22),
    uint("tls.record.version", "Version", 8, 16).hex(4).names(VERSIONS).default(0x0303),
    uint("tls.record.length", "Length", 24, 16),
];

static HANDSHAKE_TYPE: Field = found("tls.handshake.type", "Handshake Type", 8).names(HANDSHAKES);
static HANDSHAKE_LENGTH: Field = found("tls.handshake.length", "Length", 24);
static HANDSHAKE_VERSION: Field = found("tls.handshake.version", "Version", 16).hex(4).names(VERSIONS);
static RANDOM: Field = typed("tls.handshake.random", "Random", Type::Bytes, Bits::Hook(256));
static SESSION_LENGTH: Field = found("tls.handshake.session_id_length", "Session ID Length", 8);
static SESSION: Field = typed("tls.handshake.session_id", "Session ID", Type::Bytes, Bits::Hook(0));
static CIPHERS_LENGTH: Field = found("tls.handshake.cipher_suites_length", "Cipher Suites Length", 16);
static CIPHER: Field = found("tls.handshake.ciphersuite", "Cipher Suite", 16).hex(4).names(CIPHERS);
static COMPRESSIONS: Field = found("tls.handshake.comp_methods_length", "Compression Methods Length", 8);
static COMPRESSION: Field = found("tls.handshake.comp_method", "Compression Method", 8);
static EXTENSIONS_LENGTH: Field = found("tls.handshake.extensions_length", "Extensions Length", 16);
static EXTENSION: Field = found("tls.handshake.extension.type", "Type", 16).names(EXTENSIONS);
static EXTENSION_LENGTH: Field = found("tls.handshake.extension.len", "Length", 16);
static SERVER_NAME: Field = text("tls.handshake.extensions_server_name", "Server Name");
static ALPN: Field = text("tls.handshake.extensions_alpn_str", "ALPN Next Protocol");
static SUPPORTED_VERSION: Field =
    found("tls.handshake.extensions.supported_version", "Supported Version", 16).hex(4).names(VERSIONS);
static SUPPORTED_GROUP: Field =
    found("tls.handshake.extensions_supported_group", "Supported Group", 16).hex(4).names(GROUPS);
static ALERT_LEVEL: Field = found("tls.alert_message.level", "Level", 8).names(LEVELS);
static ALERT: Field = found("tls.alert_message.desc", "Description", 8).names(ALERTS);
static APP_DATA: Field = typed("tls.app_data", "Encrypted Application Data", Type::Bytes, Bits::Hook(0));

static CODE: &[&Field] = &[
    &HANDSHAKE_TYPE,
    &HANDSHAKE_LENGTH,
    &HANDSHAKE_VERSION,
    &RANDOM,
    &SESSION_LENGTH,
    &SESSION,
    &CIPHERS_LENGTH,
    &CIPHER,
    &COMPRESSIONS,
    &COMPRESSION,
    &EXTENSIONS_LENGTH,
    &EXTENSION,
    &EXTENSION_LENGTH,
    &SERVER_NAME,
    &ALPN,
    &SUPPORTED_VERSION,
    &SUPPORTED_GROUP,
    &ALERT_LEVEL,
    &ALERT,
    &APP_DATA,
];

/// Whether bytes start with the header of a record that makes sense.
pub(crate) fn is_record(bytes: &[u8]) -> bool {
    matches!(bytes, [20..=24, 3, 0..=4, high, low, ..] if usize::from(*high) << 8 | usize::from(*low) <= (1 << 14) + 2048)
}

fn record(walk: &mut Walk<'_>, block: &mut Block) {
    let declared = walk.number(block.start + 3, 2, block.end).unwrap_or(0);
    let body = block.start + 5;
    let available = block.end.saturating_sub(body);
    if declared > available {
        walk.problem(block.layer, block.start..block.end, ProblemKind::BadLength { declared, available });
    }
    let end = (body + declared).min(block.end);
    let inner = block.until(end);
    match walk.bytes.get(block.start) {
        Some(22) => handshakes(walk, &inner, body),
        Some(21) if declared == 2 => {
            walk.read(&ALERT_LEVEL, &inner, body..body + 1);
            walk.read(&ALERT, &inner, body + 1..body + 2);
        }
        Some(23) => walk.read(&APP_DATA, &inner, body..end),
        _ => {}
    }
    block.header_end = Some(end.max(block.start + 1));
    if is_record(&walk.bytes[end..block.end]) {
        block.next = Some(&TLS);
    }
}

/// The messages of a record. An encrypted message shows itself by a type or length that cannot be.
fn handshakes(walk: &mut Walk<'_>, block: &Block, mut at: usize) {
    while let (Some(kind), Some(len)) = (walk.number(at, 1, block.end), walk.number(at + 1, 3, block.end)) {
        let is_known = HANDSHAKES.iter().any(|(known, _)| *known == kind as u64);
        if !is_known || len > 1 << 17 {
            return;
        }
        walk.read(&HANDSHAKE_TYPE, block, at..at + 1);
        walk.read(&HANDSHAKE_LENGTH, block, at + 1..at + 4);
        let end = (at + 4 + len).min(block.end);
        let inner = block.until(end);
        if matches!(kind, 1 | 2) {
            let _ = hello(walk, &inner, at + 4, kind == 1);
        }
        at += 4 + len;
    }
}

/// A ClientHello or ServerHello; ends quietly where the bytes do.
fn hello(walk: &mut Walk<'_>, block: &Block, mut at: usize, is_client: bool) -> Option<()> {
    walk.read(&HANDSHAKE_VERSION, block, at..at + 2);
    walk.read(&RANDOM, block, at + 2..at + 34);
    at += 34;
    let session = walk.number(at, 1, block.end)?;
    walk.read(&SESSION_LENGTH, block, at..at + 1);
    walk.read(&SESSION, block, at + 1..at + 1 + session);
    at += 1 + session;
    if is_client {
        let suites = walk.number(at, 2, block.end)?;
        walk.read(&CIPHERS_LENGTH, block, at..at + 2);
        pairs(walk, block, &CIPHER, at + 2, suites);
        at += 2 + suites;
        let methods = walk.number(at, 1, block.end)?;
        walk.read(&COMPRESSIONS, block, at..at + 1);
        (0..methods).for_each(|index| walk.read(&COMPRESSION, block, at + 1 + index..at + 2 + index));
        at += 1 + methods;
    } else {
        walk.read(&CIPHER, block, at..at + 2);
        walk.read(&COMPRESSION, block, at + 2..at + 3);
        at += 3;
    }
    let len = walk.number(at, 2, block.end)?;
    walk.read(&EXTENSIONS_LENGTH, block, at..at + 2);
    let end = (at + 2 + len).min(block.end);
    extensions(walk, block, at + 2, end, is_client)
}

/// Numbers of two bytes, one after the other.
fn pairs(walk: &mut Walk<'_>, block: &Block, field: &'static Field, at: usize, len: usize) {
    for index in 0..len / 2 {
        walk.read(field, block, at + index * 2..at + index * 2 + 2);
    }
}

fn extensions(walk: &mut Walk<'_>, block: &Block, mut at: usize, end: usize, is_client: bool) -> Option<()> {
    while at < end {
        let (kind, len) = (walk.number(at, 2, end)?, walk.number(at + 2, 2, end)?);
        walk.read(&EXTENSION, block, at..at + 2);
        walk.read(&EXTENSION_LENGTH, block, at + 2..at + 4);
        let inner = block.until((at + 4 + len).min(end));
        let _ = extension(walk, &inner, kind, at + 4, is_client);
        at += 4 + len;
    }
    Some(())
}

fn extension(walk: &mut Walk<'_>, block: &Block, kind: usize, at: usize, is_client: bool) -> Option<()> {
    match kind {
        // A list of one host name: list length, kind, name length, name.
        0 => {
            let len = walk.number(at + 3, 2, block.end)?;
            walk.read(&SERVER_NAME, block, at + 5..at + 5 + len);
        }
        10 => pairs(walk, block, &SUPPORTED_GROUP, at + 2, walk.number(at, 2, block.end)?),
        16 => {
            let mut from = at + 2;
            while let Some(len) = walk.number(from, 1, block.end) {
                walk.read(&ALPN, block, from + 1..from + 1 + len);
                from += 1 + len;
            }
        }
        43 if is_client => pairs(walk, block, &SUPPORTED_VERSION, at + 1, walk.number(at, 1, block.end)?),
        43 => walk.read(&SUPPORTED_VERSION, block, at..at + 2),
        _ => {}
    }
    Some(())
}
