//! A workbench without a lab: a recorded ladder is shown whole, grown live, or multiplied to 100,000 frames.
//!
//! `cargo run -p tongro-web --example fixture -- [PORT] [still|live|many]`. It stands in for the lab in the browser
//! tests: it prints the address, answers every command as a lab would, and ends when its standard input does.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tongro_trace::event::{HostId, LinkSettings, Nanos};
use tongro_trace::ladder::{Arrow, ArrowKind, Call, Finding, Host, Ladder, Mark, OutputLine, StateSpan};
use tongro_web::{
    Backend, Course, Goal, GoalState, Message, Run, RunId, Side, Stop, Text, Texts, Token, serve,
};

const SCENARIO: &str = include_str!("scenario.json");
const WORDS: [(&str, &str); 2] = [("ko", include_str!("ko.toml")), ("en", include_str!("en.toml"))];
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const MANY: u32 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().map_or(Ok(0), |text| text.parse())?;
    let mode = args.next().unwrap_or_else(|| "still".to_owned());
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    writeln!(std::io::stdout(), "http://{}/?token={TOKEN}", listener.local_addr()?)?;
    let fixture = Arc::new(Fixture::new(&mode)?);
    if mode == "live" {
        let growing = Arc::clone(&fixture);
        thread::spawn(move || growing.grow());
    }
    let stop = Stop::new();
    let asked = stop.clone();
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        asked.stop();
    });
    serve(listener, Token::new(TOKEN), fixture, texts()?, stop)?;
    Ok(())
}

fn texts() -> Result<Texts, toml::de::Error> {
    let mut texts = Texts::of_course();
    for (language, words) in WORDS {
        let words: toml::Table = words.parse()?;
        texts = texts
            .with(language, words.into_iter().filter_map(|(id, text)| Some((id, text.as_str()?.to_owned()))));
    }
    Ok(texts)
}

struct Fixture {
    scenario: Value,
    state: Mutex<State>,
}

struct State {
    runs: Vec<Run>,
    /// The ladder of run 1 as far as it has grown; a check's run shows the recorded one.
    shown: Ladder,
    recorded: Ladder,
    link: LinkSettings,
    drops: u32,
    pages: Vec<Sender<Message>>,
}

impl State {
    fn tell(&mut self, message: &Message) {
        self.pages.retain(|page| page.send(message.clone()).is_ok());
    }

    /// Adds to run 1 and tells the pages.
    fn patch(&mut self, patch: Ladder) {
        let shown = &mut self.shown;
        for arrow in &patch.arrows {
            match shown.arrows.iter_mut().find(|known| known.no == arrow.no) {
                Some(known) => *known = arrow.clone(),
                None => shown.arrows.push(arrow.clone()),
            }
        }
        shown.states.extend(patch.states.clone());
        shown.calls.extend(patch.calls.clone());
        shown.output.extend(patch.output.clone());
        shown.link = patch.link.clone().or_else(|| shown.link.take());
        shown.now = patch.now;
        self.tell(&Message::Patch { run: 1, ladder: patch });
    }
}

impl Fixture {
    fn new(mode: &str) -> Result<Self, serde_json::Error> {
        let scenario: Value = serde_json::from_str(SCENARIO)?;
        let recorded = ladder(&scenario["ladder"]);
        let shown = match mode {
            "many" => many(&recorded),
            "live" => Ladder {
                arrows: vec![],
                states: vec![],
                calls: vec![],
                output: vec![],
                now: 0,
                ..recorded.clone()
            },
            _ => recorded.clone(),
        };
        let runs = list(&scenario["runs"]).iter().map(run).collect();
        let link = recorded.link.clone().unwrap_or_default();
        let state = State { runs, shown, recorded, link, drops: 0, pages: vec![] };
        Ok(Self { scenario, state: Mutex::new(state) })
    }

    /// Lets the recorded run happen again and again, a frame every 20 ms, once a page looks.
    fn grow(&self) {
        let recorded = self.lock().recorded.clone();
        for round in 0.. {
            for (at, arrow) in recorded.arrows.iter().enumerate() {
                thread::sleep(Duration::from_millis(20));
                let mut state = self.lock();
                let past = round * 300_000_000;
                let no = u32::try_from(state.shown.arrows.len()).unwrap_or(u32::MAX) + 1;
                let mut arrow = moved(arrow, no, past);
                if state.drops > 0 && arrow.kind == ArrowKind::Data && !arrow.is_lost {
                    state.drops -= 1;
                    let again = resent(&mut arrow);
                    let now = again.arrived_at.unwrap_or(past);
                    state.patch(Ladder { arrows: vec![arrow, again], now, ..Ladder::default() });
                    continue;
                }
                let now = arrow.arrived_at.unwrap_or(arrow.sent_at).max(state.shown.now + 1);
                let part = |from: Nanos| now >= from + past;
                let since = state.shown.now;
                let fresh = |from: Nanos| part(from) && (at == 0 || from + past > since);
                let states =
                    recorded.states.iter().filter(|span| round == 0 && fresh(span.from)).cloned().collect();
                let calls =
                    recorded.calls.iter().filter(|call| round == 0 && fresh(call.from)).cloned().collect();
                let output =
                    recorded.output.iter().filter(|line| round == 0 && fresh(line.at)).cloned().collect();
                state.patch(Ladder { arrows: vec![arrow], states, calls, output, now, ..Ladder::default() });
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The same frame, later and with another number.
fn moved(arrow: &Arrow, no: u32, past: Nanos) -> Arrow {
    Arrow {
        no,
        sent_at: arrow.sent_at + past,
        arrived_at: arrow.arrived_at.map(|at| at + past),
        findings: arrow.findings.iter().map(|one| Finding { evidence: vec![], ..one.clone() }).collect(),
        ..arrow.clone()
    }
}

/// Loses a frame and gives the retransmission that follows.
fn resent(arrow: &mut Arrow) -> Arrow {
    let mut again = arrow.clone();
    again.no += 1;
    again.kind = ArrowKind::Retransmission;
    again.sent_at += 210_000_000;
    again.arrived_at = Some(again.sent_at + 20_000_000);
    again.findings = vec![Finding { id: "retransmission".into(), params: vec![], evidence: vec![arrow.no] }];
    arrow.is_lost = true;
    arrow.arrived_at = None;
    arrow.findings = vec![Finding { id: "lost".into(), params: vec![], evidence: vec![again.no] }];
    again
}

/// The recorded run over and over.
fn many(recorded: &Ladder) -> Ladder {
    let mut whole = Ladder { arrows: vec![], calls: vec![], output: vec![], ..recorded.clone() };
    for round in 0..u64::from(MANY).div_ceil(recorded.arrows.len() as u64) {
        let past = round * 250_000_000;
        for arrow in &recorded.arrows {
            let no = whole.arrows.len() as u32 + 1;
            if no <= MANY {
                whole.arrows.push(moved(arrow, no, past));
            }
        }
        for call in recorded.calls.iter().filter(|_| round % 4 == 0) {
            let no = whole.calls.len() as u64 + 1;
            whole.calls.push(Call {
                no,
                from: call.from + past,
                until: call.until.map(|at| at + past),
                ..call.clone()
            });
        }
        whole
            .output
            .extend(recorded.output.iter().map(|line| OutputLine { at: line.at + past, ..line.clone() }));
        whole.now = past + 250_000_000;
    }
    whole
}

impl Backend for Fixture {
    fn runs(&self) -> Vec<Run> {
        self.lock().runs.clone()
    }

    fn snapshot(&self, run: RunId) -> Option<Ladder> {
        let state = self.lock();
        match run {
            1 => Some(state.shown.clone()),
            _ => state.runs.iter().any(|one| one.run == run).then(|| state.recorded.clone()),
        }
    }

    fn subscribe(&self) -> Receiver<Message> {
        let (page, messages) = channel();
        self.lock().pages.push(page);
        messages
    }

    fn checks(&self) -> Vec<Message> {
        list(&self.scenario["checks"]).iter().map(check).collect()
    }

    fn contracts(&self) -> Vec<String> {
        vec!["echo".to_owned()]
    }

    fn course(&self) -> Option<Course> {
        Some(course(&self.scenario["course"]))
    }

    fn link(&self) -> LinkSettings {
        self.lock().link.clone()
    }

    fn set_link(&self, link: LinkSettings) -> Result<(), Text> {
        let mut state = self.lock();
        state.link = link.clone();
        let now = state.shown.now + 1;
        state.patch(Ladder { link: Some(link), now, ..Ladder::default() });
        Ok(())
    }

    fn drop_next(&self, _from: Option<HostId>) -> Result<(), Text> {
        self.lock().drops += 1;
        Ok(())
    }

    fn reset(&self) -> Result<(), Text> {
        Err(Text { id: "ui.error.no_lab".to_owned(), params: vec![] })
    }

    fn run_program(&self, command: &str, _side: Side) -> Result<RunId, Text> {
        let mut state = self.lock();
        let number = state.runs.iter().map(|run| run.run).max().unwrap_or(0) + 1;
        let title = Text { id: "scenario.mine".to_owned(), params: vec![] };
        let program = command.rsplit(' ').next().unwrap_or(command).to_owned();
        let run =
            Run { run: number, title, program, mode: "lab".to_owned(), is_live: false, is_check: false };
        state.runs.push(run.clone());
        state.tell(&Message::RunStarted { run });
        state.tell(&Message::RunEnded { run: number });
        Ok(number)
    }

    fn check(&self, _contract: &str, _command: &str) -> Result<(), Text> {
        for message in self.checks() {
            self.lock().tell(&message);
        }
        Ok(())
    }

    fn inspect(&self, _run: RunId, no: u32) -> Option<Value> {
        let recorded = self.scenario["packets"].as_object()?.len() as u32;
        Some(self.scenario["packets"][((no - 1) % recorded + 1).to_string()].clone())
    }

    fn capture(&self, _run: RunId) -> Option<Vec<u8>> {
        Some(vec![0x0a, 0x0d, 0x0d, 0x0a])
    }
}

// ---- the recorded scenario, read back

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number<T: TryFrom<u64> + Default>(value: &Value) -> T {
    value.as_u64().and_then(|number| T::try_from(number).ok()).unwrap_or_default()
}

fn maybe<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    value.as_u64().and_then(|number| T::try_from(number).ok())
}

fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or_default()
}

fn params(value: &Value) -> Vec<(String, String)> {
    list(value).iter().map(|pair| (string(&pair[0]), string(&pair[1]))).collect()
}

fn text(value: &Value) -> Text {
    Text { id: string(&value["id"]), params: params(&value["params"]) }
}

fn ladder(value: &Value) -> Ladder {
    Ladder {
        hosts: list(&value["hosts"]).iter().map(host).collect(),
        arrows: list(&value["arrows"]).iter().map(arrow).collect(),
        states: list(&value["states"]).iter().filter_map(state).collect(),
        calls: list(&value["calls"]).iter().map(call).collect(),
        output: list(&value["output"]).iter().filter_map(output).collect(),
        marks: list(&value["marks"]).iter().map(mark).collect(),
        link: serde_json::from_value(value["link"].clone()).ok(),
        now: number(&value["now"]),
    }
}

fn host(value: &Value) -> Host {
    Host {
        host: number(&value["host"]),
        role: string(&value["role"]),
        program: string(&value["program"]),
        addr: string(&value["addr"]),
        iface: string(&value["iface"]),
    }
}

fn arrow(value: &Value) -> Arrow {
    let kind = match value["kind"].as_str() {
        Some("data") => ArrowKind::Data,
        Some("ack") => ArrowKind::Ack,
        Some("retransmission") => ArrowKind::Retransmission,
        _ => ArrowKind::Control,
    };
    Arrow {
        no: number(&value["no"]),
        flow: maybe(&value["flow"]),
        from: number(&value["from"]),
        to: number(&value["to"]),
        sent_at: number(&value["sent_at"]),
        arrived_at: maybe(&value["arrived_at"]),
        copies: vec![],
        kind,
        is_lost: flag(&value["is_lost"]),
        is_forged: flag(&value["is_forged"]),
        is_corrupt: flag(&value["is_corrupt"]),
        label: string(&value["label"]),
        findings: list(&value["findings"]).iter().map(finding).collect(),
        len: number(&value["len"]),
        payload: number(&value["payload"]),
    }
}

fn finding(value: &Value) -> Finding {
    let evidence = list(&value["evidence"]).iter().map(number).collect();
    Finding { id: string(&value["id"]), params: params(&value["params"]), evidence }
}

fn state(value: &Value) -> Option<StateSpan> {
    Some(StateSpan {
        host: number(&value["host"]),
        flow: maybe(&value["flow"]),
        state: serde_json::from_value(value["state"].clone()).ok()?,
        from: number(&value["from"]),
        until: maybe(&value["until"]),
    })
}

fn call(value: &Value) -> Call {
    Call {
        no: number(&value["no"]),
        host: number(&value["host"]),
        flow: maybe(&value["flow"]),
        tid: number(&value["tid"]),
        label: string(&value["label"]),
        from: number(&value["from"]),
        until: maybe(&value["until"]),
        result: value["result"].as_str().map(str::to_owned),
        is_blocked: flag(&value["is_blocked"]),
        fault: None,
    }
}

fn output(value: &Value) -> Option<OutputLine> {
    Some(OutputLine {
        at: number(&value["at"]),
        program: number(&value["program"]),
        host: number(&value["host"]),
        stream: serde_json::from_value(value["stream"].clone()).ok()?,
        text: string(&value["text"]),
    })
}

fn mark(value: &Value) -> Mark {
    let host = number(&value["host"]);
    Mark { at: number(&value["at"]), host, id: string(&value["id"]), params: params(&value["params"]) }
}

fn run(value: &Value) -> Run {
    Run {
        run: number(&value["run"]),
        title: text(&value["title"]),
        program: string(&value["program"]),
        mode: string(&value["mode"]),
        is_live: flag(&value["is_live"]),
        is_check: flag(&value["is_check"]),
    }
}

fn check(value: &Value) -> Message {
    if value["type"] == "check_progress" {
        let (done, total) = (number(&value["done"]), number(&value["total"]));
        return Message::CheckProgress {
            id: string(&value["id"]),
            state: string(&value["state"]),
            done,
            total,
        };
    }
    let frames = list(&value["frames"]).iter().map(number).collect();
    Message::Check { record: value["record"].clone(), run: maybe(&value["run"]), frames }
}

/// The course as far as a learner in the second day got.
fn course(value: &Value) -> Course {
    let goal = |value: &Value| Goal {
        title: text(&value["title"]),
        state: match value["state"].as_str() {
            Some("pass") => GoalState::Pass,
            Some("fail") => GoalState::Fail,
            _ => GoalState::Open,
        },
    };
    Course {
        goals: list(&value["goals"]).iter().map(goal).collect(),
        file: value["file"].as_str().map(str::to_owned),
        ..Course::of_days(|practical| practical < "2-2", Some("2-2"))
    }
}
