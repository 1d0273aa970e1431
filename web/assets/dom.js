// Elements from plain calls, so that no module writes markup with values in it.

/**
 * @param {string} tag
 * @param {Record<string, any> | null} [props] attributes; `on` = listeners, `set` = properties, `css` = style properties
 * @param {...(Node | string | null | undefined | false)} kids
 * @returns {HTMLElement}
 */
export function h(tag, props, ...kids) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, /** @type {EventListener} */ (listener));
    else if (name === "set") Object.assign(node, value);
    else if (name === "css") for (const [key, one] of Object.entries(value)) node.style.setProperty(key, String(one));
    else if (name.startsWith("aria-") && value !== null) node.setAttribute(name, String(value));
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  for (const kid of kids) if (kid || kid === "") node.append(kid);
  return node;
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`no #${id}`);
  return node;
}

/** A sentence of the course: what stands in `backticks` is code. @param {string} text @returns {(Node | string)[]} */
export function prose(text) {
  return text.split("`").map((part, at) => (at % 2 ? h("code", null, part) : part));
}

/** @param {string} text the inside of an svg element, made by our own modules with `esc` around every value */
export function svg(text) {
  const holder = document.createElement("template");
  holder.innerHTML = `<svg aria-hidden="true" ${text}</svg>`;
  return /** @type {SVGElement} */ (holder.content.firstElementChild);
}

const ENTITIES = /** @type {Record<string, string>} */ ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" });

/** @param {unknown} text */
export function esc(text) {
  return String(text).replace(/[&<>"]/g, (mark) => ENTITIES[mark] ?? mark);
}

/**
 * A list of rows of one height of which only the visible ones exist.
 * @param {HTMLElement} box scrolls
 * @param {number} height of a row
 * @param {(index: number) => HTMLElement} make
 */
export function rows(box, height, make) {
  const space = h("div", { class: "space" });
  box.replaceChildren(space);
  let count = 0;
  const draw = () => {
    const first = Math.max(0, Math.floor(box.scrollTop / height) - 1);
    const last = Math.min(count, Math.ceil((box.scrollTop + box.clientHeight) / height) + 1);
    const made = [];
    for (let index = first; index < last; index++) {
      const row = make(index);
      row.style.setProperty("top", `${index * height}px`);
      made.push(row);
    }
    space.replaceChildren(...made);
  };
  box.onscroll = draw;
  return {
    /** @param {number} length */
    show(length) {
      count = length;
      space.style.setProperty("height", `${count * height}px`);
      draw();
    },
    draw,
  };
}
