// The ladder's picture as svg text: what of a run is visible in one window of heights.

import { esc } from "./dom.js";
import { ms } from "./texts.js";

const TIME = 50;
const CALLS = 98;
const STATE = 84;
const CHAR = 6.63;
/** The same of a returned value. */
const RET_CHAR = 6.3;
const CALL_CHARS = 12;
const NARROW = 340;
const MOST = 140;

/**
 * @typedef {object} Scene
 * @property {import("./run.js").Run} run
 * @property {number} width
 * @property {number} from top of the window
 * @property {number} to bottom of the window
 * @property {number} height of the whole
 * @property {number | null} chosen
 * @property {number | null} hover
 * @property {number | null} replay moment of the play-head
 * @property {boolean} live
 * @property {(id: string, params?: any) => string} t
 * @property {(id: string) => boolean} has
 */

/** @typedef {{ arrow: Arrow, xa: number, ya: number, xb: number, yb: number, cross: boolean }} Line */

/** @param {number} width */
export function columns(width) {
  const left = TIME + CALLS;
  return { left, x1: left + STATE, x2: width - CALLS - STATE, right: width - CALLS, link: width - left - CALLS - 2 * STATE };
}

/** @param {Scene} scene @returns {{ back: string, options: string, labels: string, lines: Line[], total: number }} */
export function draw(scene) {
  const { run, from, to } = scene;
  const warp = run.layout.warp;
  const t0 = warp.time(from - 40);
  const t1 = warp.time(to + 40);
  const { lines, total } = arrowLines(scene, t0, t1);
  const back = rules(scene) + states(scene, t0, t1) + calls(scene, t0, t1);
  const arrows = lines.map((line) => option(scene, line)).join("");
  return { back, options: arrows, labels: labels(scene, lines) + flight(scene, lines), lines, total };
}

// ---- time

/** @param {Scene} scene */
function rules({ run, from, to, width }) {
  const { x1, x2 } = columns(width);
  const warp = run.layout.warp;
  const first = Math.max(0, warp.under(from - 20) - 1);
  let text = "";
  let last = -Infinity;
  for (let at = first - (first % 32); at < warp.points.length; at++) {
    const point = /** @type {Point} */ (warp.points[at]);
    const y = warp.y(point);
    if (y > to + 20) break;
    if (y - last < 17 || (at === 0 && warp.points[1]?.t === point.t)) continue;
    last = y;
    if (y < from - 20) continue;
    const unit = text === "" && at < 3 ? " ms" : "";
    text += `<text class="time" x="${TIME - 4}" y="${f(y + 3.5)}">${ms(point.t)}${unit}</text>`;
    text += `<path class="rule" d="M${x1} ${f(y)}H${x2}"/>`;
  }
  return text;
}

// ---- states

const TINT = /** @type {Record<string, string>} */ ({
  CLOSED: "st0", LISTEN: "st0", "SYN-SENT": "st1", "SYN-RECV": "st1", ESTABLISHED: "st2", "FIN-WAIT-1": "st3", "FIN-WAIT-2": "st3",
  "CLOSE-WAIT": "st3", CLOSING: "st3", "LAST-ACK": "st3", "TIME-WAIT": "st4",
});

/** @param {Scene} scene @param {number} t0 @param {number} t1 */
function states(scene, t0, t1) {
  const { run } = scene;
  const spans = run.states.in(t0, t1).sort((a, b) => rank(a) - rank(b));
  return spans.map((span) => state(scene, span)).join("");
}

/** Listeners lie under flows. @param {StateSpan} span */
function rank(span) {
  return span.flow === null ? -1 : span.from;
}

/** @param {Scene} scene @param {StateSpan} span */
function state({ run, width, height, from, to }, span) {
  const { left, x2 } = columns(width);
  const warp = run.layout.warp;
  const start = warp.points[0]?.t ?? 0;
  const ya = span.from <= start && span === run.firstState[span.host] ? 0 : warp.at(span.from);
  const yb = span.until === null ? height : warp.at(span.until);
  if (yb < from || ya > to || yb - ya < 0.5) return "";
  const lanes = Math.max(1, Math.min(6, run.stateLanes[span.host]?.length ?? 1));
  const wide = span.flow === null ? STATE : STATE / lanes;
  const x = (span.host === 0 ? left : x2) + (span.flow === null ? 0 : ((span.lane ?? 0) % lanes) * wide);
  const name = esc(span.state);
  let text = `<rect class="state ${TINT[span.state] ?? "st0"}" x="${f(x)}" y="${f(ya)}" width="${f(wide)}" height="${f(yb - ya)}" role="img" aria-label="${esc(run.hosts[span.host]?.role ?? "")} ${name}"><title>${name}</title></rect>`;
  const end = span.flow === null ? covered(run, span, yb) : yb;
  const top = Math.max(ya, Math.min(from, end - 24));
  if (end - top >= 9 && wide > 55) {
    text += `<text class="stname" aria-hidden="true" x="${f(x + wide / 2)}" y="${f(top + Math.min((end - top) / 2, 30) + 3.4)}">${name}</text>`;
  } else if (wide >= 12 && end - top > span.state.length * 5.8 + 10) {
    text += `<text class="stname up" aria-hidden="true" transform="translate(${f(x + wide / 2 + 3.4)} ${f(top + 5)}) rotate(-90)">${name}</text>`;
  }
  return text;
}

/** Where the first flow begins to lie on a listener. @param {import("./run.js").Run} run @param {StateSpan} span @param {number} end */
function covered(run, span, end) {
  const flow = run.states.items.find((one) => one.host === span.host && one.flow !== null && (one.until ?? Infinity) > span.from);
  return flow ? Math.min(end, run.layout.warp.at(Math.max(flow.from, span.from))) : end;
}

// ---- calls

/** @typedef {{ y: number, text: string, cls: string, x: number, most: number, n: number }} Label */

/** @param {Scene} scene @param {number} t0 @param {number} t1 */
function calls(scene, t0, t1) {
  const { run, from, to, width } = scene;
  const { left, right } = columns(width);
  const warp = run.layout.warp;
  /** @type {[Label[], Label[]]} */
  const sides = [[], []];
  if (run.query) return "";
  const visible = run.calls.in(t0, t1).slice(0, 160);
  const out = [0, 1].map((host) => 21 + 9 * Math.max(0, ...visible.map((call) => (call.host === host ? (call.lane ?? 0) : 0))));
  const beside = [left - (out[0] ?? 0) + 5, right + (out[1] ?? 0) - 4];
  let text = "";
  for (const call of visible) {
    const side = call.host === 0 ? 0 : 1;
    const open = call.until === null;
    const ya = warp.at(call.from);
    const yb = call.until === null ? Math.max(warp.at(run.now), ya + 8) : warp.at(call.until);
    if (yb < from - 20 || ya > to + 20) continue;
    text += bar(call, side === 0 ? left - 12 - (call.lane ?? 0) * 9 : right + 5 + (call.lane ?? 0) * 9, ya, yb);
    const list = sides[side];
    const x = beside[side] ?? 0;
    const most = Math.floor((CALLS - (out[side] ?? 0)) / CHAR) + 1;
    const mostRet = Math.floor((CALLS - (out[side] ?? 0) + 5) / RET_CHAR);
    const long = call.result ? `${call.label} ${call.result}` : call.label;
    if (call.is_blocked || open || !call.result) label(list, ya + (call.is_blocked || open ? 6 : 0), call.label, "call", x, most);
    else if (long.length <= most) label(list, ya, long, "call", x, most);
    else {
      label(list, ya, call.label, "call", x, most);
      label(list, ya, call.result, "ret", x, mostRet);
    }
    if (call.is_blocked && call.result && !open) label(list, Math.max(yb - 6, ya + 19), call.result, "ret", x, mostRet);
  }
  for (const mark of marks(run, t0, t1)) {
    const side = mark.host === 0 ? 0 : 1;
    const id = mark.id === "exited" || mark.id === "killed" ? `ui.output.${mark.id}` : `ui.mark.${mark.id}`;
    if (scene.has(id)) label(sides[side], warp.at(mark.at), scene.t(id, mark.params), "ret", beside[side] ?? 0, CALL_CHARS);
  }
  return text + sides.map((list, side) => names(list, side)).join("");
}

/** Hatched while it blocks, a dash if it was instant. @param {Call} call @param {number} x @param {number} ya @param {number} yb */
function bar(call, x, ya, yb) {
  const title = `<title>${esc(call.label)} ${esc(call.result ?? "…")}</title>`;
  if (call.is_blocked || call.until === null) return `<rect class="bar7" x="${f(x)}" y="${f(ya)}" width="7" height="${f(Math.max(5, yb - ya))}">${title}</rect>`;
  return `<rect class="dash3" x="${f(x)}" y="${f(ya - 1.5)}" width="7" height="3">${title}</rect>`;
}

/** @param {import("./run.js").Run} run @param {number} t0 @param {number} t1 */
function marks(run, t0, t1) {
  return run.marks.length > 2000 ? [] : run.marks.filter((mark) => mark.at >= t0 && mark.at <= t1);
}

/** @param {Label[]} list @param {number} y @param {string} text @param {string} cls @param {number} x @param {number} most characters that fit */
function label(list, y, text, cls, x, most) {
  const before = list.findLast((one) => one.cls === cls);
  if (before && before.text === text && y - before.y < 13) before.n++;
  else list.push({ y, text, cls, x, most, n: 1 });
}

/** Names stand at their bar's start, pushed down where they would meet. @param {Label[]} list @param {number} side */
function names(list, side) {
  let text = "";
  let last = -Infinity;
  for (const one of list.sort((a, b) => a.y - b.y)) {
    const y = Math.max(one.y, last + 12.5);
    last = y;
    const full = one.n > 1 ? `${one.text} ×${one.n}` : one.text;
    const short = full.length > one.most ? `${full.slice(0, one.most - 1)}…` : full;
    const title = short === full ? "" : `<title>${esc(full)}</title>`;
    text += `<text class="${one.cls}${side === 0 ? " end" : ""}" x="${f(one.x)}" y="${f(y + 3.8)}">${esc(short)}${title}</text>`;
  }
  return text;
}

// ---- frames

/** @param {Scene} scene @param {number} t0 @param {number} t1 @returns {{ lines: Line[], total: number }} those drawn, of how many */
function arrowLines(scene, t0, t1) {
  const found = scene.run.layout.arrows.in(t0, t1);
  const lines = found.map((arrow) => line(scene, arrow)).filter((one) => Math.max(one.ya, one.yb) >= scene.from - 20 && Math.min(one.ya, one.yb) <= scene.to + 20);
  const total = lines.length;
  if (total <= MOST) return { lines, total };
  const step = total / MOST;
  const some = lines.filter((one, at) => Math.floor(at / step) !== Math.floor((at - 1) / step) || one.arrow.no === scene.chosen);
  return { lines: some, total };
}

/** Where a frame's line runs; a lost one ends on the link, one in flight as far as it has got. @param {Scene} scene @param {Arrow} arrow @returns {Line} */
function line(scene, arrow) {
  const { run, width, live } = scene;
  const { x1, x2 } = columns(width);
  const [start, end] = arrow.from === 0 ? [x1, x2] : [x2, x1];
  const ya = run.layout.y1(arrow);
  const yb = run.layout.y2(arrow);
  let part = 1;
  if (arrow.is_lost) part = crossAt(arrow, fraction(scene, arrow), x2 - x1);
  else if (arrow.arrived_at === null) part = live ? Math.max(0.06, Math.min(0.94, (run.now - arrow.sent_at) / run.flight(arrow.from))) : 0.94;
  const xa = arrow.is_forged ? (start + end) / 2 : start;
  const y0 = arrow.is_forged ? (ya + yb) / 2 : ya;
  return { arrow, xa, ya: y0, xb: start + (end - start) * part, yb: ya + (yb - ya) * part, cross: arrow.is_lost };
}

/** The ✕ stands mid-link, or after the label where the link is narrow. @param {Arrow} arrow @param {number} share @param {number} link */
function crossAt(arrow, share, link) {
  return Math.min(0.86, Math.max(0.5, share + (words(arrow).length * CHAR + 20) / link));
}

/** @param {Arrow} arrow */
export function words(arrow) {
  return `#${arrow.no} ${sign(arrow)}${arrow.label}`;
}

/** @param {Arrow} arrow */
function sign(arrow) {
  return arrow.is_lost ? "× " : arrow.kind === "retransmission" ? "↻ " : arrow.is_corrupt ? "≠ " : "";
}

/** @param {Arrow} arrow */
export function look(arrow) {
  return arrow.is_lost ? "loss" : arrow.kind;
}

/** @param {Scene} scene @param {Line} one */
function option(scene, { arrow, xa, ya, xb, yb, cross }) {
  const chosen = arrow.no === scene.chosen;
  const kind = look(arrow);
  const head = cross || arrow.arrived_at === null ? "" : ` marker-end="url(#head-${kind})"`;
  const at = (scene.run.layout.place[arrow.no] ?? 0) + 1;
  const d = `M${f(xa)} ${f(ya)}L${f(xb)} ${f(yb)}`;
  let text = `<g role="option" id="p${arrow.no}" aria-selected="${chosen}" aria-posinset="${at}" aria-setsize="${scene.run.layout.arrows.items.length}" aria-label="${esc(spoken(scene, arrow))}"${ghost(scene, arrow)}>`;
  if (chosen) text += `<path class="band" d="${d}"/>`;
  text += `<path class="arrow k-${kind}" d="${d}"${head}/>`;
  for (const copy of arrow.copies) {
    text += `<path class="arrow k-${kind}" stroke-width="1" d="M${f(xa)} ${f(ya)}L${f(xb)} ${f(scene.run.layout.warp.at(copy))}"${head}/>`;
  }
  return `${text}</g>`;
}

/** @param {Scene} scene @param {Arrow} arrow */
function ghost(scene, arrow) {
  return scene.replay !== null && arrow.sent_at > scene.replay ? ' opacity="0.12"' : "";
}

/** The name of an option begins with its visible label. @param {Scene} scene @param {Arrow} arrow */
function spoken({ run, t }, arrow) {
  const host = (/** @type {number} */ at) => t(`ui.host.${run.hosts[at]?.role ?? "client"}`);
  const kind = t(`ui.kind.${arrow.is_lost ? "lost" : arrow.kind}`);
  const params = { n: words(arrow), kind, from: host(arrow.from), to: host(arrow.to), at: ms(arrow.sent_at) };
  return t(arrow.is_lost ? "ui.a11y.packet_lost" : "ui.a11y.packet", params);
}

/** @param {Scene} scene @param {Line[]} lines */
function labels(scene, lines) {
  const link = columns(scene.width).link;
  const folds = link < NARROW ? fold(lines) : new Map();
  /** @type {Spot[]} */
  const taken = [];
  let text = "";
  let crosses = "";
  // the words of what went wrong find room before the others
  const counts = (/** @type {Line} */ one) => one.arrow.no === scene.chosen || one.cross || one.arrow.kind === "retransmission";
  for (const one of [...lines.filter(counts), ...lines.filter((one) => !counts(one))]) {
    const { arrow } = one;
    if (one.cross) crosses += cross(scene, one);
    const special = arrow.no === scene.chosen || arrow.no === scene.hover;
    const n = folds.get(arrow.no);
    if (n === 0 && !special) continue;
    const said = n && n > 1 && !special ? `${arrow.label.split(" · ")[0]} ×${n}` : arrow.label;
    const share = fraction(scene, arrow);
    const shares = special || one.cross || arrow.is_forged ? [share] : [share, share + 0.16, share + 0.32];
    const spots = shares.map((at) => spot(scene, arrow, at, said, link));
    const free = special ? spots[0] : spots.find((one) => taken.every((other) => !meet(one, other)));
    if (!free) continue;
    taken.push(free);
    text += written(scene, arrow, free);
  }
  return text + crosses;
}

/** Where a label would stand: its line over x, and its words. @typedef {{ from: number, to: number, y: number, slope: number, x: number, number: string, said: string, wide: number }} Spot */

/** Do two labels lie on each other? @param {Spot} a @param {Spot} b */
function meet(a, b) {
  const from = Math.max(a.from, b.from);
  const to = Math.min(a.to, b.to);
  if (from >= to) return false;
  const apart = (/** @type {number} */ x) => a.y + a.slope * (x - a.x) - b.y - b.slope * (x - b.x);
  const [p, q] = [apart(from), apart(to)];
  return Math.sign(p) !== Math.sign(q) || Math.min(Math.abs(p), Math.abs(q)) < 9;
}

/** How many frames a label stands for where the link is narrow: 0 = its label is folded into an earlier one. @param {Line[]} lines @returns {Map<number, number>} */
function fold(lines) {
  const counts = new Map();
  /** @type {Record<number, Arrow>} */
  const heads = {};
  for (const { arrow } of lines) {
    const head = heads[arrow.from];
    const same = head && arrow.kind === "ack" && head.kind === "ack" && head.label.split(" · ")[0] === arrow.label.split(" · ")[0];
    if (same) {
      counts.set(head.no, (counts.get(head.no) ?? 1) + 1);
      counts.set(arrow.no, 0);
    } else heads[arrow.from] = arrow;
  }
  for (const [no, count] of counts) if (count === 2) freed(counts, lines, no);
  return counts;
}

/** Two are no heap: both keep their labels. @param {Map<number, number>} counts @param {Line[]} lines @param {number} no */
function freed(counts, lines, no) {
  counts.delete(no);
  const at = lines.findIndex((one) => one.arrow.no === no);
  const next = lines.slice(at + 1).find((one) => counts.get(one.arrow.no) === 0);
  if (next) counts.delete(next.arrow.no);
}

/** How far from the sender a label begins. @param {Scene} scene @param {Arrow} arrow */
function fraction({ run }, arrow) {
  if (arrow.is_forged) return 0.56;
  if (arrow.findings.some((one) => one.id === "duplicate_ack")) return 0.4;
  const point = run.layout.sent[arrow.no];
  const at = point ? run.layout.warp.after(point.t) : 0;
  for (let back = at - 1; back >= 0 && back >= at - 6; back--) {
    if (run.layout.warp.points[back] !== point) continue;
    const before = run.layout.warp.points[back - 1];
    if (before?.kind === 2 && before.host === arrow.from) return arrow.kind === "ack" && arrow.payload === 0 && followed(run, arrow) ? 0.4 : 0.2;
  }
  return 0.08;
}

/** The first of a heap of duplicates stands with them. @param {import("./run.js").Run} run @param {Arrow} arrow */
function followed(run, arrow) {
  for (let no = arrow.no + 1; no <= arrow.no + 3; no++) {
    const next = run.arrows[no];
    if (next?.from === arrow.from) return next.findings.some((one) => one.id === "duplicate_ack");
  }
  return false;
}

/** @param {Scene} scene @param {Arrow} arrow @param {number} share @param {string} label @param {number} link @returns {Spot} */
function spot(scene, arrow, share, label, link) {
  const { x1, x2 } = columns(scene.width);
  const ya = scene.run.layout.y1(arrow);
  const yb = scene.run.layout.y2(arrow);
  const number = `#${arrow.no}`;
  const room = Math.floor((link - 24) / CHAR) - number.length - 1;
  let said = sign(arrow) + label;
  if (said.length > room) said = said.replace(/ · SACK .*/, " · SACK…");
  if (said.length > room) said = `${said.slice(0, room - 1)}…`;
  const wide = (number.length + 1 + said.length) * CHAR;
  const part = Math.max(0.03, Math.min(share, (link - 14 - wide) / link));
  const right = arrow.from === 0;
  const slope = ((yb - ya) / link) * (right ? 1 : -1);
  const x = right ? x1 + link * part : x2 - link * part;
  return { from: right ? x : x - wide, to: right ? x + wide : x, y: ya + (yb - ya) * part, slope, x, number, said, wide };
}

/** @param {Scene} scene @param {Arrow} arrow @param {Spot} at */
function written(scene, arrow, at) {
  const right = arrow.from === 0;
  const turn = (Math.atan(at.slope) * 180) / Math.PI;
  const classes = `${arrow.no === scene.chosen ? "chosen" : ""}${arrow.no === scene.hover ? " hover" : ""}`;
  return (
    `<g class="${classes}" transform="translate(${f(at.x)} ${f(at.y)}) rotate(${f(turn)})"${ghost(scene, arrow)}>` +
    `<rect class="lbox" x="${f(right ? -3 : -at.wide - 3)}" y="-5.5" width="${f(at.wide + 6)}" height="11"/>` +
    `<text class="lab t-${look(arrow)}${right ? "" : " end"}" y="3.9"><tspan class="num">${at.number}</tspan> ${esc(at.said)}</text></g>`
  );
}

/** @param {Scene} scene @param {Line} one */
function cross(scene, { arrow, xb, yb }) {
  return `<path class="cross" d="M${f(xb - 6)} ${f(yb - 6)}l12 12m0-12l-12 12"${ghost(scene, arrow)}/>`;
}

// ---- replay

/** @param {Scene} scene @param {Line[]} lines */
function flight({ run, replay, width }, lines) {
  if (replay === null) return "";
  const y = run.layout.warp.at(replay);
  let text = `<path class="head7" d="M${TIME} ${f(y)}H${width - 8}"/>`;
  for (const { arrow, xa, ya, xb, yb } of lines) {
    if (arrow.sent_at > replay || y < ya || y > yb || yb <= ya) continue;
    text += `<circle class="fly" r="6" cx="${f(xa + ((xb - xa) * (y - ya)) / (yb - ya))}" cy="${f(y)}"/>`;
  }
  return text;
}

/** One decimal is all a screen shows. @param {number} value */
function f(value) {
  return Math.round(value * 10) / 10;
}
