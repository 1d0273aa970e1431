//! Reads a capture and prints fields as `tshark -T fields` would: `read FILE FIELD …`; what speed is measured on.
#![allow(clippy::print_stdout)] // An example talks.

use std::fs::File;
use std::io::{BufWriter, Write};

use tongro_trace::capture::Reader;
use tongro_trace::reading::{Need, Reading};
use tongro_wire::Tables;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mode, arguments) = match arguments.split_first() {
        Some((mode, rest)) if mode.starts_with("--") => (mode.as_str(), rest),
        _ => ("", arguments.as_slice()),
    };
    let (path, ids) = arguments.split_first().ok_or("read [--full] FILE FIELD …")?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let rows: Vec<_> = ids.iter().map(|id| tongro_wire::rows_of(id)).collect();
    let need = if mode == "--full" { Need::all() } else { Need::of_fields(&ids, Tables::built_in()) };
    let mut capture = Reader::new(File::open(path)?)?;
    let mut reading = Reading::new(need);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut line = String::new();
    while let Some(captured) = capture.next_packet()? {
        let packet = reading.packet(&captured);
        line.clear();
        for (index, rows) in rows.iter().enumerate() {
            if index > 0 {
                line.push('\t');
            }
            for (nth, value) in packet.values_of(rows).enumerate() {
                if nth > 0 {
                    line.push(',');
                }
                value.print_to(&mut line)?;
            }
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}
