//! `tongro ping`: how long an answer takes: an echo's, a connection's or a datagram's.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tongro_live::{Echo, Ping as Plan, PingKind, Pinger};

use crate::network;
use crate::talk::{Talk, Tone};

/// Measure how long a host takes to answer (ICMP, TCP or UDP)
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tongro ping 10.77.0.2\n  tongro ping -c 3 --tcp 443 example.com\n  tongro ping --udp 33434 ::1"
)]
pub(crate) struct Ping {
    /// The host
    host: String,
    /// Stop after so many
    #[arg(short, long, value_name = "N")]
    count: Option<u16>,
    /// Seconds between two
    #[arg(short, long, default_value_t = 1.0)]
    interval: f64,
    /// Seconds to wait for each answer
    #[arg(short = 'W', long, default_value_t = 1.0)]
    timeout: f64,
    /// Bytes of payload
    #[arg(short, long, default_value_t = 56)]
    size: usize,
    /// TTL or hop limit
    #[arg(short, long)]
    ttl: Option<u8>,
    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    ipv6: bool,
    /// Connect to this port instead of sending echo requests
    #[arg(long, value_name = "PORT", conflicts_with = "udp")]
    tcp: Option<u16>,
    /// Send a datagram to this port instead
    #[arg(long, value_name = "PORT")]
    udp: Option<u16>,
    /// Print one JSON object per answer
    #[arg(long)]
    json: bool,
}

/// What has come so far.
#[derive(Default)]
struct Tally {
    sent: u32,
    times: Vec<f64>,
}

impl Ping {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        self.go(talk).unwrap_or(2)
    }

    fn go(&self, talk: &mut Talk) -> Result<u8, ()> {
        let family = if self.ipv4 { Some(true) } else { self.ipv6.then_some(false) };
        let to = network::address(talk, &self.host, family)?;
        let kind = match (self.tcp, self.udp) {
            (Some(port), _) => PingKind::Tcp(port),
            (_, Some(port)) => PingKind::Udp(port),
            _ => PingKind::Icmp,
        };
        let timeout = Duration::try_from_secs_f64(self.timeout).unwrap_or(Duration::from_secs(1));
        let plan = Plan { to, kind, size: self.size.min(65_000), ttl: self.ttl, timeout };
        let (stop, stopped) = std::sync::mpsc::channel();
        let _ = tongro_sys::process::on_interrupt(move || {
            // Nobody listens any more when the last one has been sent.
            let _ = stop.send(());
        });
        let mut pinger = Pinger::open(plan).map_err(|error| network::ping_denied(talk, &error))?;
        let mut tally = Tally::default();
        let most = self.count.unwrap_or(u16::MAX);
        for seq in 1..=most {
            let began = Instant::now();
            let echo = pinger.ping(seq).map_err(|error| network::told(talk, &error, None))?;
            tally.take(&echo);
            self.show(talk, &to.ip().to_string(), seq, &echo);
            let interval = Duration::try_from_secs_f64(self.interval).unwrap_or(Duration::from_secs(1));
            let left = interval.saturating_sub(began.elapsed());
            // Ctrl-C ends the pause; without a pause it is looked for, too.
            if seq < most
                && !matches!(stopped.recv_timeout(left), Err(std::sync::mpsc::RecvTimeoutError::Timeout))
            {
                break;
            }
        }
        self.end(talk, &tally);
        Ok(u8::from(tally.times.is_empty()))
    }

    fn show(&self, talk: &mut Talk, to: &str, seq: u16, echo: &Echo) {
        if self.json {
            let line = match echo {
                Echo::Reply { took, ttl, len } => json!({"type": "reply", "seq": seq, "from": to,
                    "ms": took.as_secs_f64() * 1000.0, "ttl": ttl, "bytes": len}),
                Echo::Refused { took } => {
                    json!({"type": "refused", "seq": seq, "from": to, "ms": took.as_secs_f64() * 1000.0})
                }
                Echo::Unreachable { from, icmp } => json!({"type": "unreachable", "seq": seq,
                    "from": from.map(|from| from.to_string()), "icmp": [icmp.0, icmp.1]}),
                Echo::Silence => json!({"type": "silence", "seq": seq}),
            };
            return talk.say(&line.to_string());
        }
        let seq = seq.to_string();
        let ms = |took: &Duration| format!("{:.3}", took.as_secs_f64() * 1000.0);
        let line = match echo {
            Echo::Reply { took, ttl, len } => {
                let (took, len) = (ms(took), len.to_string());
                let ttl = ttl.map_or_else(|| "–".to_owned(), |ttl| ttl.to_string());
                let params = [
                    ("from", to),
                    ("seq", seq.as_str()),
                    ("ms", &took),
                    ("len", &len),
                    ("ttl", ttl.as_str()),
                ];
                talk.text("packet.ping.reply", &params)
            }
            Echo::Refused { took } => {
                talk.text("packet.ping.refused", &[("from", to), ("seq", &seq), ("ms", &ms(took))])
            }
            Echo::Unreachable { from, icmp } => {
                let from = from.map_or_else(|| to.to_owned(), |from| from.to_string());
                let why = network::icmp_name(talk, *icmp, to.contains(':'));
                talk.text("packet.ping.unreachable", &[("from", &from), ("seq", &seq), ("why", &why)])
            }
            Echo::Silence => talk.text("packet.ping.silence", &[("seq", &seq)]),
        };
        let is_good = matches!(echo, Echo::Reply { .. } | Echo::Refused { .. });
        let line = if is_good { line } else { talk.tone(Tone::Bad, &line) };
        talk.say(&line);
    }

    fn end(&self, talk: &mut Talk, tally: &Tally) {
        let got = tally.times.len() as u32;
        let [least, mean, most] = tally.spread();
        if self.json {
            let line = json!({"type": "summary", "sent": tally.sent, "received": got,
                "min": least, "avg": mean, "max": most});
            return talk.say(&line.to_string());
        }
        let lost = (tally.sent - got) * 100 / tally.sent.max(1);
        let numbers = [tally.sent.to_string(), got.to_string(), lost.to_string()];
        let spread = [least, mean, most].map(|ms| format!("{ms:.3}"));
        let params = [
            ("sent", numbers[0].as_str()),
            ("received", numbers[1].as_str()),
            ("lost", numbers[2].as_str()),
            ("min", spread[0].as_str()),
            ("avg", spread[1].as_str()),
            ("max", spread[2].as_str()),
        ];
        talk.note(&talk.text(if got > 0 { "packet.ping.done" } else { "packet.ping.nothing" }, &params));
    }
}

impl Tally {
    fn take(&mut self, echo: &Echo) {
        self.sent += 1;
        if let Echo::Reply { took, .. } | Echo::Refused { took } = echo {
            self.times.push(took.as_secs_f64() * 1000.0);
        }
    }

    /// Least, mean and most, in milliseconds.
    fn spread(&self) -> [f64; 3] {
        if self.times.is_empty() {
            return [0.0; 3];
        }
        let least = self.times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.times.iter().copied().fold(0.0, f64::max);
        [least, self.times.iter().sum::<f64>() / self.times.len() as f64, most]
    }
}
