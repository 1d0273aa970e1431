//! What is asked of a reading, so that nothing else is done: fields of headers need one pass over one packet, stream
//! numbers need the flows, messages need the streams put together.

use tongro_wire::filter::Filter;
use tongro_wire::{Applications, Protocol, Tables};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Stream numbers, relative numbers, windows.
    pub streams: bool,
    /// Messages of applications, put together over TCP.
    pub messages: bool,
    /// Round trips and bytes in flight.
    pub timing: bool,
    /// Verdicts on checksums.
    pub checksums: bool,
    /// The names of all protocols in a frame.
    pub protocols: bool,
}

/// Protocols that a packet shows by itself, and rows that describe it.
const HEADERS: &[&str] = &[
    "frame",
    "eth",
    "vlan",
    "ieee8021ad",
    "arp",
    "ip",
    "ipv6",
    "icmp",
    "icmpv6",
    "igmp",
    "tcp",
    "udp",
    "sll",
    "null",
    "loop",
    "ppp",
    "pppoes",
    "pppoed",
    "mpls",
    "llc",
    "radiotap",
    "wlan",
    "gre",
    "vxlan",
];

/// Fields of headers that only the flow knows.
const OF_FLOWS: &[&str] =
    &["tcp.stream", "udp.stream", "tcp.seq", "tcp.ack", "tcp.nxtseq", "tcp.window_size"];

impl Need {
    /// Everything there is.
    #[must_use]
    pub const fn all() -> Self {
        Self { streams: true, messages: true, timing: true, checksums: true, protocols: true }
    }

    /// No more than the bytes of one packet tell.
    #[must_use]
    pub const fn headers() -> Self {
        Self { streams: false, messages: false, timing: false, checksums: false, protocols: false }
    }

    /// What these fields need.
    #[must_use]
    pub fn of_fields(ids: &[&str], tables: &Tables) -> Self {
        ids.iter().fold(Self::headers(), |need, id| need.with(Self::of_field(id, tables)))
    }

    /// What a filter needs.
    #[must_use]
    pub fn of_filter(filter: &Filter, tables: &Tables) -> Self {
        let protocols = filter.protocols();
        let of_protocols = protocols.iter().fold(Self::headers(), |need, protocol| {
            let own = if is_header(protocol) { Self::headers() } else { Self::with_messages() };
            let timing = protocol.name == "tcp.analysis";
            need.with(Self { streams: own.streams || timing, timing, ..own })
        });
        of_protocols.with(Self::of_fields(&filter.fields(), tables))
    }

    /// This and that.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            streams: self.streams || other.streams,
            messages: self.messages || other.messages,
            timing: self.timing || other.timing,
            checksums: self.checksums || other.checksums,
            protocols: self.protocols || other.protocols,
        }
    }

    /// Whether one packet at a time is enough.
    #[must_use]
    pub fn is_lazy(&self) -> bool {
        !self.streams && !self.messages && !self.timing
    }

    pub(super) fn applications(&self) -> Applications {
        if self.messages { Applications::Datagrams } else { Applications::None }
    }

    fn with_messages() -> Self {
        Self { streams: true, messages: true, ..Self::headers() }
    }

    fn of_field(id: &str, tables: &Tables) -> Self {
        let timing = id.starts_with("tcp.analysis.");
        let streams = timing || OF_FLOWS.contains(&id);
        let checksums = id.ends_with(".checksum.status");
        let protocols = id == "frame.protocols";
        let owner = tables.protocols().find(|protocol| protocol.field(id).is_some());
        let is_header = owner.is_none_or(is_header);
        let of_messages = if protocols || !is_header { Self::with_messages() } else { Self::headers() };
        of_messages.with(Self { streams, messages: false, timing, checksums, protocols })
    }
}

fn is_header(protocol: &Protocol) -> bool {
    let first = protocol.name.split('.').next().unwrap_or_default();
    !protocol.is_own && HEADERS.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_fields_need_one_packet_only() {
        let tables = Tables::built_in();
        let need = |ids: &[&str]| Need::of_fields(ids, tables);
        assert!(need(&["frame.number", "ip.src", "tcp.flags", "vlan.id", "ipv6.fraghdr.ident"]).is_lazy());
        assert!(need(&["tcp.stream"]).streams && !need(&["tcp.stream"]).messages);
        assert!(need(&["http.host"]).messages && !need(&["http.host"]).checksums);
        assert!(need(&["ip.checksum.status"]).checksums && need(&["frame.protocols"]).messages);
        assert!(need(&["tcp.analysis.ack_rtt"]).timing);
    }

    #[test]
    fn a_filter_needs_what_it_names() {
        let tables = Tables::built_in();
        let need = |text: &str| Need::of_filter(&Filter::parse(text).expect(text), tables);
        assert!(need("ip.src == 10.0.0.1 && tcp.flags.syn == 1").is_lazy());
        assert!(need("http or dns").messages && need("len(http.host) > 3").messages);
        assert!(need("tcp.analysis").timing && need("!tls").messages);
    }
}
