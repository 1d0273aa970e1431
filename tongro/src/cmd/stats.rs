//! `tongro stats`: a capture in tables: conversations, ends, protocols, what was noticed, how much when.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use tongro_trace::reading::{Need, Reading};
use tongro_trace::stats::{Conversation, Severity, Spread, Stats};

use crate::input::Input;
use crate::protocols::Protocols;
use crate::sift;
use crate::talk::{Talk, Tone};

/// Show statistics of a capture
#[derive(Debug, Args)]
pub(crate) struct StatsCommand {
    /// A capture, a run folder, or - for standard input
    file: PathBuf,
    /// Only packets that pass this display filter
    #[arg(short = 'Y', long, value_name = "FILTER")]
    filter: Option<String>,
    /// Only packets of this interface, counted from 0
    #[arg(short = 'i', long, value_name = "N")]
    interface: Option<u32>,
    #[command(flatten)]
    protocols: Protocols,
    /// Columns of the graph
    #[arg(long, default_value_t = 72)]
    width: usize,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl StatsCommand {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        self.count(talk).unwrap_or_else(|code| code)
    }

    fn count(self, talk: &mut Talk) -> Result<u8, u8> {
        let tables = self.protocols.tables(talk)?;
        let filter = self.filter.as_deref().map(|text| sift::filter(text, &tables, talk)).transpose()?;
        let mut input = Input::open(&self.file, self.interface, talk)?;
        let mut reading = Reading::with_tables(Need::all(), tables);
        let mut stats = Stats::default();
        let code = input.each(talk, |captured| {
            let packet = reading.packet(captured);
            if filter.as_ref().is_none_or(|filter| filter.matches(&packet)) {
                stats.see(&packet);
            }
            true
        });
        if self.json {
            print_json(talk, &stats, self.width)
        } else {
            print(talk, &stats, self.width)
        }
        Ok(code)
    }
}

fn print_json(talk: &mut Talk, stats: &Stats, width: usize) {
    let mut say = |kind: &str, value: Value| {
        let mut line = json!({"type": kind});
        if let (Value::Object(line), Value::Object(value)) = (&mut line, value) {
            line.extend(value);
        }
        talk.say(&line.to_string());
    };
    say("total", json!(stats.total));
    stats.conversations.all().iter().for_each(|one| say("conversation", json!(one)));
    stats.conversations.endpoints().for_each(|one| say("endpoint", json!(one)));
    stats.hierarchy.shares().for_each(|one| say("protocol", json!(one)));
    stats.expert.noticed().for_each(|one| say("expert", json!(one)));
    let (steps, width) = stats.graph.steps(width.clamp(1, 1000));
    say("graph", json!({"step": width, "steps": steps}));
}

fn print(talk: &mut Talk, stats: &Stats, width: usize) {
    let total = &stats.total;
    let (packets, size, span) = (total.packets.to_string(), bytes(total.bytes), seconds(total.span));
    let text =
        talk.text("reading.stats.total", &[("packets", &packets), ("bytes", &size), ("seconds", &span)]);
    talk.say(&talk.tone(Tone::Strong, &text));
    graph(talk, stats, width);
    protocols(talk, stats);
    conversations(talk, stats);
    endpoints(talk, stats);
    expert(talk, stats);
}

fn heading(talk: &mut Talk, id: &str) {
    let text = talk.text(&format!("reading.stats.{id}"), &[]);
    talk.say("");
    talk.say(&talk.tone(Tone::Strong, &text));
}

/// Bytes over time; below it where something was noticed.
fn graph(talk: &mut Talk, stats: &Stats, width: usize) {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let (steps, step) = stats.graph.steps(width.clamp(10, 1000));
    let Some(most) = steps.iter().map(|step| step.bytes).max().filter(|most| *most > 0) else { return };
    heading(talk, "graph");
    let bar = |bytes: u64| BARS[(bytes * 8).div_ceil(most).min(8) as usize];
    let bars: String = steps.iter().map(|step| bar(step.bytes)).collect();
    talk.say(&format!("  {bars}"));
    if steps.iter().any(|step| step.noticed > 0) {
        let marks: String = steps.iter().map(|step| if step.noticed > 0 { '!' } else { ' ' }).collect();
        talk.say(&talk.tone(Tone::Bad, &format!("  {}", marks.trim_end())));
    }
    let (step, peak) = (seconds(step), bytes(most));
    let text = talk.text("reading.stats.step", &[("seconds", &step), ("bytes", &peak)]);
    talk.say(&talk.tone(Tone::Quiet, &format!("  {text}")));
}

fn protocols(talk: &mut Talk, stats: &Stats) {
    heading(talk, "protocols");
    for share in stats.hierarchy.shares() {
        let name = format!("{:1$}{2}", "", share.depth * 2, share.protocol);
        let percent = share.packets as f64 * 100.0 / stats.total.packets.max(1) as f64;
        talk.say(&format!("  {name:<28}{:>10}{percent:>7.1} %{:>12}", share.packets, bytes(share.bytes)));
    }
}

fn conversations(talk: &mut Talk, stats: &Stats) {
    if stats.conversations.all().is_empty() {
        return;
    }
    heading(talk, "conversations");
    for one in stats.conversations.all() {
        let name = format!("{}:{}", if is_tcp(one) { "tcp" } else { "udp" }, one.stream);
        let [first, second] = one.ends;
        let span = seconds(one.last_at - one.first_at);
        talk.say(&format!(
            "  {name:<8}{first} → {second}  {} → {} ←  {} → {} ←  {span} s",
            one.packets[0],
            one.packets[1],
            bytes(one.bytes[0]),
            bytes(one.bytes[1]),
        ));
        let numbers = tcp_numbers(talk, one);
        if !numbers.is_empty() {
            talk.say(&talk.tone(Tone::Quiet, &format!("          {numbers}")));
        }
    }
}

fn is_tcp(one: &Conversation) -> bool {
    one.transport == tongro_trace::flow::Protocol::Tcp
}

/// Round trips, bytes in flight and windows of a TCP stream.
fn tcp_numbers(talk: &Talk, one: &Conversation) -> String {
    let mut parts = Vec::new();
    if let Some(rtt) = one.initial_rtt {
        parts.push(talk.text("reading.stats.initial_rtt", &[("ms", &millis(rtt))]));
    }
    if one.rtt.count > 0 {
        let Spread { min, mean, max, .. } = one.rtt;
        let params = [("min", &*millis(min)), ("mean", &*millis(mean as u64)), ("max", &*millis(max))];
        parts.push(talk.text("reading.stats.rtt", &params));
    }
    let both = |spreads: &[Spread; 2], pick: fn(&Spread) -> u64| {
        spreads.iter().map(|spread| bytes(pick(spread))).collect::<Vec<_>>()
    };
    if one.in_flight.iter().any(|spread| spread.count > 0) {
        let most = both(&one.in_flight, |spread| spread.max);
        parts.push(talk.text("reading.stats.in_flight", &[("first", &most[0]), ("second", &most[1])]));
    }
    if one.window.iter().any(|spread| spread.count > 0) {
        let least = both(&one.window, |spread| spread.min);
        parts.push(talk.text("reading.stats.window", &[("first", &least[0]), ("second", &least[1])]));
    }
    if one.retransmissions > 0 {
        let count = one.retransmissions.to_string();
        parts.push(talk.text("reading.stats.retransmissions", &[("count", &count)]));
    }
    parts.join(" · ")
}

fn endpoints(talk: &mut Talk, stats: &Stats) {
    if stats.conversations.endpoints().next().is_none() {
        return;
    }
    heading(talk, "endpoints");
    for one in stats.conversations.endpoints() {
        let address = one.address.to_string();
        talk.say(&format!(
            "  {address:<28}{:>10} → {:>10} ← {:>12} → {:>12} ←",
            one.sent_packets,
            one.received_packets,
            bytes(one.sent_bytes),
            bytes(one.received_bytes),
        ));
    }
}

/// What was noticed, each kind with the packets that show it.
fn expert(talk: &mut Talk, stats: &Stats) {
    heading(talk, "expert");
    let mut is_empty = true;
    for one in stats.expert.noticed() {
        is_empty = false;
        let tone = match one.severity {
            Severity::Error => Tone::Bad,
            Severity::Warn => Tone::Strong,
            Severity::Note => Tone::Quiet,
        };
        let severity = match one.severity {
            Severity::Error => "error",
            Severity::Warn => "warn",
            Severity::Note => "note",
        };
        let severity = talk.text(&format!("reading.severity.{severity}"), &[]);
        let what = talk.text(&format!("reading.noticed.{}", one.id.replace('.', "_")), &[]);
        let frames: Vec<String> = one.frames.iter().map(|frame| format!("#{frame}")).collect();
        let more = if one.count > one.frames.len() as u64 { " …" } else { "" };
        let line = format!("  {severity:<6}{:>6}  {what}", one.count);
        talk.say(&talk.tone(tone, &line));
        talk.say(&format!("                {}  {}{more}", one.id, frames.join(" ")));
    }
    if is_empty {
        let text = talk.text("reading.stats.nothing", &[]);
        talk.say(&format!("  {text}"));
    }
}

/// `1.2 KB`, in steps of 1000 as capture tools count.
fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

fn seconds(nanoseconds: u64) -> String {
    format!("{:.3}", nanoseconds as f64 / 1e9)
}

fn millis(nanoseconds: u64) -> String {
    format!("{:.2}", nanoseconds as f64 / 1e6)
}
