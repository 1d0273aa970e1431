//! The ladder: packets, states and calls of two hosts on one time axis. One model, two renderers.
//!
//! Events come from a running lab or an opened run; [`Builder`] turns them into the [`Ladder`] that text, web and
//! JSON draw.

mod arrows;
mod builder;
mod calls;
mod label;
mod model;
mod states;
mod svg;
mod text;

pub use builder::Builder;
pub use model::{Arrow, ArrowKind, Call, Finding, Host, Ladder, Mark, OutputLine, StateSpan};
pub use svg::{SvgOptions, html, svg};
pub use text::{TextOptions, text};
