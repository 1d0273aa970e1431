// Korean particles, chosen by the last sound of the word before them; the same rules as the course room's.
//
// `은/는`, `이/가` … have one form after a final consonant and one after a vowel; `으로/로` takes the second after ㄹ too.
// A number sounds as it is read, a short abbreviation by its last letter's name, a longer word by its ending.

/** @typedef {"open" | "rieul" | "closed" | null} Sound */

const DIGITS = /** @type {Sound[]} */ (["closed", "rieul", "open", "closed", "open", "open", "closed", "rieul", "rieul", "open"]);
const EXCEPTIONS = /** @type {Record<string, Sound>} */ ({
  ack: "open", check: "open", exit: "open", root: "open", bit: "open", web: "closed", google: "rieul",
});
const CLOSED = ["m", "n", "ng", "me", "ne", "ck", "out"];

/** @param {string} word @param {string} pair `은/는` */
export function particle(word, pair) {
  const [closed = "", open = ""] = pair.split("/");
  const sound = lastSound(word);
  if (sound === "open" || (sound === "rieul" && closed.startsWith("으로"))) return open;
  if (sound) return closed;
  if (closed === open) return open;
  return closed.endsWith(open) ? `(${closed.slice(0, closed.length - open.length)})${open}` : `${closed}(${open})`;
}

/** @param {string} text @returns {Sound} */
function lastSound(text) {
  const word = text.replace(/[^\p{Alphabetic}\p{N}%]+$/u, "");
  const last = [...word].at(-1) ?? "";
  if (last === "%") return "open";
  if (last >= "가" && last <= "힣") return hangul(last);
  if (/[0-9]/.test(last)) return number(word);
  return /[a-z]/i.test(last) ? latin(word) : null;
}

/** @param {string} syllable @returns {Sound} */
function hangul(syllable) {
  const final = (syllable.charCodeAt(0) - 0xac00) % 28;
  return final === 0 ? "open" : final === 8 ? "rieul" : "closed";
}

/** @param {string} word @returns {Sound} */
function number(word) {
  const written = /[0-9,.]*$/.exec(word)?.[0] ?? "";
  const isDecimal = written.split(".").length === 2;
  const digits = (written.split(".").at(-1) ?? "").replaceAll(",", "");
  const zeros = /0*$/.exec(digits)?.[0].length ?? 0;
  if (isDecimal || zeros === 0 || zeros === digits.length) return DIGITS[Number(digits.at(-1) ?? "0")] ?? null;
  return Math.floor(zeros / 4) === 3 ? "open" : "closed";
}

/** @param {string} text @returns {Sound} */
function latin(text) {
  const word = /[A-Za-z0-9_]*$/.exec(text)?.[0] ?? "";
  const part = (word.split("_").at(-1) ?? "").replace(/^[0-9]+/, "");
  if ((word.length <= 4 && /^[A-Z0-9]+$/.test(word)) || part.length < 2) return letter(part.at(-1) ?? "");
  return ending(part.toLowerCase());
}

/** @param {string} last @returns {Sound} */
function letter(last) {
  return /[lr]/i.test(last) ? "rieul" : /[mn]/i.test(last) ? "closed" : "open";
}

/** @param {string} word @returns {Sound} */
function ending(word) {
  if (Object.hasOwn(EXCEPTIONS, word)) return EXCEPTIONS[word] ?? null;
  if (word.endsWith("l") || word.endsWith("le")) return "rieul";
  const isShortStop = /(^|[^aeiou])[aeiou][ptkc]$/.test(word);
  return isShortStop || CLOSED.some((end) => word.endsWith(end)) ? "closed" : "open";
}
