//! Names: the key by which all devices mean one path, the bytes that stand on each disk, and names for conflict copies.
//!
//! macOS stores 각 as three letters (NFD, 9 bytes), others as one (NFC, 3 bytes); they look alike and are one name to
//! people. So the key of a path is its NFC form, part by part, and the bytes on disk are kept beside it. Bytes that are
//! no UTF-8 are their own key. Compatibility forms (NFKC) are never used: they would merge names that look different.

use unicode_normalization::UnicodeNormalization;

/// A path relative to the root, NFC, `/` between its parts. Empty means the root itself.
pub type Key = Vec<u8>;

/// Our own folder in each root.
pub const OWN: &[u8] = b".tongro";

/// The longest part of a path on Linux, in bytes.
pub const PART_LEN: usize = 255;

/// The key of one part.
pub fn key_of(raw: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(raw) {
        Ok(text) if !text.is_ascii() => text.nfc().collect::<String>().into_bytes(),
        _ => raw.to_vec(),
    }
}

/// A path and one part more.
pub fn join(folder: &[u8], part: &[u8]) -> Vec<u8> {
    if folder.is_empty() { part.to_vec() } else { [folder, b"/", part].concat() }
}

/// The folder of a path, and its last part.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

/// All folders above a path, nearest first, without the root.
pub fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(split(path).0), |folder| (!folder.is_empty()).then(|| split(folder).0))
        .filter(|folder| !folder.is_empty())
}

/// Is this one part of a path that a peer may make here?
pub fn is_safe_part(part: &[u8]) -> bool {
    !part.is_empty()
        && part != b"."
        && part != b".."
        && part.len() <= PART_LEN
        && !part.contains(&b'/')
        && !part.contains(&0)
}

/// Is this a path that a peer may name? Nothing outside the root, nothing in our own folder.
pub fn is_safe(path: &[u8]) -> bool {
    let own = |part: &[u8]| part.eq_ignore_ascii_case(OWN);
    let first = path.split(|byte| *byte == b'/').next().unwrap_or_default();
    path.split(|byte| *byte == b'/').all(is_safe_part) && !own(first)
}

/// Bytes of the NFD form: what macOS makes of it.
pub fn nfd_len(text: &str) -> usize {
    text.nfd().map(char::len_utf8).sum()
}

/// The key of the conflict copy of `key` with this content: `보고서.conflict-1a2b3c4d5e6f.hwp`. The same content gets the
/// same name everywhere. The stem is cut so that the name fits in 255 bytes, in NFD as well.
pub fn conflict_key(key: &[u8], hash: &[u8; 32], number: usize) -> Key {
    let (folder, name) = split(key);
    let mark: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    let mark = if number == 0 { format!(".conflict-{mark}") } else { format!(".conflict-{mark}-{number}") };
    let Ok(text) = std::str::from_utf8(name) else {
        let keep = name.len().min(PART_LEN - mark.len());
        return join(folder, &[&name[..keep], mark.as_bytes()].concat());
    };
    let dot = text.rfind('.').filter(|at| *at > 0 && nfd_len(&text[*at..]) <= 32).unwrap_or(text.len());
    let (mut stem, extension) = text.split_at(dot);
    while nfd_len(stem) + mark.len() + nfd_len(extension) > PART_LEN {
        // A combining mark goes with the letter it stands on.
        let shorter = stem.char_indices().rfind(|(_, c)| !unicode_normalization::char::is_combining_mark(*c));
        stem = shorter.map_or("", |(at, _)| &stem[..at]);
    }
    join(folder, format!("{stem}{mark}{extension}").as_bytes())
}

/// What is wrong with a name on some system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameProblem {
    /// Not NFC: made on macOS, perhaps; looks broken elsewhere.
    Decomposed,
    /// Two names in one folder that are one after NFC.
    Twins,
    /// Two names in one folder that differ only in case.
    CaseTwins,
    /// Over 255 bytes when written in NFD.
    TooLongDecomposed,
    /// A device or a character that Windows does not allow.
    Reserved,
    /// Not UTF-8.
    NotText,
}

impl NameProblem {
    /// Its id, for texts and `--json`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Decomposed => "decomposed",
            Self::Twins => "twins",
            Self::CaseTwins => "case_twins",
            Self::TooLongDecomposed => "too_long",
            Self::Reserved => "reserved",
            Self::NotText => "not_text",
        }
    }
}

/// Looks at all names of one folder together.
pub fn lint(names: &[Vec<u8>]) -> Vec<(Vec<u8>, NameProblem)> {
    let mut problems = Vec::new();
    let mut by_key: std::collections::BTreeMap<Vec<u8>, usize> = std::collections::BTreeMap::new();
    let mut by_fold = by_key.clone();
    let fold = |key: &[u8]| String::from_utf8_lossy(key).to_lowercase().into_bytes();
    for name in names {
        let key = key_of(name);
        *by_fold.entry(fold(&key)).or_default() += usize::from(!by_key.contains_key(&key));
        *by_key.entry(key).or_default() += 1;
    }
    for name in names {
        let key = key_of(name);
        let mut tell = |is_so: bool, problem| {
            if is_so {
                problems.push((name.clone(), problem));
            }
        };
        let text = std::str::from_utf8(name);
        tell(text.is_err(), NameProblem::NotText);
        tell(by_key[&key] > 1, NameProblem::Twins);
        tell(by_fold[&fold(&key)] > 1, NameProblem::CaseTwins);
        if let Ok(text) = text {
            tell(key != *name, NameProblem::Decomposed);
            tell(nfd_len(text) > PART_LEN, NameProblem::TooLongDecomposed);
            tell(is_reserved(text), NameProblem::Reserved);
        }
    }
    problems
}

fn is_reserved(name: &str) -> bool {
    name.contains(['<', '>', '"', '|', '?', '*'])
        || tongro_proto::transfer::check_name(name).is_err_and(|bad| {
            use tongro_proto::transfer::BadName;
            matches!(bad, BadName::Device | BadName::Separator | BadName::Control)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_syllable_has_one_key_in_both_forms() {
        let (mut open, mut closed) = (0, 0);
        for syllable in '가'..='힣' {
            let nfc = syllable.to_string();
            let nfd: String = nfc.nfd().collect();
            match nfd.len() {
                6 => open += 1,
                9 => closed += 1,
                other => panic!("{syllable}: {other}"),
            }
            assert_ne!(nfc, nfd);
            assert_eq!(key_of(nfd.as_bytes()), nfc.as_bytes());
            assert_eq!(key_of(nfc.as_bytes()), nfc.as_bytes());
            let twins = lint(&[nfc.clone().into_bytes(), nfd.into_bytes()]);
            assert_eq!(twins.iter().filter(|(_, problem)| *problem == NameProblem::Twins).count(), 2);
        }
        assert_eq!((open, closed), (399, 10_773));
        assert_eq!(key_of("ㄱ".as_bytes()), "ㄱ".as_bytes());
    }

    #[test]
    fn a_conflict_name_fits_in_both_forms() {
        for stem in ["각".repeat(85), "가".repeat(85), "a".repeat(255), "\u{e9}".repeat(120)] {
            for extension in ["", ".hwp", ".한글"] {
                let name = format!("{stem}{extension}");
                let key = conflict_key(format!("d/{name}").as_bytes(), &[7; 32], 0);
                let text = String::from_utf8(split(&key).1.to_vec()).unwrap();
                assert!(nfd_len(&text) <= PART_LEN && text.ends_with(extension), "{text}");
                assert!(text.contains(".conflict-070707070707"));
                assert_eq!(key_of(text.as_bytes()), text.as_bytes(), "stays one name");
            }
        }
        assert_eq!(conflict_key(b".bashrc", &[1; 32], 2), b".bashrc.conflict-010101010101-2");
    }

    #[test]
    fn clashes_are_told() {
        let of = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| name.as_bytes().to_vec()).collect();
            lint(&names).into_iter().map(|(_, problem)| problem).collect::<Vec<_>>()
        };
        assert_eq!(of(&["a", "b", "보고서.hwp"]), []);
        assert_eq!(of(&["Readme", "README"]), [NameProblem::CaseTwins; 2]);
        assert_eq!(of(&["nul.txt"]), [NameProblem::Reserved]);
        assert_eq!(of(&[&"각".repeat(29)]), [NameProblem::TooLongDecomposed]);
        assert_eq!(of(&[&"각".repeat(28)]), []);
        assert_eq!(lint(&[vec![0xff]])[0].1, NameProblem::NotText);
    }

    #[test]
    fn a_peer_names_nothing_outside() {
        for bad in ["", "..", "a/../b", "/a", "a//b", ".tongro/index", ".TONGRO/x", "a\0", "a/."] {
            assert!(!is_safe(bad.as_bytes()), "{bad:?}");
        }
        assert!(is_safe("가/나.txt".as_bytes()) && is_safe(b"a/.tongro"));
    }
}
