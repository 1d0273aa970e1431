//! The judge both ways, on real programs: every good one passes every check, every broken one fails with its own bug
//! first, and what is no echo server is told so. Our own server stands before the same judge, under every model. One test
//! a program; `TONGRO_REPEAT=N` runs each N times.

#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for (folder, judge) in
        [("good", good as fn(&Path) -> Result<(), String>), ("broken", broken), ("wrong", wrong)]
    {
        let mut programs: Vec<PathBuf> =
            std::fs::read_dir(programs().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        programs.sort();
        for program in programs {
            let name = format!("{folder}/{}", program.file_name().unwrap().to_string_lossy());
            trials.push(Trial::test(name, move || repeat(&program, judge)));
        }
    }
    for (model, bug) in OWN {
        trials
            .push(Trial::test(format!("own/{model}"), move || repeat(Path::new(model), |_| own(model, bug))));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/programs/echo")
}

fn repeat(program: &Path, judge: impl Fn(&Path) -> Result<(), String>) -> Result<(), Failed> {
    let times = std::env::var("TONGRO_REPEAT").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    for round in 1..=times {
        judge(program).map_err(|what| format!("round {round}: {what}"))?;
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
    let records = check_command(command.collect(), &[])?;
    let failed: Vec<&str> = verdicts(&records)
        .filter(|record| !matches!(record["verdict"].as_str(), Some("pass" | "n/a")))
        .map(|record| record["bug"].as_str().unwrap_or_default())
        .collect();
    if failed == Vec::from_iter(bug) { Ok(()) } else { Err(format!("told: {failed:?}, wanted: {bug:?}")) }
}

fn good(program: &Path) -> Result<(), String> {
    let records = check(program, &[])?;
    let bad: Vec<String> = verdicts(&records)
        .filter(|record| !matches!(record["verdict"].as_str(), Some("pass" | "n/a")))
        .map(ToString::to_string)
        .collect();
    let count = verdicts(&records).count();
    if bad.is_empty() && count >= 20 {
        Ok(())
    } else {
        Err(format!("{count} checks, wrongly told: {}", bad.join("\n")))
    }
}

fn broken(program: &Path) -> Result<(), String> {
    let wanted = header(program, "bug:").ok_or("no `bug:` in its header")?;
    let records = check(program, &["--first"])?;
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

fn wrong(program: &Path) -> Result<(), String> {
    let wanted = header(program, "wrong:").ok_or("no `wrong:` in its header")?;
    let records = check(program, &[])?;
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

fn check(program: &Path, options: &[&str]) -> Result<Vec<Value>, String> {
    check_command(command(program)?, options)
}

fn check_command(command: Vec<String>, options: &[&str]) -> Result<Vec<Value>, String> {
    let runs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runs");
    let runs = runs.to_string_lossy().into_owned();
    let mut arguments = vec!["check", "--lang", "en", "--json", "--runs", &runs, "--contract", "echo"];
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
    let folder = program.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let stem = program.file_stem().unwrap_or_default().to_string_lossy();
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{folder}-{stem}"));
    let build = header(program, "build:").ok_or("no `build:` in its header")?;
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
