//! Well-behaved TCP conversations: a handshake, what each end says cut into segments, acknowledgments, a close.

use tongro_wire::LayerSpec;

use super::{Dice, Frames, layer};

const FIN: u64 = 1;
const SYN: u64 = 2;
const PSH: u64 = 8;
const ACK: u64 = 16;

/// Whether a segment meets trouble on its way to the capture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// None.
    Clean,
    /// Some are sent again, some overtaken.
    Rough,
}

/// A conversation between two hosts.
pub(crate) struct Talk<'f, 'd> {
    out: &'f mut Frames,
    dice: &'d mut Dice,
    is_v6: bool,
    ports: [u64; 2],
    next: [u32; 2],
    ids: [u64; 2],
    hosts: [u64; 2],
    mss: usize,
    link: Link,
}

impl<'f, 'd> Talk<'f, 'd> {
    /// Opens a connection to this port.
    pub(crate) fn open(out: &'f mut Frames, dice: &'d mut Dice, port: u64, mss: usize, link: Link) -> Self {
        let is_v6 = dice.chance(25);
        let ports = [32_768 + dice.below(28_000), port];
        let next = [dice.next() as u32, dice.next() as u32];
        let hosts = [1 + dice.below(20), 30 + dice.below(3)];
        let mut talk = Self { out, dice, is_v6, ports, next, ids: [1, 1], hosts, mss, link };
        talk.syn(0, SYN);
        talk.out.wait(200_000);
        talk.syn(1, SYN | ACK);
        talk.out.wait(150_000);
        talk.segment(0, ACK, &[]);
        talk
    }

    /// One end says something; the other acknowledges every other segment.
    pub(crate) fn say(&mut self, dir: usize, bytes: &[u8]) {
        let count = bytes.chunks(self.mss).count();
        let mut held: Option<(u32, Vec<u8>)> = None;
        for (index, part) in bytes.chunks(self.mss).enumerate() {
            let push = if index + 1 == count { PSH } else { 0 };
            self.out.wait(10_000 + self.dice.below(20_000) as i64);
            let is_rough = self.link == Link::Rough;
            if is_rough && held.is_none() && index + 3 < count && self.dice.chance(2) {
                held = Some((self.next[dir], part.to_vec()));
                self.next[dir] = self.next[dir].wrapping_add(part.len() as u32);
                continue;
            }
            self.segment(dir, ACK | push, part);
            if let Some((seq, part)) = held.take_if(|_| self.dice.chance(40) || index + 2 >= count) {
                self.out.wait(self.dice.pick(&[20_000, 900_000, 30_000_000]));
                let kept = std::mem::replace(&mut self.next[dir], seq);
                self.segment(dir, ACK, &part);
                self.next[dir] = kept;
            }
            if (index % 2 == 1 || index + 1 == count) && held.is_none() {
                self.out.wait(100_000);
                self.segment(1 - dir, ACK, &[]);
            }
        }
        self.out.wait(300_000);
    }

    /// Both ends close.
    pub(crate) fn close(mut self) {
        for (dir, flags) in [(0, FIN | ACK), (1, FIN | ACK), (0, ACK)] {
            self.out.wait(80_000);
            self.segment(dir, flags, &[]);
            if flags & FIN != 0 {
                self.next[dir] = self.next[dir].wrapping_add(1);
            }
        }
    }

    fn syn(&mut self, dir: usize, flags: u64) {
        let tcp = self.header(dir, flags).with("tcp.options.mss_val", 1460).unwrap();
        let tcp = tcp.with("tcp.options.wscale.shift", 7).unwrap();
        let layers = [layer("eth"), self.ip(dir), tcp];
        self.out.add(&layers);
        self.next[dir] = self.next[dir].wrapping_add(1);
    }

    fn segment(&mut self, dir: usize, flags: u64, payload: &[u8]) {
        let stamp = (self.out.at as u64 / 1_000_000) & 0xffff_ffff;
        let tcp = self.header(dir, flags);
        let tcp = tcp.with("tcp.options.timestamp.tsval", stamp).unwrap();
        let tcp = tcp.with("tcp.options.timestamp.tsecr", stamp - 1).unwrap();
        let mut layers = vec![layer("eth"), self.ip(dir), tcp];
        if !payload.is_empty() {
            layers.push(LayerSpec::data(payload));
        }
        self.out.add(&layers);
        self.next[dir] = self.next[dir].wrapping_add(payload.len() as u32);
    }

    fn ip(&mut self, dir: usize) -> LayerSpec {
        let [src, dst] = [self.hosts[dir], self.hosts[1 - dir]];
        if self.is_v6 {
            let (src, dst) = (format!("fd00::{src:x}"), format!("fd00::{dst:x}"));
            return layer("ipv6")
                .with("ipv6.src", src.as_str())
                .unwrap()
                .with("ipv6.dst", dst.as_str())
                .unwrap();
        }
        self.ids[dir] = (self.ids[dir] + 1) & 0xffff;
        let (src, dst) = (format!("10.77.0.{src}"), format!("10.77.0.{dst}"));
        let ip = layer("ip").with("ip.src", src.as_str()).unwrap().with("ip.dst", dst.as_str()).unwrap();
        ip.with("ip.id", self.ids[dir]).unwrap()
    }

    fn header(&self, dir: usize, flags: u64) -> LayerSpec {
        let ack = if flags & ACK == 0 { 0 } else { self.next[1 - dir] };
        let fields = [
            ("tcp.srcport", self.ports[dir]),
            ("tcp.dstport", self.ports[1 - dir]),
            ("tcp.seq_raw", u64::from(self.next[dir])),
            ("tcp.ack_raw", u64::from(ack)),
            ("tcp.flags", flags),
            ("tcp.window_size_value", 501),
        ];
        fields.into_iter().fold(layer("tcp"), |tcp, (id, value)| tcp.with(id, value).unwrap())
    }
}
