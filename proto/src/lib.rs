//! Conversations without I/O: `handle(event, now, actions)`.
//!
//! A protocol is a **machine**: it is told what happened (bytes arrived, the peer ended, the time it asked for
//! has come) and writes down what should be done (send these bytes, finish, wake me then). It never asks for the
//! time, never opens a socket or a file and never waits.
//!
//! Bytes come from whoever drives the machine and go back to the same place through [`Actions`]:
//!
//! ```text
//!   socket, test pair, misbehaving peer            the same driver
//!            │ Event::Bytes(&[u8])                       ▲ Actions::bytes()
//!            ▼                                           │
//!        ┌─────────────────── Machine::handle(event, now, actions) ──┐
//!        │  echo · line · frame · daytime · clock · transfer · chat  │
//!        └───────────────────────────────────────────────────────────┘
//! ```
//!
//! Because of that the same machine runs under every concurrency model of `serve`, in a seeded test pair with
//! virtual time, and as the peer that misbehaves.
//!
//! ```
//! use tongro_proto::{Actions, Event, Machine, Now, echo::Echo};
//!
//! let mut echo = Echo::default();
//! let mut actions = Actions::default();
//! echo.handle(Event::Bytes("통로".as_bytes()), Now::default(), &mut actions);
//! assert_eq!(actions.bytes(), "통로".as_bytes());
//! ```

pub mod chat;
pub mod clock;
pub mod daytime;
pub mod echo;
pub mod frame;
pub mod line;
pub mod lines;
mod machine;
pub mod pair;
mod table;
pub mod transfer;

pub use machine::{Actions, Datagram, Event, FileAction, FileEvent, FileProblem, Machine, Notice, Now};
pub use table::{Bounds, Proto, Transport, UnknownProto};
