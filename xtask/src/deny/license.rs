//! SPDX licence expressions, as far as packages use them: `AND`, `OR`, brackets, `WITH`, and the old `/` for `OR`.

use std::collections::BTreeSet;

/// Whether an expression can be met with these licences alone. An expression that cannot be read is not met.
pub(super) fn is_met(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut reader = Reader { words: spaced.split_whitespace().collect(), at: 0, allowed };
    reader.any().is_some_and(|is_met| is_met && reader.at == reader.words.len())
}

/// Reads an expression from left to right; `None` = it is none.
struct Reader<'a> {
    words: Vec<&'a str>,
    at: usize,
    allowed: &'a BTreeSet<&'a str>,
}

impl<'a> Reader<'a> {
    /// `all OR all OR …`
    fn any(&mut self) -> Option<bool> {
        let mut is_met = self.all()?;
        while self.takes("OR") {
            is_met |= self.all()?;
        }
        Some(is_met)
    }

    /// `one AND one AND …`, which binds closer.
    fn all(&mut self) -> Option<bool> {
        let mut is_met = self.one()?;
        while self.takes("AND") {
            is_met &= self.one()?;
        }
        Some(is_met)
    }

    /// A licence, one with an exception, or an expression in brackets.
    fn one(&mut self) -> Option<bool> {
        if self.takes("(") {
            let is_met = self.any()?;
            return self.takes(")").then_some(is_met);
        }
        let license = self.next()?;
        if self.takes("WITH") {
            let exception = self.next()?;
            return Some(self.allowed.contains(format!("{license} WITH {exception}").as_str()));
        }
        Some(self.allowed.contains(license))
    }

    fn next(&mut self) -> Option<&'a str> {
        self.at += 1;
        self.words.get(self.at - 1).copied().filter(|word| !["AND", "OR", "WITH", "(", ")"].contains(word))
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.words.get(self.at) == Some(&word);
        self.at += usize::from(is_next);
        is_next
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn expressions_are_met_from_the_list() {
        let allowed = BTreeSet::from(["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]);
        for (expression, wanted) in [
            ("MIT", true),
            ("MIT OR GPL-3.0", true),
            ("GPL-3.0/MIT", true),
            ("GPL-3.0", false),
            ("MIT AND GPL-3.0", false),
            ("MIT OR GPL-3.0 AND GPL-2.0", true),
            ("(MIT OR GPL-2.0) AND Apache-2.0", true),
            ("(MIT OR Apache-2.0) AND GPL-2.0", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("GPL-2.0 WITH Classpath-exception-2.0", false),
            ("", false),
            ("MIT OR", false),
            ("(MIT", false),
            ("MIT Apache-2.0", false),
        ] {
            assert_eq!(is_met(expression, &allowed), wanted, "{expression}");
        }
    }
}
