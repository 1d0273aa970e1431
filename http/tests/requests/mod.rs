//! Reads `requests.txt`.

/// One row of the table.
#[derive(Debug)]
#[allow(dead_code)] // not every test looks at every part
pub(crate) struct Row {
    pub(crate) number: usize,
    pub(crate) clause: String,
    /// `ok` or the id of a class.
    pub(crate) verdict: String,
    pub(crate) bytes: Vec<u8>,
    /// Which byte is at fault, in the request where it is.
    pub(crate) fault: Option<usize>,
}

/// The whole table.
pub(crate) fn rows() -> Vec<Row> {
    let lines = include_str!("../requests.txt").lines().enumerate();
    lines.filter(|(_, line)| !line.starts_with('#')).map(|(at, line)| row(at + 1, line)).collect()
}

fn row(number: usize, line: &str) -> Row {
    let parts: Vec<&str> = line.splitn(3, " | ").collect();
    let [clause, verdict, text] = parts.as_slice() else { panic!("line {number}: {line}") };
    let (before, behind) = match text.split_once('⟪') {
        Some((before, behind)) => (before, Some(behind)),
        None => (*text, None),
    };
    let mut bytes = unescaped(before);
    let fault = behind.map(|_| bytes.len());
    bytes.extend(behind.map(unescaped).unwrap_or_default());
    Row { number, clause: (*clause).to_owned(), verdict: (*verdict).to_owned(), bytes, fault }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let macro_of = |name: &str| {
            let inside = rest.strip_prefix('{')?.strip_prefix(name)?.strip_prefix(' ')?;
            let (count, behind) = inside.split_once('}')?;
            Some((count.parse::<usize>().ok()?, behind))
        };
        if let Some((count, behind)) = macro_of("fill") {
            bytes.extend(vec![b'a'; count]);
            rest = behind;
        } else if let Some((count, behind)) = macro_of("many") {
            bytes.extend(b"X: 1\r\n".repeat(count));
            rest = behind;
        } else if first == '\\' {
            let len = if rest.as_bytes()[1] == b'x' { 4 } else { 2 };
            bytes.push(match rest.as_bytes()[1] {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'0' => 0,
                b'\\' => b'\\',
                _ => u8::from_str_radix(&rest[2..4], 16).unwrap(),
            });
            rest = &rest[len..];
        } else {
            bytes.extend(first.to_string().as_bytes());
            rest = &rest[first.len_utf8()..];
        }
    }
    bytes
}
