//! WebSocket frames; bytes come from a stream that HTTP has upgraded, so the caller names this protocol.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-----+-------+-+-------------+-------------------------------+
//! |F| RSV |opcode |M| Payload len |  Extended payload length      |
//! |I|     |  (4)  |A|     (7)     |  (16 when 126, 64 when 127)   |
//! |N|     |       |S|             |                               |
//! +-+-----+-------+-+-------------+-------------------------------+
//! |  Masking key (32, when M is set), payload                     |
//! +---------------------------------------------------------------+
//! ```

use crate::dissect::{Block, Walk};
use crate::field::{Bits, Derive, Field, Type, When, bool, derived, next, typed, uint};
use crate::protocol::Protocol;
use crate::{ProblemKind, Value};

/// A WebSocket frame.
pub static WEBSOCKET: Protocol =
    Protocol::new("websocket", "WebSocket", "RFC 6455 section 5.2").fields(2, FIELDS).message().hook(payload);

const IS_MASKED: When = When::Is(8, 1, &[1]);

static FIELDS: &[Field] = &[
    bool("websocket.fin", "Fin", 0, 1).default(1),
    uint("websocket.rsv", "Reserved", 1, 3).hex(2),
    uint("websocket.opcode", "Opcode", 4, 4).default(1).names(&[
        (0, "Continuation"),
        (1, "Text"),
        (2, "Binary"),
        (8, "Connection Close"),
        (9, "Ping"),
        (10, "Pong"),
    ]),
    bool("websocket.mask", "Mask", 8, 1),
    uint("websocket.payload_length", "Payload length", 9, 7),
    next("websocket.payload_length_ext_16", "Extended Payload length (16 bits)", 16).when(When::Is(
        9,
        7,
        &[126],
    )),
    next("websocket.payload_length_ext_64", "Extended Payload length (64 bits)", 64).when(When::Is(
        9,
        7,
        &[127],
    )),
    typed("websocket.masking_key", "Masking-Key", Type::Bytes, Bits::Next(32)).when(IS_MASKED),
    derived("websocket.payload.text", "Text", Derive::Hook).of(Type::Text),
    derived("websocket.payload.close.status_code", "Status code", Derive::Hook),
    derived("websocket.payload.binary", "Payload", Derive::Hook).bytes(),
];

const TEXT: usize = 8;
const STATUS: usize = 9;
const BINARY: usize = 10;

fn payload(walk: &mut Walk<'_>, block: &mut Block) {
    let (start, at) = (block.start, block.at());
    let head = walk.number(start, 2, block.end).unwrap_or(0);
    let declared = match head & 127 {
        126 => walk.number(start + 2, 2, block.end),
        127 => walk.number(start + 2, 8, block.end),
        short => Some(short),
    };
    let (declared, available) = (declared.unwrap_or(0), block.end - at);
    if declared > available {
        walk.problem(block.layer, start..block.end, ProblemKind::BadLength { declared, available });
    }
    let range = at..at + declared.min(available);
    let bytes = walk.bytes;
    let mut open = bytes[range.clone()].to_vec();
    if head & 128 != 0 && at >= start + 6 {
        let key = &bytes[at - 4..at];
        open.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    }
    show(walk, block, head >> 8 & 15, range.clone(), open);
    block.header_end = Some(range.end);
    if range.end < block.end && declared <= available {
        block.next = Some(&WEBSOCKET);
    }
}

fn show(walk: &mut Walk<'_>, block: &Block, opcode: usize, range: std::ops::Range<usize>, open: Vec<u8>) {
    match opcode {
        1 => {
            let text = String::from_utf8_lossy(&open).into_owned();
            walk.generated(&FIELDS[TEXT], block.layer, range, Value::from(text));
        }
        8 if open.len() >= 2 => {
            let status = u64::from(open[0]) << 8 | u64::from(open[1]);
            walk.generated(&FIELDS[STATUS], block.layer, range, Value::Uint(status));
        }
        _ if !open.is_empty() => walk.generated(&FIELDS[BINARY], block.layer, range, Value::from(open)),
        _ => {}
    }
}
