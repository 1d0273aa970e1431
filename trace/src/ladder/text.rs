//! The ladder as text: a few lines around the frames that prove something, readable without colour.
//!
//! The model comes in, lines of a fixed width go out to a terminal, a verdict or a mail. Each line is one frame: what
//! its sender did stands on the sender's side, what it caused on the receiver's. A lost frame ends in ✕ on the link.
//!
//! ```text
//!       ms      client uploader.py                            server receiver.py
//! >   41.6     send() 5792 │╌╌ #5 seq 65 · 1448 B ╌╌✕        ▒
//! ```

mod cells;
mod rows;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::model::{Arrow, ArrowKind, Host, Ladder};
use cells::Cell;
use rows::Row;

/// How to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextOptions {
    /// Frames that must be seen; the lines are chosen around them. None: the first ones.
    pub evidence: Vec<u32>,
    /// The most lines, heading included.
    pub lines: usize,
    /// Columns of the terminal; at least 60.
    pub width: usize,
    /// Only ASCII characters.
    pub is_ascii: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { evidence: Vec::new(), lines: 12, width: 80, is_ascii: false }
    }
}

/// Mark, time, two lifelines and the spaces between.
const FIXED: usize = 13;

/// Draws the ladder; every line ends with a newline and none is wider than asked.
#[must_use]
pub fn text(ladder: &Ladder, options: &TextOptions) -> String {
    let rows = rows::choose(ladder, &options.evidence, options.lines.saturating_sub(1));
    let sheet = Sheet::fit(ladder, &rows, options);
    let mut lines = vec![sheet.heading(&ladder.hosts)];
    let cells = cells::all(ladder, &rows);
    for (row, [client, server]) in rows.iter().zip(cells) {
        lines.push(match row {
            Row::Frame(arrow) => sheet.frame(arrow, &client, &server),
            Row::Gap(count) => sheet.gap(*count),
        });
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The widths that one drawing keeps to.
struct Sheet<'o> {
    options: &'o TextOptions,
    side: usize,
    link: usize,
}

impl<'o> Sheet<'o> {
    /// The link is as wide as its longest label asks for; the sides share the rest.
    fn fit(ladder: &Ladder, rows: &[Row<'_>], options: &'o TextOptions) -> Self {
        let width = options.width.max(60);
        let labels = rows.iter().filter_map(|row| match row {
            Row::Frame(arrow) => Some(plain(&label(arrow), options.is_ascii).width() + 6),
            Row::Gap(_) => None,
        });
        let most = width - FIXED - if ladder.calls.is_empty() { 24 } else { 30 };
        let link = labels.max().unwrap_or(0).clamp(24.min(most), most);
        let side = (width - FIXED - link) / 2;
        Self { options, side, link: width - FIXED - 2 * side }
    }

    fn heading(&self, hosts: &[Host]) -> String {
        let name = |host: Option<&Host>| {
            host.map(|host| format!("{} {} {}", host.role, host.program, host.addr).replace("  ", " "))
                .unwrap_or_default()
        };
        let half = (self.options.width.max(60) - 10) / 2;
        let left = self.cut(&name(hosts.first()), half);
        let right = self.cut(&name(hosts.get(1)), half);
        let gap = self.options.width.max(60) - 10 - left.width() - right.width();
        format!("      ms  {left}{}{right}", " ".repeat(gap))
    }

    fn frame(&self, arrow: &Arrow, client: &Cell, server: &Cell) -> String {
        let is_evidence = self.options.evidence.contains(&arrow.no);
        let mark = if is_evidence { '>' } else { ' ' };
        let time = format!("{:.1}", arrow.sent_at as f64 / 1e6);
        let left = self.cut(&client.text, self.side);
        let right = self.cut(&server.text, self.side);
        let pad = " ".repeat(self.side - left.width());
        let (a, b) = (self.lifeline(client), self.lifeline(server));
        format!("{mark}{time:>7} {pad}{left} {a}{}{b} {right}", self.arrow(arrow))
    }

    fn gap(&self, count: usize) -> String {
        let dots = if self.options.is_ascii { ":" } else { "⋮" };
        let middle = FIXED - 4 + self.side + self.link / 2;
        format!("{}{dots} {count}", " ".repeat(middle))
    }

    fn lifeline(&self, cell: &Cell) -> char {
        match (cell.is_blocked, self.options.is_ascii) {
            (true, false) => '▒',
            (true, true) => ':',
            (false, false) => '│',
            (false, true) => '|',
        }
    }

    /// The shaft with its label near the sender, as wide as the link.
    fn arrow(&self, arrow: &Arrow) -> String {
        let is_ascii = self.options.is_ascii;
        let goes_right = arrow.from == 0;
        let shaft = Shaft::of(arrow, is_ascii);
        let label = self.cut(&label(arrow), self.link.saturating_sub(6));
        let start: String = [shaft.line; 2].iter().collect();
        let room = self.link - label.width() - 4;
        let tail = if arrow.is_lost { room.min(3) } else { room };
        let end: String = std::iter::repeat_n(shaft.line, tail.saturating_sub(1)).collect();
        let blank = " ".repeat(room - tail);
        if goes_right {
            format!("{start} {label} {end}{}{blank}", shaft.right_head)
        } else {
            format!("{blank}{}{end} {label} {start}", shaft.left_head)
        }
    }

    fn cut(&self, text: &str, columns: usize) -> String {
        let is_ascii = self.options.is_ascii;
        cut(&plain(text, is_ascii), columns, is_ascii)
    }
}

/// The characters an arrow is made of.
struct Shaft {
    line: char,
    right_head: char,
    left_head: char,
}

impl Shaft {
    fn of(arrow: &Arrow, is_ascii: bool) -> Self {
        let is_again = arrow.kind == ArrowKind::Retransmission;
        let (line, right_head, left_head) = match (arrow.is_lost, arrow.arrived_at, is_ascii) {
            (true, _, false) => ('╌', '✕', '✕'),
            (true, _, true) => ('.', 'x', 'x'),
            (false, None, false) => ('─', '…', '…'),
            (false, None, true) => ('-', '~', '~'),
            (false, Some(_), false) => (if is_again { '━' } else { '─' }, '▶', '◀'),
            (false, Some(_), true) => (if is_again { '=' } else { '-' }, '>', '<'),
        };
        Self { line, right_head, left_head }
    }
}

/// `#13 ↻ seq 65 · 1448 B`, with what else must not depend on colour.
fn label(arrow: &Arrow) -> String {
    let again = if arrow.kind == ArrowKind::Retransmission { "↻ " } else { "" };
    let mut label = format!("#{} {again}{}", arrow.no, arrow.label);
    if arrow.is_forged {
        label += " (forged)";
    }
    if arrow.is_corrupt {
        label += " (corrupt)";
    }
    if !arrow.copies.is_empty() {
        label += &format!(" ×{}", arrow.copies.len() + 1);
    }
    label
}

/// The text without control characters; in ASCII where that is asked for.
fn plain(text: &str, is_ascii: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        match letter {
            _ if !is_ascii || letter.is_ascii() => out.push(letter),
            '·' => out.push(','),
            '–' => out.push('-'),
            '→' => out.push_str("->"),
            '“' | '”' => out.push('"'),
            '↻' => out.push('R'),
            '×' => out.push('x'),
            '…' => out.push('~'),
            _ => out.push('?'),
        }
    }
    out
}

/// The text cut to a number of columns, its end marked.
fn cut(text: &str, columns: usize, is_ascii: bool) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mark = if is_ascii { '~' } else { '…' };
    let (mut out, mut used) = (String::new(), 1);
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used > columns {
            break;
        }
        out.push(letter);
    }
    out.push(mark);
    out
}
