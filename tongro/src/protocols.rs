//! Protocols of one's own as commands take them: `--proto FILE`, read or told with the line of the mistake.

use std::path::{Path, PathBuf};

use clap::Args;
use tongro_wire::Tables;
use tongro_wire::own::{self, OwnError, OwnErrorKind};

use crate::talk::Talk;

/// Protocols of one's own.
#[derive(Debug, Args)]
pub(crate) struct Protocols {
    /// A protocol of your own, described in a small table file; may be repeated
    #[arg(long = "proto", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Protocols {
    /// The built-in tables and those of the files.
    ///
    /// # Errors
    /// The exit code, once the mistake was told.
    pub(crate) fn tables(&self, talk: &mut Talk) -> Result<Tables, u8> {
        let mut tables = Tables::default();
        for file in &self.files {
            let path = file.display().to_string();
            let text = std::fs::read_to_string(file).map_err(|error| {
                let params = [("path", path.as_str()), ("why", &error.to_string())];
                talk.error(&talk.text("reading.error.open", &params), None);
                2
            })?;
            let own = own::read(&text).map_err(|error| tell(talk, file, &text, &error))?;
            tables.add(own);
        }
        Ok(tables)
    }
}

/// Says what is wrong, with the line as it stands in the file.
fn tell(talk: &mut Talk, file: &Path, text: &str, error: &OwnError) -> u8 {
    let (path, line) = (file.display().to_string(), error.line.to_string());
    let why = said(talk, &error.kind);
    let what = talk.text("reading.error.proto", &[("path", &path), ("line", &line), ("why", &why)]);
    let shown = text.lines().nth(error.line.saturating_sub(1)).unwrap_or_default();
    let hint = talk.text("reading.error.proto_hint", &[]);
    talk.error(&format!("{what}\n\n  {line} | {shown}"), Some(&hint));
    2
}

fn said(talk: &Talk, kind: &OwnErrorKind) -> String {
    let text = |id: &str, params: &[(&str, &str)]| talk.text(&format!("reading.proto.{id}"), params);
    match kind {
        OwnErrorKind::Toml(why) => text("toml", &[("why", why)]),
        OwnErrorKind::UnknownKey { key, known } => text("unknown_key", &[("key", key), ("known", known)]),
        OwnErrorKind::Missing(key) => text("missing", &[("key", key)]),
        OwnErrorKind::Wanted { key, wanted } => text("wanted", &[("key", key), ("wanted", wanted)]),
        OwnErrorKind::BadType(kind) => text("bad_type", &[("kind", kind)]),
        OwnErrorKind::BadName(name) => text("bad_name", &[("name", name)]),
        OwnErrorKind::Known(name) => text("known", &[("name", name)]),
        OwnErrorKind::NotBefore(name) => text("not_before", &[("name", name)]),
        OwnErrorKind::NotFixed(name) => text("not_fixed", &[("name", name)]),
        OwnErrorKind::NotWhole(name) => text("not_whole", &[("name", name)]),
        OwnErrorKind::BehindRest(name) => text("behind_rest", &[("name", name)]),
    }
}
