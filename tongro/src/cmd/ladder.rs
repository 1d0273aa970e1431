//! `tongro ladder`: a recorded run or any capture as a ladder: text, SVG, a page, or the JSON that the workbench draws.

use std::path::{Path, PathBuf};

use clap::Args;
use tongro_trace::ladder::{Builder, Ladder, SvgOptions, TextOptions, html, svg};
use tongro_trace::reading::{Need, Reading};
use tongro_trace::recording::Sighting;
use tongro_trace::run::Run;
use tongro_trace::show::{Summary, summary};
use tongro_wire::Packet;

use crate::input::Input;
use crate::protocols::Protocols;
use crate::sift;
use crate::talk::Talk;

/// Show a run or a capture as a ladder diagram
///
/// Of a capture only what one place saw is known, so frames arrive when they are sent. Examples:
///
///   tongro ladder RUN
///   tongro ladder trace.pcapng --stream 0 --frame 12
///   tongro ladder trace.pcapng -Y http --svg ladder.svg
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct LadderCommand {
    /// A run folder, a capture, or - for standard input
    run: PathBuf,
    /// The most lines
    #[arg(long, default_value_t = 200)]
    lines: usize,
    /// Columns
    #[arg(long, default_value_t = 100)]
    width: usize,
    /// Frames to draw around
    #[arg(long, value_name = "NUMBER")]
    frame: Vec<u32>,
    /// Only this stream: N or tcp:N, udp:N
    #[arg(long, value_name = "STREAM")]
    stream: Option<String>,
    /// Of a capture, only packets that pass this display filter
    #[arg(short = 'Y', long, value_name = "FILTER")]
    filter: Option<String>,
    /// Of a capture, only packets of this interface, counted from 0
    #[arg(short = 'i', long, value_name = "N")]
    interface: Option<u32>,
    #[command(flatten)]
    protocols: Protocols,
    /// Only ASCII characters
    #[arg(long)]
    ascii: bool,
    /// Write the drawing to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write a page with the drawing to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print the ladder model as JSON
    #[arg(long)]
    json: bool,
}

impl LadderCommand {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        self.draw(talk).unwrap_or_else(|code| code)
    }

    fn draw(self, talk: &mut Talk) -> Result<u8, u8> {
        let path = self.run.display().to_string();
        if path != "-" && !self.run.exists() {
            talk.error(&talk.text("cli.error.no_run", &[("path", &path)]), None);
            return Err(2);
        }
        let (ladder, code) = self.ladder(talk)?;
        if ladder.arrows.is_empty() {
            talk.note(&talk.text("reading.error.no_match", &[]));
            return Ok(code.max(1));
        }
        if let Some(no) = self.frame.iter().find(|no| ladder.arrows.iter().all(|arrow| arrow.no != **no)) {
            talk.error(&talk.text("reading.error.no_frame", &[("number", &no.to_string())]), None);
            return Err(2);
        }
        if self.json {
            talk.say(&serde_json::to_string(&ladder).unwrap_or_default());
            return Ok(code);
        }
        let options =
            SvgOptions { marked: self.frame.clone(), frames: self.near(&ladder), ..SvgOptions::default() };
        if let Some(file) = &self.svg {
            save(talk, file, &svg(&ladder, &options))?;
        }
        if let Some(file) = &self.html {
            save(talk, file, &html(&ladder, &options, &path, talk.lang.tag()))?;
        }
        if self.svg.is_none() && self.html.is_none() {
            let (lines, width) = (self.lines, self.width);
            let options = TextOptions { evidence: self.frame, lines, width, is_ascii: self.ascii };
            for line in tongro_trace::ladder::text(&ladder, &options).lines() {
                talk.say(line);
            }
        }
        Ok(code)
    }

    fn ladder(&self, talk: &mut Talk) -> Result<(Ladder, u8), u8> {
        let is_capture_of_run = self.filter.is_some() || self.interface.is_some();
        if self.run.is_dir() && !is_capture_of_run {
            return self.of_run(talk).map(|ladder| (ladder, 0));
        }
        self.of_capture(talk)
    }

    fn of_run(&self, talk: &mut Talk) -> Result<Ladder, u8> {
        let run = Run::open(&self.run).map_err(|error| {
            let path = self.run.display().to_string();
            let what = talk.text("cli.error.bad_run", &[("path", &path)]);
            talk.error(&format!("{what}: {error}"), Some(&talk.text("cli.error.bad_run_hint", &[])));
            2
        })?;
        let mut ladder = run.recording.ladder();
        if let Some(text) = &self.stream {
            // A run numbers its conversations over all transports.
            let number = text.rsplit(':').next().and_then(|number| number.parse::<u32>().ok());
            ladder.arrows.retain(|arrow| arrow.flow == number);
            ladder.states.retain(|span| span.flow.is_none() || span.flow == number);
            ladder.calls.retain(|call| call.flow.is_none() || call.flow == number);
        }
        Ok(ladder)
    }

    fn of_capture(&self, talk: &mut Talk) -> Result<(Ladder, u8), u8> {
        let tables = self.protocols.tables(talk)?;
        let of_stream = self.stream.as_deref().map(stream_filter);
        let of_filter = self.filter.as_deref().map(|text| format!("({text})"));
        let texts: Vec<String> = of_filter.into_iter().chain(of_stream).collect();
        if let Some(text) = &self.filter {
            sift::filter(text, &tables, talk)?;
        }
        let filter =
            if texts.is_empty() { None } else { Some(sift::filter(&texts.join(" && "), &tables, talk)?) };
        let need = sift::need(filter.as_ref(), &tables).with(Need {
            messages: true,
            streams: true,
            ..Need::headers()
        });
        let mut reading = Reading::with_tables(need, tables);
        let mut input = Input::open(&self.run, self.interface, talk)?;
        let mut seen = Sighting::default();
        let mut kept = Vec::new();
        let code = input.each(talk, |captured| {
            let packet = reading.packet(captured);
            if filter.as_ref().is_none_or(|filter| filter.matches(&packet)) {
                let number = packet.fields.iter().rev().find(|value| value.field.id == "frame.number");
                let number = number.and_then(|value| value.value.uint()).unwrap_or(0) as u32;
                kept.push((number, message(&packet)));
                seen.see(captured);
            }
            true
        });
        let mut ladder = seen.finish().feed(Builder::for_capture()).into_ladder();
        for (arrow, (_, message)) in ladder.arrows.iter_mut().zip(&kept) {
            if let Some(message) = message {
                arrow.label = format!("{} · {message}", arrow.label);
            }
        }
        let numbers: Vec<u32> = kept.iter().map(|(number, _)| *number).collect();
        rename(&mut ladder, &numbers);
        Ok((ladder, code))
    }

    /// The frames to draw: those around the ones that were named, or the first, as many as lines were asked for.
    fn near(&self, ladder: &Ladder) -> Vec<u32> {
        let named = self.frame.iter().filter_map(|no| ladder.arrows.iter().position(|arrow| arrow.no == *no));
        let mut anchors: Vec<usize> = named.collect();
        if anchors.is_empty() {
            anchors.push(0);
        }
        let mut order: Vec<usize> = (0..ladder.arrows.len()).collect();
        order.sort_by_key(|at| anchors.iter().map(|anchor| anchor.abs_diff(*at)).min());
        order.into_iter().take(self.lines).map(|at| ladder.arrows[at].no).collect()
    }
}

/// What the message that ends in a packet says, in short; bytes without a meaning say nothing.
fn message(packet: &Packet<'_>) -> Option<String> {
    const LONGEST: usize = 48;
    let carrier = packet.layers.iter().rposition(|layer| matches!(layer.protocol.name, "tcp" | "udp"))?;
    let is_quote = packet.layers[..carrier].iter().any(|layer| layer.protocol.name.starts_with("icmp"));
    let inner = packet.layers.get(carrier + 1).filter(|layer| !is_quote && layer.protocol.name != "data")?;
    let Summary { info, .. } = summary(packet);
    let info = if info.is_empty() { inner.protocol.title.to_owned() } else { info };
    if info.chars().count() <= LONGEST {
        return Some(info);
    }
    Some(info.chars().take(LONGEST).chain(['…']).collect())
}

/// Frames are numbered as the capture numbers them, not as those that were kept.
fn rename(ladder: &mut Ladder, kept: &[u32]) {
    let real = |no: u32| kept.get((no as usize).wrapping_sub(1)).copied().unwrap_or(no);
    let real_text = |text: &str| {
        let numbers: Option<Vec<u32>> = text.split(',').map(|number| number.parse().ok()).collect();
        numbers
            .map(|numbers| numbers.into_iter().map(|no| real(no).to_string()).collect::<Vec<_>>().join(","))
    };
    for arrow in &mut ladder.arrows {
        arrow.no = real(arrow.no);
        for finding in &mut arrow.findings {
            finding.evidence.iter_mut().for_each(|no| *no = real(*no));
            for (name, value) in &mut finding.params {
                let is_frame = ["first", "dups", "resent_in", "caused_by", "overtaken_by", "lost", "data"];
                if is_frame.contains(&name.as_str())
                    && let Some(renamed) = real_text(value)
                {
                    *value = renamed;
                }
            }
        }
    }
}

/// `3` and `tcp:3` as a filter.
fn stream_filter(text: &str) -> String {
    let (transport, number) = text.split_once(':').unwrap_or(("tcp", text));
    format!("{transport}.stream == {number}")
}

fn save(talk: &mut Talk, file: &Path, text: &str) -> Result<(), u8> {
    std::fs::write(file, text).map_err(|error| {
        let (path, why) = (file.display().to_string(), error.to_string());
        talk.error(&talk.text("reading.error.write", &[("path", &path), ("why", &why)]), None);
        2
    })
}
