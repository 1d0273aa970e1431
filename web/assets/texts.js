// The words: id + parameters → text. The rules of templates are the course's: `{n}`, `{n:은/는}`, `{n|은/는}`, `{{`, `}}`.

import { particle } from "./particle.js";

export class Texts {
  /** @param {string} lang @param {Record<string, string>} words */
  constructor(lang, words) {
    this.lang = lang;
    this.words = words;
  }

  /** @param {string} id */
  has(id) {
    return Object.hasOwn(this.words, id);
  }

  /** @param {string} id @param {Pairs | Record<string, unknown>} [params] */
  t(id, params) {
    return this.parts(id, params).map((part) => part.text).join("");
  }

  /** Is there such a text, and a value for all it asks for? @param {string} id @param {Pairs} params */
  fills(id, params) {
    return this.has(id) && this.parts(id, params).every((part) => part.name === null || part.text !== `{${part.name}}`);
  }

  /** The first of these ids that has words, or the last one itself. @param {string[]} ids @param {Pairs | Record<string, unknown>} [params] */
  first(ids, params) {
    const id = ids.find((one) => this.has(one));
    return id ? this.t(id, params) : (ids.at(-1) ?? "");
  }

  /** @param {TextRef} ref */
  ref(ref) {
    return this.t(ref.id, ref.params);
  }

  /**
   * The text in pieces, so that a parameter can become a chip.
   * @param {string} id @param {Pairs | Record<string, unknown>} [params]
   * @returns {{ text: string, name: string | null }[]}
   */
  parts(id, params) {
    const template = this.words[id];
    if (template === undefined) return [{ text: id, name: null }];
    /** @type {Map<string, string>} */
    const values = new Map(Array.isArray(params) ? params : Object.entries(params ?? {}).map(([name, value]) => [name, String(value)]));
    const parts = [];
    let from = 0;
    for (const match of template.matchAll(/\{\{|\}\}|\{([a-z0-9_]+)(?:([:|])([^}]+))?\}/g)) {
      parts.push({ text: template.slice(from, match.index), name: null });
      from = match.index + match[0].length;
      const [whole, name, sign, pair] = match;
      if (name === undefined) {
        parts.push({ text: whole.slice(1), name: null });
        continue;
      }
      const value = values.get(name);
      if (sign !== "|") parts.push({ text: value ?? `{${name}}`, name });
      if (pair) parts.push({ text: particle(value ?? "", pair), name: null });
    }
    parts.push({ text: template.slice(from), name: null });
    return parts;
  }
}

/** @param {string} lang @returns {Promise<Texts>} */
export async function load(lang) {
  const answer = await fetch(`/api/texts/${lang}`);
  if (!answer.ok) throw new Error(`no texts: ${answer.status}`);
  return new Texts(lang, await answer.json());
}

/** Milliseconds with one decimal. @param {number} nanos */
export function ms(nanos) {
  return (nanos / 1e6).toFixed(1);
}
