//! Counters of what was served: a latency histogram and Prometheus' text form (a few lines; no crate needed).

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};

use crate::strict::Class;

/// Upper bounds of the histogram's steps, in microseconds.
const STEPS: [u64; 16] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "other"];
/// Statuses are below this.
const STATUSES: usize = 1000;

/// Everything that is counted.
#[derive(Debug)]
pub(super) struct Metrics {
    /// By method, then status.
    answers: Vec<AtomicU64>,
    steps: [AtomicU64; STEPS.len() + 1],
    micros: AtomicU64,
    refused: Vec<AtomicU64>,
    connections: AtomicU64,
    open: AtomicI64,
    handshakes_failed: AtomicU64,
}

/// What a server did until it was stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Answers given.
    pub requests: u64,
    /// Of these refused by the strict layer.
    pub refused: u64,
    /// Connections accepted.
    pub connections: u64,
}

/// An open connection; counted until dropped.
pub(super) struct Open<'a>(&'a Metrics);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let counters = |len: usize| (0..len).map(|_| AtomicU64::new(0)).collect();
        Self {
            answers: counters(METHODS.len() * STATUSES),
            steps: Default::default(),
            micros: AtomicU64::new(0),
            refused: counters(Class::ALL.len()),
            connections: AtomicU64::new(0),
            open: AtomicI64::new(0),
            handshakes_failed: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    pub(super) fn connection(&self) -> Open<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(self)
    }

    pub(super) fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answered(
        &self,
        method: &Method,
        status: StatusCode,
        took: Duration,
        refused: Option<Class>,
    ) {
        let method = METHODS.iter().position(|name| name == &method.as_str()).unwrap_or(METHODS.len() - 1);
        let slot = method * STATUSES + usize::from(status.as_u16());
        if let Some(counter) = self.answers.get(slot) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let step = STEPS.iter().position(|most| micros <= *most).unwrap_or(STEPS.len());
        self.steps[step].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        if let Some(class) = refused {
            self.refused[class as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn totals(&self) -> Totals {
        let sum = |all: &[AtomicU64]| all.iter().map(|one| one.load(Ordering::Relaxed)).sum();
        Totals {
            requests: sum(&self.answers),
            refused: sum(&self.refused),
            connections: self.connections.load(Ordering::Relaxed),
        }
    }

    /// Prometheus' text format, version 0.0.4.
    pub(super) fn prometheus(&self) -> String {
        let mut text = String::new();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        text.push_str("# HELP tongro_requests_total Answers given.\n# TYPE tongro_requests_total counter\n");
        for (slot, count) in self.answers.iter().map(load).enumerate().filter(|(_, count)| *count > 0) {
            let (method, status) = (METHODS[slot / STATUSES], slot % STATUSES);
            let _ = writeln!(text, "tongro_requests_total{{method=\"{method}\",code=\"{status}\"}} {count}");
        }
        text.push_str("# HELP tongro_refused_total Requests refused by the strict layer.\n");
        text.push_str("# TYPE tongro_refused_total counter\n");
        for (class, count) in Class::ALL.iter().zip(self.refused.iter().map(load)).filter(|(_, n)| *n > 0) {
            let _ = writeln!(text, "tongro_refused_total{{class=\"{}\"}} {count}", class.id());
        }
        text.push_str("# HELP tongro_request_seconds Time until the head of the answer.\n");
        text.push_str("# TYPE tongro_request_seconds histogram\n");
        let mut below = 0;
        for (step, count) in self.steps.iter().map(load).enumerate() {
            below += count;
            let bound =
                STEPS.get(step).map_or_else(|| "+Inf".to_owned(), |most| (*most as f64 / 1e6).to_string());
            let _ = writeln!(text, "tongro_request_seconds_bucket{{le=\"{bound}\"}} {below}");
        }
        let _ = writeln!(text, "tongro_request_seconds_sum {}", load(&self.micros) as f64 / 1e6);
        let _ = writeln!(text, "tongro_request_seconds_count {below}");
        for (name, kind, help, value) in [
            ("connections_total", "counter", "Connections accepted.", load(&self.connections) as i64),
            ("connections_open", "gauge", "Connections open now.", self.open.load(Ordering::Relaxed)),
            (
                "tls_handshakes_failed_total",
                "counter",
                "TLS handshakes that failed.",
                load(&self.handshakes_failed) as i64,
            ),
        ] {
            let _ = writeln!(
                text,
                "# HELP tongro_{name} {help}\n# TYPE tongro_{name} {kind}\ntongro_{name} {value}"
            );
        }
        text
    }

    /// The histogram as bars.
    pub(super) fn histogram(&self) -> String {
        const WIDTH: u64 = 50;
        let counts: Vec<u64> = self.steps.iter().map(|step| step.load(Ordering::Relaxed)).collect();
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        let mut text = String::new();
        for (step, count) in counts.iter().enumerate() {
            let bound = STEPS.get(step).map_or_else(|| "more".to_owned(), |most| format!("≤ {most} µs"));
            let bar = "█".repeat(usize::try_from((count * WIDTH).div_ceil(most)).unwrap_or(0));
            let _ = writeln!(text, "{bound:>15} {count:>9} {bar}");
        }
        text
    }
}
