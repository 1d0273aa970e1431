//! `tongro doctor`: what works here, what follows, and the one fix for what does not. Everything is tried for real.

use clap::Args;
use serde_json::json;
use tongro_lab::{Capability, Plan, Probe};

use crate::talk::{Talk, Tone};

/// Tell what works on this computer, and how to fix what does not
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let probes = tongro_lab::probe(&Plan::default());
        let is_able =
            probes.iter().all(|probe| probe.works != Some(false) || probe.capability == Capability::Python);
        if self.json {
            for probe in &probes {
                let line = json!({"type": "probe", "id": probe.capability.id(), "works": probe.works,
                    "call": probe.call, "errno": probe.errno});
                talk.say(&line.to_string());
            }
        } else {
            let title = talk.text("cli.doctor.title", &[]);
            talk.say(&talk.tone(Tone::Strong, &title));
            probes.iter().for_each(|probe| print(talk, probe));
            talk.say("");
            let mode = if is_able { "cli.doctor.mode_lab" } else { "cli.doctor.mode_loopback" };
            talk.say(&talk.text(mode, &[]));
        }
        if is_able { 0 } else { 2 }
    }
}

fn print(talk: &mut Talk, probe: &Probe) {
    let entry = entry(probe.capability);
    let title = talk.text(&format!("cli.doctor.{entry}.title"), &[]);
    let why = if probe.errno == 0 {
        probe.call.clone()
    } else {
        format!("{}: {}", probe.call, std::io::Error::from_raw_os_error(probe.errno))
    };
    let version = if entry == "python" { python_version() } else { String::new() };
    let params = [("why", why.as_str()), ("version", version.as_str()), ("command", APPARMOR)];
    match probe.works {
        Some(true) => {
            let text = talk.text(&format!("cli.doctor.{entry}.ok"), &params);
            talk.say(&format!("{} {title}: {text}", talk.tone(Tone::Good, "✓")));
        }
        Some(false) => {
            let text = talk.text(&format!("cli.doctor.{entry}.missing"), &params);
            talk.say(&format!("{} {title}: {text}", talk.tone(Tone::Bad, "✗")));
            let fix = talk.text(&format!("cli.doctor.{entry}.fix"), &params);
            talk.say(&format!("    {}: {fix}", talk.text("cli.doctor.fix", &[])));
        }
        None => talk.say(&talk.tone(Tone::Quiet, &format!("– {title}"))),
    }
}

/// The profile that lets this one program use user namespaces where AppArmor restricts them.
const APPARMOR: &str = "sudo apparmor_parser -r <(printf 'abi <abi/4.0>,\\nprofile tongro /**/tongro flags=(unconfined) {\\n  userns,\\n}\\n')";

fn entry(capability: Capability) -> &'static str {
    match capability {
        Capability::Namespaces => "user_namespaces",
        Capability::Capabilities => "apparmor",
        Capability::Proc => "proc",
        Capability::Veth => "veth",
        Capability::PacketSocket => "af_packet",
        Capability::SockDiag => "sock_diag",
        Capability::Ptrace => "ptrace",
        Capability::Python => "python",
    }
}

fn python_version() -> String {
    let output = std::process::Command::new("python3").arg("--version").output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
