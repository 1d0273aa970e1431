//! Version vectors: what each device had done to a path when this state of it came about.
//!
//! A counter for each device that ever changed the path. Of two states one came after the other if its vector is at
//! least as large everywhere; otherwise both were made without knowing of each other, and that is a conflict.

use serde::{Deserialize, Serialize};

/// A device's number: random, made with its index.
pub type Device = u64;

/// Counters by device, in order of the device; none is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version(Vec<(Device, u64)>);

/// How two states are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The same.
    Equal,
    /// The first is older.
    Before,
    /// The first is newer.
    After,
    /// Neither knew the other.
    Concurrent,
}

impl Version {
    /// The state after this device changed it once more.
    #[must_use]
    pub fn bumped(&self, device: Device) -> Self {
        let mut all = self.0.clone();
        match all.binary_search_by_key(&device, |(device, _)| *device) {
            Ok(at) => all[at].1 += 1,
            Err(at) => all.insert(at, (device, 1)),
        }
        Self(all)
    }

    /// The state that knows both.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        let mut all = self.0.clone();
        for (device, count) in &other.0 {
            match all.binary_search_by_key(device, |(device, _)| *device) {
                Ok(at) => all[at].1 = all[at].1.max(*count),
                Err(at) => all.insert(at, (*device, *count)),
            }
        }
        Self(all)
    }

    /// How this state is related to the other.
    pub fn order(&self, other: &Self) -> Order {
        match (self.covers(other), other.covers(self)) {
            (true, true) => Order::Equal,
            (true, false) => Order::After,
            (false, true) => Order::Before,
            (false, false) => Order::Concurrent,
        }
    }

    /// Is the other the same or older?
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(device, count)| {
            let ours = self.0.binary_search_by_key(device, |(device, _)| *device);
            ours.is_ok_and(|at| self.0[at].1 >= *count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_comes_after_and_two_changes_conflict() {
        let start = Version::default().bumped(1);
        let (a, b) = (start.bumped(1), start.bumped(2));
        assert_eq!(a.order(&start), Order::After);
        assert_eq!(start.order(&b), Order::Before);
        assert_eq!(a.order(&b), Order::Concurrent);
        let both = a.merged(&b);
        assert_eq!((both.order(&a), both.order(&b)), (Order::After, Order::After));
        assert_eq!(both.order(&b.merged(&a)), Order::Equal);
    }
}
