//! `tongro read`: the packets of a capture, each as a line, a tree, columns of fields, JSON or hex.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tongro_trace::reading::{Need, Reading};
use tongro_trace::show::{self, Columns, TreeOptions};
use tongro_wire::{Field, Packet, Tables};

use crate::input::Input;
use crate::protocols::Protocols;
use crate::sift;
use crate::talk::{Talk, Tone};

/// Read a capture
///
/// Fields and filters have Wireshark's names; `tongro fields` lists them. Examples:
///
///   tongro read trace.pcapng -Y 'tcp.flags.syn == 1'
///   tongro read trace.pcapng.gz -T fields -e ip.src -e tcp.dstport
///   tongro read RUN -T tree -c 3
///   tcpdump -w - | tongro read -
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Read {
    /// A pcap or pcapng file (also .gz, .zst), a run folder, or - for standard input
    file: PathBuf,
    /// Only packets that pass this display filter
    #[arg(short = 'Y', long, value_name = "FILTER")]
    filter: Option<String>,
    /// What to print of each packet
    #[arg(short = 'T', long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// A field to print; may be repeated
    #[arg(short = 'e', long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// Stop after reading so many packets
    #[arg(short = 'c', long, value_name = "N")]
    count: Option<u64>,
    /// Only packets of this interface, counted from 0
    #[arg(short = 'i', long, value_name = "N")]
    interface: Option<u32>,
    #[command(flatten)]
    protocols: Protocols,
    /// Print the names of the fields first
    #[arg(long)]
    header: bool,
    /// Show in the tree which bytes each field stands in
    #[arg(long)]
    bytes: bool,
    /// Analyse everything, even what is not printed
    #[arg(long)]
    eager: bool,
}

/// What is printed of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line, with the columns of tshark
    Text,
    /// Every field, layer by layer
    Tree,
    /// The fields named with -e, as `tshark -T fields` prints them
    Fields,
    /// One JSON object a line, every field with its bytes
    Json,
    /// The bytes
    Hex,
}

/// How much is collected before it is written.
const CHUNK: usize = 64 << 10;

impl Read {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        self.read(talk).unwrap_or_else(|code| code)
    }

    fn read(self, talk: &mut Talk) -> Result<u8, u8> {
        let tables = self.protocols.tables(talk)?;
        let format =
            self.format.unwrap_or(if self.fields.is_empty() { Format::Text } else { Format::Fields });
        let filter = self.filter.as_deref().map(|text| sift::filter(text, &tables, talk)).transpose()?;
        let columns = self.columns(format, &tables, talk)?;
        let need = match format {
            _ if self.eager => Need::all(),
            Format::Fields => self.fields_need(&tables),
            Format::Text | Format::Tree | Format::Json | Format::Hex => Need::all(),
        };
        let need = need.with(sift::need(filter.as_ref(), &tables));
        let mut input = Input::open(&self.file, self.interface, talk)?;
        let mut reading = Reading::with_tables(need, tables);
        let mut page = Page::new(format, columns, self.bytes, talk);
        if self.header && format == Format::Fields {
            page.text.push_str(&self.fields.join("\t"));
            page.text.push('\n');
        }
        let is_live = self.file.as_os_str() == "-";
        let mut matched = 0u64;
        let code = input.each(talk, |captured| {
            let packet = reading.packet(captured);
            if filter.as_ref().is_none_or(|filter| filter.matches(&packet)) {
                matched += 1;
                page.add(&packet);
            }
            let goes_on = page.flush(if is_live { 0 } else { CHUNK });
            goes_on && self.count.is_none_or(|count| u64::from(reading.number()) < count)
        });
        page.flush(0);
        let is_nothing = matched == 0 && filter.is_some() && code == 0;
        if is_nothing {
            talk.note(&talk.text("reading.error.no_match", &[]));
        }
        Ok(if is_nothing { 1 } else { code })
    }

    fn columns(&self, format: Format, tables: &Tables, talk: &mut Talk) -> Result<Option<Columns>, u8> {
        if format != Format::Fields {
            return Ok(None);
        }
        if self.fields.is_empty() {
            let hint = talk.text("reading.error.no_fields_hint", &[]);
            talk.error(&talk.text("reading.error.no_fields", &[]), Some(&hint));
            return Err(2);
        }
        let ids: Vec<&str> = self.fields.iter().map(String::as_str).collect();
        Columns::new(&ids, tables).map(Some).map_err(|id| {
            let hint = match tables.nearest(id) {
                Some(nearest) => talk.text("reading.filter.nearest", &[("nearest", nearest)]),
                None => {
                    let word = id.split('.').next().unwrap_or(id);
                    talk.text("reading.error.unknown_field_hint", &[("word", word)])
                }
            };
            talk.error(&talk.text("reading.error.unknown_field", &[("field", id)]), Some(&hint));
            2
        })
    }

    fn fields_need(&self, tables: &Tables) -> Need {
        let ids: Vec<&str> = self.fields.iter().map(String::as_str).collect();
        Need::of_fields(&ids, tables)
    }
}

/// What goes to standard output, in big pieces.
struct Page {
    format: Format,
    columns: Option<Columns>,
    has_bytes: bool,
    text: String,
    lang: tongro_course::Lang,
    strong: [String; 2],
}

impl Page {
    fn new(format: Format, columns: Option<Columns>, has_bytes: bool, talk: &Talk) -> Self {
        let strong = talk.tone(Tone::Strong, "\0");
        let (before, after) = strong.split_once('\0').unwrap_or_default();
        let strong = [before.to_owned(), after.to_owned()];
        let text = String::with_capacity(2 * CHUNK);
        Self { format, columns, has_bytes, text, lang: talk.lang, strong }
    }

    fn add(&mut self, packet: &Packet<'_>) {
        let out = &mut self.text;
        match (self.format, &mut self.columns) {
            (Format::Fields, Some(columns)) => columns.write(packet, out),
            (Format::Json, _) => show::json(packet, out),
            (Format::Hex, _) => {
                show::line(packet, out);
                show::hex(packet, out);
                out.push('\n');
            }
            (Format::Tree, _) => {
                let (lang, [before, after]) = (self.lang, &self.strong);
                let options = TreeOptions {
                    has_bytes: self.has_bytes,
                    name: &|field| name(lang, field),
                    heading: &|text| format!("{before}{text}{after}"),
                };
                show::tree(packet, &options, out);
            }
            _ => show::line(packet, out),
        }
    }

    /// Writes what there is, once it is more than `least`; `false` when nobody reads it any more.
    fn flush(&mut self, least: usize) -> bool {
        if self.text.len() <= least {
            return true;
        }
        let mut out = io::stdout().lock();
        let is_written = out.write_all(self.text.as_bytes()).and_then(|()| out.flush()).is_ok();
        self.text.clear();
        is_written
    }
}

/// A field's name in the reader's language; the table's own where the course has none.
fn name(lang: tongro_course::Lang, field: &'static Field) -> Cow<'static, str> {
    let id = format!("field.{}.name", field.doc);
    match tongro_course::try_text(lang, &id, &[]) {
        Ok(name) => Cow::Owned(name),
        Err(_) => Cow::Borrowed(field.name),
    }
}
