//! The ladder: packets, states and calls of two hosts on one time axis. One model, two renderers.

mod model;

pub use model::{Arrow, ArrowKind, Call, Finding, Host, Ladder, Mark, OutputLine, StateSpan};
