//! The drawing of a structure as SVG: the cells of the model as boxes, colours by kind, readable without colour.

use std::fmt::Write;

use super::diagram::{COLUMNS, Cell, CellKind, Diagram, ends};

/// Pixels of a byte, of a row, and around the whole.
const WIDTH: usize = 64;
const HEIGHT: usize = 66;
const MARGIN: usize = 44;
const TOP: usize = 30;
/// Pixels of a letter of the label, about.
const LETTER: usize = 8;

impl Diagram {
    /// The drawing as an SVG document of its own.
    #[must_use]
    pub fn svg(&self) -> String {
        let rows = self.len.div_ceil(COLUMNS);
        let columns = self.len.clamp(1, COLUMNS);
        let (width, height) = (MARGIN + columns * WIDTH + 12, TOP + rows * HEIGHT + 12);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, monospace\" font-size=\"13\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        );
        // Writing into a string cannot fail.
        for column in 0..columns.min(self.len) {
            let x = MARGIN + column * WIDTH + WIDTH / 2;
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"20\" text-anchor=\"middle\" fill=\"#667\">{column}</text>"
            );
        }
        for row in self.rows() {
            let offset = row[0].offset;
            let y = TOP + offset / COLUMNS * HEIGHT + 22;
            let x = MARGIN - 8;
            let _ =
                writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\" fill=\"#667\">{offset}</text>");
            row.iter().for_each(|cell| draw(cell, &mut out));
        }
        out.push_str("</svg>\n");
        out
    }
}

fn draw(cell: &Cell, out: &mut String) {
    let x = MARGIN + cell.offset % COLUMNS * WIDTH;
    let y = TOP + cell.offset / COLUMNS * HEIGHT;
    let width = cell.bytes.len() * WIDTH;
    let (fill, dash) = match cell.kind {
        CellKind::Value(_) => ("#eaf2ff", ""),
        CellKind::Padding => ("#f1f1f1", ""),
        CellKind::Alignment => ("#f7f7f7", " stroke-dasharray=\"4 3\""),
    };
    let height = HEIGHT - 2;
    let _ = writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\" stroke=\"#334\"{dash}/>"
    );
    for (index, byte) in cell.bytes.iter().enumerate() {
        let x = x + index * WIDTH + WIDTH / 2;
        let y = y + 22;
        let _ =
            writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#112\">{byte:02x}</text>");
    }
    let value = shortened(&cell.value, width / LETTER - 1);
    let (left, below, base) = (x + 8, y + 42, y + 59);
    let _ = writeln!(out, "<text x=\"{left}\" y=\"{below}\" fill=\"#112\">{}</text>", escaped(&value));
    let _ = writeln!(out, "<text x=\"{left}\" y=\"{base}\" fill=\"#124a9c\">{}</text>", cell.letter);
    significance(cell, x, base, out);
}

fn significance(cell: &Cell, x: usize, y: usize, out: &mut String) {
    let Some([first, last]) = cell.is_little.map(ends) else { return };
    let mut end = |at: usize, word: &str| {
        let x = x + at * WIDTH + WIDTH / 2;
        let _ = writeln!(
            out,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#667\">{word}</text>"
        );
    };
    if cell.is_first {
        end(0, first);
    }
    if cell.is_last {
        end(cell.bytes.len() - 1, last);
    }
}

fn shortened(label: &str, room: usize) -> String {
    if label.chars().count() <= room {
        return label.to_owned();
    }
    label.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::{Datum, Format};
    use super::*;

    #[test]
    fn a_box_for_every_cell_and_no_stray_signs() {
        let format = Format::parse("@bi4s").unwrap();
        let values = [Datum::Int(1), Datum::Int(2), Datum::Bytes(b"<&>\"".to_vec())];
        let svg = Diagram::new(&format, &format.pack(&values).unwrap(), &values).svg();
        assert_eq!(svg.matches("<rect").count(), 1 + 4);
        assert!(svg.contains("&lt;&amp;&gt;") && !svg.contains("'<&"), "{svg}");
        assert!(svg.contains("stroke-dasharray"), "alignment is dashed");
    }
}
