//! How the binary speaks: language, colour, results on stdout, talk on stderr.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use tongro_check::Said;
use tongro_course::Lang;
use tongro_lab::LabError;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A tone of the terminal's own palette.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    Good,
    Bad,
    Quiet,
    Strong,
}

/// `ENOENT` and `EACCES`.
const NOT_FOUND: i32 = 2;
const NOT_EXECUTABLE: i32 = 13;

/// The voice of one invocation.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) lang: Lang,
    has_color: bool,
    is_terminal: bool,
    has_progress: bool,
}

impl Talk {
    pub(crate) fn new(lang: Option<&str>, color: Color) -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let from_locale = || {
            let (all, messages, lang) = (variable("LC_ALL"), variable("LC_MESSAGES"), variable("LANG"));
            Lang::from_locale(all.as_deref(), messages.as_deref(), lang.as_deref())
        };
        let is_terminal = std::io::stdout().is_terminal();
        let has_color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && variable("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let lang = lang.and_then(Lang::parse).unwrap_or_else(from_locale);
        Self { lang, has_color, is_terminal: std::io::stderr().is_terminal(), has_progress: false }
    }

    /// A sentence in the language spoken.
    pub(crate) fn text(&self, id: &str, params: &[(&str, &str)]) -> String {
        tongro_course::text(self.lang, id, params)
    }

    /// What the judge said, as a sentence.
    pub(crate) fn said(&self, said: &Said) -> String {
        let params: Vec<(&str, &str)> =
            said.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.text(&said.id, &params)
    }

    pub(crate) fn tone(&self, tone: Tone, text: &str) -> String {
        if !self.has_color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A result.
    pub(crate) fn say(&mut self, line: &str) {
        self.end_progress();
        // A reader that is gone (`| head`) is no error of ours.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// Talk beside the result.
    pub(crate) fn note(&mut self, line: &str) {
        self.end_progress();
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// A line that the next one replaces; only on a terminal.
    pub(crate) fn progress(&mut self, line: &str) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
            let _ = std::io::stderr().flush();
            self.has_progress = true;
        }
    }

    fn end_progress(&mut self) {
        if self.has_progress {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
            self.has_progress = false;
        }
    }

    /// An error: what happened, a blank line, what to do.
    pub(crate) fn error(&mut self, what: &str, hint: Option<&str>) {
        let word = self.tone(Tone::Bad, &self.text("cli.error.error", &[]));
        self.note(&format!("{word}: {what}"));
        if let Some(hint) = hint {
            let word = self.tone(Tone::Strong, &self.text("cli.error.hint", &[]));
            self.note("");
            self.note(&format!("{word}: {hint}"));
        }
    }

    /// An error of the lab, with what to do about it.
    pub(crate) fn lab_error(&mut self, error: &LabError) {
        let reason = |errno: i32| std::io::Error::from_raw_os_error(errno).to_string();
        let (id, params) = match error {
            LabError::Build { call, errno, .. } => {
                let why = format!("{call}: {}", reason(*errno));
                ("no_namespaces", vec![("why", why)])
            }
            LabError::Spawn { program, errno, .. } if *errno == NOT_FOUND => {
                ("not_found", vec![("program", program.clone())])
            }
            LabError::Spawn { program, errno, .. } if *errno == NOT_EXECUTABLE => {
                ("not_executable", vec![("program", program.clone())])
            }
            LabError::Spawn { call, errno, .. } | LabError::Refused { call, errno } => {
                ("refused", vec![("call", call.clone()), ("why", reason(*errno))])
            }
            LabError::Gone => ("lab_gone", Vec::new()),
            LabError::System(error) => ("internal", vec![("why", error.to_string())]),
        };
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let hint = self.text(&format!("cli.lab_error.{id}_hint"), &params);
        self.error(&self.text(&format!("cli.lab_error.{id}"), &params), Some(&hint));
    }
}
