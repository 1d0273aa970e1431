// The right panel: what a frame is, why it is there, its layers, fields and bytes.

import { h, prose, rows } from "./dom.js";
import { look } from "./draw.js";
import { ms } from "./texts.js";

const ROW = 20;
const PER = 8;
const CLASSES = /** @type {Record<string, string>} */ ({
  eth: "eth", ethernet: "eth", ipv4: "ip", vlan: "eth", arp: "eth", ip: "ip", ipv6: "ip", icmp: "ip", icmpv6: "ip", tcp: "tcp", udp: "tcp",
});

/** Where the filter's name of a layer is not that of its words. */
const NAMES = /** @type {Record<string, string>} */ ({ eth: "ethernet", ip: "ipv4" });

/** @param {string} id */
function tint(id) {
  return CLASSES[id] ?? "app";
}

export class Inspector {
  /** @param {HTMLElement} box @param {import("./main.js").App} app */
  constructor(box, app) {
    this.box = box;
    this.app = app;
    /** @type {Packet | null} */
    this.packet = null;
    /** @type {Arrow | null} */
    this.arrow = null;
    this.layer = 0;
    this.field = -1;
    /** Which field was chosen last, so that the next packet shows the same one. */
    this.wanted = "tcp.seq";
    this.bytes = new Uint8Array();
    this.redraw();
  }

  /** @param {Arrow} arrow */
  choose(arrow) {
    this.arrow = arrow;
    this.head();
  }

  /** @param {Packet | null} packet */
  show(packet) {
    this.packet = packet;
    this.bytes = Uint8Array.from(packet?.hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
    const layers = packet?.layers ?? [];
    const of = this.wanted.split(".")[0];
    const found = layers.findIndex((layer) => layer.id === of);
    this.layer = found >= 0 ? found : Math.max(0, layers.findLastIndex((layer) => layer.fields.length > 0 && tint(layer.id) !== "app"));
    this.field = layers[this.layer]?.fields.findIndex((field) => field.id === this.wanted) ?? -1;
    this.head();
    this.body();
  }

  redraw() {
    const t = this.app.t;
    this.box.setAttribute("aria-label", t("ui.a11y.inspector"));
    this.title = h("h2", { tabindex: "-1" });
    this.where = h("p", { class: "where" });
    this.why = h("div", { class: "why", tabindex: "0", role: "group", "aria-label": t("ui.inspector.why") });
    this.tabs = h("div", { class: "layers", role: "tablist", "aria-label": t("ui.keys.layer") });
    this.fields = h("div", {
      class: "fields", role: "listbox", tabindex: "0", id: "fields", "aria-label": t("ui.inspector.fields"),
      on: { keydown: (/** @type {KeyboardEvent} */ event) => this.fieldKeys(event) },
    });
    this.hex = h("div", {
      class: "hex", role: "group", tabindex: "0", "aria-label": t("ui.inspector.hex"),
      on: { click: (/** @type {MouseEvent} */ event) => this.pick(event) },
    });
    this.hexRows = rows(this.hex, ROW, (index) => this.hexRow(index));
    new ResizeObserver(() => this.hexRows?.draw()).observe(this.hex);
    this.box.replaceChildren(this.title, this.where, this.why, this.tabs, this.fields, this.hex);
    this.head();
    this.body();
  }

  head() {
    const { title, where, why, arrow } = this;
    if (!title || !where || !why) return;
    const t = this.app.t;
    for (const part of [where, why, this.tabs, this.fields, this.hex]) if (part) part.hidden = !arrow;
    if (!arrow) {
      title.textContent = t("ui.inspector.empty");
      return;
    }
    const findings = this.packet?.no === arrow.no && this.packet.findings.length ? this.packet.findings : arrow.findings;
    title.textContent = `#${arrow.no} ${this.what(arrow, findings)}`;
    const host = (/** @type {number} */ at) => t(`ui.host.${this.app.run?.hosts[at]?.role ?? "client"}`);
    const came = arrow.arrived_at === null ? (arrow.is_lost ? t("ui.inspector.lost") : "…") : `${ms(arrow.arrived_at)} ms`;
    where.replaceChildren(`${host(arrow.from)} → ${host(arrow.to)} · `, h("b", null, ms(arrow.sent_at)), " → ", h("b", null, came), " · ", h("b", null, String(arrow.len)), " B");
    why.className = `why k-${look(arrow)}`;
    const sayings = findings.filter((one) => this.app.texts.fills(`finding.${one.id}.why`, this.params(one)));
    const plain = { id: arrow.is_lost ? "lost" : arrow.kind === "ack" ? "ack" : "data", params: [], evidence: [] };
    const texts = sayings.map((one) => this.saying(one));
    if (!texts.length && this.app.texts.fills(`finding.${plain.id}.why`, this.params(plain)) && arrow.kind !== "control") texts.push(this.saying(plain));
    if (this.packet?.no === arrow.no) texts.push(...this.packet.problems.map((one) => this.problem(one)));
    why.replaceChildren(...texts);
    why.hidden = !texts.length;
  }

  /** @param {Arrow} arrow @param {Finding[]} findings */
  what(arrow, findings) {
    const named = findings.find((one) => this.app.texts.has(`finding.${one.id}.title`));
    return named ? this.app.t(`finding.${named.id}.title`, this.params(named)) : this.app.t(`ui.kind.${arrow.is_lost ? "lost" : arrow.kind}`);
  }

  /** What the words of a finding may ask for: its own numbers, and those of the frame it is on. @param {Finding} finding @returns {Pairs} */
  params(finding) {
    const arrow = this.arrow;
    const own = new Map(finding.params);
    const host = (/** @type {number} */ at) => this.app.t(`ui.host.${this.app.run?.hosts[at]?.role ?? "client"}`);
    const field = (/** @type {string} */ id) => this.packet?.no === arrow?.no && this.packet?.layers.flatMap((layer) => layer.fields).find((one) => one.id === id)?.value.split(" ")[0];
    const sharp = (/** @type {string | number | undefined} */ text) => (text === undefined || text === "" ? undefined : String(text).replace(/#?(\d+),?\s*/g, "#$1 ").trim());
    const known = {
      ...Object.fromEntries(own),
      n: arrow && `#${arrow.no}`, from: arrow && host(arrow.from), to: arrow && host(arrow.to), len: own.get("len") ?? (arrow && String(arrow.payload)),
      seq: own.get("seq") ?? field("tcp.seq"), ack: own.get("ack") ?? field("tcp.ack"), ms: own.get("ms") ?? own.get("after_ms"),
      first: sharp(own.get("first") ?? own.get("original") ?? own.get("of") ?? finding.evidence[0]), dups: sharp(own.get("dups") ?? own.get("duplicate_acks")),
    };
    return /** @type {Pairs} */ (Object.entries(known).filter(([, value]) => typeof value === "string"));
  }

  /** A finding's words; frame numbers in it are chips, and evidence the words do not name comes after them. @param {Finding} finding */
  saying(finding) {
    const said = new Set([this.arrow?.no]);
    const text = h("p");
    for (const part of this.app.texts.parts(`finding.${finding.id}.why`, this.params(finding))) {
      const numbers = part.name && /^#\d+( #\d+)*$/.test(part.text) ? part.text.match(/\d+/g) : null;
      if (!numbers || part.text === `#${this.arrow?.no}`) {
        text.append(...prose(part.text));
        continue;
      }
      for (const no of numbers.map(Number)) {
        said.add(no);
        text.append(this.chip(no));
      }
    }
    const rest = finding.evidence.filter((no) => !said.has(no));
    if (rest.length) text.append(" ", ...rest.map((no) => this.chip(no)));
    return text;
  }

  /** What is wrong with the bytes, in the field's words. @param {Problem} problem */
  problem(problem) {
    const params = problem.params.map(([name, value]) => `${name} ${value}`).join(", ");
    return h("p", { class: "fail" }, h("b", null, this.app.t("ui.inspector.problem")), " ", h("code", null, `${problem.id} ${params}`.trim()));
  }

  /** @param {number} no */
  chip(no) {
    return h("button", { class: "chip", on: { click: () => this.app.select(no) } }, `#${no}`);
  }

  body() {
    const { tabs, fields } = this;
    if (!tabs || !fields) return;
    const layers = this.packet?.layers ?? [];
    tabs.replaceChildren(...layers.map((layer, at) => this.tab(layer, at)));
    const layer = layers[this.layer];
    fields.replaceChildren(...this.visible().map((at) => this.row(/** @type {Field} */ (layer?.fields[at]), at)));
    fields.hidden = !layer?.fields.length;
    this.mark();
    this.hexRows?.show(Math.ceil(this.bytes.length / PER));
    this.reveal();
  }

  /** Places of the fields that are shown: rows, and the parts of the row that is chosen. */
  visible() {
    const fields = this.packet?.layers[this.layer]?.fields ?? [];
    const row = (/** @type {number} */ at) => fields.findLastIndex((field, index) => index <= at && field.depth === 0);
    const open = row(this.field);
    return fields.map((_, at) => at).filter((at) => fields[at]?.depth === 0 || (open >= 0 && row(at) === open));
  }

  /** @param {Layer} layer @param {number} at */
  tab(layer, at) {
    const chosen = at === this.layer;
    const id = NAMES[layer.id] ?? layer.id;
    const name = this.app.texts.has(`ui.layer.${id}`) ? this.app.t(`ui.layer.${id}`) : layer.name;
    return h(
      "button",
      {
        role: "tab", class: `c-${tint(layer.id)}`, "aria-selected": chosen, "aria-controls": "fields", tabindex: chosen ? "0" : "-1",
        css: { flex: `${at === 0 ? 1.35 : tint(layer.id) === "app" ? 1.7 : 1} 1 0` }, on: { click: () => this.chooseLayer(at), keydown: (/** @type {KeyboardEvent} */ event) => this.tabKeys(event) },
      },
      name, h("br"), `${layer.len} B`,
    );
  }

  /** @param {Field} field @param {number} at */
  row(field, at) {
    const range = field.len === 0 ? "" : field.len === 1 ? String(field.start) : `${field.start}–${field.start + field.len - 1}`;
    const name = this.app.texts.has(`field.${field.id}.name`) ? this.app.t(`field.${field.id}.name`) : field.name;
    const detail = field.detail && (/^tcp\.(seq|ack)$/.test(field.id) ? ` (${field.detail})` : ` ${field.detail}`);
    const value = field.value + detail;
    const wrong = field.is_bad || this.packet?.problems.some((one) => one.layer === this.layer && one.start < field.start + field.len && field.start < one.start + one.len);
    return h(
      "div",
      { role: "option", id: `field${at}`, class: field.depth ? `part${Math.min(2, field.depth)}` : null, "aria-selected": at === this.field, title: `${field.id} = ${value}`, on: { click: () => this.chooseField(this.layer, at) } },
      h("span", { class: "clip" }, name),
      h("span", { class: `mono clip${wrong ? " bad" : ""}` }, field.id === "tcp.flags" ? h("b", null, field.value) : field.value, detail && h("span", { class: "mut" }, detail)),
      h("span", { class: "mono range" }, range),
    );
  }

  /** @param {number} step */
  moveLayer(step) {
    const count = this.packet?.layers.length ?? 0;
    if (count) this.chooseLayer(Math.max(0, Math.min(count - 1, this.layer + step)));
  }

  /** @param {number} at */
  chooseLayer(at) {
    const inside = this.tabs?.contains(document.activeElement);
    this.layer = at;
    this.field = -1;
    this.wanted = `${this.packet?.layers[at]?.id ?? "tcp"}.`;
    this.body();
    if (inside) /** @type {HTMLElement | null} */ (this.tabs?.querySelector("[aria-selected=true]"))?.focus();
  }

  /** @param {number} layer @param {number} field */
  chooseField(layer, field) {
    this.layer = layer;
    this.field = field;
    this.wanted = this.packet?.layers[layer]?.fields[field]?.id ?? this.wanted;
    this.body();
  }

  mark() {
    const chosen = this.fields?.querySelector("[aria-selected=true]");
    if (chosen) {
      this.fields?.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else this.fields?.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  fieldKeys(event) {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const places = this.visible();
    if (!step || !places.length) return;
    event.preventDefault();
    event.stopPropagation();
    const next = places.indexOf(this.field) + step;
    this.chooseField(this.layer, places[Math.max(0, Math.min(places.length - 1, next))] ?? 0);
  }

  /** @param {KeyboardEvent} event */
  tabKeys(event) {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    this.moveLayer(step);
  }

  // ---- bytes

  /** The bytes that are yellow: the chosen field's. @returns {[number, number]} */
  yellow() {
    const field = this.packet?.layers[this.layer]?.fields[this.field];
    return field ? [field.start, field.start + field.len] : [-1, -1];
  }

  reveal() {
    const [from, to] = this.yellow();
    if (!this.hex || to <= from) return;
    const y = Math.floor(from / PER) * ROW;
    const { scrollTop, clientHeight } = this.hex;
    if (y < scrollTop || y + 2 * ROW > scrollTop + clientHeight) this.hex.scrollTop = Math.max(0, y - clientHeight / 3);
  }

  /** The layer a byte belongs to: the innermost that holds it. @param {number} at */
  layerAt(at) {
    return (this.packet?.layers ?? []).findLastIndex((layer) => at >= layer.start && at < layer.start + layer.len);
  }

  /** @param {number} index */
  hexRow(index) {
    const from = index * PER;
    const to = Math.min(this.bytes.length, from + PER);
    const hex = [];
    const ascii = [];
    for (const run of this.runs(from, to)) {
      const bytes = [...this.bytes.slice(run.from, run.to)];
      const css = { width: `calc(var(--byte) * ${bytes.length})` };
      hex.push(h("span", { class: `run ${run.cls}`, css }, bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ")));
      ascii.push(h("span", { class: run.cls.includes("chosen") ? "chosen" : "" }, bytes.map((byte) => (byte > 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("")));
    }
    const pad = h("span", { css: { width: `calc(var(--byte) * ${PER - (to - from)})` } });
    return h("div", { class: "hrow" }, h("span", { class: "off" }, from.toString(16).padStart(4, "0")), ...hex, pad, h("span", { class: "ascii", "aria-hidden": "true" }, ...ascii));
  }

  /** Stretches of one colour. @param {number} from @param {number} to */
  runs(from, to) {
    const [first, end] = this.yellow();
    /** @type {{ from: number, to: number, cls: string }[]} */
    const runs = [];
    for (let at = from; at < to; at++) {
      const layer = this.packet?.layers[this.layerAt(at)];
      const cls = at >= first && at < end ? "chosen" : `c-${tint(layer?.id ?? "data")}`;
      const last = runs.at(-1);
      if (last?.cls === cls) last.to = at + 1;
      else runs.push({ from: at, to: at + 1, cls });
    }
    return runs;
  }

  /** A click on a byte chooses the field that it belongs to. @param {MouseEvent} event */
  pick(event) {
    const row = /** @type {HTMLElement | null} */ (event.target instanceof Element ? event.target.closest(".hrow") : null);
    const space = this.hex?.firstElementChild;
    if (!row || !space || !this.hex) return;
    const byte = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--byte"));
    const x = event.clientX - row.getBoundingClientRect().left - 40;
    const column = Math.floor(x / byte);
    if (column < 0 || column >= PER) return;
    const at = Math.floor((event.clientY - space.getBoundingClientRect().top) / ROW) * PER + column;
    const layer = this.layerAt(at);
    const fields = this.packet?.layers[layer]?.fields ?? [];
    const inside = fields.map((field, index) => ({ field, index })).filter(({ field }) => at >= field.start && at < field.start + field.len);
    const best = inside.sort((a, b) => a.field.len - b.field.len)[0];
    if (layer >= 0) {
      if (best) this.chooseField(layer, best.index);
      else this.chooseLayer(layer);
    }
  }
}
