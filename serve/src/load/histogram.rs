//! Latencies, kept as counts: millions of values in a few kilobytes, any percentile within 1 %.
//!
//! Values come from the engine one by one. The buckets are linear inside each power of two, 128 to each, like those
//! of an HDR histogram, so a microsecond and a minute have the same relative error.
//!
//! ```text
//!   value    1, 2, 3 … 255     a bucket each
//!            256 … 511         128 buckets, 2 wide
//!            512 … 1023        128 buckets, 4 wide
//!            …                 each power of two: 128 buckets, twice as wide
//! ```
//!
//! Percentiles of parts cannot be averaged, so threads add their counts, and the percentile is taken of the sum.

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

/// Buckets per power of two, as a power of two.
const PRECISION: u32 = 7;

/// Counts of values, by size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Grown to the largest value.
    counts: Vec<u64>,
    len: u64,
    sum: u128,
    min: u64,
    max: u64,
}

/// The usual places to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half are at most this.
    pub p50: u64,
    /// Nine of ten.
    pub p90: u64,
    /// All but one of a hundred.
    pub p99: u64,
    /// All but one of a thousand.
    pub p999: u64,
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        let bucket = bucket_of(value);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.min = if self.len == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.len += 1;
        self.sum += u128::from(value);
    }

    /// Counts all values of another.
    pub fn add(&mut self, other: &Self) {
        if other.len == 0 {
            return;
        }
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.min = if self.len == 0 { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        self.len += other.len;
        self.sum += other.sum;
    }

    /// The value that this share of all values does not exceed; `share` from 0 to 1. 0 if there are none.
    pub fn percentile(&self, share: f64) -> u64 {
        let rank = ((self.len as f64 * share).ceil() as u64).clamp(1, self.len.max(1));
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_end(bucket).clamp(self.min, self.max);
            }
        }
        0
    }

    /// The usual percentiles.
    pub fn percentiles(&self) -> Percentiles {
        let at = |share| self.percentile(share);
        Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999) }
    }

    /// The buckets that are not empty, for a plot: largest value of each, and how many.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        let filled = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bucket, count)| (upper_end(bucket), *count))
    }

    /// How many values.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The smallest, exactly.
    pub fn min(&self) -> u64 {
        self.min
    }

    /// The largest, exactly.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The mean, rounded down.
    pub fn mean(&self) -> u64 {
        (self.sum / u128::from(self.len.max(1))) as u64
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Histogram", 6)?;
        out.serialize_field("count", &self.len)?;
        out.serialize_field("min", &self.min)?;
        out.serialize_field("mean", &self.mean())?;
        out.serialize_field("max", &self.max)?;
        out.serialize_field("percentiles", &self.percentiles())?;
        out.serialize_field("buckets", &self.buckets().collect::<Vec<_>>())?;
        out.end()
    }
}

/// Values below 2^8 have a bucket each; above, the top eight bits choose it.
fn bucket_of(value: u64) -> usize {
    let shift = (63 - (value | 1).leading_zeros()).saturating_sub(PRECISION);
    ((u64::from(shift) << PRECISION) + (value >> shift)) as usize
}

/// The largest value of a bucket.
fn upper_end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket >> PRECISION).saturating_sub(1);
    let top = bucket - (shift << PRECISION);
    ((top + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_buckets_are_narrow() {
        for value in (0..5000).chain((0..56).map(|bit| (1 << bit) + 12_345)) {
            let bucket = bucket_of(value);
            assert!(upper_end(bucket) >= value, "{value}");
            assert!(bucket == 0 || upper_end(bucket - 1) < value, "{value}");
            assert!(upper_end(bucket) - value <= value / 128, "{value}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        (1..=10_000u64).rev().for_each(|value| histogram.record(value * 1000));
        for (share, exact) in [(0.0, 1_000), (0.5, 5_000_000), (0.99, 9_900_000), (1.0, 10_000_000u64)] {
            let found = histogram.percentile(share);
            assert!(found.abs_diff(exact) <= exact / 100, "{share}: {found}");
        }
        assert_eq!((histogram.min(), histogram.max(), histogram.mean()), (1_000, 10_000_000, 5_000_500));
    }

    #[test]
    fn parts_add_up() {
        let (mut whole, mut low, mut high) =
            (Histogram::default(), Histogram::default(), Histogram::default());
        for value in 0..1000 {
            whole.record(value);
            if value < 500 { low.record(value) } else { high.record(value) }
        }
        high.add(&low);
        high.add(&Histogram::default());
        assert_eq!(high, whole);
        assert_eq!(Histogram::default().percentile(0.5), 0);
    }
}
