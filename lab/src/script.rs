//! Fault scripts: what happens to which frame or call, as data. Rules name stream positions, never arrival order, so
//! that the same script meets the same bytes however the machine is loaded.

use std::fmt;

use serde::{Deserialize, Serialize};
use tongro_trace::event::LinkSettings;

/// A whole script: printable, replayable, written into every run folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Seeds whatever the link settings leave to chance.
    pub seed: u64,
    /// The link between the hosts.
    pub link: LinkSettings,
    /// Rules for frames; the first that matches decides.
    pub rule: Vec<Rule>,
    /// Rules for system calls of the traced programs; the first that matches decides.
    pub call: Vec<CallRule>,
}

/// Why a script was refused.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// Not TOML, or a key that doesn't exist.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// Text that is not TOML, unknown keys, values out of range: with line and column.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        Ok(toml::from_str(text)?)
    }

    /// The script as TOML; [`Script::parse`] gives it back.
    #[must_use]
    pub fn print(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }
}

/// From whom to whom, seen from the side that opened the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Way {
    /// From the side that sent the first SYN or datagram.
    #[serde(rename = "c2s")]
    ClientToServer,
    /// The answers.
    #[serde(rename = "s2c")]
    ServerToClient,
}

/// A rule for frames. What is not given matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Number of the conversation, from 0 in order of its first frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<u32>,
    /// `c2s` or `s2c`, seen from the side that opened the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dir: Option<Way>,
    /// Which frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<FrameKind>,
    /// Data frames that carry any byte of this range of the stream (first byte 0, end not included).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<[u64; 2]>,
    /// Only the n-th time (from 1) that such a frame passes; without it, every time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u32>,
    /// What happens.
    #[serde(rename = "do")]
    pub action: Do,
}

impl Rule {
    /// A rule for frames that go from the side that opened the conversation.
    #[must_use]
    pub fn to_server(kind: FrameKind, nth: Option<u32>, action: Do) -> Self {
        Self { dir: Some(Way::ClientToServer), kind: Some(kind), nth, action, ..Self::default() }
    }

    /// A rule for frames that go to the side that opened the conversation.
    #[must_use]
    pub fn to_client(kind: FrameKind, nth: Option<u32>, action: Do) -> Self {
        Self { dir: Some(Way::ServerToClient), kind: Some(kind), nth, action, ..Self::default() }
    }

    /// The same rule for one byte range of the stream.
    #[must_use]
    pub fn on_bytes(mut self, from: u64, to: u64) -> Self {
        self.bytes = Some([from, to]);
        self
    }
}

impl fmt::Display for Rule {
    /// One inline TOML table, as it may stand in a script's `rule` array.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.flow.map(|flow| format!("flow = {flow}")));
        parts.extend(
            self.dir
                .map(|dir| format!("dir = \"{}\"", if dir == Way::ClientToServer { "c2s" } else { "s2c" })),
        );
        parts.extend(self.kind.map(|kind| format!("kind = \"{}\"", kind.name())));
        parts.extend(self.bytes.map(|[from, to]| format!("bytes = [{from}, {to}]")));
        parts.extend(self.nth.map(|nth| format!("nth = {nth}")));
        parts.push(format!("do = \"{}\"", self.action));
        write!(f, "{{{}}}", parts.join(", "))
    }
}

/// Kinds of frame that a rule can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // the names are the documentation
pub enum FrameKind {
    Syn,
    SynAck,
    Ack,
    Data,
    Fin,
    Rst,
    Udp,
    Icmp,
    Arp,
    Other,
}

impl FrameKind {
    /// The name in scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Syn => "syn",
            Self::SynAck => "syn-ack",
            Self::Ack => "ack",
            Self::Data => "data",
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Arp => "arp",
            Self::Other => "other",
        }
    }
}

/// What happens to a frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Do {
    /// Let it pass untouched, whatever later rules and settings say.
    #[default]
    Pass,
    /// It never arrives.
    Drop,
    /// It arrives this many µs later than it would.
    Delay(u64),
    /// It arrives this many times more.
    Duplicate(u32),
    /// This bit of the frame is flipped; the checksum is left as it was.
    Corrupt(u32),
    /// This many later frames of its direction overtake it.
    Reorder(u32),
    /// It is dropped, and both ends get a forged RST.
    Reset,
    /// It passes, and its receiver gets a forged FIN behind it.
    HalfClose,
}

impl fmt::Display for Do {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => write!(f, "pass"),
            Self::Drop => write!(f, "drop"),
            Self::Delay(us) if us % 1000 == 0 => write!(f, "delay {}ms", us / 1000),
            Self::Delay(us) => write!(f, "delay {us}us"),
            Self::Duplicate(times) => write!(f, "duplicate {times}"),
            Self::Corrupt(bit) => write!(f, "corrupt bit {bit}"),
            Self::Reorder(by) => write!(f, "reorder {by}"),
            Self::Reset => write!(f, "reset"),
            Self::HalfClose => write!(f, "half-close"),
        }
    }
}

impl From<Do> for String {
    fn from(action: Do) -> Self {
        action.to_string()
    }
}

impl TryFrom<String> for Do {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |word: &str| word.parse::<u32>().map_err(|_| format!("`{word}` is not a number"));
        match words.as_slice() {
            ["pass"] => Ok(Self::Pass),
            ["drop"] => Ok(Self::Drop),
            ["reset"] => Ok(Self::Reset),
            ["half-close"] => Ok(Self::HalfClose),
            ["delay", time] => duration(time).map(Self::Delay),
            ["duplicate"] => Ok(Self::Duplicate(1)),
            ["duplicate", times] => number(times).map(Self::Duplicate),
            ["corrupt", "bit", bit] => number(bit).map(Self::Corrupt),
            ["reorder", by] => number(by).map(Self::Reorder),
            _ => Err(format!(
                "`{text}` is none of pass, drop, delay 20ms, duplicate N, corrupt bit N, reorder N, reset, half-close"
            )),
        }
    }
}

/// `20ms`, `500us`, `1s` in µs.
fn duration(text: &str) -> Result<u64, String> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        _ => return Err(format!("`{text}` needs a unit: us, ms or s")),
    };
    digits
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(factor))
        .ok_or_else(|| format!("`{text}` is no time"))
}

/// A rule for the system calls of traced programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRule {
    /// `recv` (recvfrom, recvmsg, read), `send` (sendto, sendmsg, write), `accept`, `connect` …; any by its manual name.
    pub call: String,
    /// Only the n-th such call (from 1) of the program; without it, every one.
    #[serde(default)]
    pub nth: Option<u64>,
    /// What happens.
    #[serde(rename = "do")]
    pub action: CallDo,
}

/// What happens to a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CallDo {
    /// At most this many bytes go through: something any network can do.
    Short(u64),
    /// The call is not made and fails with this errno.
    Fail(i32),
}

const FAILURES: [(&str, i32); 6] = [
    ("EINTR", libc::EINTR),
    ("ECONNRESET", libc::ECONNRESET),
    ("EMFILE", libc::EMFILE),
    ("EAGAIN", libc::EAGAIN),
    ("EPIPE", libc::EPIPE),
    ("ECONNABORTED", libc::ECONNABORTED),
];

impl fmt::Display for CallDo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(bytes) => write!(f, "short {bytes}"),
            Self::Fail(errno) => match FAILURES.iter().find(|(_, number)| number == errno) {
                Some((name, _)) => write!(f, "{name}"),
                None => write!(f, "errno {errno}"),
            },
        }
    }
}

impl From<CallDo> for String {
    fn from(action: CallDo) -> Self {
        action.to_string()
    }
}

impl TryFrom<String> for CallDo {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some((_, errno)) = FAILURES.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Fail(*errno));
        }
        let short =
            text.strip_prefix("short ").and_then(|number| number.parse().ok()).filter(|bytes| *bytes > 0);
        short.map(Self::Short).ok_or_else(|| {
            format!("`{text}` is none of short N, EINTR, EAGAIN, ECONNRESET, ECONNABORTED, EMFILE, EPIPE")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
seed = 7
rule = [{flow = 1, dir = "c2s", bytes = [1000, 2448], nth = 1, do = "drop"}, {kind = "syn-ack", do = "delay 20ms"}]
call = [{call = "recv", do = "short 3"}]

[link]
delay_us = 20000
"#;

    #[test]
    fn a_script_reads_and_prints() {
        let script = Script::parse(TEXT).unwrap();
        assert_eq!(
            script.rule[0].to_string(),
            r#"{flow = 1, dir = "c2s", bytes = [1000, 2448], nth = 1, do = "drop"}"#
        );
        assert_eq!(script.rule[1].action, Do::Delay(20_000));
        assert_eq!(script.call[0].action, CallDo::Short(3));
        assert_eq!(Script::parse(&script.print()).unwrap(), script);
        let quoted = format!("rule = [{}]", script.rule[0]);
        assert_eq!(Script::parse(&quoted).unwrap().rule[0], script.rule[0]);
    }

    #[test]
    fn unknown_keys_and_words_are_refused() {
        for (text, said) in [
            ("seeed = 1", "seeed"),
            (r#"rule = [{do = "dorp"}]"#, "dorp"),
            (r#"rule = [{do = "delay 20"}]"#, "unit"),
            (r#"call = [{call = "recv", do = "short 0"}]"#, "short 0"),
        ] {
            let error = Script::parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
