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
//! | | sequential | thread | pool | fork | prefork | poll | epoll | io_uring | async | async-multi |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | echo, line, frame, daytime, transfer | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |
//! | chat | one at a time | ✓ | ✓ | no shared room | no shared room | ✓ | ✓ | ✓ | ✓ | ✓ |
//! | clock (UDP, no TLS) | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |
//!
//! What cannot be had is refused by [`start`] with the reason ([`Why`]), before anything listens. Any stream may be a
//! TCP or a Unix socket, plain or under TLS.
//!
//! ## How to read this room
//!
//! 1. `model/sequential.rs`: a whole server in twenty lines. Everything it calls is shared by all models.
//! 2. `session/mod.rs`: what happens to one connection, whoever waits for it.
//! 3. `model/thread.rs`, `model/events.rs`, `model/task.rs`: three answers to "and the other peers?".
//! 4. `doors.rs`, `gate.rs`, `bell.rs`: how a server begins, how much it takes, how it ends.
//! 5. [`load`]: how to measure all that without fooling oneself; [`race`]: what threads do to shared data.
//!
//! ## How to add
//!
//! *A protocol*: a machine in `tongro_proto` and its row in the table there. It runs under all models at once.
//! *A model*: a file in `model/`, a variant of [`Model`] and a line in `model/mod.rs`. It serves all protocols at once.
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
pub mod bench;
mod client;
mod clock;
mod connection;
mod converse;
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
pub use converse::{Moved, converse};
pub use error::{Error, Result, Why};
pub use file::transfer;
pub use listen::{ClockListener, ListenOptions};
pub use options::{Limits, Model, Options, Timeouts};
pub use server::{Server, Shutdown, Summary, start};
pub use session::Watch;
pub use shelf::{Answer, Shelf};
pub use tls::{ClientTls, ServerTls};
