//! The rules, in the order in which the labels replace each other.

use tongro_wire::view::flag::{ACK, FIN, RST, SYN};

use super::half::Half;
use super::table::after;
use super::{Analysis, Labels, Seen};
use crate::segment::before;

/// An acknowledgment older than this does not make a retransmission a fast one: 20 ms.
const FAST: i64 = 20_000_000;

/// What came later than this after the highest byte is sent again, and not overtaken: 3 ms.
const OVERTAKEN: i64 = 3_000_000;

/// Asks every rule about a segment.
pub(super) fn label(
    me: &mut Half,
    you: &mut Half,
    seen: &Seen<'_>,
    initial_rtt: Option<i64>,
    found: &mut Analysis,
) {
    let is_quiet = !seen.any(SYN | FIN | RST);
    let next = me.next;
    if seen.len == 1 && next == Some(seen.seq) && you.window == Some(0) {
        found.labels.add(Labels::ZERO_WINDOW_PROBE);
        return acked_unseen(you, seen, found);
    }
    if seen.window == 0 && is_quiet {
        found.labels.add(Labels::ZERO_WINDOW);
    }
    if next.is_some_and(|next| after(seen.seq, next)) && !seen.has(RST) {
        found.labels.add(Labels::LOST_SEGMENT);
        me.max_to_ack = me.max_to_ack.or(next);
        me.has_hole = true;
    }
    if seen.len <= 1 && is_quiet && next.is_some_and(|next| next.wrapping_sub(1) == seen.seq) {
        found.labels.add(Labels::KEEP_ALIVE);
    }
    if seen.len > 0 && is_quiet && fills_window(you, seen) {
        found.labels.add(Labels::WINDOW_FULL);
    }
    if seen.len == 0 && is_quiet && next == Some(seen.seq) && me.last_ack == Some(seen.ack) {
        repeated(me, you, seen, found);
    }
    acked_unseen(you, seen, found);
    if seen.has_content() && !found.labels.has(Labels::KEEP_ALIVE) {
        again(me, you, seen, initial_rtt, found);
    }
}

/// An acknowledgment of what was acknowledged before.
fn repeated(me: &mut Half, you: &Half, seen: &Seen<'_>, found: &mut Analysis) {
    let is_same_window = me.window == Some(seen.window);
    if seen.window == 0 {
        if is_same_window && you.last_labels.has(Labels::ZERO_WINDOW_PROBE) {
            found.labels.add(Labels::ZERO_WINDOW_PROBE_ACK);
        }
        return;
    }
    if is_same_window && you.last_labels.has(Labels::KEEP_ALIVE) {
        found.labels.add(Labels::KEEP_ALIVE_ACK);
    } else if is_same_window {
        me.duplicate_acks += 1;
        found.labels.add(Labels::DUPLICATE_ACK);
        found.duplicate_ack = Some((me.duplicate_acks, me.first_ack_no));
    } else {
        found.labels.add(Labels::WINDOW_UPDATE);
    }
}

fn fills_window(you: &Half, seen: &Seen<'_>) -> bool {
    let edge = you.last_ack.and_then(|ack| Some(ack.wrapping_add(you.window_bytes()?)));
    edge == Some(seen.seq.wrapping_add(seen.len))
}

fn acked_unseen(you: &mut Half, seen: &Seen<'_>, found: &mut Analysis) {
    if seen.has(ACK) && you.max_to_ack.is_some_and(|max| after(seen.ack, max)) {
        found.labels.add(Labels::ACK_LOST_SEGMENT);
        you.max_to_ack = None;
    }
}

/// Content that does not go beyond what was seen, or was acknowledged before it came.
fn again(me: &Half, you: &Half, seen: &Seen<'_>, initial_rtt: Option<i64>, found: &mut Analysis) {
    let end = seen.end();
    let is_old = me.next.is_some_and(|next| before(seen.seq, next));
    // The byte of a probe that was refused goes out again with those after it.
    let follows_probe = seen.len > 1 && me.next == Some(seen.seq.wrapping_add(1));
    let was_asked = you.duplicate_acks >= 2 && you.last_ack == Some(seen.seq);
    let limit = initial_rtt.unwrap_or(OVERTAKEN);
    found.labels.add(if seen.len > 0 && you.last_ack.is_some_and(|ack| ack != 0 && !after(end, ack)) {
        Labels::SPURIOUS_RETRANSMISSION.with(Labels::RETRANSMISSION)
    } else if !is_old || follows_probe {
        return;
    } else if was_asked && seen.at - you.last_ack_at < FAST {
        Labels::FAST_RETRANSMISSION.with(Labels::RETRANSMISSION)
    } else if seen.at - me.next_at < limit && me.next != Some(end) {
        Labels::OUT_OF_ORDER
    } else {
        Labels::RETRANSMISSION
    });
    if found.labels.has(Labels::RETRANSMISSION)
        && !found.labels.any(Labels::FAST_RETRANSMISSION.with(Labels::SPURIOUS_RETRANSMISSION))
    {
        let (no, at) = me.unacked.front().map_or((me.next_no, me.next_at), |first| (first.no, first.at));
        found.rto = (seen.at != at).then_some((seen.at - at, no));
    }
}

/// Takes the segment into account for those that follow.
pub(super) fn remember(me: &mut Half, you: &mut Half, seen: &Seen<'_>, found: &mut Analysis) {
    let end = seen.end();
    let is_probe = found.labels.has(Labels::ZERO_WINDOW_PROBE);
    // Only what comes without a hole before it may be acknowledged.
    me.max_to_ack = match me.max_to_ack {
        _ if is_probe => None,
        Some(max) if max == seen.seq && me.next.is_none_or(|next| !before(end, next)) => Some(end),
        Some(max) if max == seen.seq => me.next,
        Some(max) => Some(max),
        None => me.next.filter(|next| *next != seen.seq).or(Some(end)),
    };
    if me.next.is_none_or(|next| after(end, next)) && !is_probe {
        me.next = Some(end);
        (me.next_at, me.next_no) = (seen.at, seen.no);
    }
    // Without the flag the field is read all the same, as Wireshark does: a reset forgets what was acknowledged.
    acknowledge(me, you, seen, found);
    me.window = Some(seen.window);
    me.last_labels = found.labels;
    if seen.has_content() {
        me.send(seen.unacked());
        in_flight(me, you, seen, found);
    }
}

fn acknowledge(me: &mut Half, you: &mut Half, seen: &Seen<'_>, found: &mut Analysis) {
    if me.last_ack != Some(seen.ack) {
        me.duplicate_acks = 0;
        me.first_ack_no = seen.no;
    }
    (me.last_ack, me.last_ack_at) = (Some(seen.ack), seen.at);
    let options = seen.options();
    let sacked = options.sack().iter().map(|(left, right)| right.wrapping_sub(*left));
    me.sacked = sacked.fold(0, u32::wrapping_add);
    you.has_hole = false;
    if !seen.has(ACK) {
        return you.unacked.retain(|old| after(old.end, seen.ack));
    }
    let answered = you.unacked.iter().find(|old| old.end == seen.ack);
    found.acks = answered.map(|old| (old.no, seen.at - old.at));
    you.unacked.retain(|old| after(old.end, seen.ack));
    for old in you.unacked.iter_mut().filter(|old| after(seen.ack, old.seq)) {
        old.seq = seen.ack;
    }
}

fn in_flight(me: &mut Half, you: &Half, seen: &Seen<'_>, found: &mut Analysis) {
    if seen.len == 0 || me.has_hole {
        return;
    }
    found.has_more = true;
    let first = me.unacked.iter().map(|old| old.seq).reduce(|a, b| if before(b, a) { b } else { a });
    let last = me.unacked.iter().map(|old| old.end).reduce(|a, b| if after(b, a) { b } else { a });
    let Some((first, last)) = first.zip(last) else { return };
    let flight = last.wrapping_sub(first).checked_sub(you.sacked);
    found.bytes_in_flight = flight.filter(|bytes| *bytes > 0 && *bytes < 1 << 30);
    if std::mem::replace(&mut me.last_was_push, seen.is_push()) {
        me.pushed = 0;
    }
    me.pushed += seen.len;
    found.push_bytes_sent = found.bytes_in_flight.map(|_| me.pushed);
}
