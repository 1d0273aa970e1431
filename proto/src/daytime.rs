//! Daytime: the server speaks first, says the time in one line, and ends (RFC 867).
//!
//! Nothing comes from the peer; the line goes to it at once. Over UDP each datagram, whatever is in it, is answered
//! with one line.

use core::time::Duration;

use crate::{Actions, Event, Machine, Now};

/// The server's side of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Daytime;

impl Machine for Daytime {
    fn handle(&mut self, event: Event<'_>, now: Now, actions: &mut Actions) {
        match event {
            Event::Open => {
                actions.send(line(now).as_bytes());
                actions.finish();
            }
            Event::Datagram { from, .. } => actions.send_to(from, line(now).as_bytes()),
            _ => {}
        }
    }
}

/// All that is ever said.
fn line(now: Now) -> String {
    rfc3339(now.wall) + "\r\n"
}

/// A moment since 1970 as people read it, in UTC: `2026-01-31T08:05:09Z` (RFC 3339 § 5.6).
pub fn rfc3339(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days since 1970-01-01 as year, month and day. Counted in eras of 400 years that begin on 1 March, so that the
/// leap day is the last day of a year and months have a regular pattern.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // from 0000-03-01
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // 0 is March
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn it_speaks_first_and_ends() {
        let mut actions = Actions::default();
        Daytime.handle(Event::Open, Now::default(), &mut actions);
        assert_eq!(actions.bytes(), b"1970-01-01T00:00:00Z\r\n");
        assert!(actions.is_finished());
    }
}
