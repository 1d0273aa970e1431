//! `tongro race`: what threads and processes do to shared data. Lost updates counted over schedules, one bad schedule
//! replayed step by step, guards compared on real threads and processes, a deadlock drawn as a wait graph.
//!
//! Schedules are data (`tongro_serve::race`): a seed is a schedule, so the same seed loses the same updates each time.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use tongro_serve::race::deadlock::{self, Orders, WaitGraph};
use tongro_serve::race::schedule::{self, Action, Outcome};
use tongro_serve::race::{Guard, Setup, Subject, real};

use crate::serving;
use crate::talk::{Talk, Tone};

/// Lost updates and deadlocks: what threads and processes do to shared data
#[derive(Debug, Args)]
pub(crate) struct Race {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Count lost updates over many schedules, with each guard
    Sweep {
        #[command(flatten)]
        shared: Shared,
        /// Schedules to try
        #[arg(long, default_value_t = 1000)]
        seeds: u64,
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Replay one schedule step by step: by default the first that loses an update
    Replay {
        #[command(flatten)]
        shared: Shared,
        /// The schedule's seed
        #[arg(long)]
        seed: Option<u64>,
        /// What keeps others out
        #[arg(long, value_enum, default_value_t = GuardName::None)]
        guard: GuardName,
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// The same on real threads and real processes: what each guard loses and costs
    Real {
        #[command(flatten)]
        shared: Shared,
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Philosophers at a table: find a deadlock and draw who waits for whom
    Deadlock {
        /// How many sit at the table
        #[arg(long, default_value_t = 3)]
        philosophers: usize,
        /// Take the lower number first: the remedy
        #[arg(long)]
        sorted: bool,
        /// Schedules to try
        #[arg(long, default_value_t = 1000)]
        seeds: u64,
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct Shared {
    /// What is shared
    #[arg(long, value_enum, default_value_t = SubjectName::Counter)]
    subject: SubjectName,
    /// Threads or processes
    #[arg(long)]
    threads: Option<usize>,
    /// Updates of each
    #[arg(long)]
    updates: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SubjectName {
    Counter,
    List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GuardName {
    None,
    Lock,
    Semaphore,
    Atomic,
}

impl Shared {
    /// So many threads with so many updates, unless told otherwise; both bounded, since a schedule is kept whole.
    fn setup(&self, guard: Guard, threads: usize, updates: usize, most: usize) -> Setup {
        let subject = match self.subject {
            SubjectName::Counter => Subject::Counter,
            SubjectName::List => Subject::List,
        };
        let threads = self.threads.unwrap_or(threads).clamp(1, 64);
        Setup { subject, guard, threads, updates: self.updates.unwrap_or(updates).clamp(1, most) }
    }
}

impl From<GuardName> for Guard {
    fn from(name: GuardName) -> Self {
        match name {
            GuardName::None => Self::None,
            GuardName::Lock => Self::Lock,
            GuardName::Semaphore => Self::Semaphore,
            GuardName::Atomic => Self::Atomic,
        }
    }
}

impl Race {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        match self.part {
            Part::Sweep { shared, seeds, json } => sweep(talk, &shared, seeds, json),
            Part::Replay { shared, seed, guard, json } => replay(talk, &shared, seed, guard.into(), json),
            Part::Real { shared, json } => on_real_ones(talk, &shared, json),
            Part::Deadlock { philosophers, sorted, seeds, json } => {
                find_deadlock(talk, philosophers.clamp(2, 64), sorted, seeds, json)
            }
        }
    }
}

/// The name of a guard, in the language spoken.
fn guard_name(talk: &Talk, guard: Guard) -> String {
    let id = match guard {
        Guard::None => "none",
        Guard::Lock => "lock",
        Guard::Semaphore => "semaphore",
        Guard::Atomic => "atomic",
    };
    talk.text(&format!("race.guard.{id}"), &[])
}

// ---- schedules

fn sweep(talk: &mut Talk, shared: &Shared, seeds: u64, json: bool) -> u8 {
    for guard in Guard::ALL {
        let setup = shared.setup(*guard, 3, 10, 1000);
        let sweep = schedule::sweep(setup, 0..seeds);
        let lost: u64 = sweep.lost.iter().map(|(_, lost)| lost).sum();
        if json {
            talk.say(
                &json!({ "type": "sweep", "setup": setup, "seeds": seeds, "bad": sweep.bad,
                "lost": lost, "expected": setup.expected() * seeds, "worst": sweep.worst })
                .to_string(),
            );
            continue;
        }
        let [bad, seeds, lost] = [sweep.bad as u64, seeds, lost].map(|number| number.to_string());
        let expected = (setup.expected() * seeds.parse::<u64>().unwrap_or(0)).to_string();
        let guard = guard_name(talk, *guard);
        let params = [
            ("guard", &*guard),
            ("bad", &*bad),
            ("seeds", &*seeds),
            ("lost", &*lost),
            ("expected", &*expected),
        ];
        let line = talk.text("race.sweep", &params);
        let tone = if sweep.bad > 0 { Tone::Bad } else { Tone::Good };
        let line = talk.tone(tone, &line);
        talk.say(&line);
        if let Some(worst) = sweep.worst {
            talk.say(&talk.text("race.worst", &[("seed", &worst.to_string())]));
        }
    }
    0
}

fn replay(talk: &mut Talk, shared: &Shared, seed: Option<u64>, guard: Guard, json: bool) -> u8 {
    let setup = shared.setup(guard, 2, 1, 1000);
    let outcome = match seed {
        Some(seed) => schedule::run(setup, seed),
        None => {
            let lossy = (0..1000).map(|seed| schedule::run(setup, seed)).find(|one| one.got < one.expected);
            lossy.unwrap_or_else(|| schedule::run(setup, 0))
        }
    };
    if json {
        for step in &outcome.steps {
            talk.say(&json!({ "type": "step", "step": step }).to_string());
        }
        talk.say(
            &json!({ "type": "outcome", "setup": outcome.setup, "seed": outcome.seed,
            "expected": outcome.expected, "got": outcome.got, "waits": outcome.waits })
            .to_string(),
        );
    } else {
        draw_steps(talk, &outcome);
    }
    u8::from(outcome.got < outcome.expected)
}

/// A column a thread, and what is in memory after each step.
fn draw_steps(talk: &mut Talk, outcome: &Outcome) {
    const COLUMN: usize = 26;
    let padded = |text: &str| format!("{text}{}", " ".repeat(COLUMN.saturating_sub(width(text))));
    let names: String = (1..=outcome.setup.threads)
        .map(|number| padded(&talk.text("race.thread", &[("n", &number.to_string())])))
        .collect();
    let head = format!("     {names}{}", talk.text("race.memory", &[]));
    let head = talk.tone(Tone::Strong, &head);
    talk.say(&head);
    for (number, step) in outcome.steps.iter().enumerate() {
        let mut said = action(talk, step.action);
        if step.overwrites > 0 {
            said.push_str(" ✗");
        }
        let indent = " ".repeat(step.thread * COLUMN);
        let rest = " ".repeat((outcome.setup.threads - step.thread - 1) * COLUMN);
        let line = format!("{:>3}  {indent}{}{rest}{}", number + 1, padded(&said), step.memory);
        let line = if step.overwrites > 0 { talk.tone(Tone::Bad, &line) } else { line };
        talk.say(&line);
    }
    let [expected, got, seed] =
        [outcome.expected, outcome.got, outcome.seed].map(|number| number.to_string());
    let id = if outcome.got < outcome.expected { "race.lost" } else { "race.kept" };
    talk.say(&talk.text(id, &[("expected", &expected), ("got", &got), ("seed", &seed)]));
}

/// What a step is, in words.
fn action(talk: &Talk, action: Action) -> String {
    let (id, value) = match action {
        Action::Acquire => ("acquire", 0),
        Action::Wait => ("wait", 0),
        Action::Read(value) => ("read", value),
        Action::Modify(value) => ("modify", value),
        Action::Write(value) => ("write", value),
        Action::Release => ("release", 0),
        Action::Atomic(value) => ("atomic", value),
    };
    talk.text(&format!("race.action.{id}"), &[("value", &value.to_string())])
}

/// Columns of a terminal: Hangul takes two.
fn width(text: &str) -> usize {
    text.chars().map(|c| if ('\u{1100}'..='\u{ffdc}').contains(&c) { 2 } else { 1 }).sum()
}

// ---- real threads and processes

fn on_real_ones(talk: &mut Talk, shared: &Shared, json: bool) -> u8 {
    for guard in Guard::ALL {
        let tally = real::threads(shared.setup(*guard, 4, 100_000, 10_000_000));
        tell_tally(talk, "threads", *guard, &tally, json);
    }
    for guard in Guard::ALL {
        match real::processes(shared.setup(*guard, 4, 2000, 1_000_000), &std::env::temp_dir()) {
            Ok(tally) => tell_tally(talk, "processes", *guard, &tally, json),
            Err(error) => {
                serving::tell(talk, &error);
                return 2;
            }
        }
    }
    0
}

fn tell_tally(talk: &mut Talk, who: &str, guard: Guard, tally: &real::Tally, json: bool) {
    if json {
        return talk.say(&json!({ "type": "real", "who": who, "tally": tally }).to_string());
    }
    let nanoseconds = tally.seconds * 1e9 / tally.expected.max(1) as f64;
    let (who, guard) = (talk.text(&format!("race.{who}"), &[]), guard_name(talk, guard));
    let [expected, got, lost] = [tally.expected, tally.got, tally.expected.saturating_sub(tally.got)]
        .map(|number| number.to_string());
    let each = format!("{nanoseconds:.0}");
    let params = [
        ("who", &*who),
        ("guard", &*guard),
        ("expected", &*expected),
        ("got", &*got),
        ("lost", &*lost),
        ("each", &*each),
    ];
    let line = talk.text("race.real", &params);
    let tone = if tally.got < tally.expected { Tone::Bad } else { Tone::Good };
    let line = talk.tone(tone, &line);
    talk.say(&line);
}

// ---- deadlock

fn find_deadlock(talk: &mut Talk, philosophers: usize, sorted: bool, seeds: u64, json: bool) -> u8 {
    let orders = Orders::philosophers(philosophers);
    let orders = if sorted { orders.sorted() } else { orders };
    let Some(outcome) = deadlock::find(&orders, 0..seeds) else {
        if json {
            talk.say(&json!({ "type": "no-deadlock", "seeds": seeds, "orders": orders }).to_string());
        } else {
            talk.say(&talk.text("race.deadlock.none", &[("seeds", &seeds.to_string())]));
        }
        return 0;
    };
    if json {
        talk.say(&json!({ "type": "deadlock", "orders": orders, "outcome": outcome }).to_string());
        return 1;
    }
    for (number, step) in outcome.steps.iter().enumerate() {
        let id = match step.action {
            deadlock::Action::Acquire => "acquire",
            deadlock::Action::Wait => "wait",
            deadlock::Action::Release => "release",
        };
        let params = [("thread", &*(step.thread + 1).to_string()), ("lock", &*(step.lock + 1).to_string())];
        talk.say(&format!("{:>3}  {}", number + 1, talk.text(&format!("race.deadlock.{id}"), &params)));
    }
    if let Some(graph) = &outcome.deadlock {
        talk.say("");
        let drawn = drawn(talk, graph);
        let drawn = talk.tone(Tone::Bad, &drawn);
        talk.say(&drawn);
    }
    talk.say(&talk.text("race.deadlock.found", &[("seed", &outcome.seed.to_string())]));
    1
}

/// `T1 ──L2──▶ T2 ──L3──▶ T3 ──L1──▶ T1`: who waits for what, and who has it.
fn drawn(talk: &Talk, graph: &WaitGraph) -> String {
    let thread = |number: usize| talk.text("race.thread", &[("n", &(number + 1).to_string())]);
    let mut line = String::new();
    for waiting in &graph.cycle {
        let Some(edge) = graph.edges.iter().find(|edge| edge.thread == *waiting) else { continue };
        if line.is_empty() {
            line.push_str(&thread(edge.thread));
        }
        let lock = talk.text("race.deadlock.lock", &[("n", &(edge.lock + 1).to_string())]);
        line.push_str(&format!(" ──{lock}──▶ {}", thread(edge.held_by)));
    }
    line
}
