//! Reads a capture and prints it: `read [--full|--json] FILE [FIELD …]`; what `cargo xtask bench packets` measures.
//!
//! Fields print as `tshark -T fields` prints them. No more is dissected than they need; `--full` dissects and analyses
//! everything all the same, `--json` prints every field with its byte range. The last line on standard error is the
//! process's own peak of memory.
#![allow(clippy::print_stdout, clippy::print_stderr)] // An example talks.

use std::fs::File;
use std::io::{BufWriter, Write};

use tongro_trace::capture::Reader;
use tongro_trace::reading::{Need, Reading};
use tongro_trace::show::{self, Columns};
use tongro_wire::Tables;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (modes, words): (Vec<_>, Vec<_>) = arguments.iter().partition(|word| word.starts_with("--"));
    let has = |mode: &str| modes.iter().any(|known| known.as_str() == mode);
    let (path, ids) = words.split_first().ok_or("read [--full|--json] FILE [FIELD …]")?;
    let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    let is_all = has("--full") || has("--json");
    let need = if is_all { Need::all() } else { Need::of_fields(&ids, Tables::built_in()) };
    let mut columns = Columns::new(&ids, Tables::built_in()).map_err(|id| format!("no field `{id}`"))?;
    let mut capture = Reader::new(File::open(path)?)?;
    let mut reading = Reading::new(need);
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut text = String::new();
    while let Some(captured) = capture.next_packet()? {
        let packet = reading.packet(&captured);
        text.clear();
        if has("--json") {
            show::json(&packet, &mut text);
            text.push('\n');
        } else {
            columns.write(&packet, &mut text);
        }
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    eprintln!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    Ok(())
}
