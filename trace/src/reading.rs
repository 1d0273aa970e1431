//! Reading a capture packet by packet: every field of a packet, those that only several packets together tell, too.
//!
//! Captured packets come in, in the order of the file; each leaves dissected: its layers, the messages that end in it
//! (put together from the stream or from fragments), its stream number, relative numbers and times. Nothing is kept of
//! a packet but what its flow needs, and no more is dissected than is asked for. Fields are Wireshark's, so printing,
//! filtering and the tree need no other source.
//!
//! ```
//! use tongro_trace::capture::Reader;
//! use tongro_trace::reading::{Need, Reading};
//! use tongro_wire::{LayerSpec, craft, table};
//!
//! # let mut file = Vec::new();
//! # let frame = craft(&[LayerSpec::new(&table::ethernet::ETHERNET), LayerSpec::new(&table::ipv4::IPV4),
//! #     LayerSpec::new(&table::tcp::TCP)]);
//! # let mut writer = tongro_trace::capture::pcap::Writer::new(&mut file, Default::default(), 1)?;
//! # writer.packet(0, &frame, frame.len() as u32)?;
//! # writer.finish()?;
//! let mut capture = Reader::new(&file[..])?;
//! let mut reading = Reading::new(Need::all());
//! while let Some(captured) = capture.next_packet()? {
//!     let packet = reading.packet(&captured);
//!     assert_eq!(packet.find("tcp.stream").unwrap().print(), "0");
//!     assert_eq!(packet.protocols(), "eth:ethertype:ip:tcp");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod exchange;
mod follow;
mod fragments;
mod frame;
mod messages;
mod need;
mod rows;
mod streams;

use tongro_wire::{LinkType, Packet, Part, Place, Scope, Tables, dissect_on, dissect_scoped};

use crate::capture;
use crate::tls::KeyLog;

pub use follow::{Follow, Heard};
pub use need::Need;
pub use streams::{Ends, Streams, ends as ends_of};

use fragments::Fragments;
use frame::Clock;
use streams::Ended;

/// Dissects the packets of one capture, one after another.
#[derive(Debug)]
pub struct Reading {
    need: Need,
    tables: Tables,
    number: u32,
    clock: Clock,
    streams: Streams,
    fragments: Fragments,
    /// The datagram whose last fragment is being read.
    datagram: Vec<u8>,
    /// The messages that were put together for the packet being read.
    sources: Vec<Vec<u8>>,
}

impl Reading {
    /// A reading that has seen nothing.
    #[must_use]
    pub fn new(need: Need) -> Self {
        Self::with_tables(need, Tables::default())
    }

    /// The same with protocols of one's own.
    #[must_use]
    pub fn with_tables(need: Need, tables: Tables) -> Self {
        Self {
            need,
            tables,
            number: 0,
            clock: Clock::default(),
            streams: Streams::default(),
            fragments: Fragments::default(),
            datagram: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// Opens TLS with the secrets of a key log; ClientHello must still come.
    #[must_use]
    pub fn with_keys(mut self, keys: KeyLog) -> Self {
        self.streams.keys = keys;
        self
    }

    /// Adds the lines of a key log, as the secrets block of a pcapng file holds them.
    pub fn add_keys(&mut self, lines: &[u8]) {
        self.streams.keys.add(lines);
    }

    /// The conversations so far.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        &self.streams
    }

    /// How many packets were read.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Dissects the next packet.
    pub fn packet<'a>(&'a mut self, captured: &capture::Packet<'a>) -> Packet<'a> {
        self.number += 1;
        let scope = Scope {
            tables: &self.tables,
            applications: self.need.applications(),
            verifies: self.need.checksums,
            leaves_fragments: true,
        };
        let link = LinkType::from_number(captured.link_type);
        let mut packet = dissect_scoped(link, captured.bytes, scope);
        let tick = self.clock.tick(captured.at);
        if let Some(whole) = self.fragments.see(&packet, &mut self.datagram) {
            fragments::without_raw(&mut packet);
            let (place, span) = (Place::New(&self.datagram), whole.at..self.datagram.len());
            dissect_on(&mut packet, Part { protocol: whole.protocol, place, span, ip_at: Some(0) }, scope);
        }
        if !self.need.is_lazy() {
            self.sources.clear();
            self.streams.begin(self.number, tick.epoch, &self.need);
            let ended = self.streams.see(&mut packet, &self.tables, &mut self.sources);
            for Ended { protocol, together, source, span } in ended {
                let place = together.and_then(|index| self.sources.get(index));
                let place = place.map_or(Place::Known(source), |bytes| Place::New(bytes));
                dissect_on(&mut packet, Part { protocol, place, span, ip_at: None }, scope);
            }
            self.streams.exchange(&mut packet);
        }
        frame::describe(&mut packet, captured, self.number, &tick, &self.need);
        packet
    }
}
