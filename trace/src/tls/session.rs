//! One connection: which keys apply to the next record of each direction.

use super::KeyLog;
use super::cipher::{Opener, Suite};

/// A record's content before it was encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    /// What it is: 21 alert, 22 handshake, 23 application data (RFC 8446 section 5.1).
    pub content_type: u8,
    /// The bytes; handshake messages may go on in the next record.
    pub bytes: Vec<u8>,
}

/// Handshake bytes that may wait for the rest of their message.
const WAITING: usize = 1 << 18;

/// The state of one TLS connection.
#[derive(Debug, Default)]
pub struct Session {
    client_random: Option<[u8; 32]>,
    server_random: Option<[u8; 32]>,
    suite: Option<Suite>,
    is_tls13: bool,
    /// The direction in which ClientHello went.
    client: usize,
    sides: [Side; 2],
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    /// Handshake bytes of which the message is not whole.
    waiting: Vec<u8>,
    opener: Option<Opener>,
    /// TLS 1.3: how many traffic secrets were taken.
    stage: usize,
    secret: Vec<u8>,
    /// TLS 1.2: the key from the next ChangeCipherSpec on.
    next: Option<Opener>,
}

/// Labels of the traffic secrets of client and server, in their order.
const STAGES: [[&str; 3]; 2] = [
    ["CLIENT_EARLY_TRAFFIC_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"],
    ["", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"],
];

const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

impl Session {
    /// Takes the next whole record of a direction (0 or 1), header included; yields its content when it was encrypted
    /// and the keys are known. Records must come in the order of their stream.
    pub fn open(&mut self, keys: &KeyLog, direction: usize, record: &[u8]) -> Option<Plain> {
        let direction = direction & 1;
        let [kind, _, _, _, _, body @ ..] = record else { return None };
        match *kind {
            CHANGE_CIPHER_SPEC => {
                let side = &mut self.sides[direction];
                if let Some(next) = side.next.take() {
                    side.opener = Some(next);
                }
                None
            }
            HANDSHAKE if self.is_plain(direction) => {
                self.handshake(keys, direction, body);
                None
            }
            _ if self.is_tls13 && *kind != APPLICATION_DATA => None,
            kind => {
                let plain = self.decrypt(keys, direction, kind, record)?;
                if plain.content_type == HANDSHAKE {
                    self.handshake(keys, direction, &plain.bytes);
                }
                Some(plain)
            }
        }
    }

    /// Whether handshake records of this direction are not encrypted (yet).
    fn is_plain(&self, direction: usize) -> bool {
        self.is_tls13 || self.sides[direction].opener.is_none()
    }

    fn decrypt(&mut self, keys: &KeyLog, direction: usize, kind: u8, record: &[u8]) -> Option<Plain> {
        if !self.is_tls13 && (self.suite.is_some() || kind != APPLICATION_DATA) {
            let bytes = self.sides[direction].opener.as_mut()?.open(record)?;
            return Some(Plain { content_type: kind, bytes });
        }
        let mut bytes = self.open13(keys, direction, record)?;
        // The type stands behind the content, before the padding (RFC 8446 section 5.4).
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        let content_type = bytes.pop()?;
        Some(Plain { content_type, bytes })
    }

    /// Tries the secret in use, then those that come after it: Finished may have been lost with its record.
    fn open13(&mut self, keys: &KeyLog, direction: usize, record: &[u8]) -> Option<Vec<u8>> {
        if let Some(bytes) = self.sides[direction].opener.as_mut().and_then(|opener| opener.open(record)) {
            return Some(bytes);
        }
        for stage in self.sides[direction].stage..3 {
            if let Some((mut opener, secret)) = self.stage(keys, direction, stage)
                && let Some(bytes) = opener.open(record)
            {
                let side = &mut self.sides[direction];
                (side.opener, side.stage, side.secret) = (Some(opener), stage + 1, secret);
                side.waiting.clear();
                return Some(bytes);
            }
        }
        None
    }

    fn stage(&self, keys: &KeyLog, direction: usize, stage: usize) -> Option<(Opener, Vec<u8>)> {
        let label = STAGES[usize::from(direction != self.client)][stage];
        let secret = keys.secret(&self.client_random?, label)?.to_vec();
        // Early data uses the suite of the resumed session; without it the server's choice is the best guess.
        let opener = self.suite.or_else(|| Suite::of(0x1301))?.opener13(&secret)?;
        Some((opener, secret))
    }

    /// Reads handshake messages, as many as are whole.
    fn handshake(&mut self, keys: &KeyLog, direction: usize, bytes: &[u8]) {
        let mut waiting = std::mem::take(&mut self.sides[direction].waiting);
        waiting.extend_from_slice(bytes);
        let mut at = 0;
        while let Some([kind, a, b, c]) =
            waiting.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok())
        {
            let len = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            let Some(body) = waiting.get(at + 4..at + 4 + len) else { break };
            self.message(keys, direction, kind, body);
            at += 4 + len;
        }
        waiting.drain(..at);
        if waiting.len() <= WAITING {
            self.sides[direction].waiting = waiting;
        }
    }

    fn message(&mut self, keys: &KeyLog, direction: usize, kind: u8, body: &[u8]) {
        let random = || body.get(2..34).and_then(|random| <[u8; 32]>::try_from(random).ok());
        match kind {
            1 => {
                let is_again = self.client_random.is_some() && self.is_tls13;
                self.client_random = random();
                self.client = direction;
                if !is_again {
                    self.is_tls13 = false;
                }
            }
            2 => {
                self.server_random = random();
                let _ = self.server_hello(body);
                self.derive12(keys);
            }
            24 if self.is_tls13 => {
                let side = &mut self.sides[direction];
                if let Some((suite, secret)) =
                    self.suite.and_then(|suite| Some((suite, suite.update(&side.secret)?)))
                {
                    side.opener = suite.opener13(&secret);
                    side.secret = secret;
                }
            }
            _ => {}
        }
    }

    fn server_hello(&mut self, body: &[u8]) -> Option<()> {
        let session = usize::from(*body.get(34)?);
        let mut at = 35 + session;
        let number = |at: usize| Some(u16::from_be_bytes(body.get(at..at + 2)?.try_into().ok()?));
        self.suite = Suite::of(number(at)?);
        self.is_tls13 = false;
        at += 5;
        while let (Some(kind), Some(len)) = (number(at), number(at + 2)) {
            if kind == 43 {
                self.is_tls13 = number(at + 4)? >= 0x0304;
            }
            at += 4 + usize::from(len);
        }
        Some(())
    }

    /// The keys of TLS 1.2 follow from the master secret and both random numbers.
    fn derive12(&mut self, keys: &KeyLog) {
        if self.is_tls13 {
            return;
        }
        let (Some(client), Some(server), Some(suite)) = (self.client_random, self.server_random, self.suite)
        else {
            return;
        };
        let Some(master) = keys.secret(&client, "CLIENT_RANDOM") else { return };
        if let Some([of_client, of_server]) = suite.openers12(master, &client, &server) {
            self.sides[self.client].next = Some(of_client);
            self.sides[1 - self.client].next = Some(of_server);
        }
    }
}
