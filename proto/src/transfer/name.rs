//! Names of files as peers give them: what is refused before anything is opened, and why.
//!
//! Names come from `OFFER` frames and go to the driver, which joins them to its folder. A name that passes is relative,
//! stays below that folder on every system, hides nothing at its top and is no device of Windows. The driver must still
//! open it without following symbolic links: a name alone cannot tell.

/// The longest part of a name between two `/`, in bytes: NAME_MAX of Linux.
const PART_LEN: usize = 255;

/// How many parts a name may have: a deeper one could hardly be deleted again.
const PARTS: usize = 64;

/// Names that mean a device on Windows, with any extension.
const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadName {
    /// Nothing at all, or nothing between two `/`.
    Empty,
    /// Begins with `/`, or with a drive.
    Absolute,
    /// `.` or `..` is a part of it.
    Traversal,
    /// NUL, a line end or another control character.
    Control,
    /// `\\` or `:`, which separate on other systems.
    Separator,
    /// The first part begins with a dot, or a part looks like our partial files.
    Hidden,
    /// `CON`, `NUL`, `COM1` …, or a part that ends in a dot or space.
    Device,
    /// A part over 255 bytes, the whole over 4096, or more than 64 parts.
    TooLong,
}

impl BadName {
    /// The text of the `ERR` frame.
    pub fn text(self) -> &'static str {
        match self {
            Self::Empty => "not a plain file name: a part of it is empty",
            Self::Absolute => "not a plain file name: it is absolute",
            Self::Traversal => "not a plain file name: `.` or `..` leads elsewhere",
            Self::Control => "not a plain file name: it has a control character",
            Self::Separator => "not a plain file name: it has a backslash or a colon",
            Self::Hidden => "not a plain file name: it is hidden",
            Self::Device => "not a plain file name: it is a device or ends in a dot or space",
            Self::TooLong => "not a plain file name: it is too long",
        }
    }
}

/// Is this a name that stays below its folder on every system? If not, why.
pub fn check_name(name: &str) -> Result<(), BadName> {
    let drive = name.as_bytes().get(1) == Some(&b':');
    if name.starts_with('/') || name.starts_with('\\') || drive {
        return Err(BadName::Absolute);
    }
    if name.len() > super::wire::NAME_LEN || name.split('/').count() > PARTS {
        return Err(BadName::TooLong);
    }
    if name.starts_with('.')
        && name != "."
        && name != ".."
        && !name.starts_with("./")
        && !name.starts_with("../")
    {
        return Err(BadName::Hidden);
    }
    name.split('/').try_for_each(check_part)
}

/// A name without folders that passes [`check_name`].
pub fn is_plain_name(name: &str) -> bool {
    !name.contains('/') && check_name(name).is_ok()
}

/// What stands between two `/`.
fn check_part(part: &str) -> Result<(), BadName> {
    match part {
        "" => return Err(BadName::Empty),
        "." | ".." => return Err(BadName::Traversal),
        _ => {}
    }
    if part.contains(char::is_control) {
        return Err(BadName::Control);
    }
    if part.contains(['\\', ':']) {
        return Err(BadName::Separator);
    }
    if part.len() > PART_LEN {
        return Err(BadName::TooLong);
    }
    if part.starts_with('.') && part.ends_with(".part") {
        return Err(BadName::Hidden);
    }
    if is_device(part) || part.ends_with(['.', ' ']) {
        return Err(BadName::Device);
    }
    Ok(())
}

/// A device of Windows, whatever follows the dot.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end();
    let upper = stem.to_ascii_uppercase();
    let is_numbered = |prefix: &str| {
        let mut rest = upper.strip_prefix(prefix).unwrap_or("").chars();
        matches!((rest.next(), rest.next()), (Some('1'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'), None))
    };
    DEVICES.contains(&upper.as_str()) || is_numbered("COM") || is_numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_the_folder_pass() {
        for name in
            ["a", "보고서.hwp", "a/b/c.txt", "a/.hidden", "console.txt", "com.txt", "a b", "…", "COM10"]
        {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn each_bad_name_is_refused_for_its_reason() {
        let long = format!("a/{}", "x".repeat(256));
        let deep = "a/".repeat(64) + "a";
        for (name, why) in [
            ("", BadName::Empty),
            ("a//b", BadName::Empty),
            ("a/", BadName::Empty),
            ("/etc/passwd", BadName::Absolute),
            ("C:\\x", BadName::Absolute),
            ("\\\\server\\x", BadName::Absolute),
            ("..", BadName::Traversal),
            ("../x", BadName::Traversal),
            ("a/../../x", BadName::Traversal),
            ("./a", BadName::Traversal),
            ("a\0b", BadName::Control),
            ("a\nb", BadName::Control),
            ("a\\..\\b", BadName::Separator),
            ("a/b:stream", BadName::Separator),
            (".ssh/authorized_keys", BadName::Hidden),
            ("a/.b.part", BadName::Hidden),
            ("nul", BadName::Device),
            ("a/COM1.txt", BadName::Device),
            ("aux .txt", BadName::Device),
            ("a.", BadName::Device),
            (&long, BadName::TooLong),
            (&deep, BadName::TooLong),
        ] {
            assert_eq!(check_name(name), Err(why), "{name:?}");
        }
    }
}
