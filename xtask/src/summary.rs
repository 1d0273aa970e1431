//! The closing lines of test runners.

use crate::run::Tally;

/// Whose words are read. One runner may quote another's: nextest shows what a failed test binary printed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Runner {
    /// `test result: ok. 5 passed; 0 failed; 0 ignored; …`, one line a binary.
    Cargo,
    /// `     Summary [   1.2s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 0 skipped`.
    Nextest,
    /// `# pass 5` or `ℹ pass 5`, one line a number.
    Node,
}

impl Runner {
    /// The numbers in a closing line; nothing in any other line.
    pub(crate) fn summary(self, line: &str) -> Tally {
        match self {
            Self::Cargo => line.strip_prefix("test result: ").map(|rest| items(rest, ';')),
            Self::Nextest => {
                let rest =
                    line.trim_start().strip_prefix("Summary [").and_then(|rest| rest.split_once(" run: "));
                rest.map(|(_, rest)| items(rest, ','))
            }
            Self::Node => match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["#" | "ℹ", "pass", count] => Some(Tally { passed: number(count), failed: 0 }),
                ["#" | "ℹ", "fail" | "cancelled", count] => {
                    Some(Tally { passed: 0, failed: number(count) })
                }
                _ => None,
            },
        }
        .unwrap_or_default()
    }
}

/// Adds up `COUNT WHAT` items; what neither passed nor was left out has failed.
fn items(text: &str, separator: char) -> Tally {
    let mut tally = Tally::default();
    for item in text.split(separator) {
        let words: Vec<&str> = item.split_whitespace().skip_while(|word| number(word) == 0).collect();
        match words.as_slice() {
            [count, "passed", ..] => tally.passed += number(count),
            [count, "failed", ..] | [count, "exec", "failed", ..] | [count, "timed", "out", ..] => {
                tally.failed += number(count);
            }
            _ => {}
        }
    }
    tally
}

fn number(word: &str) -> u32 {
    word.parse().unwrap_or(0)
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn closing_lines_are_understood() {
        for (runner, line, passed, failed) in [
            (
                Runner::Cargo,
                "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; finished in 3s",
                5,
                0,
            ),
            (Runner::Cargo, "test result: FAILED. 96 passed; 1 failed; 2 ignored; 0 measured", 96, 1),
            (Runner::Cargo, "12 passed; 1 failed", 0, 0),
            (Runner::Nextest, "     Summary [   0.012s] 1 test run: 1 passed, 0 skipped", 1, 0),
            (
                Runner::Nextest,
                "     Summary [  12.3s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 3 skipped",
                7,
                2,
            ),
            (Runner::Nextest, " Summary [ 2.0s] 4/9 tests run: 2 passed, 1 failed, 1 exec failed", 2, 2),
            (Runner::Nextest, "    test result: FAILED. 0 passed; 1 failed; 0 ignored", 0, 0),
            (Runner::Node, "# pass 30", 30, 0),
            (Runner::Node, "ℹ fail 2", 0, 2),
            (Runner::Node, "# cancelled 1", 0, 1),
            (Runner::Node, "# skipped 1", 0, 0),
        ] {
            assert_eq!(runner.summary(line), Tally { passed, failed }, "{line}");
        }
    }
}
