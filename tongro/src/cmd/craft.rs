//! `tongro craft`: packets from Scapy's notation, hex or a capture; shown, written, sent, or asked with.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tongro_live::{Addresses, Answer, Ask, Asker, LiveError, Sender};
use tongro_wire::{LinkType, craft, dissect, export, hex};

use crate::crafted::{self, Crafted, Edits};
use crate::network;
use crate::summary;
use crate::talk::{Talk, Tone};

const EXAMPLES: &str = r#"EXPR is Scapy's notation, hex, FILE or FILE#N of a capture (FILE#3-7), or `-` for standard input.

Examples:
  tongro craft 'Ether()/IP(dst="10.0.0.2")/TCP(dport=80,flags="S")/"hello"'
  tongro craft 'IP(dst="10.0.0.0/30", ttl=(1,3))/ICMP()' -w pings.pcapng
  tongro craft 'IP(dst="127.0.0.1")/TCP(dport=[22,80,443])' --ask auto
  tongro craft 'IP(dst="10.0.0.2")/fuzz(UDP(dport=53)/DNS())' --count 100 --seed 7 --send auto
  tongro craft trace.pcapng#12 --set ip.ttl=3 --set tcp.dstport=81 --tree
  tongro craft trace.pcapng --send eth0 --timing"#;

/// Make packets from Scapy's notation, hex or a capture; show, write, send them, or ask with them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Craft {
    /// What to make
    expression: String,
    /// Write the packets to a pcapng file (`-` = standard output)
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Show bare hex, one line a packet
    #[arg(long, group = "form")]
    hex: bool,
    /// Show every layer and field
    #[arg(long, group = "form")]
    tree: bool,
    /// Show Scapy's Python
    #[arg(long, group = "form")]
    python: bool,
    /// Show Python that packs the headers with struct
    #[arg(long = "struct", group = "form")]
    structs: bool,
    /// Show a C array
    #[arg(long = "c", group = "form")]
    c: bool,
    /// Print one JSON object per packet or answer
    #[arg(long, group = "form")]
    json: bool,
    /// Change a field, `ip.ttl=3`; lengths and checksums follow
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// With --set: leave the other lengths and checksums of a captured packet as they are
    #[arg(long, requires = "set")]
    keep: bool,
    /// What hex begins with: ether or ip (default: guessed)
    #[arg(long, value_name = "LINK")]
    link: Option<String>,
    /// The seed of fuzz()
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many packets; more than the expression stands for begin it again
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Send the packets out of an interface; `auto` = the one that leads to their destination
    #[arg(long, value_name = "IF", conflicts_with = "ask")]
    send: Option<String>,
    /// Send the packets and wait for their answers
    #[arg(long, value_name = "IF")]
    ask: Option<String>,
    /// With --ask: seconds to wait for an answer
    #[arg(long, default_value_t = 2.0)]
    timeout: f64,
    /// With --ask: how often to send again what nobody answered
    #[arg(long, default_value_t = 2)]
    retries: u32,
    /// With --send: keep the times between the packets of a capture
    #[arg(long, requires = "send")]
    timing: bool,
    /// With --timing: so many times as fast
    #[arg(long, default_value_t = 1.0, requires = "timing")]
    speed: f64,
    /// With --send: milliseconds between packets
    #[arg(long, value_name = "MS", requires = "send", conflicts_with = "timing")]
    interval: Option<f64>,
}

impl Craft {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        self.go(talk).unwrap_or(2)
    }

    fn go(&self, talk: &mut Talk) -> Result<u8, ()> {
        let edits = Edits { set: &self.set, is_kept: self.keep, link: self.link.as_deref() };
        let mut packets = crafted::read(talk, &self.expression, &edits, self.seed, self.count)?;
        let target = self.send.as_deref().or(self.ask.as_deref());
        let link = target.filter(|name| *name != "auto");
        if target.is_some() {
            let mut addresses = Addresses::new(link);
            for packet in &mut packets {
                filled(packet, &mut addresses).map_err(|error| network::told(talk, &error, link))?;
            }
        }
        if let Some(path) = &self.write {
            crafted::write(talk, path, &packets)?;
        }
        if self.ask.is_some() {
            return self.ask(talk, &packets, link);
        }
        if self.send.is_some() {
            self.send(talk, &packets, link)?;
            return Ok(0);
        }
        let is_quiet = self.write.is_some() && !self.has_form();
        if !is_quiet {
            self.show(talk, &packets);
        }
        Ok(0)
    }

    fn has_form(&self) -> bool {
        self.hex || self.tree || self.python || self.structs || self.c || self.json
    }

    fn show(&self, talk: &mut Talk, packets: &[Crafted]) {
        if self.python {
            return python(talk, packets);
        }
        let is_many = packets.len() > 1;
        for (index, crafted) in packets.iter().enumerate() {
            let packet = dissect(crafted.link, &crafted.bytes);
            if self.hex {
                talk.say(&hex::print(&crafted.bytes));
            } else if self.json {
                talk.say(&crafted::record(index + 1, crafted).to_string());
            } else if self.structs || self.c {
                if is_many {
                    let number = index + 1;
                    talk.say(&if self.c { format!("/* {number} */") } else { format!("# {number}") });
                }
                let source = if self.c { export::c_array(&packet) } else { export::python_struct(&packet) };
                source.lines().for_each(|line| talk.say(line));
            } else if self.tree {
                summary::line(talk, index + 1, None, &packet);
                summary::tree(talk, &packet);
            } else {
                summary::line(talk, index + 1, None, &packet);
                hex::dump(&crafted.bytes).lines().for_each(|line| talk.say(line));
            }
        }
    }

    fn send(&self, talk: &mut Talk, packets: &[Crafted], link: Option<&str>) -> Result<(), ()> {
        let mut sender = Sender::new(link);
        let (began, mut bytes, mut corrected) = (Instant::now(), 0, false);
        let first = packets.first().and_then(|packet| packet.at).unwrap_or(0);
        for (index, packet) in packets.iter().enumerate() {
            if let Some(due) = self.due(index, packet.at.map(|at| at - first)) {
                std::thread::sleep(due.saturating_sub(began.elapsed()));
            }
            let sent = sender.send(packet.link, &packet.bytes);
            let sent = sent.map_err(|error| network::told(talk, &error, link))?;
            corrected |= sent == tongro_live::Target::Corrected;
            bytes += packet.bytes.len();
        }
        let seconds = began.elapsed().as_secs_f64();
        if corrected {
            talk.note(&talk.text("packet.send.corrected", &[]));
        }
        if self.json {
            let line = json!({"type": "sent", "packets": packets.len(), "bytes": bytes, "seconds": seconds});
            talk.say(&line.to_string());
            return Ok(());
        }
        let numbers = [packets.len().to_string(), bytes.to_string(), format!("{seconds:.3}")];
        let params = [
            ("packets", numbers[0].as_str()),
            ("bytes", numbers[1].as_str()),
            ("seconds", numbers[2].as_str()),
        ];
        talk.say(&talk.text("packet.send.done", &params));
        Ok(())
    }

    /// When a packet is to leave, from the first one on; none = at once.
    fn due(&self, index: usize, since: Option<i64>) -> Option<Duration> {
        if let Some(interval) = self.interval {
            return Duration::try_from_secs_f64(interval / 1000.0 * index as f64).ok();
        }
        let since = since.filter(|since| self.timing && *since > 0)?;
        Duration::try_from_secs_f64(since as f64 / 1e9 / self.speed.max(1e-6)).ok()
    }

    fn ask(&self, talk: &mut Talk, packets: &[Crafted], link: Option<&str>) -> Result<u8, ()> {
        let Some(link_type) = packets.first().map(|packet| packet.link) else { return Ok(0) };
        let mut asker = Asker::open(link).map_err(|error| network::told(talk, &error, link))?;
        let requests: Vec<Vec<u8>> = packets.iter().map(|packet| packet.bytes.clone()).collect();
        let timeout = Duration::try_from_secs_f64(self.timeout).unwrap_or(Duration::from_secs(2));
        let how = Ask { timeout, retries: self.retries };
        let mut silent: Vec<bool> = vec![true; packets.len()];
        let result = asker.ask(link_type, &requests, how, |answer| {
            silent[answer.request] = false;
            self.answered(talk, &answer, &packets[answer.request]);
        });
        let answered = result.map_err(|error| network::told(talk, &error, link))?;
        for (index, _) in silent.iter().enumerate().filter(|(_, is_silent)| **is_silent) {
            self.unanswered(talk, index, &packets[index]);
        }
        if asker.is_corrected() {
            talk.note(&talk.text("packet.send.corrected", &[]));
        }
        if asker.is_unheld() {
            talk.note(&talk.text("packet.ask.unheld", &[]));
        }
        let numbers = [answered.to_string(), packets.len().to_string()];
        let params = [("answered", numbers[0].as_str()), ("asked", numbers[1].as_str())];
        talk.note(&talk.text("packet.ask.done", &params));
        Ok(u8::from(answered < packets.len()))
    }

    fn answered(&self, talk: &mut Talk, answer: &Answer, asked: &Crafted) {
        let number = answer.request + 1;
        if self.json {
            let reply =
                Crafted { link: answer.link_type, bytes: answer.bytes.clone(), at: None, layers: None };
            let line = json!({"type": "answer", "request": number, "seconds": answer.took.as_secs_f64(),
                "tries": answer.tries, "sent": crafted::record(number, asked),
                "answer": crafted::record(number, &reply)});
            return talk.say(&line.to_string());
        }
        let packet = dissect(answer.link_type, &answer.bytes);
        if self.hex {
            return talk.say(&hex::print(&answer.bytes));
        }
        summary::line(talk, number, None, &dissect(asked.link, &asked.bytes));
        let took = format!("{:.3} ms", answer.took.as_secs_f64() * 1000.0);
        let line = format!("  ← {} {}", summary::text(&packet), talk.tone(Tone::Quiet, &took));
        talk.say(&line);
        if self.tree {
            summary::tree(talk, &packet);
        }
        if self.python {
            talk.say(&format!("answer = {}", export::scapy(&packet)));
        }
    }

    fn unanswered(&self, talk: &mut Talk, index: usize, asked: &Crafted) {
        if self.json {
            let line =
                json!({"type": "silence", "request": index + 1, "sent": crafted::record(index + 1, asked)});
            return talk.say(&line.to_string());
        }
        if !self.hex {
            summary::line(talk, index + 1, None, &dissect(asked.link, &asked.bytes));
            let silence = talk.text("packet.ask.silence", &[]);
            let line = format!("  ✕ {}", talk.tone(Tone::Bad, &silence));
            talk.say(&line);
        }
    }
}

/// Fills in what is known only where a packet is sent.
fn filled(packet: &mut Crafted, addresses: &mut Addresses) -> Result<(), LiveError> {
    let Some(layers) = &mut packet.layers else { return Ok(()) };
    if !matches!(packet.link, LinkType::Ethernet | LinkType::RawIp) {
        return Ok(());
    }
    addresses.complete(layers)?;
    packet.bytes = craft(layers);
    Ok(())
}

fn python(talk: &mut Talk, packets: &[Crafted]) {
    talk.say("from scapy.all import *");
    talk.say("");
    let text = |crafted: &Crafted| export::scapy(&dissect(crafted.link, &crafted.bytes));
    if let [one] = packets {
        return talk.say(&format!("packet = {}", text(one)));
    }
    talk.say("packets = [");
    packets.iter().for_each(|packet| talk.say(&format!("    {},", text(packet))));
    talk.say("]");
}
