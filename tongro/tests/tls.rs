//! TLS sessions of real programs in a lab, opened with the key log they wrote: every suite, both versions.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

#[path = "lossy/mod.rs"]
mod lossy;

use std::fs::File;
use std::path::{Path, PathBuf};

use tongro_trace::capture::Reader;
use tongro_trace::reading::{Need, Reading};
use tongro_trace::stream::{self, Piece};
use tongro_trace::tls::{KeyLog, Session};

/// A server that answers each line of a request with HTTP, and a key that only the server knows.
const SERVER: &str = "
import socket, ssl, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(@CERT@, @KEY@)
def serve(raw):
    try:
        with context.wrap_socket(raw, server_side=True) as s:
            while True:
                request = b''
                while not request.endswith(b'\\r\\n\\r\\n'):
                    more = s.recv(4096)
                    if not more:
                        return
                    request += more
                body = b'hello from ' + s.version().encode() + b' ' + s.cipher()[0].encode() + b'!' * 20000
                s.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)
    except (ssl.SSLError, OSError):
        pass
listener = socket.create_server(('0.0.0.0', 9443))
while True:
    raw, _ = listener.accept()
    threading.Thread(target=serve, args=(raw,), daemon=True).start()
";

/// A client for each suite; it keeps a key log.
const CLIENT: &str = "
import socket, ssl, time
suites = ['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-CHACHA20-POLY1305', None]
for suite in suites:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.keylog_filename = @LOG@
    if suite:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suite)
    raw = socket.create_connection(('10.77.0.2', 9443))
    with context.wrap_socket(raw, server_hostname='lab.test') as s:
        for n in range(2):
            s.sendall(b'GET /%d HTTP/1.1\\r\\nHost: lab.test\\r\\n\\r\\n' % n)
            got = b''
            while b'\\r\\n\\r\\n' not in got or len(got) < 20000:
                got += s.recv(65536)
";

/// Runs the programs over a link that loses; yields folder and key log.
fn sessions(name: &str) -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = |end: &str| folder.join(format!("{name}.{end}"));
    let (cert, key, log, server) = (file("pem"), file("key"), file("log"), file("server.py"));
    let quoted = |path: &Path| format!("{:?}", path.to_string_lossy());
    let arguments = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab.test";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    let (cert_name, key_name) = (cert.to_string_lossy(), key.to_string_lossy());
    arguments.extend(["-out", &cert_name, "-keyout", &key_name]);
    lossy::output("openssl", &arguments);
    let _ = std::fs::remove_file(&log);
    let text = SERVER.replace("@CERT@", &quoted(&cert)).replace("@KEY@", &quoted(&key));
    std::fs::write(&server, text).unwrap();
    let client = CLIENT.replace("@LOG@", &quoted(&log));
    let script = "seed = 5\n[link]\ndelay_us = 1000\nloss_ppm = 20000\n";
    (lossy::programs(name, script, &format!("python3 {}", server.display()), &client), log)
}

/// Everything that was said in clear behind the encryption of one conversation: by the client, by the server.
fn opened(frames: &[(u32, u64, Vec<u8>)], flow: u32, keys: &KeyLog) -> ([Vec<u8>; 2], Vec<u8>) {
    let said = stream::follow(flow, frames.iter().map(|(no, at, bytes)| (*no, *at, bytes.as_slice())));
    let mut waiting = [Vec::new(), Vec::new()];
    let (mut plain, mut kinds) = ([Vec::new(), Vec::new()], Vec::new());
    let mut session = Session::default();
    for piece in said {
        let Piece::Bytes { bytes, .. } = piece.piece else { panic!("a gap") };
        let waiting = &mut waiting[piece.dir];
        waiting.extend(bytes);
        while let Some(len) = waiting.get(3..5).map(|two| 5 + usize::from(two[0]) * 256 + usize::from(two[1]))
        {
            if waiting.len() < len {
                break;
            }
            let record: Vec<u8> = waiting.drain(..len).collect();
            let Some(content) = session.open(keys, piece.dir, &record) else { continue };
            match content.content_type {
                23 => plain[piece.dir].extend(content.bytes),
                22 => kinds.extend(content.bytes.first()),
                _ => {}
            }
        }
    }
    (plain, kinds)
}

/// A reading with keys sees handshakes and HTTP inside the records.
fn inside(path: &Path, keys: KeyLog) -> (usize, usize) {
    let mut reader = Reader::new(File::open(path).unwrap()).unwrap();
    let mut reading = Reading::new(Need::all()).with_keys(keys);
    let (mut requests, mut answers) = (0, 0);
    while let Some(captured) = reader.next_packet().unwrap() {
        let packet = reading.packet(&captured);
        requests += packet.values("http.request.uri").count();
        answers += packet.values("http.request_in").count();
    }
    (requests, answers)
}

#[test]
fn sessions_are_opened_with_their_key_log() {
    let (folder, log) = sessions("tls-sessions");
    let keys = KeyLog::parse(&std::fs::read(log).unwrap());
    let mut reader = Reader::new(File::open(lossy::client_side(&folder)).unwrap()).unwrap();
    let mut frames = Vec::new();
    while let Some(packet) = reader.next_packet().unwrap() {
        frames.push((frames.len() as u32 + 1, packet.at as u64, packet.bytes.to_vec()));
    }
    let expected = [
        "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256",
        "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384",
        "TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305",
        "TLSv1.3 TLS_AES_256_GCM_SHA384",
    ];
    assert_eq!(inside(&lossy::client_side(&folder), keys.clone()), (8, 8));
    for (flow, expected) in expected.into_iter().enumerate() {
        let ([client, server], kinds) = opened(&frames, flow as u32, &keys);
        let requests = "GET /0 HTTP/1.1\r\nHost: lab.test\r\n\r\nGET /1 HTTP/1.1\r\nHost: lab.test\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&client), requests, "{expected}");
        let server = String::from_utf8_lossy(&server);
        assert_eq!(server.matches(&format!("hello from {expected}!!!")).count(), 2, "{expected}");
        // Finished (20) comes encrypted in both versions, Certificate (11) only in 1.3.
        assert!(kinds.contains(&20), "{expected}: {kinds:?}");
        assert_eq!(
            kinds.contains(&11) || kinds.contains(&8),
            expected.starts_with("TLSv1.3"),
            "{expected}: {kinds:?}"
        );
    }
}
