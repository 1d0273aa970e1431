//! `tongro init DIR`: a workspace for the course. Starters and tasks come from `course` and become files; what is there
//! already is never written over.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tongro_course::{Practical, days, practicals};

use crate::talk::Talk;

/// Write a workspace for the course: starters, tasks, VS Code tasks
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder; made if it is not there
    dir: PathBuf,
}

impl Init {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let mut is_whole = true;
        for (path, text) in files(talk) {
            let path = self.dir.join(path);
            let shown = path.display().to_string();
            match write_new(&path, &text) {
                Ok(true) => talk.say(&talk.text("cli.init.wrote", &[("path", &shown)])),
                Ok(false) => talk.say(&talk.text("cli.init.kept", &[("path", &shown)])),
                Err(error) => {
                    let params = [("path", shown.as_str()), ("why", &error.to_string())];
                    talk.error(&talk.text("cli.error.bad_file", &params), None);
                    is_whole = false;
                    break;
                }
            }
        }
        if is_whole {
            let command = format!("code {}", self.dir.display());
            talk.note(&talk.text("cli.init.next", &[("command", &command)]));
        }
        if is_whole { 0 } else { 2 }
    }
}

/// Every file of the workspace: its path and its text.
fn files(talk: &Talk) -> Vec<(PathBuf, String)> {
    let mut files = vec![
        (PathBuf::from("README.md"), readme(talk)),
        (Path::new(".vscode").join("tasks.json"), pretty(&tasks())),
    ];
    for practical in practicals() {
        let folder = Path::new(practical.slug());
        files.push((folder.join("README.md"), practical.brief(talk.lang).to_owned()));
        let starters = practical.starter.iter();
        files.extend(starters.map(|file| (folder.join(file.name), file.text.to_owned())));
    }
    files
}

/// Writes a file that is not there yet; `false` = it is, and stays as it is.
fn write_new(path: &Path, text: &str) -> std::io::Result<bool> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn readme(talk: &Talk) -> String {
    let title = |practical: &Practical| {
        let mut items = days().iter().flat_map(|day| &day.items);
        let item = items.find(|item| item.id == practical.id());
        item.map_or("", |item| item.title.in_lang(talk.lang))
    };
    let row = |practical: &Practical| {
        let (id, slug) = (practical.id(), practical.slug());
        let file = practical.starter.first().map_or("", |file| file.name);
        format!(
            "| [{id} {}]({slug}/README.md) | `tongro check {id} -- python3 {slug}/{file}` |",
            title(practical)
        )
    };
    let table: Vec<String> = practicals().iter().map(row).collect();
    talk.text("cli.init.readme", &[("table", &table.join("\n"))]).trim_start().to_owned() + "\n"
}

/// The tasks of VS Code: one a practical and language, that judges and marks what fails in the file.
fn tasks() -> Value {
    let tasks: Vec<Value> = practicals().iter().flat_map(tasks_of).collect();
    json!({"version": "2.0.0", "tasks": tasks})
}

fn tasks_of(practical: &Practical) -> Vec<Value> {
    let (id, folder) = (practical.id(), practical.slug());
    let matcher = json!({
        "owner": "tongro",
        "source": "tongro",
        "fileLocation": ["relative", format!("${{workspaceFolder}}/{folder}")],
        "pattern": {
            "regexp": r"^(.+?):(\d+):(\d+): error\[([a-z0-9-]+)\]: (.*)$",
            "file": 1, "line": 2, "column": 3, "code": 4, "message": 5,
        },
    });
    let task = |file: &tongro_course::SourceFile| {
        let stem = file.name.trim_end_matches(".rs");
        let command = if file.name.ends_with(".rs") {
            format!("rustc -O --edition 2024 {} && tongro check {id} --problems -- ./{stem}", file.name)
        } else {
            format!("tongro check {id} --problems -- python3 {}", file.name)
        };
        json!({
            "label": format!("tongro {id}: {}", file.name),
            "type": "shell",
            "command": command,
            "options": {"cwd": format!("${{workspaceFolder}}/{folder}")},
            "group": "test",
            "presentation": {"clear": true},
            "problemMatcher": matcher,
        })
    };
    practical.starter.iter().map(task).collect()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
