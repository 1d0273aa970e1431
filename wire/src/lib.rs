//! Bytes ⇄ fields: one declarative table per protocol drives dissect, craft, hex ranges and the field reference.
//!
//! Bytes come from any caller and stay borrowed; results are plain values. Nothing here knows of time, files,
//! sockets or human language, and nothing fails or panics on any bytes.
//!
//! Dissecting yields layers and fields, each with the bits it came from:
//!
//! ```
//! use tongro_wire::{LinkType, dissect};
//!
//! // An echo request from 10.77.0.1 to 10.77.0.2, as it travels on Ethernet.
//! let frame = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\x00\
//!     \x45\x00\x00\x1c\x00\x01\x00\x00\x40\x01\x66\x44\x0a\x4d\x00\x01\x0a\x4d\x00\x02\
//!     \x08\x00\xf7\xf6\x00\x01\x00\x08";
//! let packet = dissect(LinkType::Ethernet, frame);
//! assert_eq!(packet.protocols(), "eth:ethertype:ip:icmp");
//! let kind = packet.find("icmp.type").unwrap();
//! assert_eq!((kind.print(), kind.meaning(), kind.bytes()), ("8".into(), Some("Echo request"), 34..35));
//! assert_eq!(packet.find("ip.checksum.status").unwrap().meaning(), Some("Good"));
//! assert!(packet.problems.is_empty());
//! ```
//!
//! Crafting reads the same tables the other way; lengths, checksums and the next protocol fill themselves:
//!
//! ```
//! # use tongro_wire::{LinkType, LayerSpec, craft, dissect, table};
//! let frame = craft(&[
//!     LayerSpec::new(&table::ethernet::ETHERNET),
//!     LayerSpec::new(&table::ipv4::IPV4).with("ip.dst", "10.77.0.2")?,
//!     LayerSpec::new(&table::tcp::TCP).with("tcp.dstport", 9000)?.with("tcp.options.mss_val", 1460)?,
//! ]);
//! let packet = dissect(LinkType::Ethernet, &frame);
//! assert_eq!(packet.find("tcp.hdr_len").unwrap().print(), "24");
//! assert_eq!(packet.find("tcp.checksum.status").unwrap().meaning(), Some("Good"));
//! // And back: the same layers, the same bytes.
//! assert_eq!(craft(&packet.to_layers()), frame);
//! # Ok::<(), tongro_wire::SpecError>(())
//! ```

pub use crate::answer::{answers, survives_raw_socket};
pub use crate::craft::craft;
pub use crate::dissect::{Part, Place, dissect, dissect_from, dissect_on, dissect_scoped};
pub use crate::field::{Auto, Bits, Derive, Display, Field, Size, Sum, Type, When, status};
pub use crate::framing::{Framing, framing};
pub use crate::link::LinkType;
pub use crate::packet::{FieldValue, Layer, Packet, Problem, ProblemKind};
pub use crate::protocol::{Case, Items, Protocol, Registry};
pub use crate::scope::{Applications, Scope};
pub use crate::spec::{LayerSpec, SpecError, forget_automatic};
pub use crate::table::{field, ids_of, protocol, protocols, rows_of};
pub use crate::tables::{Carrier, Own, Tables};
pub use crate::value::Value;

mod answer;
mod bits;
pub mod checksum;
mod craft;
mod dissect;
pub mod export;
pub mod expr;
mod field;
pub mod filter;
mod framing;
pub mod hex;
mod link;
pub mod own;
mod packet;
mod plan;
mod protocol;
mod scope;
mod spec;
pub mod structs;
pub mod table;
mod tables;
pub mod template;
mod value;
pub mod view;
