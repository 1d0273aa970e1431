//! `tongro url`: a URL in parts, drawn under its text; normal form, references, escapes, host names.

use clap::{Args, Subcommand};
use tongro_http::address;

use crate::talk::{Talk, Tone};

/// Take URLs apart and put them together
#[derive(Debug, Args)]
pub(crate) struct UrlCommand {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Show the parts, and where browsers read them differently
    Parse {
        /// The URL
        url: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// The normal form of RFC 3986
    Normalize {
        /// The URL
        url: String,
    },
    /// Resolve a reference against a base
    Join {
        /// The base URL
        base: String,
        /// The reference
        reference: String,
    },
    /// Percent-encode a text
    Encode {
        /// The text
        text: String,
    },
    /// Undo percent-encoding
    Decode {
        /// The text
        text: String,
    },
    /// The pairs of a query, decoded, one a line
    Query {
        /// A URL, or what stands behind its question mark
        url: String,
    },
    /// A host name for the wire, or for people
    Host {
        /// The name
        name: String,
    },
}

impl UrlCommand {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        match self.part {
            Part::Parse { url, json } => return parse(talk, &url, json),
            Part::Normalize { url } => talk.say(&address::normalize(&url)),
            Part::Join { base, reference } => match address::join(&base, &reference) {
                Some(url) => talk.say(&url),
                None => {
                    talk.error(&talk.text("http.url.no_base", &[("url", &base)]), None);
                    return 2;
                }
            },
            Part::Encode { text } => talk.say(&address::encode(text.as_bytes())),
            Part::Decode { text } => talk.say(&String::from_utf8_lossy(&address::decode(&text))),
            Part::Query { url } => {
                let parts = address::split(&url);
                let query = parts.iter().find(|(part, _)| *part == address::Component::Query);
                let query = query.map_or(url.as_str(), |(_, range)| &url[range.clone()]);
                for pair in query.split('&').filter(|pair| !pair.is_empty()) {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    let plain = |text: &str| {
                        String::from_utf8_lossy(&address::decode(&text.replace('+', " "))).into_owned()
                    };
                    talk.say(&format!("{} = {}", plain(name), plain(value)));
                }
            }
            Part::Host { name } => match address::to_ascii(&name) {
                Ok(ascii) if ascii == name => talk.say(&address::to_unicode(&name)),
                Ok(ascii) => talk.say(&ascii),
                Err(reason) => {
                    talk.error(&talk.text("http.url.no_host", &[("name", &name), ("why", &reason)]), None);
                    return 2;
                }
            },
        }
        0
    }
}

/// The text, its parts below with their names; then the browsers' reading where it differs.
fn parse(talk: &mut Talk, url: &str, is_json: bool) -> u8 {
    let parts = address::split(url);
    let readings = address::readings(url);
    if is_json {
        let parts: Vec<_> = parts.iter()
            .map(|(part, range)| serde_json::json!({"part": part, "from": range.start, "to": range.end, "text": url[range.clone()]}))
            .collect();
        let whatwg = readings
            .as_ref()
            .map_or_else(|why| serde_json::json!({"refused": why}), |readings| serde_json::json!(readings));
        talk.say(&serde_json::json!({"parts": parts, "readings": whatwg}).to_string());
        return u8::from(readings.is_err());
    }
    talk.say(url);
    // Letters of Hangul take two columns.
    let width =
        |text: &str| text.chars().map(|letter| 1 + usize::from(letter as u32 >= 0x1100)).sum::<usize>();
    for (part, range) in &parts {
        let (before, inside) = (width(&url[..range.start]), width(&url[range.clone()]).max(1));
        let name = talk.text(&format!("http.url.{}", part.id()), &[]);
        let line = talk.tone(Tone::Good, &"▔".repeat(inside));
        talk.say(&format!("{}{line} {name}", " ".repeat(before)));
    }
    match readings {
        Err(why) => {
            talk.say("");
            talk.say(&talk.text("http.url.refused", &[("why", &why)]));
            1
        }
        Ok(readings) => {
            let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            for reading in readings.iter().filter(|reading| reading.rfc != reading.whatwg) {
                let part = talk.text(&format!("http.url.{}", reading.part.id()), &[]);
                let params =
                    [("part", &*part), ("rfc", &*shown(&reading.rfc)), ("whatwg", &*shown(&reading.whatwg))];
                talk.say(&talk.text("http.url.differs", &params));
            }
            0
        }
    }
}
