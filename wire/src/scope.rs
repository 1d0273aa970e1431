//! How much of a packet is dissected: all of it, or no more than somebody asks for.

use crate::tables::Tables;

/// What [`dissect_scoped`](crate::dissect_scoped) shall do.
///
/// ```
/// use tongro_wire::{Applications, LinkType, Scope, dissect_scoped};
/// let ping = b"\x45\0\0\x1c\0\x01\0\0\x40\x01\x66\x44\x0a\x4d\0\x01\x0a\x4d\0\x02\x08\0\xf7\xf6\0\x01\0\x08";
/// let quick = Scope { applications: Applications::None, verifies: false, ..Scope::default() };
/// let packet = dissect_scoped(LinkType::RawIp, ping, quick);
/// assert_eq!(packet.find("ip.checksum.status").unwrap().meaning(), Some("Unverified"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Scope<'t> {
    /// The protocols.
    pub tables: &'t Tables,
    /// Which payloads of transports are dissected.
    pub applications: Applications,
    /// Whether checksums are computed; if not, their status is *unverified*.
    pub verifies: bool,
    /// Whether somebody puts fragments together: then the first one's payload is left as it is, too.
    pub leaves_fragments: bool,
}

/// Which payloads of transports are dissected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Applications {
    /// Every one, each segment by itself.
    #[default]
    All,
    /// Those of datagrams; the bytes of streams are left to somebody who puts them together.
    Datagrams,
    /// None.
    None,
}

impl Default for Scope<'static> {
    fn default() -> Self {
        Self {
            tables: Tables::built_in(),
            applications: Applications::All,
            verifies: true,
            leaves_fragments: false,
        }
    }
}
