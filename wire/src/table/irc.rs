//! IRC: one message per line, `[:prefix] command [parameters] [:trailer]`.

use std::ops::Range;

use crate::Value;
use crate::dissect::{Block, Walk};
use crate::field::{Field, found, text};
use crate::protocol::Protocol;

/// Internet Relay Chat.
pub static IRC: Protocol = Protocol::new("irc", "Internet Relay Chat", "RFC 2812 section 2.3")
    .code(&[
        &REQUEST.prefix,
        &REQUEST.command,
        &REQUEST.parameter,
        &REQUEST.trailer,
        &RESPONSE.prefix,
        &RESPONSE.command,
        &RESPONSE.parameter,
        &RESPONSE.trailer,
        &NUMBER,
    ])
    .message()
    .hook(lines);

struct Direction {
    prefix: Field,
    command: Field,
    parameter: Field,
    trailer: Field,
}

static REQUEST: Direction = Direction {
    prefix: text("irc.request.prefix", "Prefix"),
    command: text("irc.request.command", "Command"),
    parameter: text("irc.request.command_parameter", "Parameter"),
    trailer: text("irc.request.trailer", "Trailer"),
};

static RESPONSE: Direction = Direction {
    prefix: text("irc.response.prefix", "Prefix"),
    command: text("irc.response.command", "Command"),
    parameter: text("irc.response.command_parameter", "Parameter"),
    trailer: text("irc.response.trailer", "Trailer"),
};

static NUMBER: Field = found("irc.response.num_command", "Command", 0);

fn lines(walk: &mut Walk<'_>, block: &mut Block) {
    block.header_end = Some(block.end);
    let is_response = walk.packet.fields.iter().rev().find(|value| value.field.id == "tcp.dstport");
    let direction = match is_response.and_then(|value| value.value.uint()) {
        Some(6660..=6669) => &REQUEST,
        _ => &RESPONSE,
    };
    let mut at = block.start;
    while at < block.end {
        let len = walk.bytes[at..block.end].iter().position(|byte| *byte == b'\n').unwrap_or(block.end - at);
        let trimmed = walk.bytes[at..at + len].strip_suffix(b"\r").map_or(len, <[u8]>::len);
        line(walk, block, direction, at..at + trimmed);
        at += len + 1;
    }
}

fn line(walk: &mut Walk<'_>, block: &Block, direction: &'static Direction, line: Range<usize>) {
    let bytes = walk.bytes;
    let mut at = line.start;
    let mut is_command = true;
    while at < line.end {
        let end = bytes[at..line.end].iter().position(|byte| *byte == b' ').map_or(line.end, |len| at + len);
        if bytes[at] == b':' && at == line.start {
            walk.read(&direction.prefix, block, at + 1..end);
        } else if bytes[at] == b':' {
            return walk.read(&direction.trailer, block, at + 1..line.end);
        } else if is_command {
            command(walk, block, direction, at..end);
            is_command = false;
        } else {
            walk.read(&direction.parameter, block, at..end);
        }
        at = end + 1;
    }
}

fn command(walk: &mut Walk<'_>, block: &Block, direction: &'static Direction, word: Range<usize>) {
    let number = std::str::from_utf8(&walk.bytes[word.clone()]).ok().and_then(|text| text.parse().ok());
    match number.filter(|_| std::ptr::eq(direction, &RESPONSE)) {
        Some(number) => {
            walk.read(&direction.command, block, word.clone());
            walk.generated(&NUMBER, block.layer, word, Value::Uint(number));
        }
        None => walk.read(&direction.command, block, word),
    }
}
