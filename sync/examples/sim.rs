//! Runs schedules of the simulation: `sim --schedules N --seed S [--threads T]`, or `sim --replay SEED`.

#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tongro_sync::sim::{Tally, run};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    if let Some(seed) = value("--replay") {
        return match run(seed, true) {
            Ok(tally) => {
                println!("seed {seed}: {tally:?}");
                ExitCode::SUCCESS
            }
            Err(failure) => {
                println!("{}\n\nseed {seed}: {}", failure.story.join("\n"), failure.what);
                ExitCode::FAILURE
            }
        };
    }
    let (count, first) = (value("--schedules").unwrap_or(10_000), value("--seed").unwrap_or(1));
    let (next, failed, started) = (AtomicU64::new(0), AtomicU64::new(0), Instant::now());
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let threads = 0..value("--threads").unwrap_or(2);
        let threads: Vec<_> =
            threads.map(|_| scope.spawn(|| work(&next, &failed, first, count, started))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    println!(
        "{count} schedules from seed {first}: {} failed; {} acts, {} pulls, {} power cuts, {} conflict copies; {:.0} s",
        failed.load(Ordering::Relaxed),
        sum(|tally| tally.acts),
        sum(|tally| tally.pulls),
        sum(|tally| tally.crashes),
        sum(|tally| tally.conflicts),
        started.elapsed().as_secs_f64(),
    );
    ExitCode::from(u8::from(failed.load(Ordering::Relaxed) > 0))
}

fn work(next: &AtomicU64, failed: &AtomicU64, first: u64, count: u64, started: Instant) -> Tally {
    let mut sum = Tally::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return sum;
        }
        match run(first.wrapping_add(number), false) {
            Ok(tally) => {
                sum.acts += tally.acts;
                sum.pulls += tally.pulls;
                sum.crashes += tally.crashes;
                sum.conflicts += tally.conflicts;
            }
            Err(failure) => {
                failed.fetch_add(1, Ordering::Relaxed);
                println!(
                    "FAILED: seed {}: {}",
                    failure.seed,
                    failure.what.lines().next().unwrap_or_default()
                );
            }
        }
        if number % 100_000 == 99_999 {
            println!("{} after {:.0} s", number + 1, started.elapsed().as_secs_f64());
        }
    }
}
