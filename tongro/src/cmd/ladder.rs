//! `tongro ladder`: a recorded run as a text ladder, or as the JSON that the workbench draws.

use std::path::PathBuf;

use clap::Args;
use tongro_trace::ladder::TextOptions;
use tongro_trace::run::Run;

use crate::talk::Talk;

/// Show a run as a ladder diagram
#[derive(Debug, Args)]
pub(crate) struct LadderCommand {
    /// The run's folder
    run: PathBuf,
    /// The most lines
    #[arg(long, default_value_t = 200)]
    lines: usize,
    /// Columns
    #[arg(long, default_value_t = 100)]
    width: usize,
    /// Frames to draw around
    #[arg(long, value_name = "NUMBER")]
    frame: Vec<u32>,
    /// Only ASCII characters
    #[arg(long)]
    ascii: bool,
    /// Print the ladder model as JSON
    #[arg(long)]
    json: bool,
}

impl LadderCommand {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let path = self.run.display().to_string();
        if !self.run.exists() {
            talk.error(&talk.text("cli.error.no_run", &[("path", &path)]), None);
            return 2;
        }
        let run = match Run::open(&self.run) {
            Ok(run) => run,
            Err(error) => {
                let what = talk.text("cli.error.bad_run", &[("path", &path)]);
                talk.error(&format!("{what}: {error}"), Some(&talk.text("cli.error.bad_run_hint", &[])));
                return 2;
            }
        };
        let ladder = run.recording.ladder();
        if self.json {
            let json = serde_json::to_string(&ladder).unwrap_or_default();
            talk.say(&json);
            return 0;
        }
        let options =
            TextOptions { evidence: self.frame, lines: self.lines, width: self.width, is_ascii: self.ascii };
        for line in tongro_trace::ladder::text(&ladder, &options).lines() {
            talk.say(line);
        }
        0
    }
}
