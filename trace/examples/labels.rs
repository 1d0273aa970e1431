//! Prints the TCP analysis of a capture, one line a frame, as `tshark -T fields` would: `labels FILE FIELD …`.
#![allow(clippy::print_stdout)] // An example talks.

use std::collections::HashMap;
use std::fs::File;

use tongro_trace::analysis::{Connections, Seen};
use tongro_trace::capture::Reader;
use tongro_wire::view;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("labels FILE FIELD …")?;
    let ids: Vec<String> = arguments.collect();
    let mut reader = Reader::new(File::open(path)?)?;
    let mut connections = Connections::default();
    let mut no = 0;
    while let Some(packet) = reader.next_packet()? {
        no += 1;
        let mut values = HashMap::new();
        let look = view::ethernet(packet.bytes);
        if let Some((ip, tcp)) = look.as_ref().and_then(view::View::tcp) {
            let seen = Seen {
                no,
                at: packet.at,
                src: (ip.src, tcp.src_port),
                dst: (ip.dst, tcp.dst_port),
                seq: tcp.seq,
                ack: tcp.ack,
                flags: tcp.flags,
                window: tcp.window,
                len: tcp.payload.len() as u32,
                options: &packet.bytes[tcp.options.clone()],
            };
            let found = connections.observe(&seen);
            values.insert("tcp.stream", found.stream.to_string());
            values.insert("tcp.window_size", found.window.to_string());
            found.fields(|(field, value)| {
                values.insert(field.id, field.print(&value));
            });
        }
        let line: Vec<_> = ids.iter().map(|id| values.get(id.as_str()).map_or("", String::as_str)).collect();
        println!("{no}\t{}", line.join("\t"));
    }
    Ok(())
}
