// The ladder on the page: scrolls a window over a run, follows the live end, selects frames.

import { h, svg } from "./dom.js";
import { draw } from "./draw.js";

const KINDS = ["control", "data", "ack", "retransmission", "loss"];
const REACH = 6.5;
const EDGE = 24;

export class LadderView {
  /**
   * @param {HTMLElement} box
   * @param {{ select: (no: number) => void, t: (id: string, params?: any) => string, has: (id: string) => boolean, change: () => void }} app
   */
  constructor(box, app) {
    this.box = box;
    this.app = app;
    /** @type {import("./run.js").Run | null} */
    this.run = null;
    /** @type {number | null} */
    this.chosen = null;
    /** @type {number | null} */
    this.hover = null;
    /** @type {number | null} */
    this.replay = null;
    this.live = false;
    this.sticks = true;
    /** Where it was scrolled to. */
    this.last = 0;
    this.height = 0;
    /** @type {import("./draw.js").Line[]} */
    this.lines = [];
    this.svg = svg(frame());
    this.svg.removeAttribute("aria-hidden");
    this.svg.setAttribute("role", "presentation");
    this.list = /** @type {SVGElement} */ (this.svg.querySelector("[role=listbox]"));
    /** Columns, frames, labels. */
    this.layers = [...this.svg.querySelectorAll(":scope > g > g")];
    /** What they hold. @type {string[]} */
    this.texts = [];
    this.space = h("div", { class: "space" });
    this.space.append(this.svg);
    this.scroll = h("div", { class: "scroll" }, this.space);
    this.empty = h("p", { class: "empty" });
    this.back = h("button", { class: "button tolive", hidden: true, on: { click: () => this.follow() } });
    this.sampled = h("p", { class: "sampled", hidden: true });
    box.replaceChildren(this.scroll, this.empty, this.sampled, this.back);
    this.listen();
  }

  listen() {
    this.scroll.addEventListener("scroll", () => {
      const { scrollTop, clientHeight, scrollHeight } = this.scroll;
      const left = scrollHeight - clientHeight - scrollTop;
      // a picture that grew shorter also moves up, but stays at its end
      if (scrollTop < this.last && left > 1) this.sticks = false;
      else if (scrollTop > this.last && left <= EDGE) this.sticks = true;
      this.last = scrollTop;
      this.app.change();
    });
    // the wish to go up counts at once: a slow wheel must not be pulled back by the next packet
    this.scroll.addEventListener("wheel", (event) => {
      if (event.deltaY < 0) this.sticks = false;
    }, { passive: true });
    this.svg.addEventListener("pointermove", (event) => this.point(this.near(event)));
    this.svg.addEventListener("pointerleave", () => this.point(null));
    this.svg.addEventListener("click", (event) => {
      const no = this.near(event);
      if (no !== null) this.app.select(no);
      this.focus();
    });
    new ResizeObserver(() => this.app.change()).observe(this.scroll);
  }

  focus() {
    this.list.focus({ preventScroll: true });
  }

  follow() {
    this.sticks = true;
    this.focus();
    this.app.change();
  }

  /** @param {number | null} no */
  point(no) {
    if (no === this.hover) return;
    this.hover = no;
    this.svg.classList.toggle("over", no !== null);
    this.app.change();
  }

  /** The frame under the pointer. @param {MouseEvent} event @returns {number | null} */
  near(event) {
    const box = this.space.getBoundingClientRect();
    const zoom = box.width / this.space.offsetWidth || 1;
    const x = (event.clientX - box.left) / zoom;
    const y = (event.clientY - box.top) / zoom;
    let best = REACH;
    let no = null;
    for (const { arrow, xa, ya, xb, yb } of this.lines) {
      const share = Math.max(0, Math.min(1, ((x - xa) * (xb - xa) + (y - ya) * (yb - ya)) / ((xb - xa) ** 2 + (yb - ya) ** 2)));
      const far = Math.hypot(x - xa - (xb - xa) * share, y - ya - (yb - ya) * share);
      if (far < best) {
        best = far;
        no = arrow.no;
      }
    }
    return no;
  }

  /** @param {number} y puts this height into view */
  reveal(y) {
    const { scrollTop, clientHeight } = this.scroll;
    if (y >= scrollTop + 30 && y <= scrollTop + clientHeight - 30) return;
    this.sticks = false;
    this.scroll.scrollTop = y - clientHeight / 2;
  }

  /** @param {Arrow} arrow */
  show(arrow) {
    const layout = this.run?.layout;
    if (!layout) return;
    this.measure();
    this.reveal((layout.y1(arrow) + layout.y2(arrow)) / 2);
  }

  /** Fits the gap to the window and the scroll height to the run. */
  measure() {
    const warp = this.run?.layout.warp;
    if (!warp) return 0;
    const view = this.scroll.clientHeight;
    warp.fit(view);
    const height = Math.max(view, Math.ceil(warp.height()));
    if (height !== this.height) {
      this.height = height;
      this.space.style.setProperty("height", `${height}px`);
    }
    return height;
  }

  /** Draws what is visible; called once a frame at most. */
  draw() {
    const run = this.run;
    this.empty.hidden = Boolean(run?.count);
    this.empty.textContent = this.app.t(run?.query ? "ui.filter.none" : "ui.ladder.empty");
    if (!run) return;
    const height = this.measure();
    const view = this.scroll.clientHeight;
    if (this.sticks && this.live && this.replay === null) {
      this.scroll.scrollTop = height;
      this.last = this.scroll.scrollTop;
    }
    const width = this.scroll.clientWidth;
    const from = Math.max(0, Math.min(this.scroll.scrollTop, height - view));
    const to = from + view;
    const { t, has } = this.app;
    const scene = { run, width, from, to, height, chosen: this.chosen, hover: this.hover, replay: this.replay, live: this.live, t, has };
    const { back, options, labels, lines, total } = draw(scene);
    this.sampled.hidden = lines.length === total;
    if (!this.sampled.hidden) this.sampled.textContent = t("ui.ladder.sampled", { shown: lines.length, total });
    this.lines = lines;
    this.size(width, from, view);
    for (const [at, text] of [back, options, labels].entries()) this.put(at, text);
    this.name();
  }

  /** Replaces a layer of the picture, if it changed. @param {number} at @param {string} text */
  put(at, text) {
    const layer = this.layers[at];
    if (!layer || this.texts[at] === text) return;
    this.texts[at] = text;
    layer.innerHTML = text;
  }

  /** The svg covers the window only. @param {number} width @param {number} from @param {number} view */
  size(width, from, view) {
    this.svg.setAttribute("width", String(width));
    this.svg.setAttribute("height", String(view));
    this.svg.style.setProperty("top", `${from}px`);
    this.svg.setAttribute("viewBox", `0 ${Math.round(from * 10) / 10} ${width} ${view}`);
  }

  name() {
    const there = this.chosen !== null && this.svg.querySelector(`#p${this.chosen}`);
    if (there) this.list.setAttribute("aria-activedescendant", `p${this.chosen}`);
    else this.list.removeAttribute("aria-activedescendant");
    this.list.setAttribute("aria-label", this.app.t("ui.a11y.ladder"));
    this.back.hidden = this.sticks || !this.live || this.replay !== null;
    this.back.textContent = this.app.t("ui.ladder.follow");
  }
}

function frame() {
  const heads = KINDS.map(
    (kind) =>
      `<marker id="head-${kind}" markerUnits="userSpaceOnUse" markerWidth="10" markerHeight="9" refX="9.5" refY="4.5" orient="auto"><path class="f-${kind}" d="M0 0L10 4.5L0 9z"/></marker>`,
  ).join("");
  const hatch = '<pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect class="hatchback" width="4" height="4"/><path class="hatchline" d="M0 2H4"/></pattern>';
  return `><defs>${heads}${hatch}</defs><g><g></g><g role="listbox" id="packets" tabindex="0"></g><g aria-hidden="true"></g></g>`;
}
