//! HTTP, URLs, JSON, XML and TLS: a client, a practice server, and what their bytes mean.
//!
//! Bytes come from sockets, files and the command line. Requests to our server pass [`strict`] before hyper sees them;
//! what was wrong with one is data (class, clause, byte), and the sentences for it are in the texts of the course.

pub mod address;
pub mod client;
pub mod digest;
pub mod json;
pub mod server;
pub mod strict;
pub mod tls;
pub mod xml;

mod error;
mod place;

pub use error::{Error, Result};
pub use place::{Place, line_around};
