//! The client: a request made from items, sent with every phase measured, and told again in other tongues.

mod connect;
mod export;
mod fetch;
pub mod item;
mod request;
mod session;

pub use connect::{Certificate, Phases, TlsFacts};
pub use export::{Tongue, export};
pub use fetch::{Answer, Auth, Head, Options, Sink, Version, decoded, fetch};
pub use request::{Form, Request, parse_url};
pub use session::Session;
