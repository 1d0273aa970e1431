//! `tongro bench`: the race. The same service under every concurrency model, and under your own programs, all under the
//! same load, in interleaved rounds.
//!
//! Lanes are programs: our own models are this binary, started again as `echo serve`. What is measured comes from
//! `tongro_serve::bench`; here it is ordered (rounds, medians), shown while it runs, and told: a table, findings with
//! their fix, JSON, a page.

mod outcome;
mod page;
mod tell;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tongro_proto::Proto;
use tongro_serve::Model;
use tongro_serve::bench::{Ceiling, Cell, Lane, calls_per_message, measure};

use super::echo::model_names;
use crate::serving;
use crate::talk::Talk;
use outcome::{Outcome, Result};

/// Race the concurrency models, and your own program, under the same load
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// A program of your own as one more lane: NAME='COMMAND'
    #[arg(long = "lane", value_name = "NAME=COMMAND")]
    lanes: Vec<String>,
    /// Only these models
    #[arg(long, value_delimiter = ',', value_parser = model_names())]
    models: Vec<Model>,
    /// Only the lanes of --lane
    #[arg(long, conflicts_with = "models", requires = "lanes")]
    own: bool,
    /// One short round with 64 connections
    #[arg(long)]
    quick: bool,
    /// Connections at once, one cell each
    #[arg(long, value_delimiter = ',', default_value = "1,64,1000,5000", value_name = "N")]
    connections: Vec<usize>,
    /// Bytes of a message, one cell each
    #[arg(long, value_delimiter = ',', default_value = "64,16384", value_name = "BYTES")]
    sizes: Vec<usize>,
    /// Requests per second of the open loop; 0 = closed loop only
    #[arg(long, default_value_t = 2000.0, value_name = "RATE")]
    open: f64,
    /// Rounds; in each every lane runs once
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of load for each measurement
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Seconds to wait for a handshake and for the last replies
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    patience: f64,
    /// Do not count system calls
    #[arg(long)]
    no_calls: bool,
    /// Write a page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl Bench {
    pub(crate) fn run(mut self, talk: &mut Talk) -> u8 {
        if self.quick {
            let quick: (Vec<usize>, Vec<usize>) = (vec![64], vec![64]);
            (self.connections, self.sizes) = quick;
            (self.rounds, self.seconds, self.patience) = (1, 0.3, self.patience.min(2.0));
        }
        let lanes = match self.lanes(talk) {
            Ok(lanes) => lanes,
            Err(code) => return code,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        // What has been measured is worth telling: Ctrl-C ends the race after the measurement under way.
        let _ = tongro_sys::process::on_interrupt(move || theirs.store(true, Ordering::SeqCst));
        // A descriptor for each connection, and some for the rest.
        let _ = tongro_sys::process::set_soft_limit(0, tongro_sys::process::Limit::OpenFiles, u64::MAX);
        let outcome = Race { bench: &self, lanes, stop: &stop }.run(talk);
        match outcome {
            Ok(outcome) => self.tell(talk, &outcome),
            Err(error) => {
                serving::tell(talk, &error);
                2
            }
        }
    }

    /// The models and the programs that were asked for.
    fn lanes(&self, talk: &mut Talk) -> std::result::Result<Vec<Lane>, u8> {
        let mut lanes = Vec::new();
        let exe = std::env::current_exe().unwrap_or_else(|_| "tongro".into()).to_string_lossy().into_owned();
        let models = if self.models.is_empty() { Model::ALL.to_vec() } else { self.models.clone() };
        for model in models.into_iter().filter(|_| !self.own) {
            if let Err(why) = model.check(Proto::Echo) {
                serving::tell(talk, &tongro_serve::Error::NotPossible { model, why });
                if self.models.is_empty() { continue } else { return Err(2) }
            }
            let words = ["echo", "serve", "--port", "0", "--connections", "20000", "--model", model.name()];
            let argv = [exe.clone()].into_iter().chain(words.map(ToOwned::to_owned)).collect();
            lanes.push(Lane { name: model.name().to_owned(), argv });
        }
        for lane in &self.lanes {
            let parts = lane.split_once('=').and_then(|(name, command)| Some((name, shlex::split(command)?)));
            let Some((name, argv)) = parts.filter(|(name, argv)| !name.is_empty() && !argv.is_empty()) else {
                let hint = talk.text("bench.lane_hint", &[]);
                talk.error(&talk.text("bench.lane", &[("lane", lane)]), Some(&hint));
                return Err(2);
            };
            lanes.push(Lane { name: name.to_owned(), argv });
        }
        Ok(lanes)
    }

    /// Closed loop in every cell; the open loop at 64 connections and more, where it can show waiting.
    fn cells(&self) -> Vec<Cell> {
        let Self { seconds, patience, .. } = *self;
        let mut cells = Vec::new();
        for &message_len in &self.sizes {
            for &connections in &self.connections {
                let closed = Cell { connections, message_len, per_second: None, seconds, patience };
                cells.push(closed);
                if self.open > 0.0 && connections == 64 {
                    cells.push(Cell { per_second: Some(self.open), ..closed });
                }
            }
        }
        cells
    }

    fn tell(&self, talk: &mut Talk, outcome: &Outcome) -> u8 {
        if self.json {
            tell::json(talk, outcome);
        } else {
            tell::table(talk, outcome);
        }
        let Some(path) = &self.html else { return 0 };
        match std::fs::write(path, page::html(talk, outcome)) {
            Ok(()) => {
                talk.note(&talk.text("bench.page_written", &[("path", &path.display().to_string())]));
                0
            }
            Err(error) => {
                talk.error(&format!("`{}`: {error}", path.display()), None);
                2
            }
        }
    }
}

/// A race under way.
struct Race<'a> {
    bench: &'a Bench,
    lanes: Vec<Lane>,
    stop: &'a AtomicBool,
}

impl Race<'_> {
    /// Ceilings, a counting run for each lane, then the rounds.
    fn run(&self, talk: &Talk) -> tongro_serve::Result<Outcome> {
        let cells = self.bench.cells();
        let view = View::new(talk, &self.lanes, cells.len() * self.bench.rounds, self.bench.json);
        let mut outcome = Outcome::new(&self.lanes, &cells);
        self.measure_ceilings(&mut outcome)?;
        if !self.bench.no_calls {
            self.count_calls(&mut outcome, &view);
        }
        for round in 0..self.bench.rounds {
            for (at, cell) in cells.iter().enumerate() {
                // Another lane begins each round, so that nobody always runs after the same neighbour.
                for turn in 0..self.lanes.len() {
                    let number = (turn + round) % self.lanes.len();
                    if self.stop.load(Ordering::SeqCst) {
                        return Ok(outcome);
                    }
                    view.begin(number, cell);
                    let result: Result =
                        measure(&self.lanes[number], cell).map_err(|error| error.to_string());
                    view.end(number, &result);
                    outcome.add(number, at, round, result);
                }
            }
            self.measure_ceilings(&mut outcome)?;
        }
        Ok(outcome)
    }

    fn measure_ceilings(&self, outcome: &mut Outcome) -> tongro_serve::Result<()> {
        for &message_len in &self.bench.sizes {
            outcome.add_ceiling(message_len, Ceiling::measure(message_len, 60)?);
        }
        Ok(())
    }

    /// Counting makes a program slower, so it is a run of its own.
    fn count_calls(&self, outcome: &mut Outcome, view: &View) {
        let connections = self.bench.connections.iter().copied().max().unwrap_or(64).min(64);
        let message_len = self.bench.sizes.first().copied().unwrap_or(64);
        let seconds = self.bench.seconds.min(0.3);
        let cell = Cell { connections, message_len, per_second: None, seconds, patience: 2.0 };
        for (number, lane) in self.lanes.iter().enumerate() {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            view.begin(number, &cell);
            // A program that cannot be counted, or not be started, is told of when it is measured.
            outcome.add_calls(number, calls_per_message(lane, &cell).unwrap_or_default());
        }
    }
}

/// The live view: a line a lane with its latest figures.
struct View {
    bars: Vec<ProgressBar>,
    _all: MultiProgress,
}

impl View {
    fn new(talk: &Talk, lanes: &[Lane], measurements: usize, json: bool) -> Self {
        let all = MultiProgress::new();
        if json {
            all.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{prefix:14} {bar:24} {pos:>3}/{len:<3} {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("█▉▊▋▌▍▎▏ ");
        let bar = |lane: &Lane| {
            let bar = all.add(ProgressBar::new(measurements as u64));
            bar.set_style(style.clone());
            bar.set_prefix(lane.name.clone());
            bar.set_message(talk.text("bench.waiting", &[]));
            bar
        };
        let bars = lanes.iter().map(bar).collect();
        Self { bars, _all: all }
    }

    fn begin(&self, number: usize, cell: &Cell) {
        self.bars[number].set_message(format!("▶ {}", outcome::cell_name(cell)));
    }

    fn end(&self, number: usize, result: &Result) {
        let bar = &self.bars[number];
        bar.inc(1);
        bar.set_message(match result {
            Ok(measured) => format!(
                "{} msg/s · p99 {} · {} µs CPU · {}/{}",
                outcome::rate(measured.per_second),
                outcome::time(measured.p99 as f64),
                measured.cpu_per_message.map_or_else(|| "–".to_owned(), |ns| format!("{:.1}", ns / 1000.0)),
                measured.served,
                measured.symptoms.connections,
            ),
            Err(why) => format!("✗ {}", why.lines().next().unwrap_or_default()),
        });
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.bars.iter().for_each(ProgressBar::finish_and_clear);
    }
}
