//! How `file` and `sync` reach their peers and speak of what went wrong: addresses, the identity's folder, sizes, errors.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use tongro_sync::Error;

use crate::talk::Talk;

/// Where identity and pinned peers live: `--data`, `TONGRO_DATA`, or the user's configuration folder.
pub(crate) fn data_folder(given: Option<PathBuf>) -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME").map(|home| home.join(".config"));
    let config = || Some(variable("XDG_CONFIG_HOME").or_else(home)?.join("tongro"));
    given.or_else(|| variable("TONGRO_DATA")).or_else(config).unwrap_or_else(|| PathBuf::from(".tongro-data"))
}

/// `HOST:PORT`; the port may be left out.
pub(crate) fn resolve(talk: &mut Talk, address: &str, port: u16) -> Option<SocketAddr> {
    let found = address.to_socket_addrs().ok().and_then(|mut all| all.next());
    let bare = address.trim_matches(['[', ']']);
    let found = found.or_else(|| (bare, port).to_socket_addrs().ok().and_then(|mut all| all.next()));
    if found.is_none() {
        let what = talk.text("sync.error.address", &[("address", address)]);
        let hint = talk.text("sync.error.address_hint", &[]);
        talk.error(&what, Some(&hint));
    }
    found
}

/// A number of bytes, or a rate: `500k`, `2M`, `1G`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit.trim_end_matches(['B', 'b']).to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return Err(format!("`{unit}` is not k, M or G")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("`{text}` is not a number of bytes"))?;
    number.checked_mul(factor).filter(|size| *size > 0).ok_or_else(|| format!("`{text}` is out of range"))
}

/// Bytes as people read them.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// Says an error in the user's language with the one thing to do. Gives exit code 2.
pub(crate) fn report(talk: &mut Talk, error: &Error) -> u8 {
    let why = error.to_string();
    let with = |name: &'static str, value: String| vec![(name, value)];
    let is_full = matches!(error, Error::Io { source, .. } | Error::Path { source, .. } if source.kind() == std::io::ErrorKind::StorageFull);
    let (id, params) = match error {
        _ if is_full => ("space", vec![]),
        Error::Serve(tongro_serve::Error::Refused { address }) => {
            ("refused", with("address", address.clone()))
        }
        Error::NotPaired { fingerprint } => ("not_paired", with("peer", fingerprint.clone())),
        Error::NotKnown => ("not_known", vec![]),
        Error::WrongCode => ("wrong_code", vec![]),
        Error::NotACode { code } => ("not_a_code", with("code", code.clone())),
        Error::Tls { source } => ("tls", with("why", source.to_string())),
        Error::Io { step: "shake hands", source } => ("tls", with("why", source.to_string())),
        Error::Cut => ("cut", vec![]),
        Error::NoRoot { path } => ("no_root", with("path", path.display().to_string())),
        Error::Emptied { path, count } => {
            ("emptied", vec![("path", path.display().to_string()), ("count", count.to_string())])
        }
        Error::Busy { path } => ("busy", with("path", path.display().to_string())),
        Error::OtherFolder => ("other_folder", vec![]),
        _ => ("other", with("why", why)),
    };
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let what = talk.text(&format!("sync.error.{id}"), &params);
    let hint = (id != "other").then(|| talk.text(&format!("sync.error.{id}_hint"), &[]));
    talk.error(&what, hint.as_deref());
    2
}

/// The peer's reason for refusing a file, in the user's language.
pub(crate) fn reason(talk: &Talk, why: &str) -> String {
    const KNOWN: [(&str, &str); 10] = [
        ("not a plain file name", "not_plain"),
        ("another SHA-256", "hash"),
        ("no such file", "missing"),
        ("another transfer", "busy"),
        ("no room is left", "full"),
        ("the name is too long", "name_too_long"),
        ("the name leads", "outside"),
        ("the file cannot be", "storage"),
        ("the stream ended", "ended"),
        ("the file became shorter", "shorter"),
    ];
    let known = KNOWN.iter().find(|(words, _)| why.starts_with(words));
    let id = known.map_or("other", |(_, id)| id);
    talk.text(&format!("sync.why.{id}"), &[("why", why)])
}
