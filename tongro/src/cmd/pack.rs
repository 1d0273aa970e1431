//! `tongro pack`: values into bytes by a format of Python's `struct`, as hex, drawn, or beside another format.

use std::io::{Read, Write};
use std::path::PathBuf;

use clap::Args;
use tongro_wire::structs::{Datum, Format};

use crate::structure::{self, Shown, View};
use crate::talk::Talk;

/// Pack values into bytes with a format of Python's struct
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tongro pack '!HI' 9000 1\n  tongro pack '@bi3s' -1 0x10 abc --diagram\n  \
    tongro pack '@bHI' 1 2 3 --compare '<bHI'\n  tongro pack --raw '<I4s' 7 'b\"ab\\\\x00c\"' | xxd"
)]
pub(crate) struct Pack {
    /// The format: byte order `@=<>!`, then codes with counts: `x c b B ? h H i I l L q Q n N e f d s p P`
    format: String,
    /// The values: numbers (`7`, `-0x1f`, `1.5`, `True`), text, `b'bytes\x00'`; `-` reads them from standard input
    #[arg(allow_negative_numbers = true)]
    values: Vec<String>,
    /// Draw the bytes with their values, padding and byte order
    #[arg(long)]
    diagram: bool,
    /// Write the drawing as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Show the same values in another format side by side
    #[arg(long, value_name = "FORMAT")]
    compare: Option<String>,
    /// Write the bytes themselves instead of hex
    #[arg(long, conflicts_with_all = ["json", "diagram", "compare"])]
    raw: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Pack {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        match self.go(talk) {
            Ok(()) => 0,
            Err(()) => 2,
        }
    }

    fn go(self, talk: &mut Talk) -> Result<(), ()> {
        let format = structure::format(talk, &self.format)?;
        let texts = self.texts(talk)?;
        let (values, bytes) = packed(talk, &format, &self.format, &texts)?;
        if self.raw {
            // A reader that is gone (`| head`) is no error of ours.
            let _ = std::io::stdout().write_all(&bytes);
            return Ok(());
        }
        let view = View { diagram: self.diagram, svg: self.svg.as_deref(), json: self.json };
        let shown = Shown { text: &self.format, format: &format, bytes: &bytes, values: &values };
        let Some(other) = &self.compare else { return structure::show_packed(talk, &shown, &view) };
        let second = structure::format(talk, other)?;
        let (other_values, other_bytes) = packed(talk, &second, other, &texts)?;
        let other = Shown { text: other, format: &second, bytes: &other_bytes, values: &other_values };
        structure::compare(talk, &shown, &other, &view)
    }

    /// The values' texts: arguments, or for a single `-` the lines of standard input.
    fn texts(&self, talk: &mut Talk) -> Result<Vec<String>, ()> {
        if self.values != ["-"] {
            return Ok(self.values.clone());
        }
        let mut text = String::new();
        if let Err(error) = std::io::stdin().read_to_string(&mut text) {
            talk.error(&talk.text("cli.error.bad_file", &[("path", "-"), ("why", &error.to_string())]), None);
            return Err(());
        }
        Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }
}

fn packed(
    talk: &mut Talk,
    format: &Format,
    text: &str,
    texts: &[String],
) -> Result<(Vec<Datum>, Vec<u8>), ()> {
    let values = format.parse_values(texts).map_err(|error| structure::bad_literal(talk, &error))?;
    let bytes = format.pack(&values).map_err(|error| structure::bad_values(talk, text, format, &error))?;
    Ok((values, bytes))
}
