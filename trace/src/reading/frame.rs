//! What the capture says of a packet beside its bytes: number, times, lengths, comments.

use tongro_wire::{Packet, Value};

use crate::capture;

use super::Need;
use super::rows::{ROWS, add};

/// Knows when the first packet was and the one before.
#[derive(Debug, Default)]
pub(super) struct Clock {
    first: Option<i64>,
    last: i64,
}

/// A packet's time in nanoseconds: since 1970, since the first packet, since the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tick {
    pub(super) epoch: i64,
    pub(super) relative: i64,
    pub(super) delta: i64,
}

impl Clock {
    pub(super) fn tick(&mut self, epoch: i64) -> Tick {
        let first = *self.first.get_or_insert(epoch);
        let last = if self.first == Some(epoch) && self.last == 0 { epoch } else { self.last };
        self.last = epoch;
        Tick { epoch, relative: epoch.saturating_sub(first), delta: epoch.saturating_sub(last) }
    }
}

/// Adds the rows of the frame; they are said of its first layer.
pub(super) fn describe<'a>(
    packet: &mut Packet<'a>,
    captured: &capture::Packet<'a>,
    number: u32,
    tick: &Tick,
    need: &Need,
) {
    let rows = &ROWS;
    let time = |nanoseconds: i64| Value::Uint(nanoseconds.unsigned_abs());
    add(packet, rows.number, 0, u64::from(number));
    add(packet, rows.time_epoch, 0, time(tick.epoch));
    add(packet, rows.time_relative, 0, time(tick.relative));
    add(packet, rows.time_delta, 0, time(tick.delta));
    add(packet, rows.len, 0, u64::from(captured.wire_len));
    add(packet, rows.cap_len, 0, captured.bytes.len() as u64);
    add(packet, rows.interface, 0, u64::from(captured.interface));
    for comment in captured.options.comments() {
        add(packet, rows.comment, 0, comment.into_owned());
    }
    if need.protocols {
        let protocols = packet.protocols();
        add(packet, rows.protocols, 0, protocols);
    }
}
