// The keyboard: every action of the page without a mouse, the key bar and the list of all keys.

import { byId, h, svg } from "./dom.js";

const HELP = ["↑ ↓ / j k", "Home", "End", "[ ]", "Space", "/", "g t", "x", "f", "m", "F6", "Esc", "?"];
const NAMES = ["move", "first", "last", "layer", "replay", "filter", "goto", "drop"].map((name) => `ui.keys.${name}`).concat("ui.ladder.follow", "ui.top.lecture", "ui.keys.panel", "ui.keys.close", "ui.keys.all");
const PANELS = ["ladder", "inspector", "output", "checks", "course", "top"];

/** @param {import("./main.js").App} app */
export function listen(app) {
  let before = "";
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "F6") {
      event.preventDefault();
      panel(event.shiftKey ? -1 : 1);
      return;
    }
    if (byId("help").hasAttribute("open") || typing(event)) return;
    const pair = `${before} ${event.key}`;
    before = event.key;
    const act = actions(app, pair === "g t" ? "g t" : event.key, event);
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** @param {KeyboardEvent} event */
function typing(event) {
  return event.target instanceof Element && event.target.matches("input, select, textarea");
}

/** @param {import("./main.js").App} app @param {string} key @param {KeyboardEvent} event @returns {(() => void) | undefined} */
function actions(app, key, event) {
  const on = (/** @type {string} */ what) => event.target instanceof Element && event.target.closest(what);
  const scrolls = on("[role=group][tabindex='0']");
  switch (key) {
    case "ArrowDown":
      return scrolls ? undefined : () => app.move(1);
    case "ArrowUp":
      return scrolls ? undefined : () => app.move(-1);
    case "j":
      return () => app.move(1);
    case "k":
      return () => app.move(-1);
    case "Home":
      return scrolls ? undefined : () => app.move(-Infinity);
    case "End":
      return scrolls ? undefined : () => app.move(Infinity);
    case "[":
      return () => app.inspector.moveLayer(-1);
    case "]":
      return () => app.inspector.moveLayer(1);
    case " ":
      return on("button, a, summary") ? undefined : () => app.replay.toggle();
    case "/":
      return () => app.finder.open("filter");
    case "g t":
      return () => app.finder.open("goto");
    case "x":
      return () => app.drop();
    case "f":
      return () => app.ladder.follow();
    case "m":
      return () => app.lecture();
    case "?":
      return () => help(app);
    case "Escape":
      return () => app.finder.close();
    default:
      return undefined;
  }
}

/** Moves the focus to the next panel. @param {number} step */
function panel(step) {
  const now = PANELS.findIndex((id) => byId(id).contains(document.activeElement));
  for (let turn = 1; turn <= PANELS.length; turn++) {
    const id = PANELS[(now + step * turn + 2 * PANELS.length) % PANELS.length] ?? "ladder";
    const stop = id === "ladder" ? byId("packets") : byId(id).querySelector("button, input, [tabindex='0']");
    if (stop && (stop instanceof SVGElement || (stop instanceof HTMLElement && stop.offsetParent))) {
      /** @type {HTMLElement} */ (stop).focus();
      return;
    }
  }
}

/** @param {import("./main.js").App} app */
export function help(app) {
  const box = /** @type {HTMLDialogElement} */ (byId("help"));
  const rows = HELP.flatMap((keys, at) => [h("dt", null, ...caps(keys)), h("dd", null, app.t(NAMES[at] ?? ""))]);
  box.setAttribute("aria-labelledby", "help-head");
  box.replaceChildren(h("h2", { id: "help-head" }, app.t("ui.keys.title")), h("dl", null, ...rows), h("button", { class: "button", on: { click: () => box.close() } }, app.t("ui.a11y.close")));
  if (!box.open) box.showModal();
}

/** @param {string} keys */
function caps(keys) {
  return keys.split(" ").flatMap((key) => (key === "/" && keys !== "/" ? [" / "] : [h("kbd", null, key), " "]));
}

const LINE = 'viewBox="0 0 26 12" width="26"><path class="arrow';

/** @param {import("./main.js").App} app */
export function drawKeys(app) {
  const { t } = app;
  const keys = [["↑ ↓", "move"], ["[ ]", "layer"], ["Space", "replay"], ["/", "filter"]];
  const arrow = (/** @type {string} */ kind) => svg(`${LINE} k-${kind}" d="M1 6H17"/><path class="f-${kind}" d="M16 1.5L26 6L16 10.5z"/>`);
  const lost = svg(`${LINE} k-loss" d="M1 6H15"/><path class="cross" d="M15 1.5l9 9m0-9l-9 9"/>`);
  const hatch = svg('viewBox="0 0 22 12" width="22"><rect class="hatchback" x=".5" y="2.5" width="21" height="7"/><path class="hatchline" d="M.5 2.5h21v7H.5zM3 9.5l5-7m-1 7l5-7m-1 7l5-7m-1 7l5-7" fill="none"/>');
  const legend = /** @type {[string, Node][]} */ ([["blocked", hatch], ["control", arrow("control")], ["data", arrow("data")], ["ack", arrow("ack")], ["lost", lost], ["retransmission", arrow("retransmission")]]);
  byId("keys").replaceChildren(
    ...keys.map(([cap, name]) => h("span", null, h("kbd", null, cap ?? ""), t(`ui.keys.${name}`))),
    h("span", null, h("kbd", null, "?"), t("ui.keys.all")),
    h("span", { class: "rest" }),
    ...legend.map(([name, sign]) => h("span", null, sign, t(`ui.legend.${name}`))),
  );
}
