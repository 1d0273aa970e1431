//! Where in a text a byte stands, for people: line and column, and the line itself.

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Place {
    /// The place of byte `offset`. Lines end in LF.
    pub fn of(bytes: &[u8], offset: usize) -> Self {
        let before = &bytes[..offset.min(bytes.len())];
        let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |lf| lf + 1);
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        // Continuation bytes of UTF-8 are no characters of their own.
        let column = 1 + before[start..].iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
        Self { line, column }
    }
}

/// The line that holds byte `offset`, cut to a width around it, and the column of the byte in what is left.
pub fn line_around(bytes: &[u8], offset: usize) -> (String, usize) {
    const BEFORE: usize = 50;
    const ALL: usize = 100;
    let offset = offset.min(bytes.len());
    let start = bytes[..offset].iter().rposition(|&byte| byte == b'\n').map_or(0, |lf| lf + 1);
    let end = bytes[offset..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |lf| offset + lf);
    let before = String::from_utf8_lossy(&bytes[start..offset]).into_owned();
    let behind = String::from_utf8_lossy(&bytes[offset..end]).into_owned();
    let skip = before.chars().count().saturating_sub(BEFORE);
    let before: String = before.chars().skip(skip).map(visible).collect();
    let column = before.chars().count();
    let behind: String = behind.chars().take(ALL - column.min(ALL)).map(visible).collect();
    (before + &behind, column)
}

/// Control characters have pictures of their own.
fn visible(letter: char) -> char {
    match letter {
        '\t' => ' ',
        '\0'..='\x1f' => char::from_u32(0x2400 + letter as u32).unwrap_or('?'),
        '\x7f' => '\u{2421}',
        _ => letter,
    }
}
