//! A race as a page: one file, nothing fetched, plots as SVG, the raw figures inside as JSON.
//!
//! Words come from `course`, figures from the [`Outcome`]; names of lanes are the user's and are escaped.

use super::outcome::{Outcome, cell_name, grouped, rate, time};
use super::tell;
use crate::talk::Talk;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1d2330; --paper: #fbfaf7; --line: #d9d6cd; --bar: #2f6f8f; --soft: #8fb3c4;
  --bad: #b3362b; --quiet: #6b7080 }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e5df; --paper: #16181d; --line: #343843; --bar: #6fb3d2;
  --soft: #3d5f70; --bad: #ff8d80; --quiet: #9a9fae } }
body { font: 15px/1.5 system-ui, 'Noto Sans KR', sans-serif; color: var(--ink); background: var(--paper);
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; margin: .5rem 0 1rem }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left }
.wide { overflow-x: auto }
.bad { color: var(--bad) } .quiet { color: var(--quiet) }
.warning { border-left: 4px solid var(--bad); padding: .2rem 1rem; margin: .5rem 0 }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem }
figure { margin: 0 } figcaption { color: var(--quiet) }
svg text { fill: var(--ink); font: 12px system-ui, 'Noto Sans KR', sans-serif }
";

/// The whole page.
pub(super) fn html(talk: &Talk, outcome: &Outcome) -> String {
    let title = talk.text("bench.page.title", &[]);
    let lang = talk.lang.tag();
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n"
    );
    let machine = [("load", format!("{:.1}", outcome.load.0)), ("processors", outcome.load.1.to_string())];
    let machine: Vec<(&str, &str)> = machine.iter().map(|(name, value)| (*name, value.as_str())).collect();
    page.push_str(&format!("<p class=\"quiet\">{}</p>\n", talk.text("bench.page.machine", &machine)));
    for warning in tell::warnings(talk, outcome) {
        page.push_str(&format!("<p class=\"warning\">{}</p>\n", escaped(&warning)));
    }
    findings(talk, outcome, &mut page);
    for cell in 0..outcome.cells.len() {
        section(talk, outcome, cell, &mut page);
    }
    let raw: Vec<String> = tell::lines(talk, outcome).iter().map(ToString::to_string).collect();
    // `</script>` inside a name would end the element: `<` is written as an escape JSON knows.
    let raw = raw.join(",\n").replace('<', "\\u003c");
    page.push_str(&format!(
        "<script type=\"application/json\" id=\"race\">[{raw}]</script>\n</body></html>\n"
    ));
    page
}

fn findings(talk: &Talk, outcome: &Outcome, page: &mut String) {
    let findings = outcome.findings();
    if findings.is_empty() {
        return;
    }
    page.push_str(&format!("<h2>{}</h2>\n<dl>\n", talk.text("bench.findings", &[])));
    for finding in findings {
        let [title, why, fix] = tell::words(talk, &finding.pathology).map(|words| escaped(&words));
        let lane = escaped(&outcome.lanes[finding.lane].name);
        let cell = cell_name(&outcome.cells[finding.cell]);
        page.push_str(&format!(
            "<dt class=\"bad\">{lane} ({cell}): {title}</dt><dd>{why}<br><span class=\"quiet\">→ {fix}</span></dd>\n"
        ));
    }
    page.push_str("</dl>\n");
}

/// One cell: its table, its plots.
fn section(talk: &Talk, outcome: &Outcome, at: usize, page: &mut String) {
    let lanes = 0..outcome.lanes.len();
    let summaries: Vec<_> =
        lanes.filter_map(|lane| outcome.summary(lane, at).map(|summary| (lane, summary))).collect();
    if summaries.is_empty() {
        return;
    }
    let cell = &outcome.cells[at];
    page.push_str(&format!("<h2>{}</h2>\n<div class=\"wide\"><table><tr>", cell_name(cell)));
    let ids = [
        "lane", "served", "rate", "p50", "p99", "p999", "cpu", "ceiling", "calls", "switches", "memory",
        "fairness",
    ];
    for id in ids {
        page.push_str(&format!("<th>{}</th>", talk.text(&format!("bench.column.{id}"), &[])));
    }
    page.push_str("</tr>\n");
    for (lane, summary) in &summaries {
        let class = if summary.served < summary.connections { " class=\"bad\"" } else { "" };
        page.push_str(&format!("<tr{class}><td>{}</td>", escaped(&outcome.lanes[*lane].name)));
        for value in tell::figures(outcome, *lane, at, summary) {
            page.push_str(&format!("<td>{value}</td>"));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n<div class=\"plots\">\n");
    let name = |lane: usize| outcome.lanes[lane].name.clone();
    let bars = |figure: &dyn Fn(&super::outcome::Summary) -> Option<f64>| -> Vec<(String, f64)> {
        summaries.iter().filter_map(|(lane, summary)| Some((name(*lane), figure(summary)?))).collect()
    };
    let caption = |id: &str| talk.text(&format!("bench.plot.{id}"), &[]);
    let floor = outcome.floor(cell.message_len);
    let micro = |ns: f64| format!("{:.1} µs", ns / 1000.0);
    plot(page, &caption("cpu"), &bars(&|summary| summary.cpu), floor, &micro);
    plot(page, &caption("rate"), &bars(&|summary| Some(summary.per_second)), None, &rate);
    let latencies: Vec<_> = summaries.iter().map(|(lane, s)| (name(*lane), [s.p50, s.p99, s.p999])).collect();
    dots(page, &caption("latency"), &latencies);
    let kib = |kib: f64| format!("{kib:.1} KiB");
    plot(page, &caption("memory"), &bars(&|summary| summary.kib), None, &kib);
    if cell.connections >= 1000 {
        let whole = |number: f64| grouped(number as u64);
        plot(page, &caption("served"), &bars(&|summary| Some(summary.served as f64)), None, &whole);
        plot(page, &caption("storm"), &bars(&|summary| Some(summary.storm)), None, &time);
    }
    page.push_str("</div>\n");
}

/// Horizontal bars, with a line at the floor if there is one.
fn plot(
    page: &mut String,
    caption: &str,
    bars: &[(String, f64)],
    floor: Option<f64>,
    shown: &dyn Fn(f64) -> String,
) {
    const LEFT: f64 = 110.0;
    const WIDTH: f64 = 240.0;
    let most = bars.iter().map(|(_, value)| *value).chain(floor).fold(0.0_f64, f64::max).max(1e-9);
    let height = bars.len() * 22 + 8;
    page.push_str(&format!(
        "<figure><figcaption>{caption}</figcaption><svg viewBox=\"0 0 430 {height}\" role=\"img\" \
         aria-label=\"{caption}\">"
    ));
    for (row, (name, value)) in bars.iter().enumerate() {
        let (y, width) = (row * 22 + 4, value / most * WIDTH);
        page.push_str(&format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"16\" fill=\"var(--bar)\"/>\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            LEFT - 6.0,
            y + 13,
            escaped(name),
            LEFT + width + 5.0,
            y + 13,
            shown(*value),
        ));
    }
    if let Some(floor) = floor {
        let x = LEFT + floor / most * WIDTH;
        page.push_str(&format!(
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{height}\" stroke=\"var(--bad)\" stroke-dasharray=\"3 3\"/>"
        ));
    }
    page.push_str("</svg></figure>\n");
}

/// p50, p99 and p99.9 on a logarithmic axis.
fn dots(page: &mut String, caption: &str, rows: &[(String, [f64; 3])]) {
    const LEFT: f64 = 110.0;
    const WIDTH: f64 = 280.0;
    let values = || rows.iter().flat_map(|(_, values)| values).filter(|value| **value > 0.0);
    let (least, most) =
        values().fold((f64::MAX, 1.0_f64), |(low, high), value| (low.min(*value), high.max(*value)));
    let (low, high) = (least.min(most).log10().floor(), most.log10().ceil());
    let x = |value: f64| LEFT + (value.max(1.0).log10() - low) / (high - low).max(1.0) * WIDTH;
    let height = rows.len() * 22 + 24;
    page.push_str(&format!(
        "<figure><figcaption>{caption}</figcaption><svg viewBox=\"0 0 430 {height}\" role=\"img\" \
         aria-label=\"{caption}\">"
    ));
    for power in low as i32..=high as i32 {
        let (at, bottom) = (x(10f64.powi(power)), height - 18);
        page.push_str(&format!(
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"0\" y2=\"{bottom}\" stroke=\"var(--line)\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            height - 4,
            time(10f64.powi(power)),
        ));
    }
    for (row, (name, values)) in rows.iter().enumerate() {
        let y = row * 22 + 12;
        page.push_str(&format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4,
            escaped(name)
        ));
        for (value, radius) in values.iter().zip([5, 4, 3]).filter(|(value, _)| **value > 0.0) {
            page.push_str(&format!(
                "<circle cx=\"{:.1}\" cy=\"{y}\" r=\"{radius}\" fill=\"var(--bar)\"><title>{}</title></circle>",
                x(*value),
                time(*value)
            ));
        }
    }
    page.push_str("</svg></figure>\n");
}

/// Text as it may stand in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
