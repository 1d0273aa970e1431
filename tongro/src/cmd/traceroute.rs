//! `tongro traceroute`: the routers on the way to a host, a line for each, as their answers come.

use std::net::IpAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tongro_live::{Hop, Probe, Trace, TraceKind, Tracer};

use crate::network;
use crate::talk::{Talk, Tone};

/// Show the routers on the way to a host, one line a hop
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tongro traceroute 10.0.3.2\n  tongro traceroute --via tcp -p 443 example.com\n  \
    tongro traceroute --via icmp -q 1 ::1"
)]
pub(crate) struct Traceroute {
    /// The host
    host: String,
    /// What is sent: udp, icmp or tcp
    #[arg(long, value_enum, default_value_t = Via::Udp)]
    via: Via,
    /// The port: of TCP (80), or the first of UDP (33434)
    #[arg(short, long)]
    port: Option<u16>,
    /// The first hop
    #[arg(short, long, default_value_t = 1)]
    first: u8,
    /// The last hop
    #[arg(short, long, default_value_t = 30)]
    max_hops: u8,
    /// Probes for each hop
    #[arg(short = 'q', long, default_value_t = 3)]
    queries: u8,
    /// Seconds to wait for the answers of a hop
    #[arg(short, long, default_value_t = 2.0)]
    wait: f64,
    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    ipv6: bool,
    /// Print one JSON object per hop
    #[arg(long)]
    json: bool,
}

/// The kinds of probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Via {
    /// Datagrams to high ports.
    Udp,
    /// Echo requests.
    Icmp,
    /// SYNs.
    Tcp,
}

impl Traceroute {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        self.go(talk).unwrap_or(2)
    }

    fn go(&self, talk: &mut Talk) -> Result<u8, ()> {
        let family = if self.ipv4 { Some(true) } else { self.ipv6.then_some(false) };
        let to = network::address(talk, &self.host, family)?;
        let kind = match self.via {
            Via::Udp => TraceKind::Udp(self.port.unwrap_or(33_434)),
            Via::Icmp => TraceKind::Icmp,
            Via::Tcp => TraceKind::Tcp(self.port.unwrap_or(80)),
        };
        let timeout = Duration::try_from_secs_f64(self.wait).unwrap_or(Duration::from_secs(2));
        let (first, most, probes) = (self.first.max(1), self.max_hops, self.queries.clamp(1, 10));
        let mut tracer = Tracer::new(Trace { to, kind, first, most, probes, timeout });
        if !self.json {
            let numbers = [to.ip().to_string(), most.to_string()];
            talk.note(&talk.text("packet.traceroute.began", &[("to", &numbers[0]), ("most", &numbers[1])]));
        }
        let mut is_there = false;
        while let Some(hop) = tracer.hop().map_err(|error| network::ping_denied(talk, &error))? {
            is_there = hop.probes.iter().any(|probe| matches!(probe, Probe::Reached { .. }));
            self.show(talk, &hop, to.ip());
        }
        if !is_there && !self.json {
            talk.note(&talk.text("packet.traceroute.not_reached", &[("to", &to.ip().to_string())]));
        }
        Ok(u8::from(!is_there))
    }

    fn show(&self, talk: &mut Talk, hop: &Hop, to: IpAddr) {
        if self.json {
            let probes: Vec<Value> = hop.probes.iter().map(|probe| record(probe, to)).collect();
            return talk.say(&json!({"type": "hop", "ttl": hop.ttl, "probes": probes}).to_string());
        }
        let mut line = format!("{:>2}", hop.ttl);
        let mut before: Option<IpAddr> = None;
        for probe in &hop.probes {
            let (from, took) = match probe {
                Probe::Expired { from, took } => (Some(*from), Some(took)),
                Probe::Reached { took } => (Some(to), Some(took)),
                Probe::Unreachable { from, took, .. } => (Some(from.unwrap_or(to)), Some(took)),
                Probe::Silence => (None, None),
            };
            if let Some(from) = from.filter(|from| Some(*from) != before) {
                line.push_str(&format!("  {from}"));
                before = Some(from);
            }
            match took {
                Some(took) => line.push_str(&format!("  {:.3} ms", took.as_secs_f64() * 1000.0)),
                None => line.push_str("  *"),
            }
            if let Probe::Unreachable { icmp, .. } = probe {
                let why = network::icmp_name(talk, *icmp, to.is_ipv6());
                line.push_str(&format!(" {}", talk.tone(Tone::Bad, &why)));
            }
        }
        talk.say(&line);
    }
}

fn record(probe: &Probe, to: IpAddr) -> Value {
    let ms = |took: &Duration| took.as_secs_f64() * 1000.0;
    match probe {
        Probe::Expired { from, took } => json!({"type": "expired", "from": from.to_string(), "ms": ms(took)}),
        Probe::Reached { took } => json!({"type": "reached", "from": to.to_string(), "ms": ms(took)}),
        Probe::Unreachable { from, icmp, took } => json!({"type": "unreachable",
            "from": from.map(|from| from.to_string()), "icmp": [icmp.0, icmp.1], "ms": ms(took)}),
        Probe::Silence => json!({"type": "silence"}),
    }
}
