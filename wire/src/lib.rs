//! Bytes ⇄ fields: one declarative table per protocol drives dissect, craft, hex ranges and the field reference.
//!
//! Bytes come from any caller and stay borrowed; results are plain values. Nothing here knows of time, files,
//! sockets or human language, and nothing fails or panics on any bytes.

pub mod checksum;
pub mod view;
