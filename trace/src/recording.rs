//! A recording: the events of a run and the bytes of its frames, joined.
//!
//! The lab fills it while the run goes on; the judge, the ladder and the run folder read it. A capture file becomes one
//! as well: frames that are sent and seen to arrive at the same moment, between the end that spoke first and the rest.

use std::borrow::Cow;
use std::io::Read;
use std::net::IpAddr;

use tongro_wire::{Applications, LinkType, Scope, dissect_scoped, view};

use crate::capture;
use crate::event::{Arrived, Event, Fate, Host, HostId, Nanos, Sent, What};
use crate::flow::Table;
use crate::ladder::{Builder, Ladder};

/// Events in order of time, and frame bytes by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// What happened.
    pub events: Vec<Event>,
    /// Frame number `n`'s bytes as they were sent, at index `n - 1`.
    pub frames: Vec<Vec<u8>>,
}

impl Recording {
    /// Puts the events in order of time and numbers them from 1. Events of the same moment stay in the order they
    /// were noted, but what stands before everything else (hosts, link, programs) comes first.
    #[must_use]
    pub fn finish(mut self) -> Self {
        self.events.sort_by_key(|event| (event.at, !is_setting(&event.what)));
        for (event, id) in self.events.iter_mut().zip(1..) {
            event.id = id;
        }
        self
    }

    /// The bytes of a frame as they were sent.
    #[must_use]
    pub fn frame(&self, no: u32) -> Option<&[u8]> {
        self.frames.get(no.checked_sub(1)? as usize).map(Vec::as_slice)
    }

    /// The bytes a frame arrived with, where its fates changed them.
    #[must_use]
    pub fn altered(&self, no: u32, fates: &[Fate]) -> Option<Vec<u8>> {
        let mut bytes = None;
        for fate in fates {
            if let Fate::Corrupt(bit) = fate {
                flip(bytes.get_or_insert(self.frame(no)?.to_vec()), *bit);
            }
        }
        bytes
    }

    /// The whole ladder.
    #[must_use]
    pub fn ladder(&self) -> Ladder {
        self.build().into_ladder()
    }

    /// A builder that has seen all events.
    #[must_use]
    pub fn build(&self) -> Builder {
        self.feed(Builder::new())
    }

    /// Gives all events to a builder.
    #[must_use]
    pub fn feed(&self, mut builder: Builder) -> Builder {
        let mut altered: Vec<Option<Vec<u8>>> = vec![None; self.frames.len() + 1];
        for event in &self.events {
            let bytes = match &event.what {
                What::Sent(sent) => {
                    if let Some(slot) = altered.get_mut(sent.frame as usize) {
                        *slot = self.altered(sent.frame, &sent.fates);
                    }
                    self.frame(sent.frame)
                }
                What::Arrived(arrived) => altered.get(arrived.frame as usize).and_then(Option::as_deref),
                _ => None,
            };
            builder.apply(event, bytes);
        }
        builder
    }
}

/// Reads a capture into a recording for [`Builder::for_capture`]: time 0 is the first frame's. What was read before an
/// error is kept.
pub fn from_capture<R: Read>(reader: &mut capture::Reader<R>) -> (Recording, Option<capture::Error>) {
    let mut seen = Sighting::default();
    loop {
        match reader.next_packet() {
            Ok(Some(packet)) => seen.see(&packet),
            Ok(None) => return (seen.finish(), None),
            Err(error) => return (seen.finish(), Some(error)),
        }
    }
}

/// A recording in the making from packets that a capture saw: whoever reads the capture chooses which.
#[derive(Debug, Default)]
pub struct Sighting {
    recording: Recording,
    sides: Sides,
    began_at: Option<i64>,
}

impl Sighting {
    /// Adds a packet. IP of another link gets an Ethernet header, so that every ladder is drawn from the same bytes;
    /// what is neither is left out, but counts as a frame.
    pub fn see(&mut self, packet: &capture::Packet<'_>) {
        let at = packet.at.saturating_sub(*self.began_at.get_or_insert(packet.at));
        let (bytes, added) = as_ethernet(packet);
        let len = packet.wire_len.saturating_add(added);
        self.recording.see(u64::try_from(at).unwrap_or(0), len, &bytes, &mut self.sides);
    }

    /// The recording.
    #[must_use]
    pub fn finish(mut self) -> Recording {
        self.recording.events.splice(0..0, self.sides.hosts());
        self.recording.finish()
    }
}

/// A packet's bytes as an Ethernet frame, and how much longer that makes it.
fn as_ethernet<'p>(packet: &capture::Packet<'p>) -> (Cow<'p, [u8]>, u32) {
    if packet.link_type == capture::ETHERNET {
        return (Cow::Borrowed(packet.bytes), 0);
    }
    let quick = Scope { applications: Applications::None, verifies: false, ..Scope::default() };
    let dissected = dissect_scoped(LinkType::from_number(packet.link_type), packet.bytes, quick);
    let ip = dissected.layers.iter().find(|layer| matches!(layer.protocol.name, "ip" | "ipv6"));
    let Some(ip) = ip else { return (Cow::Borrowed(&[]), 0) };
    let kind: [u8; 2] = if ip.protocol.name == "ip" { [0x08, 0x00] } else { [0x86, 0xdd] };
    let payload = &packet.bytes[ip.header.start..];
    let frame = [&[0; 12][..], &kind, payload].concat();
    (Cow::Owned(frame), 14u32.saturating_sub(ip.header.start as u32))
}

impl Recording {
    /// A frame that a capture saw.
    fn see(&mut self, at: Nanos, len: u32, bytes: &[u8], sides: &mut Sides) {
        let frame = self.frames.len() as u32 + 1;
        let host = sides.sender(at, bytes);
        let sent = Sent { frame, host, forged: false, len, fates: Vec::new(), rule: None };
        self.events.push(Event { id: 0, at, what: What::Sent(sent) });
        let arrived = Arrived { frame, host: 1 - host, copy: 0 };
        self.events.push(Event { id: 0, at, what: What::Arrived(arrived) });
        self.frames.push(bytes.to_vec());
    }
}

/// Who stands where in a capture: the address that spoke first is the client, whatever it talks to the server.
#[derive(Debug, Default)]
struct Sides {
    flows: Table,
    ends: Option<[IpAddr; 2]>,
    client_mac: Option<[u8; 6]>,
}

impl Sides {
    fn sender(&mut self, at: Nanos, bytes: &[u8]) -> HostId {
        let mac: [u8; 6] = bytes.get(6..12).and_then(|mac| mac.try_into().ok()).unwrap_or_default();
        let view = view::ethernet(bytes);
        let place = view.as_ref().and_then(|view| {
            let (flow, dir) = self.flows.observe(at, bytes.len(), view)?;
            Some((flow.ends.map(|end| end.ip()), dir))
        });
        let Some((ends, dir)) = place else {
            return HostId::from(*self.client_mac.get_or_insert(mac) != mac);
        };
        let [client, _] = *self.ends.get_or_insert(ends);
        let host = match ends.iter().position(|end| *end == client) {
            Some(at) if ends[0] != ends[1] => HostId::from(at != dir),
            _ => dir as HostId,
        };
        if host == 0 {
            self.client_mac = Some(mac);
        }
        host
    }

    fn hosts(self) -> Vec<Event> {
        let ends = self.ends.map(|ends| ends.map(|end| vec![end])).unwrap_or_default();
        let names = [(0, "client"), (1, "server")];
        let hosts = names.into_iter().zip(ends).map(|((host, name), addresses)| {
            let (name, iface) = (name.to_owned(), String::new());
            Event { id: 0, at: 0, what: What::Host(Host { host, name, addresses, iface }) }
        });
        hosts.collect()
    }
}

fn is_setting(what: &What) -> bool {
    matches!(what, What::Host(_) | What::Link(_) | What::Started(_))
}

/// Flips a bit, counted from the most significant one of the first byte, as everywhere in packet diagrams.
pub fn flip(bytes: &mut [u8], bit: u32) {
    if let Some(byte) = bytes.get_mut((bit / 8) as usize) {
        *byte ^= 0x80 >> (bit % 8);
    }
}
