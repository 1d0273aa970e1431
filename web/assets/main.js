// The page: state, wiring, and one drawing a frame.

import { drawCourse, drawRuns } from "./course.js";
import { byId, h, prose, svg } from "./dom.js";
import { Inspector } from "./inspector.js";
import { drawKeys, listen } from "./keys.js";
import { LadderView } from "./ladder.js";
import { LinkBar } from "./link.js";
import { Replay } from "./replay.js";
import { Output, Verdicts } from "./results.js";
import { Run } from "./run.js";
import { Socket } from "./socket.js";
import { load, Texts } from "./texts.js";

const THEMES = ["auto", "light", "dark"];
/** @type {LinkSettings} */
const CLEAN = { delay_us: 0, jitter_us: 0, loss_ppm: 0, reorder_ppm: 0, duplicate_ppm: 0, corrupt_ppm: 0, rate: 0, queue: 0 };

export class App {
  /** @param {Texts} texts */
  constructor(texts) {
    this.texts = texts;
    /** @type {(id: string, params?: any) => string} */
    this.t = (id, params) => this.texts.t(id, params);
    /** @type {RunInfo[]} */
    this.runs = [];
    /** @type {string[]} */
    this.contracts = [];
    /** @type {Course | null} */
    this.course = null;
    this.link = CLEAN;
    /** @type {Run | null} */
    this.run = null;
    /** The run asked for, and the frame to select in it. @type {{ run: number, frame: number | null } | null} */
    this.wanted = null;
    /** Whether the page goes along to a new run by itself. */
    this.follows = true;
    /** Whether the user chose the frame that is shown. */
    this.picked = false;
    this.open_ = false;
    this.drawn = 0;
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", () => this.theme());
    this.theme();
    this.ladder = new LadderView(byId("ladder"), { select: (no) => this.select(no), t: this.t, has: (id) => this.texts.has(id), change: () => this.change() });
    this.replay = new Replay(this.ladder, { change: () => this.change(), ended: () => this.top() });
    this.inspector = new Inspector(byId("inspector"), this);
    this.linkbar = new LinkBar(this);
    this.output = new Output(this);
    this.verdicts = new Verdicts(this);
    this.finder = new Finder(this);
    this.socket = new Socket((batch) => this.hear(batch), (open) => this.connect(open));
    listen(this);
    byId("skip").addEventListener("click", (event) => {
      event.preventDefault();
      this.ladder.focus();
    });
    this.redraw();
    setInterval(() => this.verdicts.tick(), 200);
  }

  // ---- what comes

  /** @param {boolean} open */
  connect(open) {
    this.open_ = open;
    this.top();
  }

  /** @param {Incoming[]} batch */
  hear(batch) {
    for (const message of batch) this.take(message);
    this.change();
  }

  /** @param {Incoming} message */
  take(message) {
    switch (message.type) {
      case "hello":
        return this.hello(message);
      case "snapshot":
        return this.snapshot(message.run, message.ladder);
      case "patch":
        return this.patch(message.run, message.ladder);
      case "inspect":
        if (message.run === this.run?.no && message.no === this.ladder.chosen) this.inspector.show(message.packet);
        return;
      case "goto":
        return this.open(message.run);
      case "run_started":
        return this.started(message.run);
      case "run_ended":
        return this.ended(message.run);
      case "check":
        this.verdicts.add(message);
        return this.verdicts.redraw();
      case "check_progress":
        this.verdicts.progress(message);
        return this.verdicts.redraw();
      case "check_summary":
        this.verdicts.sum(message.record);
        return this.verdicts.redraw();
      case "error":
        return this.complain(this.t(message.id, message.params));
    }
  }

  /** @param {Extract<Incoming, { type: "hello" }>} message */
  hello(message) {
    this.runs = message.runs;
    this.contracts = message.contracts;
    this.course = message.course;
    this.link = message.link;
    this.verdicts.clear();
    this.redraw();
    const last = this.runs.findLast((run) => !run.is_check);
    const again = this.run && this.runs.some((run) => run.run === this.run?.no) ? this.run.no : last?.run;
    if (again === undefined) return;
    this.wanted = { run: again, frame: this.picked ? this.ladder.chosen : null };
    this.socket.ask("open", { run: again });
  }

  /** @param {number} no @param {Ladder} ladder */
  snapshot(no, ladder) {
    const run = new Run(no);
    run.load(ladder);
    this.run = run;
    this.ladder.run = run;
    this.ladder.live = this.info()?.is_live ?? false;
    this.ladder.sticks = this.ladder.live;
    this.ladder.chosen = null;
    this.ladder.hover = null;
    this.ladder.replay = null;
    this.replay.playing = false;
    if (!this.ladder.live) this.ladder.scroll.scrollTop = 0;
    if (ladder.link && this.ladder.live) this.link = ladder.link;
    const frame = this.wanted?.run === no ? this.wanted.frame : null;
    this.wanted = null;
    this.panels();
    this.picked = false;
    if (frame !== null) this.select(frame);
    else this.auto();
  }

  /** @param {number} no @param {Ladder} ladder */
  patch(no, ladder) {
    if (no !== this.run?.no) return;
    this.run.patch(ladder);
    if (ladder.hosts.length) this.hosts();
    if (ladder.link) {
      this.link = ladder.link;
      this.linkbar.refresh();
    }
    const again = ladder.arrows.find((arrow) => arrow.no === this.ladder.chosen);
    if (again) this.inspector.choose(again);
    if (!this.picked && (this.ladder.chosen === null || ladder.arrows.some((arrow) => arrow.kind === "retransmission" || arrow.is_lost))) this.auto();
  }

  /** A first selection, so that the inspector is never an empty half of the screen: the first thing that went wrong, or the first frame. */
  auto() {
    const arrows = this.run?.arrows.slice(1) ?? [];
    const first = arrows.find((arrow) => arrow?.kind === "retransmission") ?? arrows.find((arrow) => arrow?.is_lost) ?? arrows[0];
    if (first && first.no !== this.ladder.chosen) this.select(first.no, false);
    else if (!first) this.inspector.redraw();
  }

  /** @param {RunInfo} run */
  started(run) {
    this.runs = [...this.runs.filter((one) => one.run !== run.run), run];
    drawRuns(this);
    const current = this.info();
    if (!run.is_check && this.follows && !(current?.is_live && current.is_check)) this.open(run.run);
  }

  /** @param {number} no */
  ended(no) {
    const run = this.runs.find((one) => one.run === no);
    if (run) run.is_live = false;
    if (no === this.run?.no) {
      this.ladder.live = false;
      this.say(this.t("ui.top.finished", { seconds: (this.run.now / 1e9).toFixed(2) }));
    }
    drawRuns(this);
    this.top();
  }

  // ---- what the user does

  /** @param {number} run @param {number | null} [frame] */
  open(run, frame = null) {
    if (run === this.run?.no) {
      if (frame !== null) this.select(frame);
      return;
    }
    this.follows = this.runs.findLast((one) => !one.is_check)?.run === run;
    this.wanted = { run, frame };
    this.socket.ask("open", { run });
  }

  /** @param {number} no @param {boolean} [byHand] */
  select(no, byHand = true) {
    const arrow = this.run?.arrows[no];
    if (!arrow || !this.run) return;
    if (this.run.query && this.run.layout.place[no] === undefined) this.finder.close();
    this.ladder.chosen = no;
    if (byHand) {
      this.picked = true;
      this.ladder.show(arrow);
    }
    this.inspector.choose(arrow);
    this.socket.ask("inspect", { run: this.run.no, no });
    this.change();
  }

  /** @param {number} step */
  move(step) {
    const items = this.run?.layout.arrows.items ?? [];
    const { chosen } = this.ladder;
    const next = !Number.isFinite(step) ? items.at(step < 0 ? 0 : -1) : chosen === null ? items[0] : this.run?.layout.next(chosen, step);
    if (next) this.select(next.no);
  }

  drop() {
    // what is lost next is at the end of the ladder
    this.ladder.sticks = this.ladder.live;
    this.change();
    this.socket.ask("drop_next", { from: null });
    this.say(this.t("ui.link.dropping_next"));
  }

  lecture() {
    document.body.classList.toggle("lecture");
    this.change();
  }

  // ---- what is drawn

  /** Asks for a drawing at the next frame. */
  change() {
    if (this.drawn) return;
    this.drawn = requestAnimationFrame((now) => {
      this.drawn = 0;
      this.replay.tick(now);
      this.ladder.draw();
      this.output.refresh();
      this.clock();
    });
  }

  /** All of it, after the language changed. */
  redraw() {
    document.documentElement.lang = this.texts.lang;
    byId("skip").textContent = this.t("ui.a11y.skip");
    byId("middle").setAttribute("aria-label", this.t("ui.a11y.ladder"));
    byId("stage").setAttribute("aria-label", this.t("ui.a11y.ladder"));
    drawCourse(this);
    this.output.redraw();
    this.inspector.redraw();
    this.finder.redraw();
    drawKeys(this);
    this.panels();
  }

  /** What depends on the run. */
  panels() {
    this.top();
    this.linkbar.redraw();
    this.hosts();
    this.verdicts.redraw();
    this.output.redraw();
    drawRuns(this);
    this.change();
  }

  info() {
    return this.runs.find((run) => run.run === this.run?.no);
  }

  /** What a run is; of a check by its name, not its id. @param {RunInfo} run */
  title(run) {
    const params = run.title.params.map(([name, value]) => /** @type {[string, string]} */ ([name, name === "check" ? this.verdicts.name(value) : value]));
    return this.t(run.title.id, params);
  }

  top() {
    const { t } = this;
    const focused = document.activeElement?.id;
    const run = this.info();
    const day = this.course?.days.find((one) => one.practicals.length);
    const practical = day?.practicals.find((one) => one.state === "open");
    const title = practical ? t("ui.top.practical", { id: practical.no, title: this.texts.ref(practical.title) }) : run ? this.title(run) : t("ui.app.title");
    document.title = `${title} · ${t("ui.app.name")}`;
    this.elapsed = h("span", null);
    byId("top").replaceChildren(
      h("span", { class: "brand" }, svg('viewBox="0 0 22 18"><path d="M1.5 1v16M20.5 1v16" stroke="currentColor" stroke-width="2.4"/><path d="M1.5 3.5l19 5.5-19 5.5" fill="none" stroke="var(--acc)" stroke-width="2.2"/>'), t("ui.app.name")),
      ...(day && practical ? [h("span", { class: "crumb clip" }, t("ui.top.day", { day: day.no, title: this.texts.ref(day.title) })), h("span", { class: "slash", "aria-hidden": "true" }, "/")] : []),
      h("h1", { class: "clip", title }, title),
      h("span", { class: "status clip" }, h("span", { class: `dot${run?.is_live && this.open_ ? " live" : ""}` }), h("span", { class: "clip" }, this.elapsed)),
      h("button", { class: "button main", id: "replay", disabled: !this.run?.count, on: { click: () => (this.replay.toggle(), this.top()) } }, ...this.replayWords()),
      h("a", { class: "button", id: "wireshark", href: run ? `/api/runs/${run.run}/trace.pcapng` : null, download: `tongro-run-${run?.run ?? 0}.pcapng` }, t("ui.top.wireshark")),
      h("span", { class: "segment", role: "group", "aria-label": t("ui.language.label") }, this.tongue("ko", "한국어"), this.tongue("en", "English")),
      this.themeButton(),
    );
    this.clock();
    if (focused) document.getElementById(focused)?.focus();
  }

  /** The part of the top bar that changes all the time. */
  clock() {
    const run = this.info();
    const seconds = ((this.run?.now ?? 0) / 1e9).toFixed(2);
    const state = !this.open_ ? "disconnected" : run?.is_live ? "running" : run ? "finished" : "idle";
    const text = this.t(`ui.top.${state}`, { scenario: run ? this.title(run) : "", seconds });
    if (this.elapsed && this.elapsed.textContent !== text) this.elapsed.textContent = text;
    const replay = document.getElementById("replay");
    if (replay && this.run?.count) /** @type {HTMLButtonElement} */ (replay).disabled = false;
    const words = this.replayWords();
    if (replay && replay.lastChild?.textContent !== words[1]) replay.replaceChildren(...words);
  }

  /** @returns {[Node, string]} */
  replayWords() {
    const { playing } = this.replay;
    const id = playing ? "ui.top.stop" : "ui.top.replay";
    return [h("span", { "aria-hidden": "true" }, playing ? "■" : "▶"), this.t(id)];
  }

  hosts() {
    const hosts = this.run?.hosts ?? [];
    const [client, server] = [hosts.find((host) => host.host === 0), hosts.find((host) => host.host === 1)];
    const end = (/** @type {HostInfo | undefined} */ host, /** @type {string} */ role) =>
      h("div", null, h("div", { class: "clip" }, h("b", null, this.t(`ui.host.${host?.role ?? role}`)), " ", h("span", { class: "mono" }, host?.program ?? "")), h("div", { class: "mono" }, host?.addr ?? ""));
    byId("hosts").replaceChildren(end(client, "client"), h("div", null, h("div", null, this.t("ui.host.on_link")), h("div", { class: "mono" }, client && server ? `${client.iface} ⇄ ${server.iface}` : "")), end(server, "server"));
  }

  /** @param {string} lang @param {string} name */
  tongue(lang, name) {
    return h("button", { id: `lang-${lang}`, lang, "aria-pressed": this.texts.lang === lang, on: { click: () => this.speak(lang) } }, name);
  }

  /** @param {string} lang */
  async speak(lang) {
    this.texts = await load(lang);
    this.say("");
    keep("tongro-lang", lang);
    this.redraw();
  }

  themeButton() {
    const now = kept("tongro-theme") ?? "auto";
    const name = this.t("ui.theme.toggle");
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length] ?? "auto";
    const sign = svg('viewBox="0 0 14 14"><circle cx="7" cy="7" r="6" fill="none" stroke="currentColor" stroke-width="1.4"/><path d="M7 1a6 6 0 0 0 0 12z" fill="currentColor"/>');
    const turn = () => {
      keep("tongro-theme", next);
      this.theme();
      this.top();
    };
    return h("button", { class: "button icon", id: "theme", "aria-label": name, title: this.t(`ui.theme.${now}`), on: { click: turn } }, sign);
  }

  theme() {
    const now = kept("tongro-theme") ?? "auto";
    document.documentElement.dataset.theme = now === "auto" ? (this.dark.matches ? "dark" : "light") : now;
  }

  // ---- what is said

  /** @param {string} text for those who listen */
  say(text) {
    byId("live").textContent = text;
  }

  /** @param {string} text */
  complain(text) {
    const box = byId("toast");
    box.replaceChildren(h("span", null, ...prose(text)), h("button", { class: "button small", on: { click: () => (box.hidden = true) } }, this.t("ui.a11y.close")));
    box.hidden = false;
  }
}

/** The line above the ladder that filters, or goes to a time. */
class Finder {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.box = byId("finder");
    /** @type {"filter" | "goto"} */
    this.mode = "filter";
  }

  /** @param {"filter" | "goto"} mode */
  open(mode) {
    this.mode = mode;
    this.box.hidden = false;
    this.redraw();
    this.box.querySelector("input")?.focus();
  }

  redraw() {
    if (this.box.hidden) return;
    const { t } = this.app;
    const input = /** @type {HTMLInputElement} */ (h("input", { class: "field", id: "find", autocomplete: "off", spellcheck: "false", value: this.mode === "filter" ? (this.app.run?.query ?? "") : "" }));
    this.note = h("span", { class: "mut", role: "status" });
    input.addEventListener("input", () => this.change(input.value));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
      if (event.key === "Enter" || event.key === "ArrowDown") this.enter(input.value);
    });
    this.box.replaceChildren(h("label", { for: "find" }, t(this.mode === "goto" ? "ui.goto.label" : "ui.filter.label")), input, this.note, h("button", { class: "button small", on: { click: () => this.close() } }, t("ui.a11y.close")));
    this.change(input.value);
  }

  /** @param {string} text */
  change(text) {
    const run = this.app.run;
    if (!run || !this.note || this.mode === "goto") return;
    run.filter(text);
    const chosen = this.app.ladder.chosen;
    const arrow = chosen === null || run.layout.place[chosen] === undefined ? run.layout.arrows.items[0] : run.arrows[chosen];
    if (arrow && !this.app.ladder.sticks) this.app.ladder.show(arrow);
    this.note.textContent = this.app.t("ui.filter.count", { shown: run.layout.arrows.items.length, total: run.count });
    this.app.change();
  }

  /** @param {string} text */
  enter(text) {
    const run = this.app.run;
    if (run && this.mode === "goto" && text.trim() !== "") {
      const at = Number(text.replace(",", ".")) * 1e6;
      const items = run.layout.arrows.items;
      const arrow = items.find((one) => one.sent_at >= at) ?? items.at(-1);
      if (arrow && Number.isFinite(at)) this.app.select(arrow.no);
      this.close();
    } else this.app.move(0);
    this.app.ladder.focus();
  }

  close() {
    if (this.box.hidden) return;
    const inside = this.box.contains(document.activeElement);
    this.box.hidden = true;
    const run = this.app.run;
    if (run?.query) {
      run.filter("");
      this.app.change();
    }
    if (inside) this.app.ladder.focus();
  }
}

/** @param {string} key */
function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // a browser that keeps nothing: the choice holds for this page
  }
}

const asked = new URLSearchParams(location.search);
// the page's own switch wins; else what the address asks for, else what the server speaks
const lang = kept("tongro-lang") ?? asked.get("lang") ?? document.documentElement.lang;
history.replaceState(null, "", "/");
new App(await load(lang === "ko" ? "ko" : "en"));
