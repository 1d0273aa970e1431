//! What can go wrong with a lab, in the words of the kernel call that failed.

/// The step of building a lab that failed: `doctor` has a sentence and a fix for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Re-executing the binary.
    Start,
    /// Making the namespaces.
    Namespaces,
    /// Mapping the user into them.
    Ids,
    /// Having capabilities in them (AppArmor may make the namespace and deny all of them).
    Capabilities,
    /// Mounting proc.
    Mounts,
    /// Making the link.
    Veth,
    /// The packet sockets.
    PacketSocket,
    /// Looking into the socket table.
    SockDiag,
    /// Sysctls of the hosts.
    Sysctl,
}

impl Step {
    /// The id that `course` has words for.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Namespaces => "namespaces",
            Self::Ids => "ids",
            Self::Capabilities => "capabilities",
            Self::Mounts => "mounts",
            Self::Veth => "veth",
            Self::PacketSocket => "packet_socket",
            Self::SockDiag => "sock_diag",
            Self::Sysctl => "sysctl",
        }
    }
}

/// An error of the lab.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The lab could not be built.
    #[error("the lab could not be built ({}): {call}: {}", step.id(), std::io::Error::from_raw_os_error(*errno))]
    Build {
        /// At which step.
        step: Step,
        /// The kernel call.
        call: String,
        /// Its errno.
        errno: i32,
    },
    /// A program could not be started.
    #[error("`{program}`: {call}: {}", std::io::Error::from_raw_os_error(*errno))]
    Spawn {
        /// The command.
        program: String,
        /// The kernel call.
        call: String,
        /// Its errno: ENOENT = no such file, EACCES = not executable.
        errno: i32,
    },
    /// A request was refused by the kernel.
    #[error("{call}: {}", std::io::Error::from_raw_os_error(*errno))]
    Refused {
        /// The kernel call.
        call: String,
        /// Its errno.
        errno: i32,
    },
    /// The child process of the lab is gone.
    #[error("the lab ended unexpectedly")]
    Gone,
    /// A call of this process failed.
    #[error(transparent)]
    System(#[from] tongro_sys::Error),
}
