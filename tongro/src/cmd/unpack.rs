//! `tongro unpack`: bytes into values by a format of Python's `struct`.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use tongro_wire::hex;
use tongro_wire::structs::Format;

use crate::structure::{self, Shown, View};
use crate::talk::Talk;

/// Unpack bytes into values with a format of Python's struct
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tongro unpack '!HI' 2328 00000001\n  tongro unpack '<I' --raw < file.bin --repeat\n  \
    tongro unpack '!BBH' --offset 14 --file frame.bin"
)]
pub(crate) struct Unpack {
    /// The format: byte order `@=<>!`, then codes with counts
    format: String,
    /// The bytes as hex (blanks, colons, `0x`, a hex dump and `b'…'` are understood); none or `-` = standard input
    hex: Vec<String>,
    /// Read the bytes from a file as they are
    #[arg(long, value_name = "FILE", conflicts_with = "hex")]
    file: Option<PathBuf>,
    /// Standard input holds the bytes themselves, not hex
    #[arg(long, conflicts_with = "hex")]
    raw: bool,
    /// Begin at this byte, and leave what follows the structure
    #[arg(long, value_name = "N")]
    offset: Option<usize>,
    /// Unpack one structure after another
    #[arg(long)]
    repeat: bool,
    /// Draw the bytes with their values, padding and byte order
    #[arg(long)]
    diagram: bool,
    /// Write the drawing as SVG
    #[arg(long, value_name = "FILE", conflicts_with = "repeat")]
    svg: Option<PathBuf>,
    /// Print one JSON object per structure
    #[arg(long)]
    json: bool,
}

impl Unpack {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        match self.go(talk) {
            Ok(()) => 0,
            Err(()) => 2,
        }
    }

    fn go(self, talk: &mut Talk) -> Result<(), ()> {
        let format = structure::format(talk, &self.format)?;
        let bytes = self.bytes(talk)?;
        let view = View { diagram: self.diagram, svg: self.svg.as_deref(), json: self.json };
        for piece in self.pieces(talk, &format, &bytes)? {
            let values = format.unpack(piece).map_err(|error| {
                let params = [("wanted", error.wanted.to_string()), ("given", error.given.to_string())];
                structure::told(talk, "packet.unpack.length", &params, Some("packet.unpack.length_hint"));
            })?;
            let shown = Shown { text: &self.format, format: &format, bytes: piece, values: &values };
            structure::show_unpacked(talk, &shown, &view)?;
        }
        Ok(())
    }

    fn bytes(&self, talk: &mut Talk) -> Result<Vec<u8>, ()> {
        let bad_file = |talk: &mut Talk, path: &str, error: std::io::Error| {
            talk.error(
                &talk.text("cli.error.bad_file", &[("path", path), ("why", &error.to_string())]),
                None,
            );
        };
        if let Some(path) = &self.file {
            return std::fs::read(path).map_err(|error| bad_file(talk, &path.display().to_string(), error));
        }
        let mut bytes = self.hex.join(" ").into_bytes();
        if self.hex.is_empty() || self.hex == ["-"] {
            bytes.clear();
            std::io::stdin().read_to_end(&mut bytes).map_err(|error| bad_file(talk, "-", error))?;
        }
        if self.raw {
            return Ok(bytes);
        }
        hex::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| structure::bad_hex(talk, &error))
    }

    /// The bytes of each structure.
    fn pieces<'b>(&self, talk: &mut Talk, format: &Format, bytes: &'b [u8]) -> Result<Vec<&'b [u8]>, ()> {
        let size = format.size();
        let from = self.offset.unwrap_or(0);
        let rest = bytes.get(from..).unwrap_or_default();
        if self.repeat && size > 0 && (rest.len().is_multiple_of(size) || self.offset.is_some()) {
            return Ok(rest.chunks_exact(size).collect());
        }
        if self.repeat {
            let params = [("size", size.to_string()), ("given", rest.len().to_string())];
            structure::told(talk, "packet.unpack.repeat", &params, Some("packet.unpack.repeat_hint"));
            return Err(());
        }
        let piece = if self.offset.is_some() { rest.get(..size).unwrap_or(rest) } else { rest };
        Ok(vec![piece])
    }
}
