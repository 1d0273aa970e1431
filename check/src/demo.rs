//! Live demonstrations of lessons: two small programs in a lab, a fault script, and the facts that must come of it.
//!
//! A scenario is data. Its programs are lists of socket calls ([`play`]), run traced on either host, so that calls,
//! states and packets are those of a real conversation; nothing of what is shown is made up. Facts are held against
//! the recording, as a judge does it: how many frames match a display filter or bear a finding, and in what order.

mod fact;
mod play;
mod run;
mod scenario;

pub use fact::{Broken, pointed};
pub use play::{PLAY_ARGUMENT, play};
pub use run::run;
pub use scenario::{Fact, Frames, Scenario, ScenarioError};
