//! The judge both ways, on real programs: every good one passes every check, every broken one fails with its own bug
//! first, and what is of another kind is told so. Every starter of the course fails, every solution passes. Our own
//! server stands before the same judge, under every model. One test a program; `TONGRO_REPEAT=N` runs each N times.

#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use tongro_course::{Practical, SourceFile, practicals};

type Judge = fn(&Subject) -> Result<(), String>;

/// A program and what it is judged by.
struct Subject {
    program: PathBuf,
    contract: String,
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for contract in tongro_check::contracts() {
        for (folder, judge) in [("good", good as Judge), ("broken", broken), ("wrong", wrong)] {
            for program in programs(contract.name, folder) {
                let file = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let name = format!("{}/{folder}/{file}", contract.name);
                let subject = Subject { program, contract: contract.name.to_owned() };
                trials.push(Trial::test(name, move || repeat(&subject, judge)));
            }
        }
    }
    trials.extend(practicals().iter().flat_map(of_practical));
    for (model, bug) in OWN {
        trials.push(Trial::test(format!("own/{model}"), move || times(|| own(model, bug))));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn programs(contract: &str, folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/programs").join(contract).join(folder);
    let mut programs: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    programs.sort();
    programs
}

/// What a learner begins with fails for the reason that its sheet gives; what passes stands in `solution`.
fn of_practical(practical: &'static Practical) -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("practicals").join(practical.slug());
    let trial = |part: &str, file: &SourceFile| {
        let is_solution = part == "solution";
        let program = folder.join(part).join(file.name);
        std::fs::create_dir_all(folder.join(part)).unwrap();
        std::fs::write(&program, file.text).unwrap();
        let subject = Subject { program, contract: practical.contract().to_owned() };
        let name = format!("{}/{part}/{}", practical.id(), file.name);
        Trial::test(name, move || {
            let judged =
                if is_solution { good(&subject) } else { starter(&subject, practical.starter_fails()) };
            judged.map_err(Failed::from)
        })
    };
    let starters = practical.starter.iter().map(|file| trial("starter", file));
    starters.chain(practical.solution.iter().map(|file| trial("solution", file))).collect()
}

fn starter(subject: &Subject, wanted: &str) -> Result<(), String> {
    let records = check(subject, &["--first"])?;
    let first = verdicts(&records).find(|record| record["verdict"] == "fail");
    match first {
        Some(first) if first["bug"] == wanted => Ok(()),
        other => Err(format!("the starter was to fail with `{wanted}`: {other:?}")),
    }
}

fn repeat(subject: &Subject, judge: Judge) -> Result<(), Failed> {
    times(|| judge(subject))
}

fn times(judge: impl Fn() -> Result<(), String>) -> Result<(), Failed> {
    let times = std::env::var("TONGRO_REPEAT").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    for round in 1..=times {
        judge().map_err(|what| format!("round {round}: {what}"))?;
    }
    Ok(())
}

/// `echo serve` by model, and what is wrong with it by its nature: who has a fixed number of threads or processes is
/// blocked by as many silent clients.
const OWN: [(&str, Option<&str>); 9] = [
    ("sequential", Some("idle-client-blocks")),
    ("thread", None),
    ("pool", Some("idle-client-blocks")),
    ("fork", None),
    ("prefork", Some("idle-client-blocks")),
    ("poll", None),
    ("epoll", None),
    ("async", None),
    ("async-multi", None),
];

fn own(model: &str, bug: Option<&str>) -> Result<(), String> {
    let serve = ["echo", "serve", "--host", "0.0.0.0", "--port", "0", "--model", model];
    let command = [&[env!("CARGO_BIN_EXE_tongro")], &serve[..]].concat().into_iter().map(str::to_owned);
    let records = check_command(command.collect(), "echo", &[])?;
    let failed: Vec<&str> = verdicts(&records)
        .filter(|record| !matches!(record["verdict"].as_str(), Some("pass" | "n/a")))
        .map(|record| record["bug"].as_str().unwrap_or_default())
        .collect();
    if failed == Vec::from_iter(bug) { Ok(()) } else { Err(format!("told: {failed:?}, wanted: {bug:?}")) }
}

fn good(subject: &Subject) -> Result<(), String> {
    let records = check(subject, &[])?;
    let bad: Vec<String> = verdicts(&records)
        .filter(|record| !matches!(record["verdict"].as_str(), Some("pass" | "n/a")))
        .map(ToString::to_string)
        .collect();
    let count = verdicts(&records).count();
    let all = tongro_check::contract(&subject.contract).map_or(0, |contract| contract.checks.len());
    if bad.is_empty() && count == all {
        Ok(())
    } else {
        Err(format!("{count} checks, wrongly told: {}", bad.join("\n")))
    }
}

fn broken(subject: &Subject) -> Result<(), String> {
    let wanted = header(&subject.program, "bug:").ok_or("no `bug:` in its header")?;
    let records = check(subject, &["--first"])?;
    let first = verdicts(&records).find(|record| record["verdict"] == "fail");
    let Some(first) = first else { return Err(format!("nothing failed; `{wanted}` was wanted")) };
    if first["bug"] != wanted.as_str() {
        return Err(format!("`{wanted}` was wanted: {first}"));
    }
    if first["evidence"].as_array().is_none_or(Vec::is_empty) {
        return Err(format!("no evidence: {first}"));
    }
    replays_alike(first)
}

/// `check replay` of the run it kept gives the same verdict, byte for byte.
fn replays_alike(record: &Value) -> Result<(), String> {
    let run = record["run"].as_str().ok_or("no run was kept")?;
    let output = tongro(&["check", "replay", run]);
    let kept = std::fs::read(Path::new(run).join("verdict.json")).map_err(|error| error.to_string())?;
    let printed = output.stdout.strip_suffix(b"\n").unwrap_or(&output.stdout);
    if output.status.success() && printed == kept {
        Ok(())
    } else {
        Err(format!("replay differs: {output:?}"))
    }
}

fn wrong(subject: &Subject) -> Result<(), String> {
    let wanted = header(&subject.program, "wrong:").ok_or("no `wrong:` in its header")?;
    let records = check(subject, &[])?;
    let summary = records.last().ok_or("no summary")?;
    let told = match summary["unstarted"]["said"]["id"].as_str() {
        Some(id) => id.trim_start_matches("outcome.void.").replace('_', "-"),
        None => verdicts(&records).find_map(|record| record["bug"].as_str()).unwrap_or("nothing").to_owned(),
    };
    if told == wanted { Ok(()) } else { Err(format!("`{wanted}` was wanted, `{told}` was told: {summary}")) }
}

fn verdicts(records: &[Value]) -> impl Iterator<Item = &Value> {
    records.iter().filter(|record| record["type"] == "check")
}

fn check(subject: &Subject, options: &[&str]) -> Result<Vec<Value>, String> {
    check_command(command(&subject.program)?, &subject.contract, options)
}

fn check_command(command: Vec<String>, contract: &str, options: &[&str]) -> Result<Vec<Value>, String> {
    let runs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runs");
    let runs = runs.to_string_lossy().into_owned();
    let mut arguments = vec!["check", "--lang", "en", "--json", "--runs", &runs, "--contract", contract];
    arguments.extend(options);
    arguments.push("--");
    arguments.extend(command.iter().map(String::as_str));
    let output = tongro(&arguments);
    let text = String::from_utf8_lossy(&output.stdout);
    let records = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
    records.map_err(|error| format!("{error} in {output:?}"))
}

fn tongro(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tongro")).args(arguments).output().unwrap()
}

/// How the program is run; a Rust one is built first, by the command in its header.
fn command(program: &Path) -> Result<Vec<String>, String> {
    let path = program.to_string_lossy().into_owned();
    if program.extension().is_none_or(|extension| extension != "rs") {
        return Ok(vec!["python3".to_owned(), path]);
    }
    let folders = program.components().rev().take(3).map(|part| part.as_os_str().to_string_lossy());
    let name = folders.collect::<Vec<_>>().join("-").replace(".rs", "");
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // A learner's file has no such line: the command is in the brief.
    let build = header(program, "build:").unwrap_or_else(|| "rustc -O --edition 2024".to_owned());
    let mut words = build.split_whitespace();
    let built = Command::new(words.next().unwrap_or("rustc"))
        .args(words)
        .arg(program)
        .arg("-o")
        .arg(&binary)
        .output();
    match built {
        Ok(output) if output.status.success() => Ok(vec![binary.to_string_lossy().into_owned()]),
        other => Err(format!("{other:?}")),
    }
}

/// The value of a key in a program's first lines.
fn header(program: &Path, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(program).ok()?;
    let lines =
        text.lines().take(8).filter_map(|line| line.trim_start_matches(['#', '/', ' ']).strip_prefix(key));
    { lines }.next().map(|value| value.trim().to_owned())
}
