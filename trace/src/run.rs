//! The run folder: one execution and its record, the unit of truth and of sharing.
//!
//! ```text
//! run.toml       case, seed, fault script, versions
//! events.jsonl   one event a line, in order of id
//! trace.pcapng   every frame at its sender and at its receiver, with its fate as a comment
//! stdout stderr  what the programs wrote
//! verdict.json   what the judge said
//! ```
//! A finished [`Recording`] goes in; `ladder`, `check replay` and the workbench open the folder again. Wireshark opens
//! the capture.

mod frames;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::capture;
use crate::event::{Event, Stream, What};
use crate::recording::Recording;

/// The version of the folder's layout.
const LAYOUT: u32 = 1;

/// `run.toml`: what is needed to do the run again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The case that was run.
    #[serde(default)]
    pub case: String,
    /// The seed, in the notation of the one who chose it.
    #[serde(default)]
    pub seed: String,
    /// Nanoseconds since 1970 (UTC) when the run's clock stood at 0; 0 = not known.
    #[serde(default)]
    pub began_at: i64,
    /// The fault script, in its own notation.
    #[serde(default)]
    pub script: String,
    /// Versions of what took part: `tongro`, `kernel` ….
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
}

/// The whole of `run.toml`.
#[derive(Serialize, Deserialize)]
struct AboutFile {
    layout: u32,
    #[serde(flatten)]
    about: About,
}

/// A run: its record and what is said about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// How it was made.
    pub about: About,
    /// What happened.
    pub recording: Recording,
    /// The judge's JSON, byte for byte.
    pub verdict: Option<String>,
}

/// Why a run folder could not be written or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the folder could not be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `run.toml` is not one.
    #[error("`{}`: {source}", path.display())]
    About {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: Box<toml::de::Error>,
    },
    /// The folder was written by a later version.
    #[error("the run folder has layout {0}, this program knows up to {LAYOUT}")]
    Layout(u32),
    /// A line of the event log is no event.
    #[error("`{}` line {line}: {source}", path.display())]
    Event {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The capture cannot be read.
    #[error("`{}`: {source}", path.display())]
    Capture {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: capture::Error,
    },
    /// The capture lacks a frame that the event log has.
    #[error("frame #{0} is in the event log but not in the capture")]
    Frame(u32),
}

impl Run {
    /// Writes the folder, making it where it is missing and replacing the run that was in it.
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })?;
        let about = AboutFile { layout: LAYOUT, about: self.about.clone() };
        let about = toml::to_string(&about).map_err(io::Error::other);
        write(folder, "run.toml", |out| out.write_all(about?.as_bytes()))?;
        write(folder, "events.jsonl", |out| self.write_events(out))?;
        write(folder, "trace.pcapng", |out| frames::write(&self.recording, self.about.began_at, out))?;
        write(folder, "stdout", |out| self.write_output(Stream::Stdout, out))?;
        write(folder, "stderr", |out| self.write_output(Stream::Stderr, out))?;
        match &self.verdict {
            Some(verdict) => write(folder, "verdict.json", |out| out.write_all(verdict.as_bytes())),
            None => remove(&folder.join("verdict.json")),
        }
    }

    /// Opens a folder that was saved.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("run.toml");
        let text = read(&path)?;
        let file: AboutFile =
            toml::from_str(&text).map_err(|source| Error::About { path, source: Box::new(source) })?;
        if file.layout > LAYOUT {
            return Err(Error::Layout(file.layout));
        }
        let events = read_events(folder.join("events.jsonl"))?;
        let frames = read_frames(folder.join("trace.pcapng"), &events)?;
        let path = folder.join("verdict.json");
        let verdict = if path.exists() { Some(read(&path)?) } else { None };
        Ok(Self { about: file.about, recording: Recording { events, frames }, verdict })
    }

    fn write_events(&self, out: &mut impl Write) -> io::Result<()> {
        for event in &self.recording.events {
            serde_json::to_writer(&mut *out, event)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn write_output(&self, stream: Stream, out: &mut impl Write) -> io::Result<()> {
        for event in &self.recording.events {
            if let What::Output(line) = &event.what
                && line.stream == stream
            {
                writeln!(out, "{}", line.text)?;
            }
        }
        Ok(())
    }
}

/// The capture of a recording, as `trace.pcapng` of its folder has it.
///
/// # Errors
/// Frames too long for the format.
pub fn capture(recording: &Recording, began_at: i64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    frames::write(recording, began_at, &mut bytes)?;
    Ok(bytes)
}

fn read_events(path: PathBuf) -> Result<Vec<Event>, Error> {
    let file = match File::open(&path) {
        Ok(file) => BufReader::new(file),
        Err(source) => return Err(Error::Io { path, source }),
    };
    let mut events = Vec::new();
    for (line, text) in (1..).zip(file.lines()) {
        let text = text.map_err(|source| Error::Io { path: path.clone(), source })?;
        let event = serde_json::from_str(&text).map_err(|source| Error::Event {
            path: path.clone(),
            line,
            source,
        })?;
        events.push(event);
    }
    Ok(events)
}

fn read_frames(path: PathBuf, events: &[Event]) -> Result<Vec<Vec<u8>>, Error> {
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(source) => return Err(Error::Io { path, source }),
    };
    let mut frames = frames::read(file).map_err(|source| Error::Capture { path, source })?;
    let sent = events.iter().filter_map(|event| match &event.what {
        What::Sent(sent) => Some(sent.frame),
        _ => None,
    });
    let ordered = sent.map(|no| frames.remove(&no).ok_or(Error::Frame(no)).map(|bytes| (no, bytes)));
    let mut all = Vec::new();
    for frame in ordered {
        let (no, bytes) = frame?;
        let at = (no as usize).saturating_sub(1);
        if all.len() <= at {
            all.resize(at + 1, Vec::new());
        }
        all[at] = bytes;
    }
    Ok(all)
}

fn write(
    folder: &Path,
    name: &str,
    body: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Error> {
    let path = folder.join(name);
    let whole = || {
        let mut out = BufWriter::with_capacity(1 << 16, File::create(&path)?);
        body(&mut out)?;
        out.flush()
    };
    whole().map_err(|source| Error::Io { path: path.clone(), source })
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Io { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
