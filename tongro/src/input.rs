//! Captures as commands take them: a file, a run folder, or `-` for standard input; packed or not.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tongro_trace::capture::{self, Error, Reader, unpacked};

use crate::talk::Talk;

/// An opened capture.
pub(crate) struct Input {
    reader: Reader<Box<dyn Read>>,
    /// Only what this interface saw.
    interface: Option<u32>,
    name: String,
    count: u64,
}

impl Input {
    /// Opens what `path` names. Of a run folder, what the client's host saw, unless another interface is asked for.
    ///
    /// # Errors
    /// The exit code, once the reason was told.
    pub(crate) fn open(path: &Path, interface: Option<u32>, talk: &mut Talk) -> Result<Self, u8> {
        let name = path.display().to_string();
        let is_run = path.is_dir();
        let file = if is_run { path.join("trace.pcapng") } else { path.to_owned() };
        let read: io::Result<Box<dyn Read>> = if name == "-" {
            Ok(Box::new(io::stdin()))
        } else {
            File::open(&file).map(|file| Box::new(file) as Box<dyn Read>)
        };
        let read = read.and_then(unpacked).map_err(|error| {
            talk.error(
                &talk.text("reading.error.open", &[("path", &name), ("why", &error.to_string())]),
                None,
            );
            2
        })?;
        let interface = interface.or_else(|| is_run.then_some(0));
        match Reader::new(read) {
            Ok(reader) => Ok(Self { reader, interface, name, count: 0 }),
            Err(error) => {
                tell(talk, &name, 0, &error);
                Err(2)
            }
        }
    }

    /// Gives every packet to `each`, which may stop by answering `false`. Yields the exit code: 2 when the capture
    /// breaks off, which is told.
    pub(crate) fn each(&mut self, talk: &mut Talk, mut each: impl FnMut(&capture::Packet<'_>) -> bool) -> u8 {
        loop {
            match self.reader.next_packet() {
                Ok(Some(packet)) if self.interface.is_none_or(|wanted| wanted == packet.interface) => {
                    self.count += 1;
                    if !each(&packet) {
                        return 0;
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => return 0,
                Err(error) => {
                    tell(talk, &self.name, self.count, &error);
                    return 2;
                }
            }
        }
    }
}

/// Says why a capture cannot be read on.
fn tell(talk: &mut Talk, path: &str, count: u64, error: &Error) {
    let count = count.to_string();
    let (what, hint) = match error {
        Error::NotACapture { .. } => (
            talk.text("reading.error.not_a_capture", &[("path", path)]),
            Some(talk.text("reading.error.not_a_capture_hint", &[])),
        ),
        Error::CutShort { offset, wanted, .. } => {
            let (offset, wanted) = (offset.to_string(), wanted.to_string());
            let params = [("path", path), ("count", &count), ("offset", &offset), ("wanted", &wanted)];
            (talk.text("reading.error.cut_short", &params), None)
        }
        Error::Broken { begins, .. } => {
            let (offset, why) = (begins.to_string(), error.to_string());
            let params = [("path", path), ("count", &count), ("offset", &offset), ("why", &why)];
            (talk.text("reading.error.broken", &params), None)
        }
        Error::Io { offset, source } => {
            let (offset, why) = (offset.to_string(), source.to_string());
            (talk.text("reading.error.io", &[("path", path), ("offset", &offset), ("why", &why)]), None)
        }
    };
    talk.error(&what, hint.as_deref());
}
