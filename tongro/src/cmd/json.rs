//! `tongro json` and `tongro xml`: check, indent, query, convert; the byte at fault with its line.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use tongro_http::{json, line_around, xml};

use crate::talk::{Talk, Tone};

/// Check, indent, query or convert JSON
#[derive(Debug, Args)]
pub(crate) struct JsonCommand {
    #[command(flatten)]
    document: Document,
    /// A name that comes twice is a fault
    #[arg(long)]
    no_duplicates: bool,
}

/// Check, indent, query or convert XML
#[derive(Debug, Args)]
pub(crate) struct XmlCommand {
    #[command(flatten)]
    document: Document,
    /// Bytes that entities may become
    #[arg(long, default_value_t = 65536)]
    max_expansion: usize,
}

/// What both have in common.
#[derive(Debug, Args)]
struct Document {
    /// The file (- = standard input)
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Print nothing but faults
    #[arg(long)]
    check: bool,
    /// Print what this finds: a pointer or a path
    #[arg(short, long, value_name = "PATH")]
    query: Option<String>,
    /// Print it as the other format
    #[arg(long)]
    convert: bool,
    /// JSON on one line
    #[arg(long)]
    compact: bool,
    /// Levels inside each other at most
    #[arg(long, default_value_t = 128)]
    max_depth: usize,
    /// Print faults as one JSON object
    #[arg(long)]
    json: bool,
}

/// A fault of either format, to be shown.
struct Shown<'a> {
    text: String,
    id: &'static str,
    offset: usize,
    line: usize,
    column: usize,
    bytes: &'a [u8],
}

impl JsonCommand {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let Some(bytes) = read(talk, &self.document.file) else { return 2 };
        let options = json::Options { depth: self.document.max_depth, forbid_duplicates: self.no_duplicates };
        let value = match json::parse(&bytes, &options) {
            Ok(value) => value,
            Err(fault) => {
                let text = talk.text(&format!("http.json_fault.{}", fault.kind.id()), &[]);
                let (id, offset, line, column) = (fault.kind.id(), fault.offset, fault.line, fault.column);
                let shown = Shown { text, id, offset, line, column, bytes: &bytes };
                return self.document.fault(talk, &shown);
            }
        };
        let print = if self.document.compact { json::compact } else { json::pretty };
        if let Some(path) = &self.document.query {
            return match json::query(&value, path) {
                Ok(found) => {
                    found.iter().for_each(|value| talk.say(&print(value)));
                    u8::from(found.is_empty())
                }
                Err(error) => {
                    talk.error(&error.to_string(), Some(&talk.text("http.data.query_hint", &[])));
                    2
                }
            };
        }
        if self.document.convert {
            talk.say(xml::from_json(&value).trim_end());
        } else if !self.document.check {
            talk.say(&print(&value));
        }
        0
    }
}

impl XmlCommand {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let Some(bytes) = read(talk, &self.document.file) else { return 2 };
        // Elements are dropped one inside the other: no deeper than the stack can bear.
        let depth = self.document.max_depth.min(1000);
        let document = match xml::parse(&bytes, &xml::Limits { depth, expansion: self.max_expansion }) {
            Ok(document) => document,
            Err(fault) => {
                let text =
                    talk.text(&format!("http.xml_fault.{}", fault.kind.id()), &[("name", &fault.name)]);
                let (id, offset, line, column) = (fault.kind.id(), fault.offset, fault.line, fault.column);
                let shown = Shown { text, id, offset, line, column, bytes: &bytes };
                return self.document.fault(talk, &shown);
            }
        };
        if let Some(path) = &self.document.query {
            let found = xml::query(&document, path);
            found.iter().for_each(|text| talk.say(text));
            return u8::from(found.is_empty());
        }
        if self.document.convert {
            let value = xml::to_json(&document);
            talk.say(&if self.document.compact { json::compact(&value) } else { json::pretty(&value) });
        } else if !self.document.check {
            talk.say(xml::pretty(&document).trim_end());
        }
        0
    }
}

impl Document {
    /// The place, the reason, the line with a caret.
    fn fault(&self, talk: &mut Talk, fault: &Shown<'_>) -> u8 {
        if self.json {
            let value = serde_json::json!({"fault": fault.id, "offset": fault.offset, "line": fault.line,
                "column": fault.column, "text": fault.text});
            talk.say(&value.to_string());
            return 1;
        }
        let params = [
            ("file", &*self.file.display().to_string()),
            ("line", &*fault.line.to_string()),
            ("column", &*fault.column.to_string()),
            ("offset", &*fault.offset.to_string()),
        ];
        talk.say(&talk.text("http.data.place", &params));
        talk.say(&talk.tone(Tone::Bad, &fault.text));
        let (line, column) = line_around(fault.bytes, fault.offset);
        let before: usize =
            line.chars().take(column).map(|letter| 1 + usize::from(letter as u32 >= 0x1100)).sum();
        talk.say("");
        talk.say(&format!("  {line}"));
        talk.say(&format!("  {}{}", " ".repeat(before), talk.tone(Tone::Bad, "^")));
        1
    }
}

fn read(talk: &mut Talk, file: &Path) -> Option<Vec<u8>> {
    let read = if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    match read {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let hint = talk.text("http.data.file_hint", &[]);
            talk.error(&format!("`{}`: {error}", file.display()), Some(&hint));
            None
        }
    }
}
