//! Bytes that no other protocol claims.

use crate::Value;
use crate::dissect::{Block, Walk};
use crate::field::{Derive, Field, derived, rest};
use crate::protocol::Protocol;

/// Raw bytes.
pub static DATA: Protocol =
    Protocol::new("data", "Data", "").scapy("Raw").fields(0, FIELDS).message().hook(count);

static FIELDS: &[Field] = &[rest("data.data", "Data"), derived("data.len", "Length", Derive::Hook)];

fn count(walk: &mut Walk<'_>, block: &mut Block) {
    let len = block.end - block.start;
    walk.generated(&FIELDS[1], block.layer, 0..0, Value::Uint(len as u64));
}
