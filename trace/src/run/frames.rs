//! `trace.pcapng` of a run: each frame once where it was sent and once where it arrived, both with a comment.
//!
//! The two ends are two interfaces named after their hosts. A packet carries the frame number (`epb_packetid`) and its
//! direction (`epb_flags`), by which the bytes are found again even if another program has rewritten the comments.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Read, Write};

use crate::capture::pcapng::{Interface, Reader, Writer, code};
use crate::capture::{ByteOrder, Error};
use crate::event::{Arrived, DropReason, Event, Fate, HostId, Nanos, Sent, What};
use crate::ladder::Arrow;
use crate::recording::Recording;

/// Directions in `epb_flags`.
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

/// Writes the capture; times count from `began_at` (nanoseconds since 1970).
pub(super) fn write(recording: &Recording, began_at: i64, out: &mut impl Write) -> io::Result<()> {
    let mut capture = Capture::begin(recording, began_at, out)?;
    for event in &recording.events {
        match &event.what {
            What::Sent(sent) => capture.sent(event.at, sent)?,
            What::Arrived(arrived) => capture.arrived(event.at, arrived)?,
            _ => {}
        }
    }
    capture.writer.finish().map(|_| ())
}

/// Reads the bytes of every frame as it was sent.
pub(super) fn read(read: impl Read) -> Result<HashMap<u32, Vec<u8>>, Error> {
    let mut reader = Reader::new(read);
    let mut frames = HashMap::new();
    while let Some(packet) = reader.next_packet()? {
        let no = packet.options.u64(code::EPB_PACKETID).and_then(|id| u32::try_from(id).ok());
        let direction = packet.options.u32(code::EPB_FLAGS).map(|flags| flags & 3);
        if let Some(no) = no.filter(|_| direction == Some(OUTBOUND)) {
            frames.insert(no, packet.bytes.to_vec());
        }
    }
    Ok(frames)
}

struct Capture<'r, W> {
    recording: &'r Recording,
    writer: Writer<W>,
    began_at: i64,
    interfaces: HashMap<HostId, u32>,
    frames: HashMap<u32, Frame<'r>>,
    arrows: HashMap<u32, Arrow>,
}

/// What the comments need to know of a frame.
struct Frame<'r> {
    at: Nanos,
    sent: &'r Sent,
    arrived_at: Option<Nanos>,
    drop: Option<DropReason>,
}

impl<'r, W: Write> Capture<'r, W> {
    fn begin(recording: &'r Recording, began_at: i64, out: W) -> io::Result<Self> {
        let mut writer = Writer::new(out, ByteOrder::Little, "tongro")?;
        let interfaces = describe_interfaces(&recording.events, &mut writer)?;
        let arrows = recording.ladder().arrows.into_iter().map(|arrow| (arrow.no, arrow)).collect();
        let frames = frames_of(&recording.events);
        Ok(Self { recording, writer, began_at, interfaces, frames, arrows })
    }

    fn sent(&mut self, at: Nanos, sent: &Sent) -> io::Result<()> {
        let bytes = self.recording.frame(sent.frame).unwrap_or_default();
        let comment = self.frames.get(&sent.frame).map(sent_comment).unwrap_or_default();
        let findings = self.arrows.get(&sent.frame).map(findings_comment).unwrap_or_default();
        self.packet(at, sent.host, sent.frame, OUTBOUND, bytes, &[&comment, &findings])
    }

    fn arrived(&mut self, at: Nanos, arrived: &Arrived) -> io::Result<()> {
        let Some(frame) = self.frames.get(&arrived.frame) else { return Ok(()) };
        let comment = arrived_comment(frame, at, arrived.copy);
        let altered = self.recording.altered(arrived.frame, &frame.sent.fates);
        let bytes = altered.as_deref().or_else(|| self.recording.frame(arrived.frame)).unwrap_or_default();
        self.packet(at, arrived.host, arrived.frame, INBOUND, bytes, &[&comment])
    }

    fn packet(
        &mut self,
        at: Nanos,
        host: HostId,
        no: u32,
        direction: u32,
        bytes: &[u8],
        comments: &[&str],
    ) -> io::Result<()> {
        let interface = self.interfaces.get(&host).copied().unwrap_or_default();
        let (flags, id) = (direction.to_le_bytes(), u64::from(no).to_le_bytes());
        let mut options: [(u16, &[u8]); 4] = [(code::COMMENT, b""); 4];
        let mut count = 0;
        let comments =
            comments.iter().filter(|text| !text.is_empty()).map(|text| (code::COMMENT, text.as_bytes()));
        for option in comments.chain([(code::EPB_FLAGS, &flags[..]), (code::EPB_PACKETID, &id[..])]).take(4) {
            options[count] = option;
            count += 1;
        }
        let at = self.began_at.saturating_add(i64::try_from(at).unwrap_or(i64::MAX));
        self.writer.packet(interface, at, bytes, bytes.len() as u32, &options[..count])
    }
}

/// An interface per host; two even when no host was ever described, so that every frame has one.
fn describe_interfaces<W: Write>(
    events: &[Event],
    writer: &mut Writer<W>,
) -> io::Result<HashMap<HostId, u32>> {
    let mut interfaces = HashMap::new();
    for event in events {
        if let What::Host(host) = &event.what
            && let Entry::Vacant(free) = interfaces.entry(host.host)
        {
            let addresses: Vec<_> = host.addresses.iter().map(ToString::to_string).collect();
            let description = format!("{} {}", host.iface, addresses.join(" "));
            free.insert(writer.interface(&named(&host.name, description))?);
        }
    }
    for (host, name) in [(0, "client"), (1, "server")] {
        if let Entry::Vacant(free) = interfaces.entry(host) {
            free.insert(writer.interface(&named(name, String::new()))?);
        }
    }
    Ok(interfaces)
}

fn named(name: &str, description: String) -> Interface {
    let description = Some(description).filter(|text| !text.is_empty());
    Interface { name: Some(name.to_owned()), description, ..Interface::default() }
}

fn frames_of(events: &[Event]) -> HashMap<u32, Frame<'_>> {
    let mut frames: HashMap<u32, Frame<'_>> = HashMap::new();
    for event in events {
        match &event.what {
            What::Sent(sent) => {
                frames.insert(sent.frame, Frame { at: event.at, sent, arrived_at: None, drop: None });
            }
            What::Arrived(arrived) => {
                if let Some(frame) = frames.get_mut(&arrived.frame) {
                    frame.arrived_at = frame.arrived_at.or(Some(event.at));
                }
            }
            What::Dropped(dropped) => {
                if let Some(frame) = frames.get_mut(&dropped.frame) {
                    frame.drop = Some(dropped.reason);
                }
            }
            _ => {}
        }
    }
    frames
}

/// `#5 lost on the link: rule drop …`, `#4 sent, arrives after 20.2 ms`.
fn sent_comment(frame: &Frame<'_>) -> String {
    let no = frame.sent.frame;
    let by = if frame.sent.forged { "made by the lab" } else { "sent" };
    let is_dropped = frame.drop.is_some() || frame.sent.fates.contains(&Fate::Drop);
    let mut text = match (is_dropped, frame.arrived_at) {
        (true, _) => format!("#{no} lost on the link"),
        (false, Some(at)) => format!("#{no} {by}, arrives after {}", millis(at.saturating_sub(frame.at))),
        (false, None) => format!("#{no} {by}, not yet arrived at the end"),
    };
    for fate in &frame.sent.fates {
        match fate {
            Fate::Duplicate(copies) => text += &format!(", duplicated ×{copies}"),
            Fate::Corrupt(bit) => text += &format!(", bit {} of byte {} flipped", bit % 8, bit / 8),
            Fate::Reorder(frames) => text += &format!(", overtaken by {frames}"),
            Fate::Delay(_) | Fate::Drop => {}
        }
    }
    match (&frame.sent.rule, frame.drop) {
        (Some(rule), _) => text += &format!(": rule {rule}"),
        (None, Some(DropReason::Queue)) => text += ": its queue was full",
        (None, Some(DropReason::Blackhole)) => text += ": blackhole",
        (None, Some(DropReason::Gone)) => text += ": the receiver is gone",
        (None, _) => {}
    }
    text
}

/// `#13 arrived after 20.2 ms`.
fn arrived_comment(frame: &Frame<'_>, at: Nanos, copy: u32) -> String {
    let no = frame.sent.frame;
    let after = millis(at.saturating_sub(frame.at));
    if copy == 0 {
        format!("#{no} arrived after {after}")
    } else {
        format!("#{no} copy {copy} arrived after {after}")
    }
}

/// `fast_retransmission (#5 #10 #11 #12)`.
fn findings_comment(arrow: &Arrow) -> String {
    let mut text = String::new();
    for found in &arrow.findings {
        if !text.is_empty() {
            text += ", ";
        }
        text += &found.id;
        if !found.evidence.is_empty() {
            let frames: Vec<_> = found.evidence.iter().map(|no| format!("#{no}")).collect();
            text += &format!(" ({})", frames.join(" "));
        }
    }
    text
}

fn millis(span: Nanos) -> String {
    format!("{:.1} ms", span as f64 / 1e6)
}
