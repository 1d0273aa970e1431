//! `cargo xtask COMMAND`: everything that is done to the project, and the only place where it is written down.
//!
//! `test` installs what tests need with the ordinary package clients, then runs all of them; `ci` is format, lint,
//! test, docs and dependencies. Where something is counted, the last line is `N passed, M failed`.

mod artifacts;
mod bench;
mod ci;
mod craft;
mod deny;
mod house;
mod peers;
mod plain_user;
mod race;
mod run;
mod summary;
mod tests;
mod watched;

use std::process::ExitCode;

use run::{Tally, cargo};

const HELP: &str = "\
cargo xtask COMMAND

  fmt [--check]     format, or tell what is not
  lint              clippy, and the rules of the house that a compiler does not know
  test              every test there is: crates, documentation, the lab as a plain user, the browser
  doc               the documentation, without a warning
  deny              what the project must not depend on
  content           the course's own linter
  ci                all of the above in one go
  bench lab [--json]
                    measure the lab on this machine
  bench serve [--rounds N] [--leaks [N]]
                    race our servers beside C, Python and Node; or look for leaks
  fuzz NAME|all [--packets N] [--seed S]
                    feed a parser with mutated bytes
  bench packets [read|craft|capture]
                    measure reading a capture of 250 MB beside tshark, crafting beside Scapy, and capturing
                    on a veth
  install-peers     only install what `test` needs
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let tally = match words.as_slice() {
        ["fmt"] => return plain(cargo(&["fmt", "--all"])),
        ["fmt", "--check"] => ci::format(),
        ["lint"] => ci::lint(),
        ["test"] => tests::all(),
        ["doc"] => ci::doc(),
        ["deny"] => deny::check(),
        ["content"] => tests::content(),
        ["ci"] => ci::all(),
        ["bench", "packets", "read"] => return plain(bench::packets()),
        ["bench", "packets"] => return plain(bench::packets() & craft::bench(&[])),
        ["bench", "lab", rest @ ..] => return plain(bench_lab(rest)),
        ["bench", "serve", rest @ ..] => return plain(race::serve(rest)),
        ["fuzz", rest @ ..] => return plain(fuzz(rest)),
        ["bench", "packets", rest @ ..] => return plain(craft::bench(rest)),
        ["install-peers"] => install_peers(),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    println!("{} passed, {} failed", tally.passed, tally.failed);
    ExitCode::from(u8::from(tally.failed > 0))
}

fn plain(is_ok: bool) -> ExitCode {
    ExitCode::from(u8::from(!is_ok))
}

fn install_peers() -> Tally {
    let missing = peers::install();
    Tally::of("peers", missing.is_empty())
}

fn bench_lab(rest: &[&str]) -> bool {
    let mut arguments =
        vec!["run", "--quiet", "--release", "--package", "tongro-lab", "--example", "bench", "--"];
    arguments.extend(rest);
    cargo(&arguments)
}

fn fuzz(rest: &[&str]) -> bool {
    let mut arguments =
        vec!["run", "--quiet", "--release", "--package", "tongro-trace", "--example", "fuzz", "--"];
    arguments.extend(rest);
    cargo(&arguments)
}
