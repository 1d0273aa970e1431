//! Findings on frames without a connection: ARP, ICMP, UDP. A question is remembered until its answer comes.

use std::collections::HashMap;

use tongro_wire::view::{Ip, Transport, View};

use crate::event::Nanos;
use crate::ladder::Finding;

use super::report::{With, finding, id, millis};

/// How many unanswered questions are remembered.
const REMEMBERED: usize = 4096;

/// Finds; one for a whole log.
#[derive(Debug, Default)]
pub struct PlainAnalyser {
    asked: HashMap<Question, (u32, Nanos)>,
}

/// What tells questions apart: the protocol and the bytes that an answer repeats.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Question {
    Arp([u8; 4]),
    Echo([u8; 4]),
}

impl PlainAnalyser {
    /// A frame that is not TCP goes onto the link.
    pub fn sent(&mut self, no: u32, at: Nanos, frame: &[u8], view: &View) -> Option<Finding> {
        match (&view.ip, &view.transport) {
            (None, _) if view.ethertype == 0x0806 => self.arp(no, at, frame),
            (Some(ip), Transport::Icmp { kind, .. }) => self.icmp(no, at, frame, ip, *kind),
            (_, Transport::Udp { payload, .. }) => {
                Some(finding(id::UDP_DATAGRAM, Vec::new()).with("len", payload.len()))
            }
            _ => None,
        }
    }

    /// RFC 826: a question for the target's protocol address, an answer from the sender's.
    fn arp(&mut self, no: u32, at: Nanos, frame: &[u8]) -> Option<Finding> {
        let operation = *frame.get(21)?;
        let address = |at: usize| frame.get(at..at + 4).and_then(|four| four.try_into().ok());
        match operation {
            1 => {
                self.ask(Question::Arp(address(38)?), no, at);
                Some(finding(id::ARP_REQUEST, Vec::new()))
            }
            2 => {
                let question = Question::Arp(address(28)?);
                Some(
                    self.answer(id::ARP_REPLY, &question, at)
                        .unwrap_or_else(|| finding(id::ARP_REPLY, Vec::new())),
                )
            }
            _ => None,
        }
    }

    /// RFC 792, RFC 4443: echo messages carry an identifier and a number that the answer repeats.
    fn icmp(&mut self, no: u32, at: Nanos, frame: &[u8], ip: &Ip, kind: u8) -> Option<Finding> {
        let start = ip.payload.start;
        let echo = || frame.get(start + 4..start + 8)?.try_into().ok().map(Question::Echo);
        match (ip.src.is_ipv4(), kind) {
            (true, 8) | (false, 128) => {
                self.ask(echo()?, no, at);
                Some(finding(id::ICMP_ECHO_REQUEST, Vec::new()))
            }
            (true, 0) | (false, 129) => self.answer(id::ICMP_ECHO_REPLY, &echo()?, at),
            (true, 3) | (false, 1) => Some(finding(id::ICMP_UNREACHABLE, Vec::new())),
            _ => None,
        }
    }

    fn ask(&mut self, question: Question, no: u32, at: Nanos) {
        if self.asked.len() < REMEMBERED || self.asked.contains_key(&question) {
            self.asked.insert(question, (no, at));
        }
    }

    /// The answer to a question that was seen.
    fn answer(&mut self, id: &str, question: &Question, at: Nanos) -> Option<Finding> {
        let (no, asked_at) = self.asked.remove(question)?;
        let ms = millis(at.saturating_sub(asked_at));
        Some(finding(id, vec![no]).with("first", no).with("ms", ms))
    }
}

/// The packet that an ICMP error quotes, as the frame it came in would look; `None` when it quotes none.
#[must_use]
pub fn quoted(frame: &[u8], view: &View) -> Option<Vec<u8>> {
    let ip = view.ip.as_ref()?;
    let quote = frame.get(ip.payload.start + 8..ip.payload.end).filter(|quote| !quote.is_empty())?;
    let mut whole = vec![0; 12];
    whole.extend(if ip.src.is_ipv4() { [8, 0] } else { [0x86, 0xdd] });
    whole.extend_from_slice(quote);
    Some(whole)
}
