//! The server over real sockets, with a backend that does as it is told.

#![allow(clippy::unwrap_used)] // the helpers of tests are tests

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};
use tongro_trace::event::{HostId, LinkSettings};
use tongro_trace::ladder::{Arrow, ArrowKind, Ladder};
use tongro_web::{Backend, Course, Error, Message, Run, RunId, Side, Stop, Text, Texts, Token, serve};

const TOKEN: &str = "00112233445566778899aabbccddeeff";

#[derive(Default)]
struct Stub {
    pages: Mutex<Vec<Sender<Message>>>,
    done: Mutex<Vec<String>>,
}

impl Stub {
    fn tell(&self, message: &Message) {
        self.pages.lock().unwrap().retain(|page| page.send(message.clone()).is_ok());
    }

    fn note(&self, what: String) -> Result<(), Text> {
        self.done.lock().unwrap().push(what);
        Ok(())
    }
}

impl Backend for Stub {
    fn runs(&self) -> Vec<Run> {
        vec![]
    }
    fn snapshot(&self, run: RunId) -> Option<Ladder> {
        (run == 1).then(|| ladder(1, 100))
    }
    fn subscribe(&self) -> Receiver<Message> {
        let (page, messages) = channel();
        self.pages.lock().unwrap().push(page);
        messages
    }
    fn checks(&self) -> Vec<Message> {
        vec![]
    }
    fn contracts(&self) -> Vec<String> {
        vec!["echo".to_owned()]
    }
    fn course(&self) -> Option<Course> {
        None
    }
    fn link(&self) -> LinkSettings {
        LinkSettings::default()
    }
    fn set_link(&self, link: LinkSettings) -> Result<(), Text> {
        self.note(format!("delay {}", link.delay_us))
    }
    fn drop_next(&self, from: Option<HostId>) -> Result<(), Text> {
        self.note(format!("drop {from:?}"))
    }
    fn reset(&self) -> Result<(), Text> {
        Err(Text { id: "ui.error.busy".to_owned(), params: vec![] })
    }
    fn run_program(&self, command: &str, side: Side) -> Result<RunId, Text> {
        self.note(format!("run {command} as {side:?}"))?;
        Ok(2)
    }
    fn check(&self, contract: &str, command: &str) -> Result<(), Text> {
        self.note(format!("check {contract} {command}"))
    }
    fn inspect(&self, _run: RunId, no: u32) -> Option<Value> {
        (no == 1).then(|| json!({"no": 1}))
    }
    fn capture(&self, run: RunId) -> Option<Vec<u8>> {
        (run == 1).then(|| b"pcapng".to_vec())
    }
}

fn ladder(no: u32, now: u64) -> Ladder {
    let arrow = Arrow {
        no,
        flow: Some(0),
        from: 0,
        to: 1,
        sent_at: now,
        arrived_at: None,
        copies: vec![],
        kind: ArrowKind::Control,
        is_lost: false,
        is_forged: false,
        is_corrupt: false,
        label: "SYN seq 0".to_owned(),
        findings: vec![],
        len: 74,
        payload: 0,
    };
    Ladder { arrows: vec![arrow], now, ..Ladder::default() }
}

struct Served {
    addr: SocketAddr,
    stub: Arc<Stub>,
    stop: Stop,
    thread: JoinHandle<Result<(), Error>>,
}

fn served() -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (stub, stop) = (Arc::new(Stub::default()), Stop::new());
    let (backend, asked) = (Arc::clone(&stub), stop.clone());
    let texts = Texts::new().with("ko", [("ui.app.name", "통로")]).with("en", [("ui.app.name", "tongro")]);
    let thread = thread::spawn(move || serve(listener, Token::new(TOKEN), backend, texts, asked));
    Served { addr, stub, stop, thread }
}

impl Served {
    /// The whole answer to one request.
    fn get(&self, path: &str, headers: &[(&str, &str)]) -> String {
        let mut socket = TcpStream::connect(self.addr).unwrap();
        self.request(&mut socket, path, headers);
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn request(&self, socket: &mut TcpStream, path: &str, headers: &[(&str, &str)]) {
        let mut request = format!("GET {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request += &format!("Host: {}\r\n", self.addr);
        }
        if !headers.iter().any(|(name, _)| *name == "Connection") {
            request += "Connection: close\r\n";
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        socket.write_all((request + "\r\n").as_bytes()).unwrap();
    }

    fn cookie(&self) -> String {
        format!("tongro-{}={TOKEN}", self.addr.port())
    }

    fn page(&self) -> Page {
        let mut socket = TcpStream::connect(self.addr).unwrap();
        let (origin, cookie) = (format!("http://{}", self.addr), self.cookie());
        let headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Origin", &origin),
            ("Cookie", &cookie),
        ];
        self.request(&mut socket, "/api/socket", &headers);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Page { socket, waiting: vec![] }
    }

    fn end(self) {
        self.stop.stop();
        self.thread.join().unwrap().unwrap();
    }
}

/// The browser's end of the one socket.
struct Page {
    socket: TcpStream,
    waiting: Vec<Value>,
}

impl Page {
    fn ask(&mut self, command: &Value) {
        let text = command.to_string();
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0]; // RFC 6455 5.2, mask 0
        frame.extend_from_slice(text.as_bytes());
        self.socket.write_all(&frame).unwrap();
    }

    /// The next message of a type, past all others.
    fn hear(&mut self, kind: &str) -> Value {
        loop {
            if let Some(at) = self.waiting.iter().position(|message| message["type"] == kind) {
                return self.waiting.remove(at);
            }
            let batch: Value = serde_json::from_slice(&self.frame().expect("an open socket")).unwrap();
            self.waiting.extend(batch.as_array().unwrap().iter().cloned());
        }
    }

    /// One text frame; `None` when the server closes.
    fn frame(&mut self) -> Option<Vec<u8>> {
        let mut head = [0; 2];
        self.socket.read_exact(&mut head).ok()?;
        let len = match head[1] {
            126 => {
                let mut len = [0; 2];
                self.socket.read_exact(&mut len).ok()?;
                usize::from(u16::from_be_bytes(len))
            }
            127 => {
                let mut len = [0; 8];
                self.socket.read_exact(&mut len).ok()?;
                usize::try_from(u64::from_be_bytes(len)).unwrap()
            }
            len => usize::from(len),
        };
        let mut payload = vec![0; len];
        self.socket.read_exact(&mut payload).ok()?;
        (head[0] == 0x81).then_some(payload)
    }
}

#[test]
fn the_token_opens_the_page_and_its_cookie_the_rest() {
    let served = served();
    assert!(served.get("/", &[]).starts_with("HTTP/1.1 403"));
    let page = served.get(&format!("/?token={TOKEN}"), &[]);
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<title>tongro</title>"), "{page}");
    assert!(page.contains("default-src 'none'") && page.contains("HttpOnly; SameSite=Strict"), "{page}");
    let cookie = served.cookie();
    assert!(served.get("/", &[("Cookie", &cookie)]).starts_with("HTTP/1.1 200"));
    assert!(served.get("/api/texts/ko", &[]).starts_with("HTTP/1.1 403"));
    assert!(served.get("/api/texts/ko", &[("Cookie", &cookie)]).contains(r#"{"ui.app.name":"통로"}"#));
    assert!(served.get("/api/texts/fr", &[("Cookie", &cookie)]).starts_with("HTTP/1.1 404"));
    assert!(served.get("/assets/main.js", &[]).starts_with("HTTP/1.1 200"));
    assert!(served.get("/assets/none.js", &[]).starts_with("HTTP/1.1 404"));
    assert!(served.get("/", &[("Host", "evil.example"), ("Cookie", &cookie)]).starts_with("HTTP/1.1 421"));
    served.end();
}

#[test]
fn a_capture_is_a_download() {
    let served = served();
    let cookie = served.cookie();
    let answer = served.get("/api/runs/1/trace.pcapng", &[("Cookie", &cookie)]);
    assert!(
        answer.contains("attachment; filename=\"tongro-run-1.pcapng\"") && answer.ends_with("pcapng"),
        "{answer}"
    );
    assert!(served.get("/api/runs/7/trace.pcapng", &[("Cookie", &cookie)]).starts_with("HTTP/1.1 404"));
    served.end();
}

#[test]
fn one_socket_carries_ladders_and_commands() {
    let served = served();
    let mut page = served.page();
    assert_eq!(page.hear("hello")["contracts"], json!(["echo"]));
    page.ask(&json!({"do": "open", "run": 1}));
    assert_eq!(page.hear("snapshot")["ladder"]["arrows"][0]["label"], "SYN seq 0");
    served.stub.tell(&Message::Patch { run: 1, ladder: ladder(2, 200) });
    assert_eq!(page.hear("patch")["ladder"]["arrows"][0]["no"], 2);
    page.ask(&json!({"do": "inspect", "run": 1, "no": 1}));
    assert_eq!(page.hear("inspect")["packet"], json!({"no": 1}));
    page.ask(&json!({"do": "reset"}));
    assert_eq!(page.hear("error")["id"], "ui.error.busy");
    page.ask(&json!({"do": "open", "run": 9}));
    assert_eq!(page.hear("error")["id"], "ui.error.title");
    page.ask(&json!({"do": "run", "command": "python3 x.py", "side": "server"}));
    assert_eq!(page.hear("goto")["run"], 2);
    assert_eq!(*served.stub.done.lock().unwrap(), ["run python3 x.py as Server"]);
    served.end();
    while page.frame().is_some() {}
}

#[test]
fn commands_are_obeyed_in_order() {
    let served = served();
    let mut page = served.page();
    for delay in 0..20 {
        page.ask(&json!({"do": "link", "link": {"delay_us": delay}}));
    }
    page.ask(&json!({"do": "drop_next", "from": 0}));
    page.ask(&json!({"do": "check", "contract": "echo", "command": "./x"}));
    page.ask(&json!({"do": "inspect", "run": 1, "no": 2}));
    assert_eq!(page.hear("inspect")["packet"], Value::Null);
    let mut expected: Vec<_> = (0..20).map(|delay| format!("delay {delay}")).collect();
    expected.extend(["drop Some(0)".to_owned(), "check echo ./x".to_owned()]);
    assert_eq!(*served.stub.done.lock().unwrap(), expected);
    served.end();
}

#[test]
fn only_loopback_is_served() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let stub = Arc::new(Stub::default());
    let refused = serve(listener, Token::new(TOKEN), stub, Texts::new(), Stop::new());
    assert!(matches!(refused, Err(Error::NotLoopback(_))));
}
