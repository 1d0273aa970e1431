//! What tests need beside the Rust toolchain, installed by the ordinary clients where it is missing.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run::{command, root, runs, succeeds};

/// A file that must be there, the Debian package that brings it, and what needs it.
const FILES: &[(&str, &str, &str)] = &[
    ("/usr/bin/python3", "python3", "the programs that the judge's tests run"),
    ("/usr/bin/setpriv", "util-linux", "the lab's tests as a plain user"),
    ("/usr/bin/tshark", "tshark", "the agreement of our captures with Wireshark"),
    ("/usr/bin/openssl", "openssl", "certificates for programs whose TLS is opened"),
    (
        "/usr/lib/python3/dist-packages/scapy/__init__.py",
        "python3-scapy",
        "the agreement of crafted packets with Scapy",
    ),
    ("/usr/sbin/ip", "iproute2", "the routers and hosts of the packet commands' tests"),
    ("/usr/bin/chromium", "chromium", "the workbench's tests"),
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "fonts-noto-cjk", "the workbench's tests"),
];
/// The same for programs that may stand anywhere in PATH.
const PROGRAMS: [(&str, &str, &str); 3] = [
    ("node", "nodejs", "the workbench's tests"),
    ("npm", "npm", "the workbench's tests"),
    ("zstd", "zstd", "the tests of packed captures"),
];

/// Installs what is missing; the names of what could not be had.
pub(crate) fn install() -> Vec<&'static str> {
    let mut missing = missing();
    if !missing.is_empty() && is_root() {
        println!("installing {}", missing.join(" "));
        apt_install(&missing);
        missing = self::missing();
    }
    if !missing.is_empty() {
        println!("\nMISSING: {}", missing.join(" "));
        FILES
            .iter()
            .chain(&PROGRAMS)
            .filter(|(_, package, _)| missing.contains(package))
            .for_each(|(_, package, purpose)| println!("  {package:<16} for {purpose}"));
        println!("\nhint: sudo apt-get install {}\n", missing.join(" "));
    }
    missing
}

fn missing() -> Vec<&'static str> {
    let files = FILES.iter().filter(|(file, ..)| !Path::new(file).exists());
    let programs = PROGRAMS.iter().filter(|(program, ..)| !runs(program, &["--version"]));
    files.chain(programs).map(|(_, package, _)| *package).collect()
}

fn apt_install(packages: &[&str]) {
    let apt =
        |arguments: &[&str]| succeeds(command("apt-get", arguments).env("DEBIAN_FRONTEND", "noninteractive"));
    let mut install = vec!["install", "-y", "-q", "--no-install-recommends"];
    install.extend(packages);
    // Whether it worked is seen by looking again.
    let _ = apt(&["update", "-q"]) && apt(&install);
}

/// The browser tests' own packages, as their lock file has them.
pub(crate) fn install_browser_packages() -> bool {
    let folder = root().join("web/browser");
    is_newer(&folder.join("node_modules/.package-lock.json"), &folder.join("package-lock.json"))
        || succeeds(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}

/// Whether the first file is there and not older than the second.
fn is_newer(first: &Path, second: &Path) -> bool {
    let at = |file: &Path| fs::metadata(file).and_then(|about| about.modified());
    matches!((at(first), at(second)), (Ok(first), Ok(second)) if first >= second)
}

pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout == b"0\n")
}

/// In continuous integration nothing may be passed over.
pub(crate) fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
