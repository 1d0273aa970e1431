//! What tests need beside the Rust toolchain, installed by the ordinary clients where it is missing.

use std::path::Path;
use std::process::Command;

use crate::run::{command, root, succeeds};

/// A program and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 5] = [
    ("/usr/bin/python3", "python3"),
    ("/usr/bin/chromium", "chromium"),
    ("/usr/bin/tshark", "tshark"),
    ("/usr/bin/setpriv", "util-linux"),
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "fonts-noto-cjk"),
];

/// Installs what is missing; the names of what could not be had.
pub(crate) fn install() -> Vec<String> {
    let mut missing: Vec<&str> =
        PROGRAMS.iter().filter(|(file, _)| !Path::new(file).exists()).map(|(_, package)| *package).collect();
    if !runs("node") || !runs("npm") {
        missing.extend(["nodejs", "npm"]);
    }
    if missing.is_empty() {
        return Vec::new();
    }
    println!("installing: {}", missing.join(" "));
    if !is_root() {
        println!("this needs root: sudo apt-get install -y {}", missing.join(" "));
        return missing.iter().map(ToString::to_string).collect();
    }
    let apt =
        |arguments: &[&str]| succeeds(command("apt-get", arguments).env("DEBIAN_FRONTEND", "noninteractive"));
    let mut install = vec!["install", "-y", "--no-install-recommends", "-q"];
    install.extend(&missing);
    if apt(&["update", "-q"]) && apt(&install) {
        Vec::new()
    } else {
        missing.iter().map(ToString::to_string).collect()
    }
}

/// The browser tests' own packages, as their lock file has them.
pub(crate) fn browser() -> bool {
    let folder = root().join("web/browser");
    folder.join("node_modules/playwright-core").exists()
        || succeeds(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}

pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

fn runs(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}
