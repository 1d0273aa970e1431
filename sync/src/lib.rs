//! Large files and whole folders, so that nobody loses a byte.
//!
//! Two levels on one way to the peer ([`link`]): level 0 is the file transfer that a learner can write in an evening
//! ([`mod@file`]); level 1 synchronises folders:
//!
//! ```text
//!   disk ──scan──▶ tree ◀──────▶ index (store)        the other side (remote)
//!                    │                                       │
//!                    └──────reconcile: two trees, a plan ◀───┘
//!                                  │
//!                       replica: stage, sync, journal, place, sync, commit ──▶ disk
//! ```
//!
//! [`scan`], [`reconcile`] and [`replica`] do their I/O through [`vfs::Vfs`] and [`store::Store`] only, so that
//! [`sim`] runs the very same code on disks that lose their power.

pub mod chunk;
pub mod entry;
pub mod error;
pub mod file;
pub mod folder;
pub mod link;
pub mod name;
pub mod reconcile;
pub mod remote;
pub mod replica;
pub mod scan;
pub mod session;
pub mod sim;
pub mod store;
pub mod tree;
pub mod version;
pub mod vfs;
pub mod watch;

pub use error::{Error, Result};
