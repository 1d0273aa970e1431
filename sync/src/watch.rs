//! Watching: the kernel's hints that something changed. Hints may be lost, so whoever waits also looks now and then.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};

use crate::error::{Error, Result};

/// How long nothing must happen before a change counts as finished.
const SETTLE: Duration = Duration::from_millis(150);

/// Ears on some folders.
#[derive(Debug)]
pub struct Watcher {
    hints: Receiver<()>,
    _watcher: notify::RecommendedWatcher,
}

impl Watcher {
    /// Listens to these folders, all below them included, our own files excepted.
    pub fn new(folders: &[PathBuf]) -> Result<Self> {
        let (tell, hints) = channel();
        let is_own = |path: &PathBuf| path.components().any(|part| part.as_os_str() == ".tongro");
        let handler = move |event: notify::Result<notify::Event>| {
            let is_change =
                event.is_ok_and(|event| !event.kind.is_access() && !event.paths.iter().all(is_own));
            if is_change {
                let _ = tell.send(()); // nobody waits any more
            }
        };
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error: notify::Error| Error::at(path)(std::io::Error::other(error))
        };
        let mut watcher = notify::recommended_watcher(handler).map_err(failed(Path::new("inotify")))?;
        for folder in folders {
            watcher.watch(folder, RecursiveMode::Recursive).map_err(failed(folder))?;
        }
        Ok(Self { hints, _watcher: watcher })
    }

    /// Waits for a change and until it settles, at most this long.
    pub fn wait(&self, at_most: Duration) {
        if self.hints.recv_timeout(at_most).is_ok() {
            while self.hints.recv_timeout(SETTLE).is_ok() {}
        }
    }
}
