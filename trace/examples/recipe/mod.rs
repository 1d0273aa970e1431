//! Recipes for captures: the same seed always gives the same packets, so that captures need not be kept.
#![allow(dead_code, clippy::unwrap_used)] // Each user needs a part; a recipe that fails shall fail loudly.

pub(crate) mod mixed;
pub(crate) mod talk;
pub(crate) mod tcp;

use std::io::Write;

use tongro_trace::capture::ByteOrder;
use tongro_trace::capture::pcap::{Format, Writer};
use tongro_wire::{LayerSpec, craft};

/// Packets in order of time.
#[derive(Default)]
pub(crate) struct Frames {
    /// Nanoseconds since 1970.
    pub(crate) at: i64,
    /// Time and bytes.
    pub(crate) frames: Vec<(i64, Vec<u8>)>,
}

impl Frames {
    /// Starts in November 2023.
    pub(crate) fn new() -> Self {
        Self { at: 1_700_000_000_000_000_000, frames: Vec::new() }
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, nanos: i64) {
        self.at += nanos;
    }

    /// Adds a packet now.
    pub(crate) fn add(&mut self, layers: &[LayerSpec]) {
        self.frames.push((self.at, craft(layers)));
    }

    /// Writes all as a pcap file with nanoseconds.
    pub(crate) fn write(&self, out: impl Write) {
        let format = Format { order: ByteOrder::Little, is_nano: true };
        let mut writer = Writer::new(out, format, 1).unwrap();
        for (at, bytes) in &self.frames {
            writer.packet(*at, bytes, bytes.len() as u32).unwrap();
        }
        writer.finish().unwrap();
    }
}

/// Chance from a seed: SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// True in `percent` of all calls.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// A layer of this name.
pub(crate) fn layer(name: &str) -> LayerSpec {
    LayerSpec::named(name).unwrap()
}
