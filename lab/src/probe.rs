//! What this machine lets a lab do, for `doctor`: tried for real, in a child, in one build of a small lab.

use crate::error::{LabError, Step};
use crate::handle::{Lab, Plan};
use crate::message::{ProgramPlan, Tracing};

/// Something a lab needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Making user, network and other namespaces.
    Namespaces,
    /// Having capabilities inside them.
    Capabilities,
    /// A proc of its own.
    Proc,
    /// Virtual Ethernet pairs.
    Veth,
    /// Raw packet sockets on them.
    PacketSocket,
    /// Reading the socket table.
    SockDiag,
    /// Tracing its own programs.
    Ptrace,
    /// Python 3, for the course's programs.
    Python,
}

impl Capability {
    /// The id that `course` has words for.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Capabilities => "capabilities",
            Self::Proc => "proc",
            Self::Veth => "veth",
            Self::PacketSocket => "packet_socket",
            Self::SockDiag => "sock_diag",
            Self::Ptrace => "ptrace",
            Self::Python => "python",
        }
    }
}

/// The answer for one capability: works, fails with an errno, or could not be tried because an earlier one fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Which.
    pub capability: Capability,
    /// `None` = not tried.
    pub works: Option<bool>,
    /// The kernel call that failed.
    pub call: String,
    /// Its errno, 0 = none.
    pub errno: i32,
}

const IN_ORDER: [Capability; 7] = [
    Capability::Namespaces,
    Capability::Capabilities,
    Capability::Proc,
    Capability::Veth,
    Capability::PacketSocket,
    Capability::SockDiag,
    Capability::Ptrace,
];

/// Builds one lab, runs one traced program in it, and says how far it came.
#[must_use]
pub fn probe(plan: &Plan) -> Vec<Probe> {
    let (reached, call, errno) = match try_lab(plan) {
        Ok(()) => (IN_ORDER.len(), String::new(), 0),
        Err(LabError::Build { step, call, errno }) => (step_index(step), call, errno),
        Err(LabError::Spawn { call, errno, .. } | LabError::Refused { call, errno }) => (6, call, errno),
        Err(_) => (6, "ptrace".to_owned(), 0),
    };
    let mut probes: Vec<Probe> = IN_ORDER
        .into_iter()
        .enumerate()
        .map(|(index, capability)| Probe {
            capability,
            works: (index <= reached).then_some(index < reached),
            call: if index == reached { call.clone() } else { String::new() },
            errno: if index == reached { errno } else { 0 },
        })
        .collect();
    let path = std::env::var("PATH").unwrap_or_default();
    let python = crate::program::executable("python3", "/", &path);
    probes.push(Probe {
        capability: Capability::Python,
        works: Some(python.is_ok()),
        call: "execve".to_owned(),
        errno: python.err().unwrap_or(0),
    });
    probes
}

fn step_index(step: Step) -> usize {
    match step {
        Step::Start | Step::Namespaces | Step::Ids => 0,
        Step::Capabilities => 1,
        Step::Mounts => 2,
        Step::Veth | Step::Sysctl => 3,
        Step::PacketSocket => 4,
        Step::SockDiag => 5,
    }
}

fn try_lab(plan: &Plan) -> Result<(), LabError> {
    let (lab, _events) = Lab::start(plan)?;
    lab.run(ProgramPlan {
        host: crate::SERVER,
        argv: vec!["true".to_owned()],
        env: Vec::new(),
        cwd: "/".to_owned(),
        tracing: Tracing::Network,
        calls: Vec::new(),
    })
    .map(drop)
}
