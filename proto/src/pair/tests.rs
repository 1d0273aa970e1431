//! Every reactive stream machine against every network: what arrives must not depend on how it was cut or delayed.

use super::*;
use crate::{Bounds, Proto};

/// Loss in thousandths × jitter in milliseconds × longest segment.
const NETWORKS: [(u32, u64, usize); 8] = [
    (0, 0, 1460),
    (0, 0, 1),
    (0, 50, 7),
    (10, 0, 1460),
    (50, 20, 100),
    (200, 50, 13),
    (500, 100, 3),
    (900, 0, 1460),
];

struct Boxed(Box<dyn Machine>);

impl Machine for Boxed {
    fn handle(&mut self, event: Event<'_>, now: Now, actions: &mut Actions) {
        self.0.handle(event, now, actions);
    }
}

fn answer(proto: Proto, said: &[u8], seed: u64, network: Network) -> Vec<u8> {
    let server = Boxed(proto.machine(Bounds { message_len: 1000 }).unwrap());
    let mut pair = Pair::new(seed, network, Says::new(said), server);
    pair.run();
    pair.received[0].clone()
}

#[test]
fn answers_do_not_depend_on_the_network() {
    let long = vec![b'x'; 2000];
    let line =
        [b"HELP\r\necho \xea\xb0\x80\n\xff\xfe\n".as_slice(), &long, b"\nECHO end\nQUIT\nnever\n"].concat();
    let frame =
        [b"\0\0\0\x05hello\0\0\0\0\0\0\x03\xe8".as_slice(), &long[..1000], b"\xff\xff\xff\xffjunk"].concat();
    let all: Vec<u8> = (0..5000u32).map(|n| (n * 7) as u8).collect();
    for (proto, said) in [(Proto::Echo, &all), (Proto::Line, &line), (Proto::Frame, &frame)] {
        let whole = answer(proto, said, 0, Network { segment_len: 1 << 20, ..Network::default() });
        assert!(!whole.is_empty());
        for (loss, jitter, segment_len) in NETWORKS {
            for seed in 0..20 {
                let jitter = Duration::from_millis(jitter);
                let network = Network { loss, jitter, segment_len, ..Network::default() };
                assert!(answer(proto, said, seed, network) == whole, "{} {network:?} {seed}", proto.name());
            }
        }
    }
}

#[test]
fn a_seed_is_a_run() {
    let network = Network { loss: 300, jitter: Duration::from_millis(30), ..Network::default() };
    let run = |seed| {
        let mut pair = Pair::new(seed, network, Says::new([7; 5000]), crate::echo::Echo);
        pair.run();
        pair.elapsed()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn daytime_speaks_first_on_any_network() {
    for seed in 0..50 {
        let network = Network { loss: 400, segment_len: 2, ..Network::default() };
        assert_eq!(answer(Proto::Daytime, b"", seed, network), b"2023-11-14T22:13:20Z\r\n");
    }
}
