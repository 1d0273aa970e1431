//! The tables at hand: the protocols that are built in, and a learner's own that were read from a file.
//!
//! Nothing here is global: whoever reads a protocol file keeps the [`Tables`] and hands them to what dissects and
//! filters. Without own protocols the built-in ones are all there is.

use crate::field::Field;
use crate::protocol::Protocol;
use crate::table::{self, ports};

/// The protocols that dissecting and filtering know.
///
/// ```
/// use tongro_wire::Tables;
/// let tables = Tables::default();
/// assert_eq!(tables.field("tcp.srcport").map(|field| field.name), Some("Source Port"));
/// assert_eq!(tables.rows_of("tcp.port").len(), 2);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tables {
    own: Vec<Own>,
}

/// A protocol of one's own and what it is known by.
#[derive(Debug, Clone)]
pub struct Own {
    /// Its table.
    pub protocol: &'static Protocol,
    /// TCP ports of its servers.
    pub tcp: Vec<u16>,
    /// UDP ports of its servers.
    pub udp: Vec<u16>,
    /// Bytes that every message has at this offset; a message on any port is known by them.
    pub magic: Option<(usize, Vec<u8>)>,
}

/// What carries an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// A stream (RFC 9293).
    Tcp,
    /// Datagrams (RFC 768).
    Udp,
}

static BUILT_IN: Tables = Tables { own: Vec::new() };

impl Tables {
    /// The built-in tables alone.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Adds a protocol; it is asked before those that are built in.
    pub fn add(&mut self, own: Own) {
        self.own.push(own);
    }

    /// The protocols of one's own, in the order they were added.
    #[must_use]
    pub fn own(&self) -> &[Own] {
        &self.own
    }

    /// Every protocol, the built-in ones first.
    pub fn protocols(&self) -> impl Iterator<Item = &'static Protocol> {
        table::protocols().iter().copied().chain(self.own.iter().map(|own| own.protocol))
    }

    /// The protocol of this name.
    #[must_use]
    pub fn protocol(&self, name: &str) -> Option<&'static Protocol> {
        let own = self.own.iter().map(|own| own.protocol).find(|protocol| protocol.name == name);
        own.or_else(|| table::protocol(name))
    }

    /// The field of this id; where several rows share an id, the first.
    #[must_use]
    pub fn field(&self, id: &str) -> Option<&'static Field> {
        table::field(id).or_else(|| self.own.iter().find_map(|own| own.protocol.field(id)))
    }

    /// Every row that an id stands for, see [`rows_of`](crate::rows_of).
    #[must_use]
    pub fn rows_of(&self, id: &str) -> Vec<&'static Field> {
        let rows = table::rows_of(id);
        if !rows.is_empty() {
            return rows;
        }
        let own = self.own.iter().flat_map(|own| own.protocol.all_fields());
        own.filter(|field| field.id == id).collect()
    }

    /// The known field or protocol with the fewest letters to change, when few enough.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<&'static str> {
        let ids = self.protocols().flat_map(|protocol| {
            protocol.all_fields().into_iter().map(|field| field.id).chain([protocol.name])
        });
        let best = ids.map(|id| (distance(name, id), id)).min_by_key(|(changes, _)| *changes)?;
        (best.0 <= (name.len() / 3).max(1)).then_some(best.1)
    }

    /// The application that a payload between these ports (source, destination) belongs to.
    #[must_use]
    pub fn application(
        &self,
        carrier: Carrier,
        ports: [u16; 2],
        payload: &[u8],
    ) -> Option<&'static Protocol> {
        let own = self.own.iter().find(|own| own.takes(carrier, ports, payload)).map(|own| own.protocol);
        own.or_else(|| match carrier {
            Carrier::Tcp => ports::of_stream(ports, payload),
            Carrier::Udp => ports::of_datagram(ports, payload),
        })
    }
}

impl Own {
    fn takes(&self, carrier: Carrier, ports: [u16; 2], payload: &[u8]) -> bool {
        let bound = match carrier {
            Carrier::Tcp => &self.tcp,
            Carrier::Udp => &self.udp,
        };
        let has_magic = |(at, magic): &(usize, Vec<u8>)| {
            !magic.is_empty() && payload.get(*at..).is_some_and(|rest| rest.starts_with(magic))
        };
        bound.iter().any(|port| ports.contains(port)) || self.magic.as_ref().is_some_and(has_magic)
    }
}

/// The letters to insert, remove or change (Levenshtein).
pub(crate) fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 0..other.len() {
            let change = diagonal + usize::from(other[column] != letter);
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
