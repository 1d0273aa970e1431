// Things that last from one moment to another, found by a window of time: chunks of 64 know their own extent.

const SIZE = 64;

/** @template T */
export class Spans {
  /** @param {(item: T) => [number, number]} extent */
  constructor(extent) {
    this.extent = extent;
    /** @type {T[]} */
    this.items = [];
    /** @type {number[]} */
    this.low = [];
    /** @type {number[]} */
    this.high = [];
  }

  /** @param {T} item @returns {number} its place */
  add(item) {
    const at = this.items.push(item) - 1;
    this.widen(at);
    return at;
  }

  /** Puts another item in a place. @param {number} at @param {T} item */
  put(at, item) {
    this.items[at] = item;
    const chunk = Math.floor(at / SIZE);
    this.low[chunk] = Infinity;
    this.high[chunk] = -Infinity;
    const end = Math.min(this.items.length, (chunk + 1) * SIZE);
    for (let index = chunk * SIZE; index < end; index++) this.widen(index);
  }

  /** @param {number} at */
  widen(at) {
    const chunk = Math.floor(at / SIZE);
    const [from, until] = this.extent(/** @type {T} */ (this.items[at]));
    this.low[chunk] = Math.min(this.low[chunk] ?? Infinity, from);
    this.high[chunk] = Math.max(this.high[chunk] ?? -Infinity, until);
  }

  /** Those that touch the window, in order of adding. @param {number} from @param {number} until @returns {T[]} */
  in(from, until) {
    const found = [];
    for (let chunk = 0; chunk < this.low.length; chunk++) {
      if (/** @type {number} */ (this.low[chunk]) > until || /** @type {number} */ (this.high[chunk]) < from) continue;
      const end = Math.min(this.items.length, (chunk + 1) * SIZE);
      for (let index = chunk * SIZE; index < end; index++) {
        const item = /** @type {T} */ (this.items[index]);
        const [a, b] = this.extent(item);
        if (a <= until && b >= from) found.push(item);
      }
    }
    return found;
  }
}
