// Below the ladder: what the programs wrote, and the verdicts, the failing one first.

import { byId, h, prose, rows } from "./dom.js";
import { ms } from "./texts.js";

const ORDER = /** @type {Record<string, number>} */ ({ fail: 0, slow: 1, void: 2, running: 3, confirming: 3, waiting: 5, pass: 4, "n/a": 6 });
const SIGNS = /** @type {Record<string, string>} */ ({ fail: "✗", slow: "✗", void: "!", pass: "✓", "n/a": "–" });

export class Output {
  /** @param {import("./main.js").App} app */
  constructor(app) {
    this.app = app;
    this.box = byId("output");
    this.count = -1;
    this.redraw();
  }

  redraw() {
    const { t } = this.app;
    this.box.setAttribute("aria-label", t("ui.a11y.output"));
    this.lines = h("div", { class: "lines", tabindex: "0", role: "group", "aria-label": t("ui.output.title") });
    this.empty = h("p", { class: "nothing" }, t("ui.output.empty"));
    this.box.replaceChildren(h("div", { class: "head" }, h("h2", null, t("ui.output.title"))), this.empty, this.lines);
    this.rows = rows(this.lines, 24, (index) => this.row(index));
    const lines = this.lines;
    new ResizeObserver(() => this.rows?.draw()).observe(lines);
    this.count = -1;
    this.refresh();
  }

  refresh() {
    const { lines } = this;
    const count = this.app.run?.output.length ?? 0;
    if (!lines || count === this.count) return;
    const sticks = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 30;
    const grown = this.count >= 0 && count > this.count;
    this.count = count;
    this.rows?.show(count);
    if (this.empty) this.empty.hidden = count > 0;
    if (grown && sticks) lines.scrollTop = lines.scrollHeight;
  }

  /** @param {number} index */
  row(index) {
    const line = this.app.run?.output[index];
    const run = this.app.run;
    if (!line || !run) return h("div", { class: "row" });
    const host = run.hosts[line.host];
    return h(
      "div",
      { class: `row${line.stream === "stderr" ? " err" : ""}` },
      h("span", null, line.at < 1e10 ? ms(line.at) : (line.at / 1e6).toFixed(0)),
      h("span", { class: `who${line.host === 0 ? 0 : 1}` }, host ? this.app.t(`ui.host.${host.role}`) : ""),
      h("span", { class: "clip", title: line.text }, line.text),
    );
  }
}

/** The verdicts of the page, by check. */
export class Verdicts {
  /** @param {import("./main.js").App} app */
  constructor(app) {
    this.app = app;
    this.box = byId("checks");
    /** @type {Map<string, Verdict>} */
    this.all = new Map();
    /** Checks whose details are open. @type {Set<string>} */
    this.open = new Set();
    /** Why the program could not be tested at all. @type {Unstarted | null} */
    this.unstarted = null;
  }

  clear() {
    this.all.clear();
    this.unstarted = null;
    this.redraw();
  }

  /** @param {Extract<Incoming, { type: "check_progress" }>} message */
  progress(message) {
    const before = this.all.get(message.id);
    const since = before && !before.record && before.state !== "waiting" ? before.since : performance.now();
    this.all.set(message.id, { id: message.id, record: null, run: null, frames: [], since, state: message.state });
  }

  /** @param {Extract<Incoming, { type: "check" }>} message */
  add(message) {
    const { record, run, frames } = message;
    this.all.set(record.id, { id: record.id, record, state: record.verdict, run, frames, since: 0 });
    if (record.verdict === "fail") this.app.say(this.app.t("ui.a11y.verdict", { title: this.name(record.id), verdict: this.app.t("ui.verdict.fail") }));
  }

  /** @param {SummaryRecord} record */
  sum(record) {
    this.unstarted = record.unstarted ?? null;
    const seconds = record.seconds === undefined ? "" : this.app.t("ui.checks.seconds", { seconds: record.seconds.toFixed(1) });
    const sum = this.app.t("ui.checks.summary", { pass: record.pass, fail: record.fail, running: 0 });
    this.app.say(this.unstarted ? this.reason(this.unstarted) : `${sum} · ${seconds}`);
  }

  /** @param {Unstarted} unstarted */
  reason(unstarted) {
    return unstarted.said ? sentence(this.app.texts, unstarted.said) : unstarted.reason;
  }

  /** The program never came so far: why, and its last words. @param {Unstarted} unstarted */
  failed(unstarted) {
    const lines = unstarted.stderr ?? [];
    return h(
      "div",
      { class: "verdict bad unstarted" },
      h("span", { class: "sign", "aria-hidden": "true" }, SIGNS.void ?? ""),
      h("div", { class: "more" }, h("p", null, ...prose(this.reason(unstarted))), lines.length ? h("pre", { class: "mono" }, lines.join("\n")) : null),
    );
  }

  /** @param {string} id */
  name(id) {
    return this.app.texts.first([`check.${id}.title`, id]);
  }

  redraw() {
    const { t } = this.app;
    const list = [...this.all.values()].sort((a, b) => (ORDER[a.state] ?? 5) - (ORDER[b.state] ?? 5));
    const count = (/** @type {string[]} */ ...states) => list.filter((one) => states.includes(one.state)).length;
    this.box.setAttribute("aria-label", t("ui.a11y.checks"));
    const failed = count("fail");
    const sum = list.length ? t("ui.checks.summary", { pass: count("pass"), fail: failed + count("slow"), running: count("running", "confirming", "waiting") }) : "";
    const top = this.box.querySelector(".verdicts")?.scrollTop ?? 0;
    const body = h("div", { class: "verdicts", tabindex: "0", role: "group", "aria-label": t("ui.checks.title") }, this.unstarted && this.failed(this.unstarted), ...(list.length || this.unstarted ? list.map((one) => this.row(one)) : [h("p", { class: "nothing" }, t("ui.checks.empty"))]));
    this.box.replaceChildren(h("div", { class: "head" }, h("h2", null, t("ui.checks.title")), h("span", { class: "mut" }, sum)), body);
    body.scrollTop = top;
  }

  /** The seconds of checks that run go on by themselves. */
  tick() {
    const running = [...this.all.values()].filter((one) => one.state === "running" || one.state === "confirming");
    for (const one of running) {
      const what = this.box.querySelector(`[data-check="${CSS.escape(one.id)}"] .what .clip`);
      if (what) what.textContent = this.state(one);
    }
  }

  /** @param {Verdict} one */
  row(one) {
    const bad = one.state === "fail" || one.state === "slow";
    const name = this.name(one.id);
    const shown = one.run !== null && one.run === this.app.run?.no ? `${name} (${this.app.t("ui.checks.shown")})` : name;
    const what = this.what(one);
    return h(
      "div",
      { class: `verdict${bad ? " bad" : ""}${one.record ? "" : " waits"}`, "data-check": one.id },
      h("span", { class: `sign ${one.state === "pass" ? "pass" : ""}`, role: "img", "aria-label": this.state(one) }, SIGNS[one.state] ?? "◌"),
      this.title(one, shown),
      h("span", { class: "what" }, h("span", { class: "clip", title: what }, what), this.chip(one, bad)),
      this.open.has(one.id) ? h("div", { class: "more" }, ...this.more(one)) : null,
    );
  }

  /** The name of a check that has more to say opens what it says. @param {Verdict} one @param {string} shown */
  title(one, shown) {
    if (!one.record?.bug || !this.more(one).length) return h("span", { class: "name clip", title: shown }, shown);
    const isOpen = this.open.has(one.id);
    const turn = () => {
      if (isOpen) this.open.delete(one.id);
      else this.open.add(one.id);
      this.redraw();
      /** @type {HTMLElement | null} */ (this.box.querySelector(`[data-check="${CSS.escape(one.id)}"] .name button`))?.focus();
    };
    return h("span", { class: "name" }, h("button", { class: "clip", "aria-expanded": isOpen, title: shown, on: { click: turn } }, shown));
  }

  /** What was expected and seen, and what the bug is and how it is mended. @param {Verdict} one */
  more(one) {
    const { texts, t } = this.app;
    const record = one.record;
    if (!record) return [];
    const pairs = /** @type {[string, string][]} */ ([]);
    const expected = words(texts, record, "expected");
    const got = words(texts, record, "got");
    if (expected) pairs.push([t("ui.checks.expected"), expected]);
    if (got) pairs.push([t("ui.checks.got"), got]);
    const about = ["what", "why", "fix"].map((part) => `bug.${record.bug}.${part}`).filter((id) => texts.has(id));
    return [...pairs.map(([name, text]) => h("p", null, h("b", null, name), " ", ...prose(text))), ...about.map((id) => h("p", null, ...prose(texts.t(id))))];
  }

  /** @param {Verdict} one */
  what(one) {
    const { texts, t } = this.app;
    const record = one.record;
    if (!record) return this.state(one);
    if (record.bug) return texts.first([`bug.${record.bug}.title`, record.bug]);
    const said = words(texts, record, "got");
    return [said, record.seconds === undefined || record.seconds === null ? "" : t("ui.checks.seconds", { seconds: record.seconds.toFixed(2) })].filter(Boolean).join(" · ") || this.state(one);
  }

  /** @param {Verdict} one */
  state(one) {
    const { t } = this.app;
    if (one.record) return t(`ui.verdict.${one.state.replace("/", "")}`);
    return one.state === "waiting" ? t("ui.checks.queued") : t("ui.checks.running", { seconds: ((performance.now() - one.since) / 1000).toFixed(1) });
  }

  /** Opens the check's own run at the frame that proves it. @param {Verdict} one @param {boolean} bad */
  chip(one, bad) {
    const { t } = this.app;
    const { run } = one;
    if (run === null) return null;
    const frame = one.frames[0] ?? null;
    if (!bad && frame === null) return null;
    const text = frame === null ? t("ui.checks.open_run") : t("ui.checks.evidence", { n: `#${frame}` });
    return h("button", { class: "chip", on: { click: () => this.app.open(run, frame) } }, text);
  }
}

/** What a record says of what it expected or got, one sentence after the other. @param {import("./texts.js").Texts} texts @param {CheckRecord} record @param {"expected" | "got"} which */
function words(texts, record, which) {
  const said = record.said?.[which];
  const list = Array.isArray(said) ? said : said ? [said] : [];
  return list.map((one) => sentence(texts, one)).join(" ") || (record[which] ?? "");
}

/** @param {import("./texts.js").Texts} texts @param {Said} said */
function sentence(texts, said) {
  return texts.first([said.id, said.id.replace(/^(check|outcome)s\./, "$1.")], said.params);
}
