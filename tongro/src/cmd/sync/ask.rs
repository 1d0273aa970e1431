//! What a person asks of one folder: `sync status`, `conflicts`, `history`, `restore`, `verify`, `names`.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use tongro_sync::Result;
use tongro_sync::entry::Kind;
use tongro_sync::folder::{Folder, original_of};
use tongro_sync::name::lint;
use tongro_sync::vfs::{RealVfs, Vfs, What};

use crate::talk::Talk;

/// A folder.
#[derive(Debug, Args)]
pub(super) struct Of {
    /// The folder
    folder: PathBuf,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Conflicts of a folder.
#[derive(Debug, Args)]
pub(super) struct Conflicts {
    /// The folder
    folder: PathBuf,
    /// Decide: keep the original, or the copy
    #[arg(long, value_enum, requires = "copy")]
    keep: Option<Keep>,
    /// The copy's path in the folder
    copy: Option<PathBuf>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Keep {
    /// What has the name.
    Original,
    /// The conflict copy.
    Copy,
}

/// Something to bring back.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The folder
    folder: PathBuf,
    /// Its path in the folder, as `history` shows it
    path: PathBuf,
}

fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

impl Of {
    pub(super) fn status(&self, talk: &mut Talk) -> Result<u8> {
        let mut folder = Folder::open(&self.folder)?;
        super::say_problems(talk, &folder.scan(false)?, self.json);
        let (mut files, mut folders, mut gone) = (0, 0, 0);
        for (_, row) in folder.replica.tree().rows() {
            match row.entry.kind {
                Kind::Folder => folders += 1,
                Kind::Gone => gone += 1,
                Kind::File { .. } | Kind::Link { .. } => files += 1,
            }
        }
        let (conflicts, root) = (folder.conflicts().len(), root_of(&folder));
        if self.json {
            let line = json!({"type": "status", "files": files, "folders": folders, "gone": gone, "conflicts": conflicts, "root": root});
            talk.say(&line.to_string());
            return Ok(0);
        }
        let number = |number: usize| number.to_string();
        let (files, folders, gone, conflicts) =
            (number(files), number(folders), number(gone), number(conflicts));
        let params =
            [("files", &*files), ("folders", &*folders), ("gone", &*gone), ("conflicts", &*conflicts)];
        talk.say(&talk.text("sync.sync.status", &params));
        talk.say(&talk.text("sync.sync.root", &[("root", &root)]));
        Ok(0)
    }

    pub(super) fn history(&self, talk: &mut Talk) -> Result<u8> {
        let past = Folder::open(&self.folder)?.history()?;
        if past.is_empty() && !self.json {
            talk.say(&talk.text("sync.sync.no_history", &[]));
        }
        for past in past {
            let path = text(&past.raw);
            if self.json {
                let what = if past.is_deletion { "deleted" } else { "replaced" };
                let line = json!({"type": what, "path": path, "at": past.at / 1_000_000_000, "lies_in": text(&past.aside)});
                talk.say(&line.to_string());
            } else {
                let id =
                    if past.is_deletion { "sync.sync.history_deleted" } else { "sync.sync.history_replaced" };
                talk.say(&talk.text(id, &[("path", &path)]));
            }
        }
        Ok(0)
    }

    pub(super) fn verify(&self, talk: &mut Talk) -> Result<u8> {
        let mut folder = Folder::open(&self.folder)?;
        folder.scan(false)?;
        let (count, bad) = folder.verify()?;
        for path in &bad {
            talk.say(&talk.text("sync.sync.broken", &[("path", &text(path))]));
        }
        let root = root_of(&folder);
        if self.json {
            talk.say(
                &json!({"type": "verified", "files": count, "broken": bad.len(), "root": root}).to_string(),
            );
        } else if bad.is_empty() {
            talk.say(&talk.text("sync.sync.verified", &[("count", &count.to_string()), ("root", &root)]));
        }
        Ok(u8::from(!bad.is_empty()))
    }

    pub(super) fn names(&self, talk: &mut Talk) -> Result<u8> {
        let at = |source| tongro_sync::Error::Path { path: self.folder.clone(), source };
        let vfs = RealVfs::open(&self.folder).map_err(at)?;
        let (mut ways, mut has_problem) = (vec![Vec::new()], false);
        while let Some(way) = ways.pop() {
            let listed = vfs.list(&way).map_err(at)?;
            let parts: Vec<Vec<u8>> = listed.iter().map(|(part, _)| part.clone()).collect();
            for (part, problem) in lint(&parts) {
                has_problem = true;
                let path = text(&tongro_sync::name::join(&way, &part));
                if self.json {
                    talk.say(&json!({"type": "name", "path": path, "problem": problem.id()}).to_string());
                } else {
                    talk.say(&format!("{path}: {}", talk.text(&format!("sync.name.{}", problem.id()), &[])));
                }
            }
            let folders =
                listed.into_iter().filter(|(part, stat)| stat.what == What::Folder && part != b".tongro");
            ways.extend(folders.map(|(part, _)| tongro_sync::name::join(&way, &part)));
        }
        if !has_problem && !self.json {
            talk.say(&talk.text("sync.sync.names_ok", &[("path", &self.folder.display().to_string())]));
        }
        Ok(u8::from(has_problem))
    }
}

impl Conflicts {
    pub(super) fn run(&self, talk: &mut Talk) -> Result<u8> {
        let mut folder = Folder::open(&self.folder)?;
        if let (Some(keep), Some(copy)) = (self.keep, &self.copy) {
            folder.resolve(copy.as_os_str().as_bytes(), keep == Keep::Copy)?;
            talk.say(&talk.text("sync.sync.kept", &[]));
            return Ok(0);
        }
        folder.scan(false)?;
        let all = folder.conflicts();
        if all.is_empty() && !self.json {
            talk.say(&talk.text("sync.sync.no_conflicts", &[]));
        }
        for copy in all {
            let (original, copy) = (text(&original_of(&copy).unwrap_or_default()), text(&copy));
            if self.json {
                talk.say(&json!({"type": "conflict", "copy": copy, "original": original}).to_string());
            } else {
                talk.say(&talk.text("sync.sync.pair_of", &[("copy", &copy), ("original", &original)]));
            }
        }
        Ok(0)
    }
}

impl Restore {
    pub(super) fn run(&self, talk: &mut Talk) -> Result<u8> {
        let mut folder = Folder::open(&self.folder)?;
        let path = self.path.as_os_str().as_bytes();
        match folder.restore(path)? {
            Some(to) => {
                talk.say(&talk.text("sync.sync.restored", &[("path", &text(&to))]));
                Ok(0)
            }
            None => {
                talk.say(&talk.text("sync.sync.nothing_to_restore", &[("path", &text(path))]));
                Ok(1)
            }
        }
    }
}

/// The root hash, as two people compare it by eye.
fn root_of(folder: &Folder) -> String {
    folder.replica.standing().root.iter().map(|byte| format!("{byte:02x}")).collect()
}
