//! Packets on real interfaces: capturing them, sending crafted ones, asking and matching the answer, ping, traceroute.
//!
//! Frames come from a ring that the kernel fills and leave through packet, raw or echo sockets (`sys`); what they mean
//! is read and written by `wire`. Who shows them, and in which language, is not known here.

mod ask;
mod capture;
mod error;
mod hold;
mod ping;
mod send;
mod traceroute;
mod way;

pub use ask::{Answer, Ask, Asker};
pub use capture::{Capture, CaptureOptions, Frame};
pub use error::{Cause, LiveError};
pub use ping::{Echo, Ping, PingKind, Pinger};
pub use send::{Sender, Target};
pub use tongro_sys::interface::{Interface, list as interfaces};
pub use traceroute::{Hop, Probe, Trace, TraceKind, Tracer};
pub use way::Addresses;
