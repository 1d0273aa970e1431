//! `tongro follow`: what the two ends of a stream said to each other, in order.

use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;
use tongro_trace::flow::Protocol as Transport;
use tongro_trace::reading::{Follow, Need, Reading};
use tongro_trace::stream::Piece;
use tongro_wire::Packet;
use tongro_wire::table::http::unchunked;

use crate::input::Input;
use crate::protocols::Protocols;
use crate::talk::{Talk, Tone};

/// Follow a conversation
///
/// STREAM is the number of a TCP stream, or tcp:N, udp:N; `tongro stats` lists them. Examples:
///
///   tongro follow trace.pcapng 0
///   tongro follow trace.pcapng udp:3 -T hex
///   tongro follow trace.pcapng 2 -T http --save bodies
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct FollowCommand {
    /// A capture, a run folder, or - for standard input
    file: PathBuf,
    /// The stream
    stream: String,
    /// What to print
    #[arg(short = 'T', long, value_enum, value_name = "FORMAT", default_value_t = Form::Ascii)]
    format: Form,
    /// Only what this end said: 0 the one that spoke first, 1 the other
    #[arg(long, value_name = "END")]
    side: Option<usize>,
    #[command(flatten)]
    protocols: Protocols,
    /// Save the bodies of HTTP messages in this folder
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Only packets of this interface, counted from 0
    #[arg(short = 'i', long, value_name = "N")]
    interface: Option<u32>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// How the bytes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// As text, what is none as dots
    Ascii,
    /// Sixteen bytes a line
    Hex,
    /// The bytes themselves
    Raw,
    /// One JSON object for each piece
    Json,
    /// HTTP messages: their heads and bodies, decoded
    Http,
}

impl FollowCommand {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let Some((transport, number)) = stream(&self.stream) else {
            let hint = talk.text("reading.error.bad_stream_hint", &[]);
            talk.error(&talk.text("reading.error.bad_stream", &[("text", &self.stream)]), Some(&hint));
            return 2;
        };
        let tables = match self.protocols.tables(talk) {
            Ok(tables) => tables,
            Err(code) => return code,
        };
        let mut input = match Input::open(&self.file, self.interface, talk) {
            Ok(input) => input,
            Err(code) => return code,
        };
        let mut follow = Follow::new(transport, number);
        let has_messages = self.format == Form::Http;
        let need = Need { streams: true, messages: has_messages, ..Need::headers() };
        let mut reading = Reading::with_tables(need, tables);
        let mut show =
            Show { format: if self.json { Form::Json } else { self.format }, side: self.side, bodies: 0 };
        let mut lines = Vec::new();
        let mut saved = Ok(());
        let code = input.each(talk, |captured| {
            let packet = reading.packet(captured);
            let frame = packet.fields.iter().rev().find(|value| value.field.id == "frame.number");
            let frame = frame.and_then(|value| value.value.uint()).unwrap_or(0) as u32;
            if let Some((dir, pieces)) = follow.see(&packet, frame) {
                if has_messages {
                    saved = show.messages(&packet, dir, self.save.as_deref(), &mut lines);
                } else {
                    pieces.iter().for_each(|piece| show.piece(dir, captured.at, piece, &mut lines));
                }
            }
            saved.is_ok() && (lines.len() < 1 << 16 || print(&mut lines))
        });
        if !has_messages {
            for (dir, pieces) in follow.finish() {
                pieces.iter().for_each(|piece| show.piece(dir, 0, piece, &mut lines));
            }
        }
        self.end(talk, &follow, number, lines, saved).unwrap_or(code)
    }

    /// Prints the rest; tells when there was no such stream, or nothing could be saved.
    fn end(
        &self,
        talk: &mut Talk,
        follow: &Follow,
        number: u32,
        mut lines: Vec<u8>,
        saved: io::Result<()>,
    ) -> Option<u8> {
        let Some([first, second]) = follow.ends() else {
            let transport = if self.stream.starts_with("udp") { "UDP" } else { "TCP" };
            let params = [("transport", transport), ("number", &*number.to_string())];
            let path = self.file.display().to_string();
            let hint = talk.text("reading.error.no_stream_hint", &[("path", &path)]);
            talk.error(&talk.text("reading.error.no_stream", &params), Some(&hint));
            return Some(1);
        };
        if matches!(self.format, Form::Ascii | Form::Hex) && !self.json {
            talk.note(&talk.tone(Tone::Quiet, &format!("0: {first}  1: {second}")));
        }
        print(&mut lines);
        let error = saved.err()?;
        let path = self.save.as_deref().unwrap_or(Path::new("")).display().to_string();
        talk.error(&talk.text("reading.error.write", &[("path", &path), ("why", &error.to_string())]), None);
        Some(2)
    }
}

/// `3`, `tcp:3`, `udp:3`.
fn stream(text: &str) -> Option<(Transport, u32)> {
    let (transport, number) = match text.split_once([':', '.', '=']) {
        Some(("udp", number)) => (Transport::Udp, number),
        Some(("tcp", number)) => (Transport::Tcp, number),
        Some(_) => return None,
        None => (Transport::Tcp, text),
    };
    Some((transport, number.parse().ok()?))
}

fn print(lines: &mut Vec<u8>) -> bool {
    let is_written = io::stdout().lock().write_all(lines).is_ok();
    lines.clear();
    is_written
}

/// How pieces are shown.
struct Show {
    format: Form,
    side: Option<usize>,
    bodies: u32,
}

impl Show {
    fn piece(&self, dir: usize, at: i64, piece: &Piece, out: &mut Vec<u8>) {
        if self.side.is_some_and(|side| side != dir) {
            return;
        }
        let (offset, frame, bytes) = match piece {
            Piece::Bytes { offset, frame, bytes } => (*offset, *frame, bytes.as_slice()),
            Piece::Gap { offset, len } => return self.gap(dir, *offset, *len, out),
        };
        match self.format {
            Form::Raw => out.extend_from_slice(bytes),
            Form::Json => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let mut line = json!({"type": "bytes", "dir": dir, "frame": frame, "at": at, "offset": offset,
                    "len": bytes.len(), "hex": hex});
                if let Ok(text) = std::str::from_utf8(bytes) {
                    line["text"] = json!(text);
                }
                let _ = writeln!(out, "{line}");
            }
            Form::Hex => {
                let indent = if dir == 0 { "" } else { "    " };
                for (row, line) in bytes.chunks(16).enumerate() {
                    let _ = write!(out, "{indent}{:08x} ", offset + row as u64 * 16);
                    line.iter().for_each(|byte| drop(write!(out, " {byte:02x}")));
                    let _ = writeln!(out, "{:1$}  {2}", "", 3 * (16 - line.len()), letters(line));
                }
            }
            Form::Ascii | Form::Http => {
                let _ = writeln!(out, "{dir} #{frame}");
                text(bytes, out);
            }
        }
    }

    fn gap(&self, dir: usize, offset: u64, len: u64, out: &mut Vec<u8>) {
        let _ = match self.format {
            Form::Raw => Ok(()),
            Form::Json => {
                writeln!(out, "{}", json!({"type": "gap", "dir": dir, "offset": offset, "len": len}))
            }
            _ => writeln!(out, "{dir} [{len} bytes missing]"),
        };
    }

    /// The HTTP messages that end in a packet.
    fn messages(
        &mut self,
        packet: &Packet<'_>,
        dir: usize,
        save: Option<&Path>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        for (index, layer) in packet.layers.iter().enumerate() {
            if layer.protocol.name != "http" || self.side.is_some_and(|side| side != dir) {
                continue;
            }
            let bytes = packet.bytes_of(layer);
            let next = packet.layers.get(index + 1).filter(|next| {
                next.source == layer.source
                    && next.header.start == layer.header.end
                    && next.protocol.name != "http"
            });
            let raw = next.map_or(&[][..], |next| &bytes[next.header.clone()]);
            let value = |id: &str| {
                let found = packet.fields.iter().find(|value| value.layer == index && value.field.id == id);
                found.map(|value| value.print()).unwrap_or_default()
            };
            let body = decoded(raw, &value("http.transfer_encoding"), &value("http.content_encoding"));
            let head = bytes.get(layer.header.clone()).unwrap_or_default();
            if self.format == Form::Json {
                let line = json!({"type": "http", "dir": dir, "head": String::from_utf8_lossy(head),
                    "body_len": body.len(), "body": String::from_utf8_lossy(&body)});
                let _ = writeln!(out, "{line}");
            } else {
                out.extend_from_slice(head);
                text(&body, out);
            }
            if let Some(folder) = save.filter(|_| !body.is_empty()) {
                std::fs::create_dir_all(folder)?;
                let ending = ending(&value("http.content_type"));
                std::fs::write(folder.join(format!("body-{:03}.{ending}", self.bodies)), &body)?;
                self.bodies += 1;
            }
        }
        Ok(())
    }
}

/// A body without its chunks and its packing.
fn decoded(raw: &[u8], transfer: &str, content: &str) -> Vec<u8> {
    let body = if transfer.ends_with("chunked") { unchunked(raw) } else { None };
    let body = body.unwrap_or_else(|| raw.to_vec());
    if !content.contains("gzip") {
        return body;
    }
    let mut plain = Vec::new();
    let read = tongro_trace::capture::unpacked(body.as_slice());
    match read.and_then(|read| read.take(64 << 20).read_to_end(&mut plain)) {
        Ok(_) => plain,
        Err(_) => body.clone(),
    }
}

fn ending(content_type: &str) -> &'static str {
    match content_type.split(';').next().unwrap_or_default().trim() {
        "text/html" => "html",
        "application/json" => "json",
        "text/css" => "css",
        "text/javascript" | "application/javascript" => "js",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        kind if kind.starts_with("text/") => "txt",
        _ => "bin",
    }
}

/// Text as it is, line by line; bytes that are no text as dots.
fn text(bytes: &[u8], out: &mut Vec<u8>) {
    for part in bytes.utf8_chunks() {
        let plain = part.valid().chars().map(|letter| match letter {
            '\n' | '\t' => letter,
            '\r' => '\0',
            letter if letter.is_control() => '.',
            letter => letter,
        });
        let plain: String = plain.filter(|letter| *letter != '\0').collect();
        out.extend_from_slice(plain.as_bytes());
        out.extend(part.invalid().iter().map(|_| b'.'));
    }
    if bytes.last().is_some_and(|last| *last != b'\n') {
        out.push(b'\n');
    }
}

fn letters(bytes: &[u8]) -> String {
    let letter = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
    bytes.iter().map(letter).collect()
}
