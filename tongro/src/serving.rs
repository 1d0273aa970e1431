//! What went wrong on the network, in words: the errors of `serve`, each with the one fix.
//!
//! The error names what happened; `course` has the sentences (`serve.error.*`).

use tongro_serve::{Error, Why};

use crate::talk::Talk;

/// Says what happened and what to do about it.
pub(crate) fn tell(talk: &mut Talk, error: &Error) {
    let (id, params) = words(error);
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let hint = talk.text(&format!("serve.error.{id}_hint"), &params);
    talk.error(&talk.text(&format!("serve.error.{id}"), &params), Some(&hint));
}

/// The sentence and its values.
fn words(error: &Error) -> (&'static str, Vec<(&'static str, String)>) {
    match error {
        Error::Refused { address } => ("refused", vec![("address", address.clone())]),
        Error::Unreachable { address } => ("unreachable", vec![("address", address.clone())]),
        Error::TimedOut { waiting_to: "connect" } => ("connect_timeout", vec![]),
        Error::TimedOut { waiting_to: "send" } => ("send_timeout", vec![]),
        Error::TimedOut { .. } => ("receive_timeout", vec![]),
        Error::Reset => ("reset", vec![]),
        Error::AddressInUse { address } => {
            ("in_use", vec![("address", address.clone()), ("port", port(address))])
        }
        Error::Listen { address, source } => match source.kind() {
            std::io::ErrorKind::AddrNotAvailable => ("not_ours", vec![("address", address.clone())]),
            std::io::ErrorKind::PermissionDenied => ("privileged", vec![("address", address.clone())]),
            _ => ("listen", vec![("address", address.clone()), ("why", source.to_string())]),
        },
        Error::Resolve { host, .. } => ("resolve", vec![("host", host.clone())]),
        Error::NotASocket { path } => ("not_a_socket", vec![("path", path.display().to_string())]),
        Error::NotPossible { model, why } => {
            let id = match why {
                Why::NoSharedMemory => "no_shared_memory",
                Why::NoStream => "no_stream",
                Why::SwitchedOff { .. } => "switched_off",
                Why::KernelLacksIt => "kernel_lacks",
            };
            (id, vec![("model", model.name().to_owned())])
        }
        Error::NotStarted { program, source } => {
            ("not_started", vec![("program", program.clone()), ("why", source.to_string())])
        }
        Error::NeverListened { stderr } => ("never_listened", vec![("stderr", stderr.clone())]),
        Error::Tls { source } => ("tls", vec![("why", source.to_string())]),
        Error::Pem { what } => ("pem", vec![("what", (*what).to_owned())]),
        Error::Io { operation: "receive", source } if is_cut(source) => ("cut", vec![]),
        Error::Io { operation: "shake hands", source } => ("tls", vec![("why", source.to_string())]),
        other => ("other", vec![("why", other.to_string())]),
    }
}

fn is_cut(source: &std::io::Error) -> bool {
    source.kind() == std::io::ErrorKind::UnexpectedEof
}

/// The port of an address, as text.
fn port(address: &str) -> String {
    address.rsplit_once(':').map_or_else(|| address.to_owned(), |(_, port)| port.to_owned())
}
