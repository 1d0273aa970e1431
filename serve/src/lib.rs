//! Conversations × concurrency models.
//!
//! `proto` knows what to say; this room knows how to wait. Rows are protocols, columns are models, and there is no
//! code for a cell:
//!
//! ```text
//!  doors ──accept──▶ gate ──permit──▶ Connection { socket, Session { machine } }
//!                                        │ pump · wants · deadline
//!            ┌──────────┬──────────┬─────┴────┬──────────┐
//!        sequential   thread      pool      epoll       …        (model/: one file per way of waiting)
//! ```
//!
//! Bytes come from `accept`ed sockets, pass through one shared [`session`](self) loop into a machine of
//! `tongro_proto`, and go back to the same socket.
//!
//! ```
//! use tongro_serve::{Client, Options, start};
//!
//! let server = start(Options::default())?;
//! let mut client = Client::connect(server.local_addrs()[0])?;
//! client.send("통로".as_bytes())?;
//! client.finish()?;
//! assert_eq!(client.recv_to_end()?, "통로".as_bytes());
//! server.shutdown();
//! server.join()?;
//! # Ok::<(), tongro_serve::Error>(())
//! ```

mod bell;
mod client;
mod clock;
mod connection;
mod datagram;
mod doors;
mod drive;
mod error;
mod file;
mod gate;
mod job;
mod listen;
mod live;
pub mod load;
mod mail;
mod model;
mod options;
pub mod race;
mod server;
mod session;
mod shelf;
mod timers;
mod tls;

pub use client::Client;
pub use error::{Error, Result, Why};
pub use file::transfer;
pub use listen::{ClockListener, ListenOptions};
pub use options::{Limits, Model, Options, Timeouts};
pub use server::{Server, Shutdown, Summary, start};
pub use session::Watch;
pub use tls::{ClientTls, ServerTls};
