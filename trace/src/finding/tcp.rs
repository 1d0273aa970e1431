//! Findings on TCP: a connection as both of its ends know it, fed by each segment's sending and arrival.
//!
//! Retransmission is judged where the segment is sent, from what its sender sent before (RFC 9293 section 3.8.1) and
//! which acknowledgments had arrived there (RFC 5681 section 3.2, RFC 8985); duplicate acknowledgments where the
//! receiver sends them. Nothing is judged from the middle of the path.

use tongro_wire::view::flag::{ACK, FIN, RST, SYN};

use crate::event::Nanos;
use crate::ladder::Finding;
use crate::segment::{Direction, Segment, before};

use super::half::{AfterFin, Arrival, Half, LastAck, LastArrival, Transmission, covers};
use super::report::{With, finding, frames, id, millis};
use super::{Delivery, Found, Role};

/// Without a log, a segment that fills a hole this soon is taken for overtaken, not for sent again.
const OVERTAKEN: Nanos = 3_000_000;

/// Both ends of a connection; index = direction in which the end sends.
#[derive(Debug, Default)]
pub(super) struct Connection {
    halves: [Half; 2],
    has_handshake_ack: bool,
}

impl Connection {
    pub(super) fn sent(&mut self, segment: &Segment, delivery: Delivery) -> Vec<Found> {
        if segment.has(RST) {
            let found = self.reset(segment);
            self.halves[segment.dir].gone = Some(segment.no);
            return found;
        }
        let here = |finding| Found { frame: segment.no, finding };
        let mut found: Vec<Found> = self.numbers(segment, delivery).into_iter().map(here).collect();
        found.extend(self.opening(segment).map(here));
        found.extend(self.closing(segment).into_iter().map(here));
        found.extend(self.half_close(segment));
        found.extend(self.acknowledgment(segment).into_iter().map(here));
        found
    }

    /// What the sequence numbers say: new bytes, old ones, or a probe; and notes the transmission.
    fn numbers(&mut self, segment: &Segment, delivery: Delivery) -> Vec<Finding> {
        let mut findings = Vec::new();
        let me = &mut self.halves[segment.dir];
        if segment.has(SYN) && me.syn.is_none() {
            me.scale = segment.options.scale;
        }
        let is_again = me.next.is_some_and(|next| before(segment.seq, next)) && segment.seq_len() > 0;
        let probe = self.keep_alive(segment);
        let is_content = segment.seq_len() > 0 && (probe.is_none() || !is_again);
        if let Some(probe) = probe {
            findings.push(probe);
        } else if is_again && self.fills_hole(segment, delivery) {
            findings.push(finding(id::OUT_OF_ORDER, Vec::new()).with("seq", segment.seq));
        } else if is_again {
            findings.push(self.retransmission(segment));
        } else if segment.seq_len() > 0 {
            findings.extend(self.window_full(segment));
        }
        let me = &mut self.halves[segment.dir];
        if is_content {
            me.transmit(segment, delivery);
        } else if me.next.is_none() {
            me.next = Some(segment.seq);
            me.unacked = segment.seq;
        }
        findings
    }

    pub(super) fn arrived(&mut self, segment: &Segment, role: Role) {
        let shift = self.shift(segment);
        let here = &mut self.halves[1 - segment.dir];
        if segment.has(RST) {
            here.gone = here.gone.or(Some(segment.no));
        }
        if segment.has(FIN) {
            here.fin_arrived = here.fin_arrived.or(Some(segment.no));
        }
        if segment.has(ACK) {
            here.acknowledge(segment.no, segment.ack, role == Role::DuplicateAck);
            here.window = shift.map(|shift| u32::from(segment.window) << shift);
        }
        if segment.seq_len() > 0 {
            here.receive(segment);
        }
        here.last_arrival = Some(LastArrival {
            no: segment.no,
            ack: segment.ack,
            flags: segment.flags,
            seq_len: segment.seq_len(),
            is_probe: role == Role::Probe,
        });
        here.is_answered = false;
    }

    pub(super) fn lost(&mut self, dir: Direction, no: u32) {
        let me = &mut self.halves[dir];
        let all = me.flying.iter_mut().chain(&mut me.settled);
        all.filter(|old| old.no == no).for_each(|old| old.delivery = Delivery::Lost);
    }

    pub(super) fn timeout_is(&mut self, dir: Direction, timeout: Nanos) {
        self.halves[dir].timeout = timeout;
    }

    /// The window shift that applies to a segment (RFC 7323 section 2.2); `None` when the handshake was not seen.
    pub(super) fn shift(&self, segment: &Segment) -> Option<u8> {
        if segment.has(SYN) {
            return Some(0);
        }
        let [a, b] = &self.halves;
        a.syn.and(b.syn)?;
        Some(a.scale.and(b.scale).and(self.halves[segment.dir].scale).unwrap_or(0))
    }

    /// Bytes that come after later ones but were never seen before: the sending host let them out in another order,
    /// as Linux does when two processors send for one socket. Where nobody knows what was lost before the capture,
    /// they must also come too soon to be sent again.
    fn fills_hole(&self, segment: &Segment, delivery: Delivery) -> bool {
        let me = &self.halves[segment.dir];
        if !before(me.unacked, segment.end()) || !me.earlier(segment).is_empty() {
            return false;
        }
        let last_at = me.flying.back().or_else(|| me.settled.back()).map_or(0, |last| last.at);
        let is_soon = segment.at.saturating_sub(last_at) < OVERTAKEN && me.duplicate_acks.len() < 3;
        delivery != Delivery::Unknown || is_soon
    }

    fn retransmission(&mut self, segment: &Segment) -> Finding {
        let me = &mut self.halves[segment.dir];
        let earlier = me.earlier(segment);
        let cause = cause(me, segment, &earlier);
        let is_spurious = !before(me.unacked, segment.end())
            || (!earlier.is_empty() && covers(&earlier, segment.seq, segment.end()));
        let id = match cause {
            _ if segment.flags & (SYN | ACK) == SYN && !earlier.is_empty() => id::SYN_RETRANSMISSION,
            _ if is_spurious => id::SPURIOUS_RETRANSMISSION,
            "duplicate_acks" => id::FAST_RETRANSMISSION,
            "recovery" | "rack" => id::RECOVERY_RETRANSMISSION,
            "timeout" => id::RTO_RETRANSMISSION,
            _ => id::RETRANSMISSION,
        };
        if matches!(id, id::FAST_RETRANSMISSION | id::RECOVERY_RETRANSMISSION) && me.recover.is_none() {
            me.recover = me.next;
        }
        let lost: Vec<u32> = earlier.iter().filter(|old| old.is_lost()).map(|old| old.no).collect();
        let first = earlier.iter().find(|old| old.is_lost()).or_else(|| earlier.first());
        let named = if lost.is_empty() { Vec::from_iter(first.map(|old| old.no)) } else { lost.clone() };
        let evidence = named.iter().chain(&me.duplicate_acks).copied().collect();
        let mut found = finding(id, evidence)
            .with("cause", cause)
            .with("seq", segment.seq)
            .with("len", segment.payload)
            .with("nth", earlier.len().max(1));
        let since = |old: &Transmission| millis(segment.at.saturating_sub(old.at));
        if let (Some(first), Some(last)) = (first, earlier.last()) {
            found = found.with("first", first.no).with("ms", since(first)).with("wait_ms", since(last));
        }
        if !lost.is_empty() {
            found = found.with("lost", frames(&lost));
        }
        if !me.duplicate_acks.is_empty() {
            found = found.with("ack", me.unacked).with("dups", frames(&me.duplicate_acks));
        }
        found
    }

    /// Probes of an idle connection or a closed window: the byte before the next one, or a window of zero overrun
    /// by one byte (RFC 9293 sections 3.8.4 and 3.8.6.1).
    fn keep_alive(&self, segment: &Segment) -> Option<Finding> {
        let me = &self.halves[segment.dir];
        if segment.flags & (SYN | FIN) != 0 || segment.payload > 1 {
            return None;
        }
        let is_window_closed = me.window == Some(0);
        let is_old_byte = is_before_next(segment, me.next)
            || (segment.payload == 0 && segment.seq.wrapping_add(1) == me.unacked);
        let is_new_byte = segment.payload == 1 && me.next == Some(segment.seq);
        if is_window_closed && (is_old_byte || is_new_byte) {
            return Some(finding(
                id::ZERO_WINDOW_PROBE,
                me.last_arrival.iter().map(|last| last.no).collect(),
            ));
        }
        let keeps_alive = is_old_byte && me.is_idle();
        keeps_alive.then(|| finding(id::KEEP_ALIVE, Vec::new()).with("seq", segment.seq))
    }

    fn window_full(&self, segment: &Segment) -> Option<Finding> {
        let me = &self.halves[segment.dir];
        let window = me.window.filter(|window| *window > 0 && segment.payload > 0)?;
        (segment.end() == me.unacked.wrapping_add(window)).then(|| {
            let evidence = me.last_arrival.iter().map(|last| last.no).collect();
            finding(id::WINDOW_FULL, evidence).with("window", window)
        })
    }

    fn opening(&mut self, segment: &Segment) -> Option<Finding> {
        let [me, you] = self.both(segment.dir);
        let your_syn = you.syn;
        if segment.has(SYN) {
            let id = if segment.has(ACK) { id::HANDSHAKE_SYN_ACK } else { id::HANDSHAKE_SYN };
            me.syn = me.syn.or(Some(segment.no));
            let evidence = your_syn.into_iter().filter(|_| segment.has(ACK)).collect();
            let found = finding(id, evidence);
            return Some(match your_syn.filter(|_| segment.has(ACK)) {
                Some(syn) => found.with("first", syn),
                None => found,
            });
        }
        let (my_syn, your_syn) = (me.syn?, your_syn?);
        if !segment.has(ACK) || your_syn < my_syn || std::mem::replace(&mut self.has_handshake_ack, true) {
            return None;
        }
        Some(finding(id::HANDSHAKE_ACK, vec![my_syn, your_syn]).with("first", your_syn))
    }

    fn closing(&mut self, segment: &Segment) -> Vec<Finding> {
        let mut findings = Vec::new();
        let [me, you] = self.both(segment.dir);
        if let Some(fin) = you.fin.filter(|fin| segment.has(ACK) && segment.ack == fin.end && !you.fin_acked)
        {
            you.fin_acked = true;
            let is_last = me.fin.is_some_and(|mine| mine.no < fin.no);
            let id = if is_last { id::TEARDOWN_LAST_ACK } else { id::TEARDOWN_FIN_ACK };
            findings.push(finding(id, vec![fin.no]).with("first", fin.no));
        }
        if segment.has(FIN) && me.fin.is_none() {
            let Segment { no, at, seq, .. } = *segment;
            me.fin = Some(Transmission { no, at, seq, end: segment.end(), delivery: Delivery::Unknown });
            findings.push(match you.fin {
                Some(fin) => finding(id::TEARDOWN_SECOND_FIN, vec![fin.no]).with("first", fin.no),
                None => finding(id::TEARDOWN_FIN, Vec::new()),
            });
        }
        findings
    }

    /// Data sent to an end whose FIN had arrived, and taken by it: what that FIN began was a half-close. An end that
    /// had closed for good would answer with a reset.
    fn half_close(&mut self, segment: &Segment) -> Option<Found> {
        let [me, you] = self.both(segment.dir);
        if let Some(fin) = me.fin_arrived.filter(|_| segment.payload > 0 && me.after_fin.is_none()) {
            me.after_fin = Some(AfterFin { fin, data: segment.no, end: segment.end(), is_taken: false });
        }
        let after =
            you.after_fin.as_mut().filter(|after| segment.has(ACK) && !before(segment.ack, after.end))?;
        if std::mem::replace(&mut after.is_taken, true) {
            return None;
        }
        let found = finding(id::HALF_CLOSE, vec![after.data, segment.no]).with("data", after.data);
        Some(Found { frame: after.fin, finding: found })
    }

    fn acknowledgment(&mut self, segment: &Segment) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !segment.has(ACK) {
            return findings;
        }
        let shift = self.shift(segment).unwrap_or(0);
        let me = &mut self.halves[segment.dir];
        let was_open = me.last_ack.is_none_or(|last| last.window > 0);
        if segment.window == 0 && !segment.has(SYN) && (was_open || segment.is_bare_ack()) {
            findings.push(finding(id::ZERO_WINDOW, Vec::new()));
        }
        let answered = me.answer(segment);
        let last = me.last_ack.filter(|last| last.ack == segment.ack && segment.is_bare_ack());
        let found = last.and_then(|last| repeated(me, segment, last, answered, shift));
        let is_duplicate = found.as_ref().is_some_and(|found| found.id == id::DUPLICATE_ACK);
        findings.extend(found);
        let kept = last.map_or((segment.no, 0), |last| (last.no, last.repeats + u32::from(is_duplicate)));
        let (no, repeats) = if segment.is_bare_ack() { kept } else { (segment.no, 0) };
        let block = segment.options.sack().first().copied();
        me.last_ack = Some(LastAck { ack: segment.ack, no, window: segment.window, block, repeats });
        me.is_answered = true;
        findings
    }

    /// Why a reset was sent: the port refused, no connection is known, bytes came after the close, or an abort.
    fn reset(&self, segment: &Segment) -> Vec<Found> {
        let me = &self.halves[segment.dir];
        let trigger = me.last_arrival.filter(|_| !me.is_answered);
        let here = |finding| Found { frame: segment.no, finding };
        if let Some(syn) = trigger.filter(|last| last.flags & (SYN | ACK) == SYN && me.syn.is_none()) {
            return vec![here(finding(id::REFUSED, vec![syn.no]).with("first", syn.no))];
        }
        let answers = trigger.filter(|last| last.flags & ACK != 0 && last.ack == segment.seq);
        let is_unknown = (me.gone.is_some() || me.syn.is_none()) && !segment.has(ACK);
        let cause = match answers {
            Some(_) if is_unknown => "no_connection",
            Some(last) if me.fin.is_some() && last.seq_len > 0 => "data_after_close",
            _ => "abort",
        };
        let reset = finding(id::RESET, Vec::new()).with("cause", cause).with("seq", segment.seq);
        let Some(last) = answers.filter(|_| cause != "abort") else { return vec![here(reset)] };
        let reset = Finding { evidence: vec![last.no], ..reset.with("first", last.no) };
        let mut found = vec![here(reset)];
        if cause == "no_connection" {
            let evidence = [Some(segment.no), me.gone].into_iter().flatten().collect();
            found.push(Found { frame: last.no, finding: finding(id::HALF_OPEN, evidence) });
        }
        found
    }

    fn both(&mut self, dir: Direction) -> [&mut Half; 2] {
        let [a, b] = &mut self.halves;
        if dir == 0 { [a, b] } else { [b, a] }
    }
}

/// Whether the segment holds nothing but the byte before the next new one.
fn is_before_next(segment: &Segment, next: Option<u32>) -> bool {
    segment.payload <= 1
        && segment.flags & (SYN | FIN | RST) == 0
        && next.is_some_and(|next| segment.seq.wrapping_add(1) == next)
}

/// What made the sender send again; unknown where the original was not seen or is forgotten.
fn cause(me: &Half, segment: &Segment, earlier: &[Transmission]) -> &'static str {
    let elapsed = earlier.last().map_or(Nanos::MAX, |last| segment.at.saturating_sub(last.at));
    let has_timed_out = elapsed >= me.timeout / 20 * 19;
    let is_first = earlier.len() <= 1;
    match me.duplicate_acks.len() {
        _ if earlier.is_empty() => "unknown",
        3.. if is_first && me.recover.is_none() => "duplicate_acks",
        _ if is_first && me.recover.is_some_and(|recover| before(segment.seq, recover)) => "recovery",
        _ if has_timed_out => "timeout",
        1.. => "rack",
        _ if me.next == Some(segment.end()) => "probe",
        _ => "unknown",
    }
}

/// An acknowledgment with the same number as the last one: a duplicate, a window update or an answer to a probe.
///
/// A duplicate leaves the window alone (RFC 5681 section 2) or brings SACK news (RFC 6675 section 2): Linux enlarges
/// its window while it sends duplicates.
fn repeated(
    me: &Half,
    segment: &Segment,
    last: LastAck,
    answered: Option<Arrival>,
    shift: u8,
) -> Option<Finding> {
    let is_same_window = segment.window == last.window;
    let probe = me.last_arrival.filter(|arrival| arrival.is_probe && !me.is_answered && is_same_window);
    let block = segment.options.sack().first();
    let has_news = block.is_some() && (answered.is_some() || block != last.block.as_ref());
    if segment.window == 0 {
        return None;
    }
    if let Some(probe) = probe {
        return Some(finding(id::KEEP_ALIVE_ACK, vec![probe.no]).with("first", probe.no));
    }
    if has_news || (block.is_none() && answered.is_some() && is_same_window) {
        let evidence = [Some(last.no), answered.map(|arrival| arrival.no)].into_iter().flatten().collect();
        let found = finding(id::DUPLICATE_ACK, evidence)
            .with("nth", last.repeats + 1)
            .with("ack", segment.ack)
            .with("first", last.no);
        return Some(match answered {
            Some(arrival) => found.with("caused_by", arrival.no),
            None => found,
        });
    }
    (!is_same_window).then(|| {
        finding(id::WINDOW_UPDATE, Vec::new())
            .with("len", u32::from(segment.window) << shift)
            .with("before", u32::from(last.window) << shift)
    })
}
