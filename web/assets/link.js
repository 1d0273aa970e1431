// The link bar: chips that show and change what the link does, and the two buttons that hurt.

import { byId, h } from "./dom.js";

/**
 * @typedef {object} Knob
 * @property {string} id
 * @property {keyof LinkSettings} key
 * @property {number} scale units of the setting in one shown
 * @property {number} max
 * @property {number} step
 * @property {string} unit how its value is written
 * @property {boolean} hurts
 */

/** @type {Knob[]} */
const KNOBS = [
  { id: "delay", key: "delay_us", scale: 1000, max: 500, step: 1, unit: "delay", hurts: false },
  { id: "jitter", key: "jitter_us", scale: 1000, max: 100, step: 0.1, unit: "jitter", hurts: false },
  { id: "loss", key: "loss_ppm", scale: 10000, max: 100, step: 0.5, unit: "percent", hurts: true },
  { id: "reorder", key: "reorder_ppm", scale: 10000, max: 100, step: 0.5, unit: "percent", hurts: true },
];

export class LinkBar {
  /** @param {import("./main.js").App} app */
  constructor(app) {
    this.app = app;
    this.box = byId("linkbar");
    /** @type {HTMLElement | null} */
    this.pop = null;
    /** @type {string | null} */
    this.open = null;
    document.addEventListener("pointerdown", (event) => {
      if (this.pop && event.target instanceof Node && !this.pop.contains(event.target) && !this.box.contains(event.target)) this.close(false);
    });
  }

  redraw() {
    const t = this.app.t;
    const focused = document.activeElement?.id;
    this.box.replaceChildren(
      h("h2", null, t("ui.link.title")),
      ...KNOBS.map((knob) => this.knob(knob)),
      h("span", { class: "rest" }),
      h("button", { class: "button", id: "drop", on: { click: () => this.app.drop() } }, t("ui.link.drop_next")),
      h("button", { class: "button", id: "reset", on: { click: () => this.app.socket.ask("reset") } }, t("ui.link.reset")),
    );
    if (this.pop) {
      const open = this.open;
      this.close(false);
      const knob = KNOBS.find((one) => one.id === open);
      if (knob) this.show(knob);
    } else if (focused) document.getElementById(focused)?.focus();
  }

  /** Only the numbers. */
  refresh() {
    for (const knob of KNOBS) {
      const chip = document.getElementById(`knob-${knob.id}`);
      const value = chip?.querySelector("b");
      if (!chip || !value) continue;
      value.textContent = this.value(knob);
      chip.classList.toggle("hurts", knob.hurts && this.number(knob) > 0);
    }
  }

  /** @param {Knob} knob */
  number(knob) {
    return this.app.link[knob.key] / knob.scale;
  }

  /** @param {Knob} knob */
  value(knob) {
    const n = Number(this.number(knob).toFixed(2));
    return this.app.t(`ui.link.value_${knob.unit}`, { ms: n, percent: n });
  }

  /** @param {Knob} knob */
  knob(knob) {
    return h(
      "button",
      {
        class: `knob ${knob.id}${knob.hurts && this.number(knob) > 0 ? " hurts" : ""}`, id: `knob-${knob.id}`, "aria-haspopup": "dialog",
        "aria-expanded": this.open === knob.id, on: { click: () => (this.open === knob.id ? this.close(true) : this.show(knob)) },
      },
      this.app.t(`ui.link.${knob.id}`), h("b", null, this.value(knob)),
    );
  }

  /** @param {Knob} knob */
  show(knob) {
    this.close(false);
    const chip = byId(`knob-${knob.id}`);
    const shape = { min: "0", max: String(knob.max), step: String(knob.step), value: String(this.number(knob)) };
    const slider = /** @type {HTMLInputElement} */ (h("input", { type: "range", "aria-label": this.app.t(`ui.link.${knob.id}`), ...shape }));
    const box = /** @type {HTMLInputElement} */ (h("input", { type: "number", class: "field", id: `box-${knob.id}`, ...shape }));
    slider.oninput = () => {
      box.value = slider.value;
      this.set(knob, Number(slider.value));
    };
    box.oninput = () => {
      if (!box.checkValidity() || box.value === "") return;
      slider.value = box.value;
      this.set(knob, Number(box.value));
    };
    this.pop = h(
      "div",
      { class: "pop", role: "dialog", "aria-label": this.app.t(`ui.link.${knob.id}`), on: { keydown: (/** @type {KeyboardEvent} */ event) => this.keys(event) } },
      h("label", { for: box.id }, this.app.t(`ui.link.${knob.id}`), " ", h("span", { class: "mut" }, knob.unit === "percent" ? "%" : "ms")),
      h("div", { class: "row" }, slider, box),
    );
    chip.after(this.pop);
    this.pop.style.setProperty("left", `${chip.offsetLeft}px`);
    this.pop.style.setProperty("top", `${chip.offsetTop + chip.offsetHeight + 5}px`);
    chip.setAttribute("aria-expanded", "true");
    this.open = knob.id;
    box.focus();
  }

  /** @param {KeyboardEvent} event */
  keys(event) {
    if (event.key === "Escape" || event.key === "Enter") this.close(true);
    event.stopPropagation();
  }

  /** @param {boolean} back focus returns to the chip */
  close(back) {
    const chip = this.open ? document.getElementById(`knob-${this.open}`) : null;
    this.pop?.remove();
    this.pop = null;
    this.open = null;
    chip?.setAttribute("aria-expanded", "false");
    if (back) chip?.focus();
  }

  /** @param {Knob} knob @param {number} value */
  set(knob, value) {
    this.app.link = { ...this.app.link, [knob.key]: Math.round(value * knob.scale) };
    this.refresh();
    this.app.socket.ask("link", { link: this.app.link });
  }
}
