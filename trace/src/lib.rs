//! Packets in time: captures, flows, findings, the event log and the ladder model.
//!
//! Events and frame bytes come from the lab, a capture file or a live interface (this room does not know which) and
//! leave as flows, findings and ladder rows for text, JSON or the browser.

pub mod analysis;
pub mod capture;
pub mod event;
pub mod finding;
pub mod flow;
pub mod inspect;
pub mod ladder;
pub mod reading;
pub mod recording;
pub mod run;
pub mod segment;
pub mod show;
pub mod stats;
pub mod stream;
pub mod tls;
