//! Frames on the ladder: each sending becomes an arrow, which its arrival, loss and copies complete.

use std::collections::HashMap;

use tongro_wire::view::{self, Transport};

use crate::event::{Arrived, Dropped, Fate, Nanos, Sent};
use crate::flow;

use super::builder::Builder;
use super::label;
use super::model::{Arrow, ArrowKind};

/// What is known of frames beside their arrows.
#[derive(Debug, Default)]
pub(super) struct Arrows {
    by_no: HashMap<u32, usize>,
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
            findings: Vec::new(),
            len: sent.len,
            payload: 0,
        };
        self.dissect(&mut arrow, bytes);
        let index = self.ladder.arrows.len();
        self.arrows.by_no.insert(arrow.no, index);
        self.ladder.arrows.push(arrow);
        self.changed.arrows.insert(index);
    }

    /// Flow, kind, label and payload from the frame's bytes.
    fn dissect(&mut self, arrow: &mut Arrow, bytes: &[u8]) {
        let view = view::ethernet(bytes);
        (arrow.kind, arrow.label) = label::other(view.as_ref(), bytes);
        let Some(view) = view else { return };
        let Some((flow, dir)) = self.flows.observe(arrow.sent_at, arrow.len as usize, &view) else { return };
        arrow.flow = Some(flow.no);
        let ends = flow.ends;
        match &view.transport {
            Transport::Tcp(tcp) => {
                let segment = flow::segment(flow, dir, arrow.no, arrow.sent_at, bytes, tcp);
                (arrow.kind, arrow.label) = label::tcp(&segment);
                arrow.payload = segment.payload;
            }
            Transport::Udp { payload, .. } => arrow.payload = payload.len() as u32,
            _ => {}
        }
        self.learn_port(arrow.from, ends[dir]);
        self.learn_port(arrow.to, ends[1 - dir]);
        self.join_connect(arrow.from, ends[1 - dir], arrow.flow);
    }

    pub(super) fn arrived(&mut self, at: Nanos, arrived: &Arrived, _altered: Option<&[u8]>) {
        let Some(index) = self.arrows.by_no.get(&arrived.frame).copied() else { return };
        let arrow = &mut self.ladder.arrows[index];
        arrow.to = arrived.host;
        if arrow.arrived_at.is_none() {
            arrow.arrived_at = Some(at);
        } else {
            arrow.copies.push(at);
        }
        self.changed.arrows.insert(index);
    }

    pub(super) fn dropped(&mut self, dropped: &Dropped) {
        let Some(index) = self.arrows.by_no.get(&dropped.frame).copied() else { return };
        self.ladder.arrows[index].is_lost = true;
        self.changed.arrows.insert(index);
    }
}
