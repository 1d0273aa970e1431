//! `cargo xtask COMMAND`: everything that is done to the project, and the only place where it is written down.
//!
//! `test` installs what tests need with the ordinary package clients, then runs all of them; `ci` is format, lint,
//! test, docs and deny. The last line of both is `N passed, M failed`.

mod deny;
mod house;
mod peers;
mod run;
mod tests;

use std::process::ExitCode;
use std::time::Instant;

use run::{Tally, cargo};

const HELP: &str = "cargo xtask fmt | lint | test | doc | deny | ci | bench lab";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let tally = match words.as_slice() {
        ["fmt"] => return plain(cargo(&["fmt", "--all"])),
        ["lint"] => lint(),
        ["test"] => tests::all(),
        ["doc"] => doc(),
        ["deny"] => deny::check(),
        ["ci"] => ci(),
        ["bench", "lab", rest @ ..] => return plain(bench_lab(rest)),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    println!("{} passed, {} failed", tally.passed, tally.failed);
    ExitCode::from(u8::from(tally.failed > 0))
}

fn plain(is_ok: bool) -> ExitCode {
    ExitCode::from(u8::from(!is_ok))
}

fn ci() -> Tally {
    let mut tally = Tally::default();
    let steps: [(&str, fn() -> Tally); 5] =
        [("format", format), ("lint", lint), ("test", tests::all), ("doc", doc), ("deny", deny::check)];
    let mut times = Vec::new();
    for (name, step) in steps {
        println!("── {name}");
        let began = Instant::now();
        let one = step();
        times.push(format!("{name} {:.0} s", began.elapsed().as_secs_f64()));
        if one.failed > 0 {
            println!("── {name}: {} failed", one.failed);
        }
        tally.add(one);
    }
    println!("── {}", times.join(" · "));
    tally
}

fn format() -> Tally {
    Tally::of("format", cargo(&["fmt", "--all", "--check"]))
}

fn lint() -> Tally {
    let mut tally = Tally::of(
        "clippy",
        cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]),
    );
    tally.add(house::check());
    tally
}

fn doc() -> Tally {
    let done = run::command("cargo", &["doc", "--workspace", "--no-deps", "--quiet"])
        .env("RUSTDOCFLAGS", "--deny warnings")
        .status();
    Tally::of("docs", done.is_ok_and(|status| status.success()))
}

fn bench_lab(rest: &[&str]) -> bool {
    let mut arguments =
        vec!["run", "--quiet", "--release", "--package", "tongro-lab", "--example", "bench", "--"];
    arguments.extend(rest);
    cargo(&arguments)
}
