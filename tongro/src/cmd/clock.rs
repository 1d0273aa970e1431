//! `tongro clock`: the time over UDP, told to many by broadcast or multicast, or asked for by one.
//!
//! The server numbers its ticks; the listener tells what became of each (next, skipped, reordered, doubled), how unevenly
//! they come, and by question and answer how far the two clocks are apart (NTP's four times).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::json;
use tongro_proto::clock::{Announce, Report, Sample, TickFate};
use tongro_proto::{Notice, Proto};
use tongro_serve::{ClockListener, Error, ListenOptions, Options, Watch};

use crate::serving;
use crate::talk::{Talk, Tone};

/// The time over UDP: broadcast, multicast, question and answer
#[derive(Debug, Args)]
pub(crate) struct Clock {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Tell the time to a group, and answer who asks
    Serve(ServePart),
    /// Hear the ticks, ask for the time, tell offset, jitter, loss, reordering and doubles
    Listen(ListenPart),
}

#[derive(Debug, Args)]
struct ServePart {
    /// Where to listen for questions
    #[arg(long, default_value = "0.0.0.0")]
    host: String,
    /// The port; 0 = any free one, printed
    #[arg(long, default_value_t = 7337)]
    port: u16,
    /// Where to send the ticks: a broadcast or multicast address, or one listener
    #[arg(long, value_name = "IP:PORT")]
    to: Option<SocketAddr>,
    /// Milliseconds between ticks
    #[arg(long, default_value_t = 1000, value_name = "MS")]
    every: u64,
    /// The interface for multicast, by its own address
    #[arg(long, value_name = "IP")]
    interface: Option<Ipv4Addr>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ListenPart {
    /// The port on which ticks come; 0 = any
    #[arg(long, default_value_t = 7338)]
    port: u16,
    /// A multicast group to join
    #[arg(long, value_name = "IP")]
    group: Option<IpAddr>,
    /// The interface for multicast, by its own address
    #[arg(long, value_name = "IP")]
    interface: Option<Ipv4Addr>,
    /// A server to ask for the time
    #[arg(long, value_name = "HOST:PORT")]
    ask: Option<String>,
    /// Milliseconds between questions
    #[arg(long, default_value_t = 1000, value_name = "MS")]
    every: u64,
    /// End after so many ticks, doubles included
    #[arg(long, value_name = "N")]
    ticks: Option<u64>,
    /// End after so many answers
    #[arg(long, value_name = "N")]
    answers: Option<u64>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl Clock {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let done = match self.part {
            Part::Serve(part) => part.run(talk).map(|()| 0),
            Part::Listen(part) => part.run(talk),
        };
        done.unwrap_or_else(|error| {
            serving::tell(talk, &error);
            2
        })
    }
}

/// Something that can end a wait: a signal, or a notice.
enum Heard {
    Interrupt,
    Notice(Notice),
}

impl ServePart {
    fn run(self, talk: &mut Talk) -> tongro_serve::Result<()> {
        let (ring, rung) = channel();
        on_interrupt(move || {
            let _ = ring.send(());
        })?;
        let announce = self.to.map(|to| Announce { to, every: Duration::from_millis(self.every.max(1)) });
        let server = tongro_serve::start(Options {
            host: self.host,
            port: self.port,
            proto: Proto::Clock,
            announce,
            interface: self.interface,
            ..Options::default()
        })?;
        for address in server.local_addrs() {
            let address = address.to_string();
            if self.json {
                talk.say(&json!({ "event": "listening", "address": address }).to_string());
            } else {
                talk.say(&talk.text("clock.listening", &[("address", &address)]));
            }
        }
        if let (Some(Announce { to, .. }), false) = (announce, self.json) {
            let params = [("to", &*to.to_string()), ("every", &*self.every.to_string())];
            talk.say(&talk.text("clock.ticking", &params));
        }
        match self.seconds {
            None => drop(rung.recv()),
            Some(seconds) => drop(rung.recv_timeout(Duration::from_secs_f64(seconds.clamp(0.0, 1e9)))),
        }
        server.shutdown();
        server.join().map(drop)
    }
}

impl ListenPart {
    fn run(self, talk: &mut Talk) -> tongro_serve::Result<u8> {
        let (hear, heard) = channel();
        let ring = hear.clone();
        on_interrupt(move || {
            let _ = ring.send(Heard::Interrupt);
        })?;
        let listener = ClockListener::start(ListenOptions {
            at: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), self.port),
            group: self.group,
            interface: self.interface,
            ask: self.server()?.map(|server| (server, Duration::from_millis(self.every))),
            watch: Some(Watch::new(move |notice| {
                let _ = hear.send(Heard::Notice(notice));
            })),
        })?;
        let address = listener.local_addr().to_string();
        if self.json {
            talk.say(&json!({ "event": "listening", "address": address }).to_string());
        } else {
            talk.say(&talk.text("clock.listening", &[("address", &address)]));
        }
        self.hear(talk, &heard);
        let report = listener.report();
        if self.json {
            talk.say(&report_json(&report).to_string())
        } else {
            tell_report(talk, &report)
        }
        Ok(u8::from(report.received == 0 && report.answered == 0))
    }

    /// Until it is enough.
    fn hear(&self, talk: &mut Talk, heard: &Receiver<Heard>) {
        let until =
            self.seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 1e9)));
        let (mut ticks, mut answers) = (0, 0);
        while self.ticks.is_none_or(|most| ticks < most) && self.answers.is_none_or(|most| answers < most) {
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            match heard.recv_timeout(left.min(Duration::from_secs(1 << 30))) {
                Ok(Heard::Notice(notice)) => {
                    ticks += u64::from(matches!(notice, Notice::ClockTick { .. }));
                    answers += u64::from(matches!(notice, Notice::ClockSample(_)));
                    if self.json { tell_json(talk, &notice) } else { tell(talk, &notice) }
                }
                Ok(Heard::Interrupt) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return;
                }
            }
        }
    }

    fn server(&self) -> tongro_serve::Result<Option<SocketAddr>> {
        let Some(ask) = &self.ask else { return Ok(None) };
        let found = ask.to_socket_addrs().map_err(|source| Error::Resolve { host: ask.clone(), source })?;
        let found = found.into_iter().find(SocketAddr::is_ipv4);
        let none = || Error::Resolve { host: ask.clone(), source: std::io::ErrorKind::NotFound.into() };
        found.map(Some).ok_or_else(none)
    }
}

fn on_interrupt(act: impl FnOnce() + Send + 'static) -> tongro_serve::Result<()> {
    let named = |error: tongro_sys::Error| Error::Io { operation: "pthread_sigmask", source: error.source };
    tongro_sys::process::on_interrupt(act).map_err(named)
}

/// Milliseconds with a sign.
fn ms(ns: i64) -> String {
    format!("{:+.3}", ns as f64 / 1e6)
}

fn tell(talk: &mut Talk, notice: &Notice) {
    match notice {
        Notice::ClockTick { number, transit, fate } => {
            let (id, tone, missing) = match fate {
                TickFate::Next => ("next", None, 0),
                TickFate::Skipped(missing) => ("skipped", Some(Tone::Bad), *missing),
                TickFate::Reordered => ("reordered", Some(Tone::Strong), 0),
                TickFate::Duplicate => ("duplicate", Some(Tone::Strong), 0),
            };
            let params = [
                ("number", &*number.to_string()),
                ("ms", &*ms(*transit)),
                ("missing", &*missing.to_string()),
            ];
            let line = talk.text(&format!("clock.tick.{id}"), &params);
            let line = tone.map_or_else(|| line.clone(), |tone| talk.tone(tone, &line));
            talk.say(&line);
        }
        Notice::ClockSample(Sample { offset, delay }) => {
            let params = [("offset", &*ms(*offset)), ("delay", &*ms(*delay))];
            talk.say(&talk.text("clock.sample", &params));
        }
        _ => {}
    }
}

fn tell_json(talk: &mut Talk, notice: &Notice) {
    let line = match notice {
        Notice::ClockTick { number, transit, fate } => {
            let (fate, missing) = match fate {
                TickFate::Next => ("next", 0),
                TickFate::Skipped(missing) => ("skipped", *missing),
                TickFate::Reordered => ("reordered", 0),
                TickFate::Duplicate => ("duplicate", 0),
            };
            json!({ "type": "tick", "number": number, "transit_ns": transit, "fate": fate, "missing": missing })
        }
        Notice::ClockSample(Sample { offset, delay }) => {
            json!({ "type": "sample", "offset_ns": offset, "delay_ns": delay })
        }
        _ => return,
    };
    talk.say(&line.to_string());
}

fn report_json(report: &Report) -> serde_json::Value {
    let best = report.best.map(|best| json!({ "offset_ns": best.offset, "delay_ns": best.delay }));
    json!({ "type": "report", "received": report.received, "lost": report.lost,
        "duplicates": report.duplicates, "reordered": report.reordered, "junk": report.junk,
        "strangers": report.strangers, "jitter_ns": report.jitter, "asked": report.asked,
        "answered": report.answered, "best": best })
}

fn tell_report(talk: &mut Talk, report: &Report) {
    let numbers = [
        ("received", report.received.to_string()),
        ("lost", report.lost.to_string()),
        ("duplicates", report.duplicates.to_string()),
        ("reordered", report.reordered.to_string()),
        ("jitter", format!("{:.3}", report.jitter as f64 / 1e6)),
        ("junk", (report.junk + report.strangers).to_string()),
        ("asked", report.asked.to_string()),
        ("answered", report.answered.to_string()),
    ];
    let params: Vec<(&str, &str)> = numbers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    talk.say(&talk.text("clock.report", &params));
    if report.asked > 0 {
        talk.say(&talk.text("clock.answers", &params));
    }
    if let Some(best) = report.best {
        let half = format!("{:.3}", best.delay as f64 / 2e6);
        let params = [("offset", &*ms(best.offset)), ("delay", &*ms(best.delay)), ("half", &*half)];
        talk.say(&talk.text("clock.best", &params));
    }
}
