//! The course at the command line: `learn`, `init`, and `check` by a practical's number, as processes.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::path::{Path, PathBuf};
use std::process::Command;

use tongro_course::practicals;

/// Exit code, stdout, stderr.
fn tongro(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tongro")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A folder that is not there yet.
fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

#[test]
fn the_days_are_listed_in_both_languages() {
    let (code, english, _) = tongro(&["learn", "--lang", "en"]);
    assert_eq!(code, 0);
    assert!(english.contains("Day 5 ·") && english.contains("The three-way handshake"), "{english}");
    let (_, korean, _) = tongro(&["learn", "--lang", "ko"]);
    assert!(korean.contains("5일차 ·") && korean.contains("3방향 핸드셰이크"), "{korean}");
    let (_, one, _) = tongro(&["learn", "2", "--lang", "en"]);
    assert!(one.contains("Day 2 ·") && !one.contains("Day 1 ·"), "{one}");
}

#[test]
fn a_practical_is_shown_with_its_goals_hints_and_solutions() {
    for practical in practicals() {
        let (code, out, err) =
            tongro(&["learn", practical.id(), "--lang", "ko", "--hints", "2", "--solution"]);
        assert_eq!(code, 0);
        assert!(out.starts_with(&format!("# 실습 {}", practical.id())), "{out}");
        let hints = [0, 1, 2].map(|at| out.contains(practical.hints()[at].in_lang(tongro_course::Lang::Ko)));
        assert_eq!(hints, [true, true, false]);
        assert!(practical.solution.iter().all(|file| out.contains(file.text.trim_end())), "{out}");
        assert!(err.contains(&format!("tongro check {} -- python3", practical.id())), "{err}");
    }
}

#[test]
fn what_does_not_exist_is_told() {
    for (what, said) in [("no-such", "there is no day"), ("5-4", "not written yet")] {
        let (code, out, err) = tongro(&["learn", what, "--lang", "en"]);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains(said) && err.contains("hint: "), "{err}");
    }
    let (code, _, err) = tongro(&["check", "9-9", "--lang", "en", "--", "true"]);
    assert_eq!(code, 2);
    assert!(err.contains("there is no practical `9-9`") && err.contains("1-1"), "{err}");
    let (code, _, err) = tongro(&["check", "1-1", "--contract", "other", "--lang", "en", "--", "true"]);
    assert_eq!(code, 2);
    assert!(err.contains("`echo`"), "{err}");
}

#[test]
fn a_workspace_is_written_once_and_never_over() {
    let folder = fresh("workspace");
    let path = folder.to_str().unwrap();
    let (code, out, _) = tongro(&["init", path, "--lang", "ko"]);
    assert_eq!(code, 0, "{out}");
    let mine = folder.join(practicals()[0].slug()).join(practicals()[0].starter[0].name);
    std::fs::write(&mine, "# mine\n").unwrap();
    let (code, out, _) = tongro(&["init", path, "--lang", "en"]);
    assert_eq!(code, 0);
    assert!(out.lines().all(|line| line.starts_with("kept ")), "{out}");
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "# mine\n");
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let tasks = std::fs::read_to_string(folder.join(".vscode/tasks.json")).unwrap();
    let tasks: serde_json::Value = serde_json::from_str(&tasks).unwrap();
    for practical in practicals() {
        assert!(readme.contains(&format!("tongro check {} --", practical.id())), "{readme}");
        let labels = tasks["tasks"].as_array().unwrap().iter();
        let own = labels.filter(|task| {
            task["label"].as_str().unwrap().starts_with(&format!("tongro {}: ", practical.id()))
        });
        assert_eq!(own.count(), practical.starter.len());
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let (code, _, err) = tongro(&["init", "/dev/null/course", "--lang", "en"]);
    assert_eq!(code, 2);
    assert!(err.contains("/dev/null/course"), "{err}");
}

#[test]
fn failures_are_printed_where_an_editor_finds_them() {
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/programs/echo/broken/decode-per-recv.py");
    let runs = fresh("problem-runs");
    let arguments =
        ["check", "1-1", "--problems", "--first", "--lang", "en", "--runs", runs.to_str().unwrap()];
    let (code, out, _) = tongro(&[&arguments[..], &["--", "python3", program.to_str().unwrap()]].concat());
    assert_eq!(code, 1);
    let problem = out.lines().find(|line| line.contains(": error[decode-per-recv]: ")).unwrap();
    let place = problem.strip_prefix(program.to_str().unwrap()).unwrap();
    let line: usize = place.split(':').nth(1).unwrap().parse().unwrap();
    let source = std::fs::read_to_string(&program).unwrap();
    assert!(source.lines().nth(line - 1).unwrap().contains("decode"), "{problem}");
    assert!(out.contains("tongro check 1-1 --only decode-per-recv"), "{out}");
}
