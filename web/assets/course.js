// The left column: the course where there is one, the runs, and the user's own program.

import { byId, h } from "./dom.js";

const GOAL = { pass: "ui.course.done", fail: "ui.verdict.fail", open: "ui.course.todo" };
const SIGNS = { done: "✓", open: "▸", todo: "○", pass: "✓", fail: "✗" };

/** @param {import("./main.js").App} app */
export function drawCourse(app) {
  const { t } = app;
  const box = byId("course");
  const form = box.querySelector("form");
  const kept = form ? [...form.elements].map((one) => /** @type {HTMLInputElement} */ (one).value) : [];
  box.setAttribute("aria-label", t("ui.a11y.course"));
  box.replaceChildren(...(app.course ? course(app, app.course) : []), mine(app), h("section", { class: "box", "aria-labelledby": "runs-head" }, h("div", { class: "head" }, h("h2", { id: "runs-head" }, t("ui.runs.title"))), h("ul", { class: "runs", id: "runs" })));
  const fresh = box.querySelector("form");
  if (fresh) {
    [...fresh.elements].forEach((one, at) => kept[at] && one.tagName !== "BUTTON" && (/** @type {HTMLInputElement} */ (one).value = kept[at] ?? ""));
    fresh.querySelector("select")?.dispatchEvent(new Event("change"));
  }
  drawRuns(app);
}

/** @param {import("./main.js").App} app @param {Course} course */
function course(app, course) {
  const { t, texts } = app;
  const done = course.days.reduce((sum, day) => sum + day.done, 0);
  const total = course.days.reduce((sum, day) => sum + day.total, 0);
  const share = total ? Math.round((100 * done) / total) : 0;
  const title = texts.ref(course.title);
  return [
    h("div", { class: "title" }, h("span", null, title), h("span", null, `${share}%`)),
    h("progress", { class: "bar", max: "100", value: share, "aria-label": title }),
    h("ol", null, ...course.days.map((day) => drawDay(app, day))),
    course.goals.length
      ? h(
          "section",
          { class: "box", "aria-label": t("ui.course.practical") },
          h("div", { class: "head" }, h("h2", null, t("ui.course.practical")), h("span", null, `${course.goals.filter((goal) => goal.state === "pass").length}/${course.goals.length}`)),
          h("ul", { class: "goals" }, ...course.goals.map((goal) => h("li", { class: goal.state === "fail" ? "fail" : "" }, h("span", { class: goal.state, "aria-hidden": "true" }, sign(goal.state)), h("span", null, texts.ref(goal.title), h("span", { class: "sr" }, ` (${t(GOAL[goal.state])})`)))),
          ),
          course.file ? h("code", { class: "file" }, course.file) : null,
        )
      : null,
  ].filter((node) => node !== null);
}

/** @param {string} state */
function sign(state) {
  return state === "open" ? "○" : (/** @type {Record<string, string>} */ (SIGNS)[state] ?? "");
}

/** @param {import("./main.js").App} app @param {Day} day */
function drawDay(app, day) {
  const isOpen = day.practicals.length > 0;
  const list = day.practicals.map((one) =>
    h("li", { class: one.state, "aria-current": one.state === "open" ? "step" : null }, h("span", { class: one.state === "done" ? "pass" : "", "aria-hidden": "true" }, SIGNS[one.state]), h("span", null, `${one.no} ${app.texts.ref(one.title)}`, one.state === "done" ? h("span", { class: "sr" }, ` (${app.t("ui.course.done")})`) : null)),
  );
  return h(
    "li",
    null,
    h("div", { class: `day${isOpen ? " open" : ""}` }, h("span", { class: "no" }, String(day.no)), h("span", null, app.texts.ref(day.title)), h("span", { class: "of" }, `${day.done}/${day.total}`)),
    isOpen ? h("ul", { class: "practicals" }, ...list) : null,
  );
}

/** @param {import("./main.js").App} app */
export function drawRuns(app) {
  const { t } = app;
  const rows = app.runs.slice(-200).reverse().map((run) =>
    h(
      "li",
      null,
      h(
        "button",
        { "aria-current": run.run === app.run?.no, on: { click: () => app.open(run.run) } },
        h("span", { class: `dot${run.is_live ? " live" : ""}` }),
        h("span", null, app.title(run), " ", h("span", { class: "mono" }, run.program), run.is_live ? h("span", { class: "sr" }, ` (${t("ui.course.current")})`) : null),
      ),
    ),
  );
  byId("runs").replaceChildren(...(rows.length ? rows : [h("li", { class: "nothing" }, t("ui.top.idle"))]));
}

/** @param {import("./main.js").App} app */
function mine(app) {
  const { t, texts } = app;
  const command = /** @type {HTMLInputElement} */ (h("input", { class: "field mono", id: "command", required: true, autocomplete: "off", spellcheck: "false", placeholder: t("ui.form.placeholder") }));
  const contract = /** @type {HTMLSelectElement} */ (h("select", { class: "field", id: "contract" }, ...app.contracts.map((id) => h("option", { value: id }, texts.has(`ui.form.contract_${id}`) ? t(`ui.form.contract_${id}`) : id))));
  const side = /** @type {HTMLSelectElement} */ (h("select", { class: "field", id: "side", on: { change: () => (check.disabled = !can()) } }, ...["server", "client"].map((id) => h("option", { value: id }, t(`ui.host.${id}`)))));
  // contracts are about servers
  const can = () => app.contracts.length > 0 && side.value === "server";
  const run = h("button", { class: "button", type: "button", id: "run", on: { click: () => command.reportValidity() && app.socket.ask("run", { command: command.value, side: side.value }) } }, t("ui.form.start"));
  const check = /** @type {HTMLButtonElement} */ (h("button", { class: "button", type: "submit", id: "check", disabled: !can() }, t("ui.form.start_checks")));
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    app.verdicts.clear();
    app.socket.ask("check", { contract: contract.value, command: command.value });
  };
  return h(
    "section",
    { class: "box", "aria-labelledby": "mine-head" },
    h("div", { class: "head" }, h("h2", { id: "mine-head" }, t("ui.form.title"))),
    h("form", { class: "mine", on: { submit } }, h("label", null, t("ui.form.command"), command), h("label", null, t("ui.form.side"), side), h("label", null, t("ui.form.contract"), contract), h("div", { class: "row" }, run, check)),
  );
}
