//! Chat: what one member says, all others read. A line protocol with one room.
//!
//! Bytes come from each member's connection, are cut into lines, and go to the connections of the others. The first
//! line is the nick. `/who` lists the members, `/quit` leaves; anything else is said.
//!
//! One [`Room`] serves all connections, so this is not a [`Machine`](crate::Machine) but the thing behind many:
//! `handle(member, event, deliveries)`. The driver gives each connection a number and carries the deliveries there.
//!
//! ```text
//!   → 하나              the first line is the nick
//!   ← * here: 하나
//!   ← * 둘 joined       lines that begin with `*` are the room's
//!   → 안녕              goes to the others as `하나: 안녕`
//!   → /quit
//!   ← * bye
//! ```
//!
//! Text is passed on as bytes: a line is never decoded, so no byte in it can break the room. Only the nick must be text.

use core::ops::Range;
use std::collections::BTreeMap;

use crate::lines::{Cut, Lines};
use crate::{Bounds, Event};

/// A connection, as the driver numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member(
    /// The number.
    pub u64,
);

/// The longest nick, in bytes: ten Korean syllables.
const NICK_LEN: usize = 30;

/// The members and what each has begun to say.
#[derive(Debug)]
pub struct Room {
    seats: BTreeMap<Member, Seat>,
    bounds: Bounds,
}

/// One member's place.
#[derive(Debug, Default)]
struct Seat {
    /// Unset until the first line has come; until then nothing is heard or said here.
    nick: Option<String>,
    lines: Lines,
}

/// What goes to whom, in order.
#[derive(Debug, Default)]
pub struct Deliveries {
    /// All texts; one that goes to many is here once.
    bytes: Vec<u8>,
    to: Vec<(Member, Range<usize>)>,
    finished: Vec<Member>,
}

impl Deliveries {
    /// Each delivery: to whom, and what.
    pub fn iter(&self) -> impl Iterator<Item = (Member, &[u8])> {
        self.to.iter().map(|(member, range)| (*member, &self.bytes[range.clone()]))
    }

    /// Whose connection ends after that.
    pub fn finished(&self) -> &[Member] {
        &self.finished
    }

    /// Empties everything and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.to.clear();
        self.finished.clear();
    }

    /// One text for these members, ended as a line.
    fn send(&mut self, members: impl IntoIterator<Item = Member>, text: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.bytes.push(b'\n');
        let range = start..self.bytes.len();
        self.to.extend(members.into_iter().map(|member| (member, range.clone())));
    }
}

impl Room {
    /// An empty room that accepts lines up to `bounds`.
    pub fn new(bounds: Bounds) -> Self {
        Self { seats: BTreeMap::new(), bounds }
    }

    /// Takes in what happened on one member's connection.
    pub fn handle(&mut self, member: Member, event: Event<'_>, out: &mut Deliveries) {
        match event {
            Event::Open => {
                self.seats.insert(member, Seat::default());
                out.send([member], b"* your nick?");
            }
            Event::Bytes(bytes) => self.hear(member, bytes, out),
            Event::End | Event::Drain => {
                self.leave(member, out);
                out.finished.push(member);
            }
            Event::Datagram { .. } | Event::Sent | Event::Wake | Event::File(_) => {}
        }
    }

    /// A member is gone, with or without a word. Twice does no harm.
    pub fn leave(&mut self, member: Member, out: &mut Deliveries) {
        let Some(Seat { nick: Some(nick), .. }) = self.seats.remove(&member) else { return };
        out.send(self.named(), format!("* {nick} left").as_bytes());
    }

    /// Cuts what a member has said into lines. The seat is without its cutter meanwhile, so a line may act on the
    /// whole room.
    fn hear(&mut self, member: Member, bytes: &[u8], out: &mut Deliveries) {
        let Some(seat) = self.seats.get_mut(&member) else { return };
        let mut lines = core::mem::take(&mut seat.lines);
        let bounds = self.bounds;
        lines.feed(bytes, bounds, |cut| {
            match cut {
                Cut::Line { text, .. } => self.line(member, text, out),
                Cut::TooLong => {
                    out.send([member], format!("* a line may have {} bytes", bounds.message_len).as_bytes());
                }
            }
            self.seats.contains_key(&member)
        });
        if let Some(seat) = self.seats.get_mut(&member) {
            seat.lines = lines;
        }
    }

    /// One line: a command, or something for the others.
    fn line(&mut self, member: Member, text: &[u8], out: &mut Deliveries) {
        let Some(seat) = self.seats.get(&member) else { return };
        let Some(nick) = &seat.nick else { return self.introduce(member, text, out) };
        match text {
            b"" => {}
            b"/who" => out.send([member], self.who().as_bytes()),
            b"/quit" => {
                out.send([member], b"* bye");
                self.leave(member, out);
                out.finished.push(member);
            }
            _ => {
                let said = [nick.as_bytes(), b": ", text].concat();
                out.send(self.named().filter(|other| *other != member), &said);
            }
        }
    }

    /// The first line is the nick: text, short, and nobody else's.
    fn introduce(&mut self, member: Member, text: &[u8], out: &mut Deliveries) {
        let nick = core::str::from_utf8(text).map(str::trim).unwrap_or_default();
        let is_name = !nick.is_empty() && nick.len() <= NICK_LEN && !nick.contains(char::is_control);
        let is_taken = self.seats.values().any(|seat| seat.nick.as_deref() == Some(nick));
        if !is_name || is_taken {
            let why = if is_taken { "that nick is taken" } else { "a nick is 1 to 30 bytes of text" };
            return out.send([member], format!("* {why}; your nick?").as_bytes());
        }
        out.send(self.named(), format!("* {nick} joined").as_bytes());
        if let Some(seat) = self.seats.get_mut(&member) {
            seat.nick = Some(nick.to_owned());
        }
        out.send([member], self.who().as_bytes());
    }

    /// Members that have said their nick.
    fn named(&self) -> impl Iterator<Item = Member> {
        self.seats.iter().filter(|(_, seat)| seat.nick.is_some()).map(|(member, _)| *member)
    }

    /// The answer to `/who`.
    fn who(&self) -> String {
        let nicks: Vec<&str> = self.seats.values().filter_map(|seat| seat.nick.as_deref()).collect();
        format!("* here: {}", nicks.join(", "))
    }

    /// The number of the line a member has begun and not ended.
    pub fn open_line(&self, member: Member) -> Option<u64> {
        self.seats.get(&member)?.lines.open_line()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(room: &mut Room, member: u64, event: Event<'_>) -> Vec<String> {
        let mut out = Deliveries::default();
        room.handle(Member(member), event, &mut out);
        let text = |(Member(to), bytes): (Member, &[u8])| {
            format!("{to}<{}", String::from_utf8_lossy(bytes).trim_end())
        };
        out.iter().map(text).chain(out.finished().iter().map(|Member(to)| format!("{to} ends"))).collect()
    }

    fn room_of(nicks: &[&str]) -> Room {
        let mut room = Room::new(Bounds { message_len: 100 });
        for (number, nick) in nicks.iter().enumerate() {
            say(&mut room, number as u64, Event::Open);
            say(&mut room, number as u64, Event::Bytes(format!("{nick}\r\n").as_bytes()));
        }
        room
    }

    #[test]
    fn the_others_read_what_one_says() {
        let mut room = room_of(&["가", "나", "다"]);
        assert_eq!(say(&mut room, 1, Event::Bytes(b"he")), [""; 0]);
        assert_eq!(
            say(&mut room, 1, Event::Bytes(b"llo\nx\n")),
            ["0<나: hello", "2<나: hello", "0<나: x", "2<나: x"]
        );
        assert_eq!(say(&mut room, 0, Event::Bytes(b"/who\n")), ["0<* here: 가, 나, 다"]);
    }

    #[test]
    fn who_has_no_nick_neither_hears_nor_speaks() {
        let mut room = room_of(&["a"]);
        say(&mut room, 9, Event::Open);
        assert_eq!(say(&mut room, 0, Event::Bytes(b"secret\n")), [""; 0]);
        assert_eq!(say(&mut room, 9, Event::Bytes(b"a\n")), ["9<* that nick is taken; your nick?"]);
        assert_eq!(say(&mut room, 9, Event::Bytes(b"\xff\n")), {
            ["9<* a nick is 1 to 30 bytes of text; your nick?"]
        });
        assert_eq!(
            say(&mut room, 9, Event::Bytes(b"b\nhi\n")),
            ["0<* b joined", "9<* here: a, b", "0<b: hi"]
        );
    }

    #[test]
    fn leaving_is_told_once() {
        let mut room = room_of(&["a", "b"]);
        assert_eq!(
            say(&mut room, 1, Event::Bytes(b"/quit\nnot said\n")),
            ["1<* bye", "0<* b left", "1 ends"]
        );
        assert_eq!(say(&mut room, 1, Event::End), ["1 ends"]);
    }

    /// Five members say forty numbered lines each, cut anywhere and in any order of members; one leaves in the middle
    /// of a line. Everybody must read every whole line of every other once, in one order.
    #[test]
    fn whatever_the_cut_all_members_read_the_same_lines_in_the_same_order() {
        for seed in 0..50 {
            let mut dice = crate::pair::Dice(seed);
            let mut room = room_of(&["a", "b", "c", "d", "e"]);
            let said = |nick: char| (0..40).map(|n| format!("{nick}{n} \u{ac00}\r\n")).collect::<String>();
            let mut rest: Vec<Vec<u8>> = ('a'..='e').map(|nick| said(nick).into_bytes()).collect();
            rest[4].truncate(300); // ends in the middle of a line
            let mut read: Vec<String> = vec![String::new(); 5];
            while rest.iter().any(|bytes| !bytes.is_empty()) {
                let member = dice.below(5) as usize;
                let len = (1 + dice.below(25) as usize).min(rest[member].len());
                let piece: Vec<u8> = rest[member].drain(..len).collect();
                let mut out = Deliveries::default();
                if !piece.is_empty() {
                    room.handle(Member(member as u64), Event::Bytes(&piece), &mut out);
                }
                for (Member(to), bytes) in out.iter() {
                    read[to as usize].push_str(core::str::from_utf8(bytes).unwrap());
                }
            }
            assert_one_order(&read);
        }
    }

    /// Leaves out what the two readers said themselves, which they do not read, and compares the rest.
    fn assert_one_order(read: &[String]) {
        for one in 0..5 {
            for other in 0..5 {
                let own = |line: &&str| {
                    !line.starts_with((b'a' + one) as char) && !line.starts_with((b'a' + other) as char)
                };
                let of = |reader: u8| read[usize::from(reader)].lines().filter(own).collect::<Vec<_>>();
                assert_eq!(of(one), of(other));
            }
        }
        assert_eq!(
            read[0].lines().count(),
            3 * 40 + read[0].lines().filter(|line| line.starts_with('e')).count()
        );
    }
}
