//! Failures as `FILE:LINE:COL: error[BUG]: …`: what an editor's problem matcher reads.
//!
//! The place is where the program itself said it broke (a Python traceback, a Rust panic); otherwise its first line.

use tongro_check::{Judged, Kind, Summary};
use tongro_trace::event::{Stream, What};

use crate::talk::Talk;

/// A place in a file, both from 1.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    file: String,
    line: u32,
    column: u32,
}

/// Prints one line a failure.
pub(super) fn print(talk: &mut Talk, command: &[String], judged: &[Judged], summary: &Summary) {
    let source = source(command);
    for one in judged.iter().filter(|one| one.verdict.verdict == Kind::Fail) {
        let lines: Vec<&str> = stderr(one).collect();
        let place = place(&lines, &source);
        let bug = one.verdict.bug.as_deref().unwrap_or(&one.verdict.check);
        let got = one.verdict.got.first().map(|said| talk.said(said)).unwrap_or_default();
        print_one(talk, &place, bug, &got);
    }
    if let Some(unstarted) = &summary.unstarted {
        let lines: Vec<&str> = unstarted.stderr.iter().map(String::as_str).collect();
        let got = talk.said(&unstarted.reason);
        print_one(talk, &place(&lines, &source), "not-started", &got);
    }
}

fn print_one(talk: &mut Talk, place: &Place, bug: &str, got: &str) {
    let got = got.replace('\n', " ");
    talk.say(&format!("{}:{}:{}: error[{bug}]: {got}", place.file, place.line, place.column));
}

fn stderr(one: &Judged) -> impl Iterator<Item = &str> {
    one.recording.events.iter().filter_map(|event| match &event.what {
        What::Output(output) if output.stream == Stream::Stderr => Some(output.text.as_str()),
        _ => None,
    })
}

/// The file that was written by the learner: the source beside a binary, or the argument that is one.
fn source(command: &[String]) -> String {
    let is_source = |word: &&String| word.ends_with(".py") || word.ends_with(".rs");
    if let Some(word) = command.iter().find(is_source) {
        return word.clone();
    }
    let program = command.first().map_or("", String::as_str);
    let beside = format!("{program}.rs");
    if std::path::Path::new(&beside).exists() { beside } else { program.to_owned() }
}

/// The innermost place that the program's last words name in its own source.
fn place(stderr: &[&str], source: &str) -> Place {
    let name = source.rsplit('/').next().unwrap_or(source);
    let own = stderr.iter().rev().filter_map(|line| python(line).or_else(|| rust(line)));
    let mut own = own.filter(|place| place.file.rsplit('/').next() == Some(name));
    let (line, column) = own.next().map_or((1, 1), |place| (place.line, place.column));
    Place { file: source.to_owned(), line, column }
}

/// `  File "server.py", line 12, in serve`.
fn python(line: &str) -> Option<Place> {
    let (file, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(Place { file: file.to_owned(), line: digits.parse().ok()?, column: 1 })
}

/// `thread 'main' panicked at server.rs:12:5:`.
fn rust(line: &str) -> Option<Place> {
    let (_, at) = line.split_once("panicked at ")?;
    let mut parts = at.trim_end_matches(':').rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    Some(Place { file: parts.next()?.to_owned(), line, column })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Place {
        Place { file: "work/server.py".to_owned(), line, column }
    }

    #[test]
    fn the_innermost_line_of_the_own_file_is_the_place() {
        let traceback = [
            "Traceback (most recent call last):",
            "  File \"/home/learner/work/server.py\", line 30, in <module>",
            "  File \"/home/learner/work/server.py\", line 12, in serve",
            "  File \"/usr/lib/python3.11/codecs.py\", line 322, in decode",
            "UnicodeDecodeError: …",
        ];
        assert_eq!(place(&traceback, "work/server.py"), at(12, 1));
        assert_eq!(place(&["no traceback"], "work/server.py"), at(1, 1));
        let panic = ["thread 'main' panicked at echo_server.rs:7:21:", "called `Result::unwrap()` …"];
        assert_eq!(
            place(&panic, "echo_server.rs"),
            Place { file: "echo_server.rs".into(), line: 7, column: 21 }
        );
    }

    #[test]
    fn the_source_is_the_argument_that_is_one() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(source(&words("python3 -u server.py 9000")), "server.py");
        assert_eq!(source(&words("./no-source-beside-it")), "./no-source-beside-it");
    }
}
