//! What came of a race: every measurement, medians over the rounds, findings, and how far the figures can be trusted.

use std::collections::BTreeMap;

use tongro_serve::bench::{Ceiling, Cell, Lane, Measured, Pathology, named};

/// A measurement, or why there is none.
pub(super) type Result = std::result::Result<Measured, String>;

/// Everything that was measured.
pub(super) struct Outcome {
    pub(super) lanes: Vec<Lane>,
    pub(super) cells: Vec<Cell>,
    /// By lane and cell, in order of the rounds.
    pub(super) results: BTreeMap<(usize, usize), Vec<Result>>,
    /// Calls per message of each lane.
    pub(super) calls: BTreeMap<usize, Vec<(String, f64)>>,
    /// By message length: before the first round and after each.
    pub(super) ceilings: BTreeMap<usize, Vec<Ceiling>>,
    /// Load average and processors when the race began.
    pub(super) load: (f64, usize),
}

/// Medians over the rounds of one lane in one cell.
pub(super) struct Summary {
    pub(super) served: usize,
    pub(super) connections: usize,
    pub(super) per_second: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) storm: f64,
    pub(super) cpu: Option<f64>,
    pub(super) switches: Option<f64>,
    pub(super) kib: Option<f64>,
    pub(super) fairness: [u64; 3],
}

/// A finding about one lane, and in which cell it was made first.
pub(super) struct Finding {
    pub(super) lane: usize,
    pub(super) cell: usize,
    pub(super) pathology: Pathology,
}

/// Why the figures are no basis for a claim.
pub(super) enum Noise {
    /// Other programs were waiting for the processors: load average, processors.
    Load(f64, usize),
    /// The kernel's floor itself moved by this share between the rounds.
    Floor(f64),
    /// Too few rounds for a median.
    Rounds(usize),
}

impl Outcome {
    pub(super) fn new(lanes: &[Lane], cells: &[Cell]) -> Self {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            lanes: lanes.to_vec(),
            cells: cells.to_vec(),
            results: BTreeMap::new(),
            calls: BTreeMap::new(),
            ceilings: BTreeMap::new(),
            load: (load, processors),
        }
    }

    pub(super) fn add(&mut self, lane: usize, cell: usize, _round: usize, mut result: Result) {
        if let (Ok(measured), Some(calls)) = (&mut result, self.calls.get(&lane)) {
            measured.symptoms.calls.clone_from(calls);
        }
        self.results.entry((lane, cell)).or_default().push(result);
    }

    pub(super) fn add_calls(&mut self, lane: usize, calls: Vec<(String, f64)>) {
        self.calls.insert(lane, calls);
    }

    pub(super) fn add_ceiling(&mut self, message_len: usize, ceiling: Ceiling) {
        self.ceilings.entry(message_len).or_default().push(ceiling);
    }

    /// The kernel's floor for this length: the lowest that was measured, CPU ns per message.
    pub(super) fn floor(&self, message_len: usize) -> Option<f64> {
        let floors = self.ceilings.get(&message_len)?.iter().map(|ceiling| ceiling.floor_ns);
        floors.min_by(f64::total_cmp)
    }

    /// Medians; `None` if nothing could be measured.
    pub(super) fn summary(&self, lane: usize, cell: usize) -> Option<Summary> {
        let good: Vec<&Measured> = self.results.get(&(lane, cell))?.iter().flatten().collect();
        if good.is_empty() {
            return None;
        }
        let of = |figure: &dyn Fn(&Measured) -> f64| median(good.iter().map(|one| figure(one)).collect());
        let some = |figure: &dyn Fn(&Measured) -> Option<f64>| {
            let known: Vec<f64> = good.iter().filter_map(|one| figure(one)).collect();
            (!known.is_empty()).then(|| median(known))
        };
        let count = |figure: &dyn Fn(&Measured) -> u64| of(&|one| figure(one) as f64) as u64;
        Some(Summary {
            served: count(&|one| one.served as u64) as usize,
            connections: self.cells[cell].connections,
            per_second: of(&|one| one.per_second),
            p50: of(&|one| one.p50 as f64),
            p99: of(&|one| one.p99 as f64),
            p999: of(&|one| one.p999 as f64),
            storm: of(&|one| one.storm as f64),
            cpu: some(&|one| one.cpu_per_message),
            switches: some(&|one| one.switches_per_message),
            kib: some(&|one| one.kib_per_connection),
            fairness: [
                count(&|one| one.fairness.min),
                count(&|one| one.fairness.median),
                count(&|one| one.fairness.max),
            ],
        })
    }

    /// Why there is nothing, if there is nothing.
    pub(super) fn failure(&self, lane: usize, cell: usize) -> Option<&str> {
        let results = self.results.get(&(lane, cell))?;
        results.iter().all(std::result::Result::is_err).then_some(())?;
        results.iter().find_map(|result| result.as_ref().err()).map(String::as_str)
    }

    /// All calls of a message.
    pub(super) fn calls_per_message(&self, lane: usize) -> Option<f64> {
        let calls = self.calls.get(&lane).filter(|calls| !calls.is_empty())?;
        Some(calls.iter().map(|(_, count)| count).sum())
    }

    /// What the detector names, each once a lane: it has to be seen in half of a cell's rounds.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for (&(lane, cell), results) in &self.results {
            let good: Vec<&Measured> = results.iter().flatten().collect();
            let mut seen: BTreeMap<&str, Vec<Pathology>> = BTreeMap::new();
            for pathology in good.iter().flat_map(|measured| named(&measured.symptoms)) {
                seen.entry(pathology.id).or_default().push(pathology);
            }
            for (id, found) in seen {
                let is_known =
                    findings.iter().any(|finding| finding.lane == lane && finding.pathology.id == id);
                if found.len() * 2 >= good.len() && !is_known {
                    findings.extend(found.into_iter().next().map(|pathology| Finding {
                        lane,
                        cell,
                        pathology,
                    }));
                }
            }
        }
        findings
    }

    /// What makes the figures doubtful.
    pub(super) fn noise(&self) -> Vec<Noise> {
        let mut noise = Vec::new();
        let (load, processors) = self.load;
        if load > processors as f64 * 0.75 {
            noise.push(Noise::Load(load, processors));
        }
        let spread = |ceilings: &Vec<Ceiling>| {
            let medians = || ceilings.iter().map(|ceiling| ceiling.median_ns);
            let least = medians().min_by(f64::total_cmp).unwrap_or(1.0);
            let most = medians().max_by(f64::total_cmp).unwrap_or(1.0);
            most / least.max(1.0) - 1.0
        };
        let spread = self.ceilings.values().map(spread).max_by(f64::total_cmp).unwrap_or(0.0);
        if spread > 0.25 {
            noise.push(Noise::Floor(spread));
        }
        let rounds = self.results.values().map(Vec::len).max().unwrap_or(0);
        if rounds < 3 {
            noise.push(Noise::Rounds(rounds));
        }
        noise
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        len if len % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// `64 × 64 B`, `64 × 16 KiB, 2,000/s`.
pub(super) fn cell_name(cell: &Cell) -> String {
    let len = match cell.message_len {
        len if len >= 1024 && len % 1024 == 0 => format!("{} KiB", len / 1024),
        len => format!("{len} B"),
    };
    let open = cell.per_second.map_or_else(String::new, |rate| format!(", {}/s", grouped(rate as u64)));
    format!("{} × {len}{open}", grouped(cell.connections as u64))
}

/// Three digits and a unit: `141 k`.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 10_000.0 => format!("{:.0} k", rate / 1000.0),
        rate if rate >= 1000.0 => format!("{:.1} k", rate / 1000.0),
        rate => format!("{rate:.0}"),
    }
}

/// A time in the unit that fits.
pub(super) fn time(ns: f64) -> String {
    match ns {
        ns if ns >= 1e9 => format!("{:.1} s", ns / 1e9),
        ns if ns >= 1e7 => format!("{:.0} ms", ns / 1e6),
        ns if ns >= 1e6 => format!("{:.1} ms", ns / 1e6),
        ns => format!("{:.0} µs", ns / 1e3),
    }
}

/// `5,000`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!((grouped(5000).as_str(), grouped(64).as_str()), ("5,000", "64"));
        assert_eq!(
            (rate(141_234.0).as_str(), rate(1234.0).as_str(), rate(9.0).as_str()),
            ("141 k", "1.2 k", "9")
        );
        assert_eq!(
            (time(508e3).as_str(), time(1.6e6).as_str(), time(5.1e9).as_str()),
            ("508 µs", "1.6 ms", "5.1 s")
        );
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        let cell = Cell {
            connections: 64,
            message_len: 16384,
            per_second: Some(2000.0),
            seconds: 1.0,
            patience: 1.0,
        };
        assert_eq!(cell_name(&cell), "64 × 16 KiB, 2,000/s");
    }
}
