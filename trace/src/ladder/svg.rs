//! The ladder as a drawing: two lifelines, an arrow for each frame, states and calls beside them.
//!
//! The model comes in, SVG goes out, by itself or in a page that needs nothing else. Time runs down and is warped: what
//! happens together stays apart far enough to be read, what waits long is drawn short, and the order is exact. A lost
//! frame ends in ✕ on the link; a blocked call is a hatched bar.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::event::{HostId, Nanos};

use super::model::{Arrow, ArrowKind, Call, Ladder};

/// How to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SvgOptions {
    /// The frames to draw, in any order; none: all.
    pub frames: Vec<u32>,
    /// Columns on each side of the lifelines, in pixels.
    pub side: u32,
    /// Pixels between the lifelines.
    pub link: u32,
    /// Frames to point out.
    pub marked: Vec<u32>,
}

impl Default for SvgOptions {
    fn default() -> Self {
        Self { frames: Vec::new(), side: 250, link: 420, marked: Vec::new() }
    }
}

const TOP: f64 = 64.0;
/// The least distance of two happenings, and what a tenfold wait adds to it.
const STEP: f64 = 11.0;
const DECADE: f64 = 7.0;

/// The drawing alone.
#[must_use]
pub fn svg(ladder: &Ladder, options: &SvgOptions) -> String {
    let sheet = Sheet::new(ladder, options);
    let mut out = String::new();
    let (width, height) = (2 * options.side + options.link, sheet.height());
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height:.0}\" width=\"{width}\" \
         height=\"{height:.0}\" role=\"img\" font-family=\"ui-monospace, monospace\" font-size=\"12\">"
    );
    out.push_str(STYLE);
    sheet.hosts(&mut out);
    sheet.states(&mut out);
    ladder.calls.iter().for_each(|call| sheet.call(call, &mut out));
    sheet.arrows.iter().for_each(|arrow| sheet.arrow(arrow, &mut out));
    out.push_str("</svg>\n");
    out
}

/// A page around the drawing that needs nothing from elsewhere.
#[must_use]
pub fn html(ladder: &Ladder, options: &SvgOptions, title: &str, lang: &str) -> String {
    let (title, lang) = (escaped(title), escaped(lang));
    let drawing = svg(ladder, options);
    format!(
        "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>body {{ margin: 1rem auto; max-width: max-content; background: Canvas; \
         color: CanvasText; font-family: system-ui, sans-serif }} h1 {{ font-size: 1rem }} svg {{ max-width: 100%; \
         height: auto }}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{drawing}</body>\n</html>\n"
    )
}

const STYLE: &str = "<style>
  svg { color: #1b1f24; background: #fff; --again: #b45309; --bad: #b91c1c; --quiet: #6b7280 }
  @media (prefers-color-scheme: dark) {
    svg { color: #e6e8eb; background: #14171a; --again: #fbbf24; --bad: #f87171; --quiet: #9ca3af }
  }
  text { fill: currentColor } .quiet { fill: var(--quiet) } .life { stroke: var(--quiet) }
  .arrow line, .arrow path { stroke: currentColor; fill: none } .arrow .head { fill: currentColor }
  .retransmission line { stroke: var(--again); stroke-width: 2 } .retransmission .head { fill: var(--again) }
  .lost line { stroke: var(--bad); stroke-dasharray: 5 4 } .lost text.mark { fill: var(--bad) }
  .marked text { font-weight: bold } .ack line { opacity: .6 }
  .blocked { fill: url(#hatch); stroke: var(--quiet) } .hatch { stroke: var(--quiet) }
</style>
<defs><pattern id=\"hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
patternTransform=\"rotate(45)\"><line class=\"hatch\" y2=\"5\"/></pattern></defs>
";

struct Sheet<'l> {
    ladder: &'l Ladder,
    options: &'l SvgOptions,
    arrows: Vec<&'l Arrow>,
    /// Where each moment stands, from the top.
    heights: BTreeMap<Nanos, f64>,
}

impl<'l> Sheet<'l> {
    fn new(ladder: &'l Ladder, options: &'l SvgOptions) -> Self {
        let is_wanted = |arrow: &&Arrow| options.frames.is_empty() || options.frames.contains(&arrow.no);
        let arrows: Vec<&Arrow> = ladder.arrows.iter().filter(is_wanted).collect();
        let moments = arrows.iter().flat_map(|arrow| [Some(arrow.sent_at), arrow.arrived_at]).flatten();
        let mut moments: Vec<Nanos> = moments.collect();
        // Frames of a capture arrive as they are sent; each still has a line of its own.
        moments.sort_unstable();
        let mut heights = BTreeMap::new();
        let (mut height, mut last) = (TOP, None);
        for at in moments {
            let waited = last.map_or(0, |last: Nanos| at - last) as f64 / 1e5;
            let is_same = last == Some(at);
            height += if is_same { 2.0 } else { STEP + DECADE * (1.0 + waited).log10() };
            heights.insert(at, height);
            last = Some(at);
        }
        Self { ladder, options, arrows, heights }
    }

    fn height(&self) -> f64 {
        self.heights.values().next_back().copied().unwrap_or(TOP) + 40.0
    }

    /// The height of any moment: between those that are drawn in proportion to time.
    fn y(&self, at: Nanos) -> f64 {
        let before = self.heights.range(..=at).next_back();
        let after = self.heights.range(at..).next();
        match (before, after) {
            (Some((from, low)), Some((to, high))) if to > from => {
                low + (high - low) * ((at - from) as f64 / (to - from) as f64)
            }
            (Some((_, low)), None) => low + STEP,
            (None, Some((_, high))) => (high - STEP).max(TOP - STEP),
            (Some((_, low)), Some(_)) => *low,
            (None, None) => TOP,
        }
    }

    fn x(&self, host: HostId) -> f64 {
        f64::from(self.options.side) + if host == 0 { 0.0 } else { f64::from(self.options.link) }
    }

    fn hosts(&self, out: &mut String) {
        for host in &self.ladder.hosts {
            let x = self.x(host.host);
            let name = escaped(format!("{} {}", host.role, host.program).trim());
            let _ = writeln!(
                out,
                "<line class=\"life\" x1=\"{x}\" y1=\"{:.0}\" x2=\"{x}\" y2=\"{:.0}\"/>\
                 <text x=\"{x}\" y=\"20\" text-anchor=\"middle\" font-weight=\"bold\">{name}</text>\
                 <text class=\"quiet\" x=\"{x}\" y=\"36\" text-anchor=\"middle\">{}</text>",
                TOP - 18.0,
                self.height() - 10.0,
                escaped(&host.addr),
            );
        }
    }

    fn states(&self, out: &mut String) {
        let (Some(first), Some(last)) = (self.heights.keys().next(), self.heights.keys().next_back()) else {
            return;
        };
        for span in self.ladder.states.iter().filter(|span| span.from <= *last) {
            if span.until.is_some_and(|until| until < *first) {
                continue;
            }
            let (x, anchor) = self.beside(span.host, 8.0);
            let y = self.y(span.from.max(*first));
            let _ = writeln!(
                out,
                "<text class=\"quiet\" x=\"{x}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                y - 3.0,
                span.state.name()
            );
        }
    }

    /// Where text beside a lifeline begins, outside of the link.
    fn beside(&self, host: HostId, away: f64) -> (f64, &'static str) {
        if host == 0 { (self.x(0) - away, "end") } else { (self.x(1) + away, "start") }
    }

    fn call(&self, call: &Call, out: &mut String) {
        let (Some(first), Some(last)) = (self.heights.keys().next(), self.heights.keys().next_back()) else {
            return;
        };
        let until = call.until.unwrap_or(*last);
        if until < *first || call.from > *last {
            return;
        }
        let (from, to) = (self.y(call.from.max(*first)), self.y(until.min(*last)));
        if call.is_blocked {
            let x = self.x(call.host) + if call.host == 0 { -5.0 } else { 0.0 };
            let height = (to - from).max(2.0);
            let _ = writeln!(
                out,
                "<rect class=\"blocked\" x=\"{x}\" y=\"{from:.1}\" width=\"5\" height=\"{height:.1}\"/>"
            );
        }
        let (x, anchor) = self.beside(call.host, 8.0);
        let label = match &call.result {
            Some(result) => format!("{} {result}", call.label),
            None => call.label.clone(),
        };
        let _ = writeln!(
            out,
            "<text x=\"{x}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            to + 9.0,
            escaped(&short(&label))
        );
    }

    fn arrow(&self, arrow: &Arrow, out: &mut String) {
        let goes_right = arrow.from == 0;
        let (x1, x2) = (self.x(arrow.from), self.x(u8::from(goes_right)));
        let y1 = self.y(arrow.sent_at);
        let y2 = arrow.arrived_at.map_or(y1 + STEP, |at| self.y(at)).max(y1 + 4.0);
        let (x2, y2) = if arrow.is_lost { (x1 + (x2 - x1) * 0.6, y1 + (y2 - y1) * 0.6) } else { (x2, y2) };
        let _ = writeln!(out, "<g class=\"{}\">", self.classes(arrow));
        let _ = writeln!(out, "<title>{}</title>", escaped(&told(arrow)));
        let _ = writeln!(out, "<line x1=\"{x1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
        if arrow.is_lost {
            let _ = writeln!(
                out,
                "<text class=\"mark\" x=\"{x2:.1}\" y=\"{:.1}\" text-anchor=\"middle\">✕</text>",
                y2 + 4.0
            );
        } else {
            let back = if goes_right { -8.0 } else { 8.0 };
            let _ = writeln!(out, "<path class=\"head\" d=\"M{x2:.1} {y2:.1}l{back} -4v8z\"/>");
        }
        let middle = f64::from(self.options.side) + f64::from(self.options.link) / 2.0;
        let again = if arrow.kind == ArrowKind::Retransmission { "↻ " } else { "" };
        let label = escaped(&format!("#{} {again}{}", arrow.no, arrow.label));
        let _ = writeln!(
            out,
            "<text x=\"{middle}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text></g>",
            (y1 + y2) / 2.0 - 3.0
        );
    }

    fn classes(&self, arrow: &Arrow) -> String {
        let kind = match arrow.kind {
            ArrowKind::Control => "control",
            ArrowKind::Data => "data",
            ArrowKind::Ack => "ack",
            ArrowKind::Retransmission => "retransmission",
        };
        let lost = if arrow.is_lost { " lost" } else { "" };
        let marked = if self.options.marked.contains(&arrow.no) { " marked" } else { "" };
        format!("arrow {kind}{lost}{marked}")
    }
}

/// What a pointer over an arrow shows: times, bytes, findings.
fn told(arrow: &Arrow) -> String {
    let ms = |at: Nanos| format!("{:.3} ms", at as f64 / 1e6);
    let mut told = format!("#{} {} · {} B", arrow.no, ms(arrow.sent_at), arrow.len);
    if let Some(at) = arrow.arrived_at.filter(|at| *at != arrow.sent_at) {
        let _ = write!(told, " → {}", ms(at));
    }
    for finding in &arrow.findings {
        let _ = write!(told, "\n{}", finding.id);
        for (name, value) in &finding.params {
            let _ = write!(told, " {name}={value}");
        }
    }
    told
}

fn short(text: &str) -> String {
    const LONGEST: usize = 32;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

/// Text as it may stand in XML; control characters, which may not, are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_program_is_no_markup() {
        assert_eq!(escaped("<a href=\"x\">&\u{7}\n"), "&lt;a href=&quot;x&quot;&gt;&amp;\n");
    }

    #[test]
    fn an_empty_ladder_is_an_empty_drawing() {
        let drawn = svg(&Ladder::default(), &SvgOptions::default());
        assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n"));
        assert!(!drawn.contains("<g class"));
    }
}
