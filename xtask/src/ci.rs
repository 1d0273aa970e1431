//! The steps of continuous integration, and all of them in a row.

use std::time::{Duration, Instant};

use crate::run::{Tally, cargo, command, succeeds};
use crate::{deny, house, tests};

/// A step and its name.
type Step = (&'static str, fn() -> Tally);

/// Every step, also after one that failed: a run tells all that is wrong.
pub(crate) fn all() -> Tally {
    let steps: [Step; 5] =
        [("format", format), ("lint", lint), ("test", tests::all), ("doc", doc), ("deny", deny::check)];
    let mut rows = Vec::new();
    for (name, step) in steps {
        println!("── {name}");
        let began = Instant::now();
        rows.push((name, step(), began.elapsed()));
    }
    println!("──");
    rows.iter().for_each(|(name, tally, took)| println!("{}", row(name, *tally, *took)));
    rows.into_iter().map(|(_, tally, _)| tally).sum()
}

/// Not the form of a closing line, so that no reader takes a step for the whole.
fn row(name: &str, tally: Tally, took: Duration) -> String {
    let Tally { passed, failed } = tally;
    format!("{name:<7} {:>5.0} s   passed {passed:>5}   failed {failed:>3}", took.as_secs_f64())
}

pub(crate) fn format() -> Tally {
    Tally::of("format", cargo(&["fmt", "--all", "--check"]))
}

pub(crate) fn lint() -> Tally {
    let clippy = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"];
    [Tally::of("clippy", cargo(&clippy)), house::check()].into_iter().sum()
}

pub(crate) fn doc() -> Tally {
    let mut doc = command("cargo", &["doc", "--workspace", "--no-deps", "--quiet"]);
    Tally::of("documentation", succeeds(doc.env("RUSTDOCFLAGS", "--deny warnings")))
}
