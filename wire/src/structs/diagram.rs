//! The bytes of a structure as a drawing: one model, drawn as text here and as SVG in `svg.rs`.
//!
//! The layout comes from a format, the bytes and values from whoever packed or unpacked them; lines of text go out.
//! The drawing holds no words of any language: `x` is padding that was written, `~` padding put in by alignment, `lo`
//! and `hi` the least and the most significant byte of a number.
//!
//! ```
//! use tongro_wire::structs::{Datum, Format, diagram::Diagram};
//! let format = Format::parse("@bH")?;
//! let values = [Datum::Int(-1), Datum::Int(9000)];
//! let drawing = Diagram::new(&format, &format.pack(&values)?, &values).text();
//! assert!(drawing.contains("│ ff │ 00 │ 28   23 │"), "{drawing}");
//! assert!(drawing.contains("│ -1 │    │ 9000    │"), "{drawing}");
//! assert!(drawing.contains("│ b  │ ~  │ H lo hi │"), "{drawing}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::{Code, Datum, Format};

/// Bytes in a row of the drawing.
pub const COLUMNS: usize = 8;
/// Columns of text that a byte takes, its right border included.
const CELL: usize = 5;

/// A drawing of one structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagram {
    /// Pieces of at most a row, in order; together they cover every byte once.
    pub cells: Vec<Cell>,
    /// Bytes in all.
    pub len: usize,
}

/// A piece of an element: the whole of it, or what stands of it in one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The first byte.
    pub offset: usize,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What it is.
    pub kind: CellKind,
    /// The letter of the code; `x` and `~` of padding.
    pub letter: char,
    /// The value as Python prints it; empty for padding, and in the later pieces of an element.
    pub value: String,
    /// Whether the element begins here.
    pub is_first: bool,
    /// Whether the element ends here.
    pub is_last: bool,
    /// For numbers of several bytes: whether the least significant byte stands first.
    pub is_little: Option<bool>,
}

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// A value of this code.
    Value(Code),
    /// Padding written as `x`.
    Padding,
    /// Padding that alignment put in.
    Alignment,
}

impl Diagram {
    /// Draws the bytes of a structure with its values; bytes that are not there count as zero.
    #[must_use]
    pub fn new(format: &Format, bytes: &[u8], values: &[Datum]) -> Self {
        let mut cells = Vec::new();
        for slot in format.layout() {
            let kind = match (slot.value, slot.is_alignment) {
                (Some(_), _) => CellKind::Value(slot.code),
                (None, true) => CellKind::Alignment,
                (None, false) => CellKind::Padding,
            };
            let letter = match kind {
                CellKind::Value(code) => code.letter(),
                CellKind::Padding => 'x',
                CellKind::Alignment => '~',
            };
            let value =
                slot.value.and_then(|index| values.get(index)).map(ToString::to_string).unwrap_or_default();
            let is_number = matches!(slot.code, Code::Int(_) | Code::Half | Code::Float | Code::Double);
            let is_little = (is_number && slot.len > 1).then(|| format.order().is_little());
            let end = slot.offset + slot.len;
            let mut from = slot.offset;
            while from < end {
                let to = ((from / COLUMNS + 1) * COLUMNS).min(end);
                let is_first = from == slot.offset;
                let value = if is_first { value.clone() } else { String::new() };
                let bytes = (from..to).map(|at| bytes.get(at).copied().unwrap_or(0)).collect();
                let is_last = to == end;
                cells.push(Cell { offset: from, bytes, kind, letter, value, is_first, is_last, is_little });
                from = to;
            }
        }
        Self { cells, len: format.size() }
    }

    /// The cells of each row.
    pub fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunk_by(|one, next| one.offset / COLUMNS == next.offset / COLUMNS)
    }

    /// The drawing as lines of text, with a scale above.
    #[must_use]
    pub fn text(&self) -> String {
        let rows: Vec<&[Cell]> = self.rows().collect();
        let mut out = String::new();
        if rows.is_empty() {
            return out;
        }
        let columns = self.len.min(COLUMNS);
        let scale: String = (0..columns).map(|column| format!("  {column:<3}")).collect();
        out.push_str(&format!("     {}\n", scale.trim_end()));
        let mut above = vec![false; COLUMNS * CELL + 1];
        for row in rows {
            let marks = marks(row);
            out.push_str(&format!("     {}\n", border(&above, &marks, width(row))));
            let shown = row.iter().map(|cell| fit(&hex(cell), cell));
            out.push_str(&format!("{:>4} │{}\n", row[0].offset, shown.collect::<String>()));
            let values = row.iter().map(|cell| fit(&format!(" {}", cell.value), cell));
            out.push_str(&format!("     │{}\n", values.collect::<String>()));
            let codes = row.iter().map(|cell| fit(&code(cell), cell));
            out.push_str(&format!("     │{}\n", codes.collect::<String>()));
            above = marks;
        }
        out.push_str(&format!("     {}\n", border(&above, &[], 0)));
        out
    }
}

fn hex(cell: &Cell) -> String {
    let pairs: Vec<String> = cell.bytes.iter().map(|byte| format!(" {byte:02x} ")).collect();
    pairs.join(" ")
}

/// The letter of the code, and of a number which of its ends is the least significant.
fn code(cell: &Cell) -> String {
    let room = cell.bytes.len() * CELL - 1;
    let Some([first, last]) = cell.is_little.map(ends) else { return format!(" {}", cell.letter) };
    let head = if cell.is_first && room > 4 {
        format!(" {} {first}", cell.letter)
    } else {
        format!(" {}", cell.letter)
    };
    if !cell.is_last {
        return head;
    }
    let head = if room > 4 || cell.is_first { head } else { String::new() };
    format!("{head:<width$}{last} ", width = room - 3)
}

/// The names of the first and the last byte of a number.
pub(super) fn ends(is_little: bool) -> [&'static str; 2] {
    if is_little { ["lo", "hi"] } else { ["hi", "lo"] }
}

/// Cuts or fills a text to the width of a cell, and closes it.
fn fit(text: &str, cell: &Cell) -> String {
    let room = cell.bytes.len() * CELL - 1;
    let mut out = String::new();
    let mut used = 0;
    for letter in text.chars() {
        if used + 1 > room {
            out.pop();
            out.push('…');
            break;
        }
        out.push(letter);
        used += 1;
    }
    (used..room).for_each(|_| out.push(' '));
    out.push(if cell.is_last { '│' } else { '┆' });
    out
}

fn width(row: &[Cell]) -> usize {
    row.iter().map(|cell| cell.bytes.len()).sum::<usize>() * CELL + 1
}

/// Where vertical lines stand in a row.
fn marks(row: &[Cell]) -> Vec<bool> {
    let mut marks = vec![false; width(row)];
    marks[0] = true;
    for cell in row {
        marks[(cell.offset % COLUMNS + cell.bytes.len()) * CELL] = true;
    }
    marks
}

/// The line between two rows.
fn border(above: &[bool], below: &[bool], below_width: usize) -> String {
    let above_width = above.iter().rposition(|mark| *mark).map_or(0, |last| last + 1);
    let width = above_width.max(below_width);
    let at = |marks: &[bool], column: usize| marks.get(column).copied().unwrap_or(false);
    (0..width)
        .map(|column| {
            let (left, right) = (column > 0, column + 1 < width);
            match (at(above, column), at(below, column), left, right) {
                (false, false, ..) => '─',
                (true, true, true, true) => '┼',
                (true, true, false, _) => '├',
                (true, true, true, false) => '┤',
                (true, false, true, true) => '┴',
                (true, false, false, _) => '└',
                (true, false, true, false) => '┘',
                (false, true, true, true) => '┬',
                (false, true, false, _) => '┌',
                (false, true, true, false) => '┐',
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(format: &str, values: &[Datum]) -> String {
        let format = Format::parse(format).unwrap();
        Diagram::new(&format, &format.pack(values).unwrap(), values).text()
    }

    #[test]
    fn alignment_order_and_long_elements_are_drawn() {
        let values = [Datum::Int(1), Datum::Int(258), Datum::Bytes(b"abcdef".to_vec())];
        let expected = "
       0    1    2    3    4    5    6    7
     ┌────┬──────────────┬───────────────────┐
   0 │ 01 │ 00   00   00 │ 02   01   00   00 │
     │ 1  │              │ 258               │
     │ b  │ ~            │ i lo           hi │
     ├────┴──────────────┴─────────┬─────────┘
   8 │ 61   62   63   64   65   66 │
     │ b'abcdef'                   │
     │ s                           │
     └─────────────────────────────┘
";
        assert_eq!(format!("\n{}", drawn("@bi6s", &values)), expected);
    }

    #[test]
    fn a_number_in_two_rows_keeps_its_ends() {
        let drawing = drawn("!5xI", &[Datum::Int(1)]);
        assert!(drawing.contains("│ x                      │ I hi         ┆"), "{drawing}");
        assert!(drawing.contains("│ lo │"), "{drawing}");
        assert_eq!(drawn("", &[]), "");
    }

    #[test]
    fn every_byte_is_in_one_cell() {
        let format = Format::parse("@bdx3s0qh").unwrap();
        let diagram = Diagram::new(&format, &[], &[]);
        let mut next = 0;
        for cell in &diagram.cells {
            assert_eq!(cell.offset, next);
            next += cell.bytes.len();
        }
        assert_eq!(next, format.size());
    }
}
