//! TCP conversations that do everything a capture may show, sensible or not.

use tongro_wire::LayerSpec;

use super::{Dice, Frames, layer};

const FIN: u64 = 1;
const SYN: u64 = 2;
const RST: u64 = 4;
const PSH: u64 = 8;
const ACK: u64 = 16;

/// One end as the generator has it.
#[derive(Clone, Default)]
struct End {
    ip: String,
    port: u64,
    /// Next new byte, and what the other is to acknowledge.
    next: u32,
    acked: u32,
    window: u64,
    /// What was sent, to be sent again.
    sent: Vec<(u32, u32)>,
}

struct Walk<'d> {
    dice: &'d mut Dice,
    ends: [End; 2],
    has_sack: bool,
}

/// `steps` steps of a random walk over one pair of ports.
pub(crate) fn walk(dice: &mut Dice, out: &mut Frames, steps: usize) {
    let mut walk = Walk { ends: Default::default(), has_sack: dice.chance(30), dice };
    let port = 40_000 + walk.dice.below(20_000);
    for (index, end) in walk.ends.iter_mut().enumerate() {
        end.ip = format!("10.77.0.{}", index + 1);
        end.port = [port, 9000][index];
        end.next = walk.dice.next() as u32;
        end.window = walk.dice.pick(&[500, 1000, 8000, 64_000]);
        end.acked = 0;
    }
    let acks = [walk.ends[1].next, walk.ends[0].next];
    (walk.ends[0].acked, walk.ends[1].acked) = (acks[0], acks[1]);
    if walk.dice.chance(80) {
        walk.open(out);
    }
    for _ in 0..steps {
        walk.step(out);
    }
}

impl Walk<'_> {
    fn open(&mut self, out: &mut Frames) {
        let (a, b) = (self.dice.chance(70), self.dice.chance(85));
        let shift = |dice: &mut Dice, is: bool| is.then(|| dice.below(5));
        let (mine, yours) = (shift(self.dice, a), shift(self.dice, b));
        self.syn(out, 0, SYN, mine);
        self.ends[0].next = self.ends[0].next.wrapping_add(1);
        if self.dice.chance(15) {
            out.wait(1_000_000_000);
            self.ends[0].next = self.ends[0].next.wrapping_sub(1);
            self.syn(out, 0, SYN, mine);
            self.ends[0].next = self.ends[0].next.wrapping_add(1);
        }
        self.pause(out);
        self.ends[1].acked = self.ends[0].next;
        if self.dice.chance(95) {
            self.syn(out, 1, SYN | ACK, yours);
        }
        self.ends[1].next = self.ends[1].next.wrapping_add(1);
        self.pause(out);
        self.ends[0].acked = self.ends[1].next;
        if self.dice.chance(95) {
            self.plain(out, 0, ACK);
        }
    }

    fn pause(&mut self, out: &mut Frames) {
        let span = self.dice.pick(&[1_000, 50_000, 500_000, 2_000_000, 4_000_000, 15_000_000, 25_000_000]);
        out.wait(span + self.dice.below(1000) as i64);
        if self.dice.chance(3) {
            out.wait(300_000_000);
        }
    }

    fn step(&mut self, out: &mut Frames) {
        if self.dice.chance(85) {
            self.pause(out);
        }
        let dir = self.dice.below(2) as usize;
        let len = self.dice.pick(&[1, 1, 10, 100, 500, 1000]);
        match self.dice.below(34) {
            0..8 => self.data(out, dir, len),
            8..12 => self.acknowledge(out, dir, 0),
            12..16 => self.again(out, dir),
            16 if self.dice.chance(40) => self.ends[dir].next = self.ends[dir].next.wrapping_add(len),
            18..21 => (0..1 + self.dice.below(4)).for_each(|_| self.plain(out, dir, ACK)),
            21 => self.window(out, dir, 0),
            22 => {
                let window = self.dice.pick(&[500, 1000, 8000]);
                self.window(out, dir, window);
            }
            23 => {
                let len = u32::from(self.dice.chance(50));
                self.at(out, dir, self.ends[dir].next.wrapping_sub(1), ACK, len);
            }
            24 => self.at(out, dir, self.ends[dir].next, ACK, 1),
            25 if self.dice.chance(5) => self.acknowledge(out, dir, 700),
            26 => self.fill(out, dir),
            27 => self.fin(out, dir),
            28 if self.dice.chance(20) => self.plain(out, dir, RST | ACK),
            28 if self.dice.chance(20) => self.plain(out, dir, RST),
            29 if self.dice.chance(30) => self.reopen(out),
            30 => self.back(out, dir),
            31 => self.probe(out, dir),
            32 => self.holes(out, dir),
            _ => self.flight(out, dir),
        }
    }

    /// Two duplicate acknowledgments and more, then what they ask for.
    fn holes(&mut self, out: &mut Frames, dir: usize) {
        let hole = self.ends[dir].next;
        self.ends[1 - dir].acked = hole;
        self.plain(out, 1 - dir, ACK);
        self.ends[dir].next = hole.wrapping_add(100);
        for _ in 0..2 + self.dice.below(3) {
            self.data(out, dir, 100);
            self.plain(out, 1 - dir, ACK);
        }
        self.pause(out);
        self.at(out, dir, hole, ACK, 100);
        self.acknowledge(out, 1 - dir, 0);
    }

    /// A closed window, a probe, its answer, and the opening.
    fn probe(&mut self, out: &mut Frames, dir: usize) {
        self.ends[1 - dir].acked = self.ends[dir].next;
        self.window(out, 1 - dir, 0);
        let at = self.ends[dir].next.wrapping_sub(u32::from(self.dice.chance(40)));
        out.wait(200_000_000);
        self.at(out, dir, at, ACK, 1);
        self.plain(out, 1 - dir, ACK);
        if self.dice.chance(70) {
            self.window(out, 1 - dir, 1000);
            self.data(out, dir, 500);
        }
    }

    fn flight(&mut self, out: &mut Frames, dir: usize) {
        for _ in 0..self.dice.below(6) {
            self.data(out, dir, 300);
            out.wait(20_000);
        }
        self.acknowledge(out, 1 - dir, 0);
    }

    /// An acknowledgment of something in the middle, or an old one.
    fn back(&mut self, out: &mut Frames, dir: usize) {
        let sent = self.ends[1 - dir].sent.clone();
        if sent.is_empty() {
            return;
        }
        let (seq, len) = sent[self.dice.below(sent.len() as u64) as usize];
        let kept = self.ends[dir].acked;
        self.ends[dir].acked = seq.wrapping_add(len);
        self.plain(out, dir, ACK);
        if self.dice.chance(60) {
            self.ends[dir].acked = kept;
        }
    }

    fn data(&mut self, out: &mut Frames, dir: usize, len: u32) {
        let seq = self.ends[dir].next;
        self.ends[dir].next = seq.wrapping_add(len);
        self.ends[dir].sent.push((seq, len));
        let push = if self.dice.chance(50) { PSH } else { 0 };
        self.at(out, dir, seq, ACK | push, len);
    }

    fn again(&mut self, out: &mut Frames, dir: usize) {
        let sent = &self.ends[dir].sent;
        if sent.is_empty() {
            return;
        }
        let back = self.dice.below(sent.len().min(4) as u64) as usize;
        let (seq, len) = sent[sent.len() - 1 - back];
        let len = if self.dice.chance(15) { len + 50 } else { len };
        self.at(out, dir, seq, ACK | PSH, len);
    }

    fn acknowledge(&mut self, out: &mut Frames, dir: usize, beyond: u32) {
        self.ends[dir].acked = self.ends[1 - dir].next.wrapping_add(beyond);
        self.plain(out, dir, ACK);
    }

    fn window(&mut self, out: &mut Frames, dir: usize, window: u64) {
        let kept = std::mem::replace(&mut self.ends[dir].window, window);
        self.plain(out, dir, ACK);
        if self.dice.chance(50) {
            self.ends[dir].window = kept;
        }
    }

    fn fill(&mut self, out: &mut Frames, dir: usize) {
        let window = (self.ends[1 - dir].window as u32).min(1400);
        self.ends[1 - dir].window = u64::from(window);
        self.acknowledge(out, 1 - dir, 0);
        self.data(out, dir, window);
    }

    fn fin(&mut self, out: &mut Frames, dir: usize) {
        if self.dice.chance(30) {
            self.plain(out, dir, FIN | ACK);
            self.ends[dir].next = self.ends[dir].next.wrapping_add(1);
        }
    }

    fn reopen(&mut self, out: &mut Frames) {
        let ends = self.ends.len();
        for end in 0..ends {
            self.ends[end].next = self.dice.next() as u32;
            self.ends[end].sent.clear();
        }
        self.open(out);
    }

    fn plain(&mut self, out: &mut Frames, dir: usize, flags: u64) {
        let seq = self.ends[dir].next;
        self.at(out, dir, seq, flags, 0);
    }

    fn syn(&mut self, out: &mut Frames, dir: usize, flags: u64, shift: Option<u64>) {
        let seq = self.ends[dir].next;
        let mut tcp = self.header(dir, seq, flags).with("tcp.options.mss_val", 1460).unwrap();
        if let Some(shift) = shift {
            tcp = tcp.with("tcp.options.wscale.shift", shift).unwrap();
        }
        out.add(&[layer("eth"), self.ip(dir), tcp]);
    }

    fn at(&mut self, out: &mut Frames, dir: usize, seq: u32, flags: u64, len: u32) {
        let mut tcp = self.header(dir, seq, flags);
        if self.has_sack && len == 0 && self.dice.chance(30) {
            let left = u64::from(self.ends[dir].acked.wrapping_add(100));
            tcp = tcp.with("tcp.options.sack_le", left).unwrap();
            tcp = tcp.with("tcp.options.sack_re", (left + 100) & 0xffff_ffff).unwrap();
        }
        let mut layers = vec![layer("eth"), self.ip(dir), tcp];
        if len > 0 {
            layers.push(LayerSpec::data(vec![b'x'; len as usize]));
        }
        out.add(&layers);
    }

    fn ip(&self, dir: usize) -> LayerSpec {
        let [src, dst] = [&self.ends[dir].ip, &self.ends[1 - dir].ip];
        layer("ip").with("ip.src", src.as_str()).unwrap().with("ip.dst", dst.as_str()).unwrap()
    }

    fn header(&self, dir: usize, seq: u32, flags: u64) -> LayerSpec {
        let (me, you) = (&self.ends[dir], &self.ends[1 - dir]);
        let ack = if flags & ACK == 0 { 0 } else { me.acked };
        let fields = [
            ("tcp.srcport", me.port),
            ("tcp.dstport", you.port),
            ("tcp.seq_raw", u64::from(seq)),
            ("tcp.ack_raw", u64::from(ack)),
            ("tcp.flags", flags),
            ("tcp.window_size_value", me.window),
        ];
        fields.into_iter().fold(layer("tcp"), |tcp, (id, value)| tcp.with(id, value).unwrap())
    }
}
