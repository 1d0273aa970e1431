//! `tongro httpd`: the practice server, its request log on standard error, its address on standard output.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tongro_http::server::{Entry, Options, Server};
use tongro_http::strict::{Checker, Limits, Refusal, Step};
use tongro_http::tls::{Authority, Breakage, Identity};

use crate::talk::{Talk, Tone};

/// A practice HTTP server that names the byte at fault
#[derive(Debug, Args)]
pub(crate) struct Httpd {
    /// Where to listen; empty = every address
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port; 0 = any free one, printed
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where notes and files are kept; without it, in memory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The folder shown under /files/
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Speak TLS, with a certificate of a CA in this folder, made if missing
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,
    /// Worker threads; 0 = one for each processor
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// No request log
    #[arg(long)]
    quiet: bool,
    /// Print the log as one JSON object per line
    #[arg(long)]
    json: bool,
    /// Judge the request in this file (- = standard input) instead of serving
    #[arg(long, value_name = "FILE")]
    explain: Option<PathBuf>,
}

impl Httpd {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        if let Some(file) = &self.explain {
            return explain(talk, file, self.json);
        }
        match self.serve(talk) {
            Ok(()) => 0,
            Err(error) => {
                talk.error(&error.to_string(), Some(&talk.text("http.httpd.start_hint", &[])));
                2
            }
        }
    }

    fn serve(self, talk: &mut Talk) -> tongro_http::Result<()> {
        let tls = match &self.tls {
            None => None,
            Some(folder) => {
                let (authority, is_new) = Authority::open_or_make(folder)?;
                let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
                let identity: Identity = authority.issue(&names, Breakage::None)?;
                let path = folder.join("ca.pem").display().to_string();
                let id = if is_new { "http.httpd.ca_made" } else { "http.httpd.ca_used" };
                talk.note(&talk.text(id, &[("path", &path)]));
                Some(identity.server(&["h2", "http/1.1"], None)?)
            }
        };
        let is_quiet = self.quiet;
        let log = (!is_quiet).then(|| log(talk, self.json));
        let options = Options {
            host: self.host,
            port: self.port,
            data: self.data,
            files: self.files,
            tls,
            threads: self.threads,
            log,
            ..Options::default()
        };
        let server = Server::start(options)?;
        talk.say(&format!("listening on {}", server.addr()));
        talk.note(&talk.text("http.httpd.url", &[("url", &server.url())]));
        let totals = server.run_until_signal()?;
        let (requests, refused) = (totals.requests.to_string(), totals.refused.to_string());
        talk.note(&talk.text("http.httpd.stopped", &[("requests", &requests), ("refused", &refused)]));
        Ok(())
    }
}

/// One line a request, written whole.
fn log(talk: &Talk, is_json: bool) -> tongro_http::server::Log {
    let (voice, lang) = (talk.clone_voice(), talk.lang);
    Arc::new(move |entry: &Entry| {
        use std::io::Write;
        let line = if is_json {
            serde_json::to_string(entry).unwrap_or_default()
        } else {
            let status = entry.status.to_string();
            let tone = if entry.status < 400 { Tone::Good } else { Tone::Bad };
            let len = entry.len.map_or_else(|| "-".to_owned(), |len| len.to_string());
            let why = entry.refused.map(|(class, offset)| {
                let title = tongro_course::text(lang, &format!("http.refusal.{class}"), &[]);
                format!("  {title} ({offset})")
            });
            format!(
                "{} {} {} {} {len} B {} µs{}",
                entry.peer,
                entry.method,
                entry.target,
                voice.tone(tone, &status),
                entry.micros,
                why.unwrap_or_default()
            )
        };
        // Nobody reads the log any more: no reason to stop serving.
        let _ = writeln!(std::io::stderr(), "{line}");
    })
}

/// Judges a request as the server would.
fn explain(talk: &mut Talk, file: &std::path::Path, is_json: bool) -> u8 {
    let read = if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(error) => {
            let hint = talk.text("http.httpd.explain_hint", &[]);
            talk.error(&format!("`{}`: {error}", file.display()), Some(&hint));
            return 2;
        }
    };
    let mut checker = Checker::new(Limits::default());
    let (mut start, mut whole) = (0, 0);
    loop {
        match checker.check(&bytes[start..]) {
            Ok(Step::More) => break,
            Ok(Step::Head(len, _)) => {
                start += len;
                whole += usize::from(checker.is_in_head());
            }
            Ok(Step::Body(len)) => start += len,
            Ok(Step::End(len)) => {
                start += len;
                whole += 1;
            }
            Err(refusal) => return refused(talk, &refusal, is_json),
        }
    }
    match checker.end(&bytes[start..]) {
        Err(refusal) => refused(talk, &refusal, is_json),
        Ok(()) => {
            let count = whole.to_string();
            if is_json {
                talk.say(&serde_json::json!({"verdict": "ok", "requests": whole}).to_string());
            } else {
                talk.say(&talk.text("http.httpd.explain_ok", &[("count", &count)]));
            }
            0
        }
    }
}

/// The class in words, then the bytes with a caret under the one at fault.
fn refused(talk: &mut Talk, refusal: &Refusal, is_json: bool) -> u8 {
    let class = refusal.class;
    if is_json {
        let near = refusal.near.escape_ascii().to_string();
        let value = serde_json::json!({"verdict": class.id(), "status": class.status(), "clause": class.clause(),
            "offset": refusal.offset, "near": near});
        talk.say(&value.to_string());
        return 1;
    }
    let title = talk.text(&format!("http.refusal.{}", class.id()), &[]);
    let (status, offset) = (class.status().to_string(), refusal.offset.to_string());
    talk.say(&format!("{} {title}", talk.tone(Tone::Bad, &status)));
    talk.say(&talk.text("http.httpd.at_byte", &[("offset", &offset), ("clause", class.clause())]));
    let before = refusal.near[..refusal.mark].escape_ascii().to_string();
    talk.say("");
    talk.say(&format!("  {before}{}", refusal.near[refusal.mark..].escape_ascii()));
    talk.say(&format!("  {}{}", " ".repeat(before.len()), talk.tone(Tone::Bad, "^")));
    1
}
