//! `tongro capture`: frames of an interface, live: a line each, kept in files, filtered in the kernel where that can be.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tongro_live::{Capture as Live, CaptureOptions};
use tongro_sys::poll::Waker;
use tongro_trace::capture::{ByteOrder, pcapng};
use tongro_wire::dissect;
use tongro_wire::filter::Filter;

use crate::crafted::{Crafted, record};
use crate::structure::{point, told};
use crate::talk::Talk;
use crate::{network, summary};

/// Capture the frames of an interface
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tongro capture -i eth0 -Y 'tcp.port == 80'\n  \
    tongro capture -i lo -w run.pcapng -c 100\n  tongro capture -i any -w day.pcapng --ring 100M,10")]
pub(crate) struct Capture {
    /// The interface, `any` for all; without it the interfaces are listed
    #[arg(short, long, value_name = "IF")]
    interface: Option<String>,
    /// Write the frames to a pcapng file (`-` = standard output) instead of showing them
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Keep only what a display filter matches
    #[arg(short = 'Y', long, value_name = "FILTER")]
    filter: Option<String>,
    /// Stop after so many frames
    #[arg(short, long, value_name = "N")]
    count: Option<u64>,
    /// Stop after so many seconds
    #[arg(long, value_name = "SECONDS")]
    duration: Option<f64>,
    /// Write files of this size in turn, so many of them: `10M,5`
    #[arg(long, value_name = "SIZE,FILES", requires = "write")]
    ring: Option<String>,
    /// Show the frames while writing them, too
    #[arg(long)]
    print: bool,
    /// Size of the kernel's buffer
    #[arg(long, value_name = "SIZE", default_value = "32M")]
    buffer: String,
    /// Do not ask for frames that are for others
    #[arg(short = 'p', long)]
    no_promiscuous: bool,
    /// Print one JSON object per frame
    #[arg(long)]
    json: bool,
}

/// The files of a capture.
struct Output {
    path: PathBuf,
    /// Bytes of a file, and how many files.
    turn: Option<(u64, u64)>,
    link_type: u16,
    name: String,
    number: u64,
    written: u64,
    writer: pcapng::Writer<Box<dyn std::io::Write>>,
}

impl Capture {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        match self.go(talk) {
            Ok(()) => 0,
            Err(()) => 2,
        }
    }

    fn go(&self, talk: &mut Talk) -> Result<(), ()> {
        let Some(name) = &self.interface else {
            network::list(talk, self.json)?;
            talk.note(&talk.text("packet.capture.choose", &[]));
            return Ok(());
        };
        let filter = self.filter.as_deref().map(|text| filter(talk, text)).transpose()?;
        let turn = self.ring.as_deref().map(|text| turn(talk, text)).transpose()?;
        let buffer = size(talk, &self.buffer)?;
        let link = (name != "any").then_some(name.as_str());
        let options = CaptureOptions {
            link,
            filter: filter.as_ref(),
            buffer: usize::try_from(buffer).unwrap_or(usize::MAX),
            is_promiscuous: !self.no_promiscuous,
        };
        // Signals are taken over before another thread could get them.
        let stop = Stop::new()
            .map_err(|error| told(talk, "packet.live.other", &[("why", error.to_string())], None))?;
        let mut live = Live::open(&options).map_err(|error| network::told(talk, &error, link))?;
        let mut output = match &self.write {
            Some(path) => Some(Output::open(talk, path, turn, live.link_type().number(), name)?),
            None => None,
        };
        self.begin(talk, name, &live);
        self.collect(talk, &mut live, &mut output, &stop)
    }

    fn begin(&self, talk: &mut Talk, name: &str, live: &Live) {
        talk.note(&talk.text("packet.capture.began", &[("link", name)]));
        if self.filter.is_some() {
            let id = if live.has_prefilter() {
                "packet.capture.in_kernel"
            } else {
                "packet.capture.not_in_kernel"
            };
            talk.note(&talk.text(id, &[]));
        }
    }

    fn collect(
        &self,
        talk: &mut Talk,
        live: &mut Live,
        output: &mut Option<Output>,
        stop: &Stop,
    ) -> Result<(), ()> {
        const LOOK: Duration = Duration::from_millis(200);
        let is_shown = output.is_none() || self.print || self.json;
        let (link_type, began) = (live.link_type(), Instant::now());
        let limit = self.duration.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let (mut taken, mut first, mut failed) = (0u64, None, None);
        let most = self.count.unwrap_or(u64::MAX);
        while taken < most
            && !stop.is_set()
            && limit.is_none_or(|limit| began.elapsed() < limit)
            && failed.is_none()
        {
            let done = live.take(stop.fd(), LOOK, |frame| {
                taken += 1;
                let start = *first.get_or_insert(frame.at);
                if let Some(output) = output.as_mut()
                    && let Err(error) = output.frame(frame.at, frame.bytes, frame.wire_len)
                {
                    failed = Some(error);
                    return false;
                }
                if is_shown {
                    self.show(talk, taken as usize, (frame.at - start) as f64 / 1e9, link_type, frame.bytes);
                }
                taken < most
            });
            done.map_err(|error| network::told(talk, &error, self.interface.as_deref()))?;
            if !is_shown {
                progress(talk, live, taken);
            }
        }
        if let Some(output) = output.as_mut() {
            failed = failed.or(output.flush().err());
        }
        if let Some(error) = failed {
            let path = self.write.as_deref().unwrap_or(Path::new("-")).display().to_string();
            told(talk, "packet.no_write", &[("path", path), ("why", error.to_string())], None);
            return Err(());
        }
        self.end(talk, live, taken, began.elapsed());
        Ok(())
    }

    fn show(&self, talk: &mut Talk, number: usize, seconds: f64, link: tongro_wire::LinkType, bytes: &[u8]) {
        if self.json {
            let frame = Crafted { link, bytes: bytes.to_vec(), at: None, layers: None };
            let mut line = record(number, &frame);
            line["time"] = json!(seconds);
            return talk.say(&line.to_string());
        }
        summary::line(talk, number, Some(seconds), &dissect(link, bytes));
    }

    fn end(&self, talk: &mut Talk, live: &mut Live, taken: u64, took: Duration) {
        let (received, dropped) = live.counted().unwrap_or((0, 0));
        let seconds = took.as_secs_f64();
        if self.json {
            let line = json!({"type": "summary", "frames": taken, "received": received, "dropped": dropped,
                "seconds": seconds});
            return talk.say(&line.to_string());
        }
        let numbers = [taken.to_string(), received.to_string(), dropped.to_string(), format!("{seconds:.1}")];
        let params = [
            ("frames", numbers[0].as_str()),
            ("received", numbers[1].as_str()),
            ("dropped", numbers[2].as_str()),
            ("seconds", numbers[3].as_str()),
        ];
        talk.note(&talk.text("packet.capture.done", &params));
    }
}

fn progress(talk: &mut Talk, live: &mut Live, taken: u64) {
    let (_, dropped) = live.counted().unwrap_or((0, 0));
    let (taken, dropped) = (taken.to_string(), dropped.to_string());
    let params = [("frames", taken.as_str()), ("dropped", dropped.as_str())];
    let line = talk.text("packet.capture.progress", &params);
    talk.progress(&line);
}

/// Ctrl-C as something to wait for.
struct Stop {
    waker: Arc<Waker>,
    is_set: Arc<AtomicBool>,
}

impl Stop {
    fn new() -> tongro_sys::Result<Self> {
        let (waker, is_set) = (Arc::new(Waker::new()?), Arc::new(AtomicBool::new(false)));
        let (wakes, sets) = (Arc::clone(&waker), Arc::clone(&is_set));
        tongro_sys::process::on_interrupt(move || {
            sets.store(true, Ordering::Relaxed);
            wakes.wake();
        })?;
        Ok(Self { waker, is_set })
    }

    fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&*self.waker)
    }
}

impl Output {
    fn open(
        talk: &mut Talk,
        path: &Path,
        turn: Option<(u64, u64)>,
        link_type: u16,
        name: &str,
    ) -> Result<Self, ()> {
        let first = numbered(path, turn, 0);
        let writer = begun(&first, link_type, name).map_err(|error| {
            let params = [("path", first.display().to_string()), ("why", error.to_string())];
            told(talk, "packet.no_write", &params, None);
        })?;
        let (path, name) = (path.to_owned(), name.to_owned());
        Ok(Self { path, turn, link_type, name, number: 0, written: 0, writer })
    }

    fn frame(&mut self, at: i64, bytes: &[u8], wire_len: u32) -> std::io::Result<()> {
        if let Some((size, files)) = self.turn
            && self.written + bytes.len() as u64 > size
            && self.written > 0
        {
            self.number += 1;
            self.written = 0;
            let next =
                begun(&numbered(&self.path, self.turn, self.number % files), self.link_type, &self.name)?;
            std::mem::replace(&mut self.writer, next).finish()?;
        }
        self.written += bytes.len() as u64 + 32;
        self.writer.packet(0, at, bytes, wire_len, &[])
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let empty: Box<dyn std::io::Write> = Box::new(std::io::sink());
        let rest = pcapng::Writer::new(empty, ByteOrder::default(), "tongro")?;
        std::mem::replace(&mut self.writer, rest).finish().map(drop)
    }
}

fn begun(
    path: &Path,
    link_type: u16,
    name: &str,
) -> std::io::Result<pcapng::Writer<Box<dyn std::io::Write>>> {
    let write: Box<dyn std::io::Write> = if path.as_os_str() == "-" {
        Box::new(std::io::stdout())
    } else {
        Box::new(BufWriter::with_capacity(1 << 20, File::create(path)?))
    };
    let mut writer = pcapng::Writer::new(write, ByteOrder::default(), "tongro")?;
    let name = Some(name.to_owned());
    writer.interface(&pcapng::Interface {
        link_type,
        name,
        resolution: 9,
        ..pcapng::Interface::default()
    })?;
    Ok(writer)
}

/// `run.pcapng` becomes `run.0.pcapng`, `run.1.pcapng` … when files are written in turn.
fn numbered(path: &Path, turn: Option<(u64, u64)>, number: u64) -> PathBuf {
    if turn.is_none() {
        return path.to_owned();
    }
    let extension =
        path.extension().map_or_else(|| "pcapng".to_owned(), |end| end.to_string_lossy().into_owned());
    path.with_extension(format!("{number}.{extension}"))
}

fn filter(talk: &mut Talk, text: &str) -> Result<Filter, ()> {
    Filter::parse(text).map_err(|error| {
        point(talk, text, error.at);
        told(
            talk,
            "packet.capture.bad_filter",
            &[("why", error.to_string())],
            Some("packet.capture.bad_filter_hint"),
        );
    })
}

fn turn(talk: &mut Talk, text: &str) -> Result<(u64, u64), ()> {
    let (bytes, files) = text.split_once(',').unwrap_or((text, "2"));
    let bytes = size(talk, bytes)?;
    match files.trim().parse() {
        Ok(files) if files > 0 => Ok((bytes, files)),
        _ => {
            told(
                talk,
                "packet.capture.bad_ring",
                &[("ring", text.to_owned())],
                Some("packet.capture.bad_ring_hint"),
            );
            Err(())
        }
    }
}

/// `512K`, `32M`, `1G` or plain bytes.
fn size(talk: &mut Talk, text: &str) -> Result<u64, ()> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => Some(0),
        "K" | "KB" => Some(10),
        "M" | "MB" => Some(20),
        "G" | "GB" => Some(30),
        _ => None,
    };
    let bytes = digits.parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(1 << unit));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| {
        told(
            talk,
            "packet.capture.bad_size",
            &[("size", text.to_owned())],
            Some("packet.capture.bad_ring_hint"),
        );
    })
}
