//! The clock's server: answers questions, and ticks if it was told where to.
//!
//! Questions come from anyone and are answered to their sender; ticks go to one group address. Whatever else
//! arrives is dropped without a word: an answer to junk would be a gift to whoever forges senders.

use core::net::SocketAddr;
use core::time::Duration;

use super::{Kind, Packet, nanoseconds};
use crate::{Actions, Event, Machine, Now};

/// Where and how often to tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announce {
    /// A broadcast or multicast address, or one listener.
    pub to: SocketAddr,
    /// The time between ticks.
    pub every: Duration,
}

/// The server behind one UDP socket.
#[derive(Clone, Debug)]
pub struct Server {
    announce: Option<Announce>,
    /// Distinguishes this run from earlier ones.
    stream: u16,
    /// The next tick.
    number: u32,
    /// When it is due. Counted on from the start and not from the last tick, so lateness does not add up.
    tick_at: Duration,
}

impl Server {
    /// A server that answers, and ticks if `announce` says where.
    pub fn new(announce: Option<Announce>) -> Self {
        Self { announce, stream: 0, number: 0, tick_at: Duration::ZERO }
    }

    /// Sends the next tick, if it was told where to, and plans the one after it.
    fn tick(&mut self, now: Now, actions: &mut Actions) {
        let Some(Announce { to, every }) = self.announce else { return };
        let every = every.max(Duration::from_millis(1));
        let time = nanoseconds(now);
        let packet =
            Packet { kind: Kind::Tick, stream: self.stream, number: self.number, t1: time, t2: 0, t3: 0 };
        actions.send_to(to, &packet.to_bytes());
        self.number = self.number.wrapping_add(1);
        self.tick_at += every;
        if self.tick_at <= now.steady {
            self.tick_at = now.steady + every; // the host slept: no burst of missed ticks
        }
        actions.wake_at(self.tick_at);
    }
}

impl Machine for Server {
    fn handle(&mut self, event: Event<'_>, now: Now, actions: &mut Actions) {
        match event {
            Event::Open => {
                self.stream = (nanoseconds(now) >> 20) as u16; // about a millisecond per step
                self.tick_at = now.steady;
                self.tick(now, actions);
            }
            Event::Wake => self.tick(now, actions),
            Event::Datagram { from, bytes } => {
                if let Some(Packet { kind: Kind::Ask, stream, number, t1, .. }) = Packet::parse(bytes) {
                    let time = nanoseconds(now);
                    let answer = Packet { kind: Kind::Answer, stream, number, t1, t2: time, t3: time };
                    actions.send_to(from, &answer.to_bytes());
                }
            }
            Event::Drain => actions.finish(),
            _ => {}
        }
    }
}
