//! Frames on the ladder: each sending becomes an arrow, which its arrival, loss and copies complete.
//!
//! What the link did is known at sending, what it means for the connection comes from the analyser; a retransmission
//! is explained further when the call that waited for it returns.

use std::collections::HashMap;

use tongro_wire::view::{self, Transport, View, flag};

use crate::event::{Arrived, Dropped, Fate, HostId, Nanos, Sent};
use crate::finding::{self, Delivery, Found, id, is_retransmission};
use crate::flow;
use crate::segment::{Direction, Segment};

use super::builder::Builder;
use super::label;
use super::model::{Arrow, ArrowKind, Call, Finding};

/// What is known of frames beside their arrows.
#[derive(Debug, Default)]
pub(super) struct Arrows {
    by_no: HashMap<u32, Known>,
    /// Retransmissions that arrived and whose receiver may have been waiting in a call.
    awaited: Vec<Awaited>,
    last_delay: Nanos,
}

impl Arrows {
    /// Where a frame's arrow stands in the ladder's list.
    pub(super) fn index(&self, no: u32) -> Option<usize> {
        self.by_no.get(&no).map(|known| known.index)
    }
}

#[derive(Debug, Clone, Copy)]
struct Known {
    index: usize,
    /// Where order matters: flow and direction of a frame with content.
    stream: Option<(u32, Direction)>,
}

#[derive(Debug)]
struct Awaited {
    index: usize,
    host: HostId,
    flow: u32,
    at: Nanos,
}

impl Builder {
    pub(super) fn sent(&mut self, at: Nanos, sent: &Sent, bytes: &[u8]) {
        let mut arrow = Arrow {
            no: sent.frame,
            flow: None,
            from: sent.host,
            to: u8::from(sent.host == 0),
            sent_at: at,
            arrived_at: None,
            copies: Vec::new(),
            kind: ArrowKind::Control,
            is_lost: sent.fates.contains(&Fate::Drop),
            is_forged: sent.forged,
            is_corrupt: sent.fates.iter().any(|fate| matches!(fate, Fate::Corrupt(_))),
            label: String::new(),
            findings: finding::of_fates(sent, self.usual_delay(sent)),
            len: sent.len,
            payload: 0,
        };
        let stream = self.dissect(&mut arrow, bytes, sent);
        finding::sort(&mut arrow.findings);
        let index = self.ladder.arrows.len();
        self.arrows.by_no.insert(arrow.no, Known { index, stream });
        self.ladder.arrows.push(arrow);
        self.changed.arrows.insert(index);
    }

    /// The delay that frames have anyway: the link's own, or what the last frame had that no rule spoke of.
    fn usual_delay(&mut self, sent: &Sent) -> Nanos {
        if let (None, [Fate::Delay(span), ..]) = (&sent.rule, sent.fates.as_slice()) {
            self.arrows.last_delay = *span;
        }
        let link = self.ladder.link.as_ref().map_or(0, |link| (link.delay_us + link.jitter_us) * 1000);
        link.max(self.arrows.last_delay)
    }

    /// Flow, kind, label, payload and findings from the frame's bytes.
    fn dissect(&mut self, arrow: &mut Arrow, bytes: &[u8], sent: &Sent) -> Option<(u32, Direction)> {
        let view = view::ethernet(bytes);
        (arrow.kind, arrow.label) = label::other(view.as_ref(), bytes);
        let view = view?;
        arrow.findings.extend(checksum(bytes, &view, "sent"));
        arrow.findings.extend(self.plain.sent(arrow.no, arrow.sent_at, bytes, &view));
        self.name_unreachable(arrow, bytes, &view);
        let (flow, dir) = self.flows.observe(arrow.sent_at, arrow.len as usize, &view)?;
        let (no, ends) = (flow.no, flow.ends);
        arrow.flow = Some(no);
        let has_content = match &view.transport {
            Transport::Tcp(tcp) => {
                let segment = flow::segment(flow, dir, arrow.no, arrow.sent_at, bytes, tcp);
                self.analyse(arrow, no, &segment, sent);
                segment.seq_len() > 0
            }
            Transport::Udp { payload, .. } => {
                arrow.payload = payload.len() as u32;
                true
            }
            _ => false,
        };
        self.learn_port(arrow.from, ends[dir]);
        self.learn_port(arrow.to, ends[1 - dir]);
        self.join_connect(arrow.from, ends[1 - dir], arrow.flow);
        has_content.then_some((no, dir))
    }

    fn analyse(&mut self, arrow: &mut Arrow, flow: u32, segment: &Segment, sent: &Sent) {
        let (fates, rule) = (sent.fates.as_slice(), sent.rule.as_deref());
        (arrow.kind, arrow.label) = label::tcp(segment);
        arrow.payload = segment.payload;
        let is_end = segment.flags & (flag::FIN | flag::RST) != 0;
        if arrow.from == 0 && !arrow.is_forged && (is_end || segment.payload > 0) {
            self.note_sent(flow, arrow.sent_at, is_end);
        }
        let found = if arrow.is_forged {
            self.analyser.forged(flow, segment, rule.unwrap_or("reset"))
        } else {
            let known = if self.is_capture { Delivery::Unknown } else { delivery(arrow, fates) };
            self.analyser.sent(flow, segment, known)
        };
        for Found { frame, finding } in found {
            if frame != arrow.no {
                self.add_finding(frame, finding);
                continue;
            }
            if is_retransmission(&finding) {
                arrow.kind = ArrowKind::Retransmission;
                self.name_resent(&finding, arrow.no);
            }
            arrow.findings.push(finding);
        }
    }

    /// Tells an ICMP error which frame it complains of: the last of the flow whose header it quotes.
    fn name_unreachable(&self, arrow: &mut Arrow, bytes: &[u8], view: &View) {
        let found = arrow.findings.iter_mut().find(|found| found.id == id::ICMP_UNREACHABLE);
        let Some((found, quote)) = found.zip(finding::quoted(bytes, view)) else { return };
        let Some(View { ip: Some(ip), transport, .. }) = view::ethernet(&quote) else { return };
        let (source, target) = flow::ends(&ip, &transport);
        let protocol = if ip.protocol == 6 { flow::Protocol::Tcp } else { flow::Protocol::Udp };
        let flow = self.flows.find(protocol, source, target).map(|flow| flow.no);
        let host = arrow.to;
        let mut before = self.ladder.arrows.iter().rev().filter(|other| other.from == host);
        if let Some(first) = before.find(|other| flow.is_some() && other.flow == flow) {
            found.params.push(("first".to_owned(), first.no.to_string()));
            found.evidence.push(first.no);
        }
    }

    /// A finding on a frame that was sent before.
    fn add_finding(&mut self, no: u32, found: Finding) {
        let Some(index) = self.arrows.index(no) else { return };
        let findings = &mut self.ladder.arrows[index].findings;
        findings.push(found);
        finding::sort(findings);
        self.changed.arrows.insert(index);
    }

    /// Tells the lost frames which frame carries their bytes again.
    fn name_resent(&mut self, found: &Finding, resent_in: u32) {
        for no in &found.evidence {
            let Some(Known { index, .. }) = self.arrows.by_no.get(no).copied() else { continue };
            let original = &mut self.ladder.arrows[index];
            let lost = original.findings.iter_mut().find(|old| old.id == id::LOST || old.id == id::CORRUPTED);
            if let Some(lost) = lost.filter(|lost| lost.evidence.is_empty()) {
                lost.params.push(("resent_in".to_owned(), resent_in.to_string()));
                lost.evidence.push(resent_in);
                self.changed.arrows.insert(index);
            }
        }
    }

    pub(super) fn arrived(&mut self, at: Nanos, arrived: &Arrived, altered: Option<&[u8]>) {
        let Some(Known { index, stream }) = self.arrows.by_no.get(&arrived.frame).copied() else { return };
        let arrow = &mut self.ladder.arrows[index];
        arrow.to = arrived.host;
        let is_first = arrow.arrived_at.is_none();
        if is_first {
            arrow.arrived_at = Some(at);
            let overtaken = stream.and_then(|(flow, dir)| self.analyser.overtaken(flow, dir, arrow.no));
            arrow.findings.extend(overtaken);
            if let Some(bytes) = altered.filter(|_| arrow.is_corrupt) {
                let view = view::ethernet(bytes);
                arrow.findings.extend(view.and_then(|view| checksum(bytes, &view, "arrived")));
            }
            finding::sort(&mut arrow.findings);
        } else {
            arrow.copies.push(at);
        }
        if let Some(flow) = arrow.flow.filter(|_| is_first && arrow.findings.iter().any(is_retransmission)) {
            self.arrows.awaited.push(Awaited { index, host: arrived.host, flow, at });
        }
        self.analyser.arrived(arrived.frame);
        self.changed.arrows.insert(index);
    }

    pub(super) fn dropped(&mut self, dropped: &Dropped) {
        let Some(Known { index, .. }) = self.arrows.by_no.get(&dropped.frame).copied() else { return };
        let arrow = &mut self.ladder.arrows[index];
        arrow.is_lost = true;
        let found = finding::lost(dropped.reason, None);
        match arrow.findings.iter_mut().find(|old| old.id == id::LOST) {
            Some(known) if known.params[1].1 == known.params[0].1 => {
                known.params.splice(..2, found.params).for_each(drop)
            }
            Some(known) => known.params[0] = found.params[0].clone(),
            None => arrow.findings.insert(0, found),
        }
        self.analyser.lost(dropped.frame);
        self.changed.arrows.insert(index);
    }

    /// A receiving call returned: if it had waited for a retransmission, that says for how long.
    pub(super) fn explain_waits(&mut self, call: &Call) {
        let Some(until) = call.until else { return };
        let is_this = |wait: &Awaited| {
            wait.host == call.host && wait.at <= until && call.flow.is_none_or(|flow| flow == wait.flow)
        };
        let over: Vec<_> = self.arrows.awaited.extract_if(.., |wait| is_this(wait)).collect();
        for wait in over.iter().filter(|wait| call.from < wait.at && call.is_blocked) {
            let found =
                self.ladder.arrows[wait.index].findings.iter_mut().find(|found| is_retransmission(found));
            let Some(found) = found else { continue };
            let name = call.label.split(' ').next().unwrap_or_default().to_owned();
            let ms = finding::millis(until - call.from);
            found.params.push(("blocked_call".to_owned(), name.clone()));
            found.params.push(("blocked_ms".to_owned(), ms.clone()));
            let role = self.ladder.hosts.iter().find(|host| host.host == call.host);
            let role = role.map(|host| host.role.clone()).unwrap_or_default();
            let params = [("call", name), ("host", role), ("ms", ms)];
            let params = params.map(|(name, value)| (name.to_owned(), value)).to_vec();
            let no = self.ladder.arrows[wait.index].no;
            self.add_finding(no, Finding { id: id::CALL_BLOCKED.to_owned(), params, evidence: Vec::new() });
        }
    }
}

/// A corrupted frame arrives but its receiver throws it away, unless the flipped bit is one nothing guards.
fn delivery(arrow: &Arrow, fates: &[Fate]) -> Delivery {
    if arrow.is_lost || arrow.is_corrupt {
        return Delivery::Lost;
    }
    let copies = fates.iter().map(|fate| if let Fate::Duplicate(copies) = fate { *copies } else { 0 });
    Delivery::Arrives(1 + copies.sum::<u32>())
}

fn checksum(bytes: &[u8], view: &View, when: &str) -> Option<Finding> {
    let layer = finding::bad_checksum(bytes, view)?;
    let params = vec![("layer".to_owned(), layer.to_owned()), ("when".to_owned(), when.to_owned())];
    Some(Finding { id: id::CHECKSUM_BAD.to_owned(), params, evidence: Vec::new() })
}
