//! Does anything leak? Opens many connections to a server of each model, ends them in an orderly way or by reset, and
//! compares descriptors, threads, processes and memory before and after.
//!
//! `cargo xtask bench serve --leaks [N]` runs it; by hand: `leaks TONGRO N [MODEL…]`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::process::ExitCode;
use std::time::Duration;

use tongro_serve::bench::leaks;
use tongro_serve::{Model, Result};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tongro, count, names @ ..] = arguments.as_slice() else {
        eprintln!("leaks TONGRO N [MODEL…]");
        return ExitCode::from(2);
    };
    let count = count.parse().unwrap_or(100_000);
    let models =
        Model::ALL.iter().filter(|model| names.is_empty() || names.iter().any(|name| name == model.name()));
    let mut is_clean = true;
    for model in models {
        match visit(tongro, *model, count) {
            Ok(verdict) => {
                is_clean &= verdict.is_clean();
                println!("{:<12} {count} connections: {verdict:?}", model.name());
            }
            Err(error) => {
                println!("{:<12} {error}", model.name());
                is_clean = false;
            }
        }
    }
    ExitCode::from(u8::from(!is_clean))
}

fn visit(tongro: &str, model: Model, count: u32) -> Result<leaks::Leaks> {
    let words = [tongro, "echo", "serve", "--port", "0", "--model", model.name()];
    let argv: Vec<String> = words.into_iter().map(ToOwned::to_owned).collect();
    // Forking costs a millisecond; a tenth of the connections is as telling.
    let count = if model == Model::Fork { count / 10 } else { count };
    leaks::look(&argv, count, Duration::from_secs(60))
}
