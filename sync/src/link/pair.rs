//! Trust: pinned fingerprints, and the code by which two people make their devices known to each other.
//!
//! ```text
//!   caller                                        listener (shows the code)
//!     "TGPP" + mode ──────────────────────────────▶
//!     mode 0, known:           ◀────────────────── 1 welcome, or 0 pair first
//!     mode 1: SPAKE2 A  ──────────────────────────▶
//!                        ◀────────────────────────── SPAKE2 B, proof of B
//!     checks; proof of A ─────────────────────────▶ checks
//!     pins               ◀────────────────────────── 1, pins
//! ```
//!
//! The key that SPAKE2 gives depends on the code and on both certificates, and the proofs on the TLS connection itself.
//! So whoever stands in the middle with certificates of his own must guess the code, and each try spends it: the
//! listener makes a new code after every failure. A code has a number below 100 and three words of 64, 1 in 26 million;
//! each word may be typed in Korean or English.

use std::io::{Read, Write};

use spake2::{Ed25519Group, Identity as Name, Password, Spake2};

use super::channel::Channel;
use super::identity::{Fingerprint, Identity};
use crate::error::{Error, Result};

/// The first bytes on every stream under TLS.
const MAGIC: &[u8; 4] = b"TGPP";
/// The pairs of words.
const WORDS: &str = include_str!("words.txt");

/// A pairing code: a number and three words.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; 4]);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)") // a code is a secret
    }
}

impl Code {
    /// A code nobody can guess.
    pub fn random() -> Result<Self> {
        let mut bytes = [0; 5];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Error::io("getrandom")(error.into()))?;
        let number = u16::from_be_bytes([bytes[3], bytes[4]]) % 100; // 65,536 / 100: a bias of 1 in 1,900 is no help
        Ok(Self([number as u8, bytes[0] % 64, bytes[1] % 64, bytes[2] % 64]))
    }

    /// As it is shown: `(Korean, English)`.
    pub fn shown(&self) -> (String, String) {
        let words = |korean: bool| {
            let word = |index: &u8| {
                let line = WORDS.lines().nth(usize::from(*index)).unwrap_or_default();
                let (english, hangul) = line.split_once(' ').unwrap_or((line, line));
                if korean { hangul } else { english }.to_owned()
            };
            let mut parts = vec![self.0[0].to_string()];
            parts.extend(self.0[1..].iter().map(word));
            parts.join("-")
        };
        (words(true), words(false))
    }

    /// As it was typed: in either language, NFC or NFD, with `-` or spaces between.
    pub fn parse(typed: &str) -> Result<Self> {
        use unicode_normalization::UnicodeNormalization;
        let text: String = typed.nfc().collect::<String>().to_lowercase();
        let wrong = || Error::NotACode { code: typed.to_owned() };
        let mut parts = text.split(|c: char| c == '-' || c.is_whitespace()).filter(|part| !part.is_empty());
        let number: u8 = parts.next().and_then(|part| part.parse().ok()).ok_or_else(wrong)?;
        let mut code = [number, 0, 0, 0];
        for slot in &mut code[1..] {
            let part = parts.next().ok_or_else(wrong)?;
            let place = WORDS.lines().position(|line| line.split(' ').any(|word| word == part));
            *slot = place.ok_or_else(wrong)? as u8;
        }
        if number > 99 || parts.next().is_some() { Err(wrong()) } else { Ok(Self(code)) }
    }
}

/// How the caller wants to be trusted.
pub fn greet(channel: &mut Channel, identity: &Identity, code: Option<&Code>, name: &str) -> Result<()> {
    let Some(peer) = channel.peer() else { return Ok(()) };
    let known = identity.peers().knows(peer);
    if code.is_none() && !known {
        return Err(Error::NotPaired { fingerprint: peer.short() });
    }
    send(channel, &[MAGIC, &[u8::from(code.is_some())][..]].concat())?;
    match code {
        None => match receive::<1>(channel)? {
            [1] => Ok(()),
            _ => Err(Error::NotKnown),
        },
        Some(code) => pair_as_caller(channel, identity, peer, code, name),
    }
}

/// What became of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeted {
    /// It was pinned before.
    Known,
    /// It was paired now; the code is spent.
    Paired,
}

/// The listener's side. An error of [`Error::WrongCode`] means that the code must be replaced.
pub fn welcome(
    channel: &mut Channel,
    identity: &Identity,
    code: Option<&Code>,
    name: &str,
) -> Result<Greeted> {
    let Some(peer) = channel.peer() else { return Ok(Greeted::Known) };
    let [magic @ .., mode] = receive::<5>(channel)?;
    if &magic != MAGIC {
        return Err(Error::Protocol { what: "no greeting" });
    }
    if mode == 0 {
        let known = identity.peers().knows(peer);
        send(channel, &[u8::from(known)])?;
        return if known { Ok(Greeted::Known) } else { Err(Error::NotPaired { fingerprint: peer.short() }) };
    }
    let Some(code) = code else { return Err(Error::Refused { why: "no pairing is open".to_owned() }) };
    pair_as_listener(channel, identity, peer, code, name)?;
    Ok(Greeted::Paired)
}

fn pair_as_caller(
    channel: &mut Channel,
    identity: &Identity,
    peer: Fingerprint,
    code: &Code,
    name: &str,
) -> Result<()> {
    let (state, message) = start(code, identity.fingerprint(), peer, true);
    send(channel, &message)?;
    let theirs = receive::<33>(channel)?;
    let proof = receive::<32>(channel)?;
    let key = state.finish(&theirs).map_err(|_| Error::WrongCode)?;
    if blake3::Hash::from_bytes(proof) != prove(&key, channel, b'B') {
        return Err(Error::WrongCode); // our proof stays with us: it would allow guessing at leisure
    }
    send(channel, prove(&key, channel, b'A').as_bytes())?;
    match receive::<1>(channel)? {
        [1] => identity.peers().pin(peer, name),
        _ => Err(Error::WrongCode),
    }
}

fn pair_as_listener(
    channel: &mut Channel,
    identity: &Identity,
    peer: Fingerprint,
    code: &Code,
    name: &str,
) -> Result<()> {
    let theirs = receive::<33>(channel)?;
    let (state, message) = start(code, peer, identity.fingerprint(), false);
    let key = state.finish(&theirs).map_err(|_| Error::WrongCode)?;
    send(channel, &[&message[..], prove(&key, channel, b'B').as_bytes()].concat())?;
    // Whatever goes wrong from here on was one guess.
    let proof = receive::<32>(channel).map_err(|_| Error::WrongCode)?;
    if blake3::Hash::from_bytes(proof) != prove(&key, channel, b'A') {
        let _ = send(channel, &[0]);
        return Err(Error::WrongCode);
    }
    identity.peers().pin(peer, name)?;
    send(channel, &[1])
}

/// SPAKE2 bound to both certificates.
fn start(
    code: &Code,
    caller: Fingerprint,
    listener: Fingerprint,
    is_caller: bool,
) -> (Spake2<Ed25519Group>, Vec<u8>) {
    let (password, a, b) = (Password::new(code.0), Name::new(&caller.0), Name::new(&listener.0));
    match is_caller {
        true => Spake2::start_a(&password, &a, &b),
        false => Spake2::start_b(&password, &a, &b),
    }
}

/// Shows that we have the key, on this connection, in this role.
fn prove(key: &[u8], channel: &Channel, role: u8) -> blake3::Hash {
    let key = blake3::derive_key("tongro pairing 2026 proof", key);
    blake3::keyed_hash(&key, &[&channel.exported()[..], &[role]].concat())
}

fn send(channel: &mut Channel, bytes: &[u8]) -> Result<()> {
    channel.write_all(bytes).and_then(|()| channel.flush()).map_err(Error::io("send"))
}

fn receive<const LEN: usize>(channel: &mut Channel) -> Result<[u8; LEN]> {
    let mut bytes = [0; LEN];
    channel.read_exact(&mut bytes).map_err(Error::io("receive"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn identity(name: &str) -> Identity {
        let folder = std::env::temp_dir().join(format!("tongro-pair-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Identity::open(&folder).unwrap()
    }

    /// Both ends of one connection, each greeting with its code.
    fn meet(
        a: &Identity,
        b: &Identity,
        caller: Option<&Code>,
        listener: Option<&Code>,
    ) -> (Result<()>, Result<Greeted>) {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = door.local_addr().unwrap();
        std::thread::scope(|scope| {
            let server = scope.spawn(|| {
                let mut channel = Channel::accept(door.accept().unwrap().0, b)?;
                welcome(&mut channel, b, listener, "a")
            });
            let socket = TcpStream::connect(address).unwrap();
            let called =
                Channel::connect(socket, a).and_then(|mut channel| greet(&mut channel, a, caller, "b"));
            (called, server.join().unwrap())
        })
    }

    #[test]
    fn a_code_is_typed_in_either_language() {
        let code = Code([7, 0, 57, 31]);
        assert_eq!(code.shown(), ("7-사과-호랑이-달".to_owned(), "7-apple-tiger-moon".to_owned()));
        for typed in ["7-사과-호랑이-달", "7 Apple tiger 달", " 7-apple-\u{1112}\u{1169}랑이-moon"] {
            assert!(Code::parse(typed).unwrap() == code, "{typed}");
        }
        for typed in ["", "7", "7-apple-tiger", "7-apple-tiger-moon-moon", "100-apple-tiger-moon", "x-a-b-c"]
        {
            assert!(Code::parse(typed).is_err(), "{typed}");
        }
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let unique: std::collections::BTreeSet<_> = words.iter().collect();
        assert_eq!((words.len(), unique.len()), (128, 128));
    }

    #[test]
    fn the_right_code_pins_both_and_a_wrong_one_neither() {
        let (a, b) = (identity("a"), identity("b"));
        let (right, wrong) = (Code([1, 2, 3, 4]), Code([1, 2, 3, 5]));
        let (called, heard) = meet(&a, &b, None, Some(&right));
        assert!(matches!(called, Err(Error::NotPaired { .. })) && heard.is_err());
        let (called, heard) = meet(&a, &b, Some(&wrong), Some(&right));
        assert!(matches!(called, Err(Error::WrongCode)), "{called:?}");
        assert!(matches!(heard, Err(Error::WrongCode)), "{heard:?}");
        assert!(a.peers().all().is_empty() && b.peers().all().is_empty());
        let (called, heard) = meet(&a, &b, Some(&right), Some(&right));
        assert!(called.is_ok() && matches!(heard, Ok(Greeted::Paired)), "{called:?} {heard:?}");
        let (called, heard) = meet(&a, &b, None, None);
        assert!(called.is_ok() && matches!(heard, Ok(Greeted::Known)), "{called:?} {heard:?}");
        let stranger = identity("stranger");
        let (called, _) = meet(&stranger, &b, None, None);
        assert!(matches!(called, Err(Error::NotPaired { .. })));
    }
}
