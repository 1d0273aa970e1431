//! The workbench: API, event stream and assets.
//!
//! A [`Backend`] hands over ladders, patches and verdicts; they go out as JSON over one WebSocket, one batch per
//! animation frame, and the browser draws them. Commands (link settings, drop, reset, run, check) come back over the
//! same socket. The page itself is hand-written ES modules compiled into the binary: nothing is fetched from elsewhere.

mod assets;
mod backend;
mod gate;
mod server;
mod session;
mod stream;
mod texts;

pub use backend::{
    Backend, Course, Day, Goal, GoalState, Message, Practical, PracticalState, Run, RunId, Side, Text,
};
pub use gate::Token;
pub use server::{Error, Stop, serve};
pub use session::Session;
pub use texts::Texts;
