// Warped time: the order is exact, every frame event gets a minimum gap, a wait adds at most 16 px.
//
// A point's height is u · gap + w: both are running sums, so a change of the gap costs nothing and a height is found by
// binary search. `w` also holds the room that call names between two frames need.

export const START = 3;
export const SEND = 1;
export const ARRIVE = 2;

export const GAP_MIN = 10.4;
export const GAP_MAX = 26;
const WAIT = 16;
const FULL = 18e6;
const ANSWER = 0.3;
const AGAIN = 1.3;
const LINE = 13;
const SLACK = 20;

/** @param {number} nanos */
function wait(nanos) {
  return WAIT * Math.min(1, Math.max(0, nanos) / FULL);
}

export class Warp {
  constructor() {
    /** @type {Point[]} */
    this.points = [];
    this.gap = GAP_MAX;
    /** From which point on the sums are stale. */
    this.dirty = 0;
    /** Call names after the last point, by host: times. @type {[number[], number[]]} */
    this.tail = [[], []];
    this.top = 22;
  }

  /** @param {number} t @param {number} kind @param {number} host @returns {Point} */
  add(t, kind, host) {
    const point = { t, kind, host, u: 0, w: 0, need0: 0, need1: 0 };
    const points = this.points;
    let at = points.length;
    while (at > 0 && /** @type {Point} */ (points[at - 1]).t > t) {
      if (points.length - at > 32) {
        at = this.after(t);
        break;
      }
      at--;
    }
    if (at === points.length) {
      points.push(point);
      point.need0 = drain(this.tail[0], t);
      point.need1 = drain(this.tail[1], t);
    } else points.splice(at, 0, point);
    this.dirty = Math.min(this.dirty, at);
    return point;
  }

  /** Many at once, in any order. @param {Point[]} fresh */
  load(fresh) {
    this.points = fresh.sort((a, b) => a.t - b.t || b.kind - a.kind);
    this.dirty = 0;
  }

  /** Room for a call's name at this time. @param {number} t @param {number} host */
  name(t, host) {
    const at = this.after(t);
    const point = this.points[at];
    if (!point) {
      this.tail[host ? 1 : 0].push(t);
      return;
    }
    if (host) point.need1++;
    else point.need0++;
    this.dirty = Math.min(this.dirty, at);
  }

  /** Brings the running sums up to date. */
  settle() {
    const points = this.points;
    if (this.dirty >= points.length) return;
    let at = this.dirty;
    let before = at > 0 ? points[at - 1] : undefined;
    for (; at < points.length; at++) {
      const point = /** @type {Point} */ (points[at]);
      if (!before) {
        point.u = 0;
        point.w = 0;
      } else {
        const unit = units(before, point);
        const high = unit * GAP_MIN + wait(point.t - before.t);
        const need = Math.max(point.need0, point.need1) * LINE;
        point.u = before.u + unit;
        point.w = before.w + wait(point.t - before.t) + Math.max(0, need - high - SLACK);
      }
      before = point;
    }
    this.dirty = points.length;
  }

  /** The gap at which all fits in this height, within its limits. @param {number} height */
  fit(height) {
    this.settle();
    const last = this.points.at(-1);
    const free = height - this.top - this.below() - (last?.w ?? 0);
    this.gap = last && last.u > 0 ? Math.min(GAP_MAX, Math.max(GAP_MIN, free / last.u)) : GAP_MAX;
  }

  /** Pixels kept under the last point. */
  below() {
    return 26 + Math.min(8, Math.max(this.tail[0].length, this.tail[1].length)) * LINE;
  }

  /** The height of all. */
  height() {
    const last = this.points.at(-1);
    return this.top + (last ? this.y(last) - this.top : 0) + this.below();
  }

  /** @param {Point} point */
  y(point) {
    return this.top + point.u * this.gap + point.w;
  }

  /** Index of the first point later than t. @param {number} t */
  after(t) {
    const points = this.points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {Point} */ (points[middle]).t <= t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The height of a moment. @param {number} t */
  at(t) {
    const next = this.after(t);
    const before = this.points[next - 1];
    const after = this.points[next];
    if (!before) return after ? Math.max(0, this.y(after) - wait(after.t - t)) : this.top;
    const y = this.y(before);
    if (!after) return y + wait(t - before.t);
    return after.t === before.t ? y : y + ((this.y(after) - y) * (t - before.t)) / (after.t - before.t);
  }

  /** The moment at a height. @param {number} y */
  time(y) {
    const next = this.under(y);
    const before = this.points[next - 1];
    const after = this.points[next];
    if (!before) return after ? after.t - 1 : 0;
    if (!after) return before.t + (Math.max(0, Math.min(WAIT, y - this.y(before))) / WAIT) * FULL;
    const from = this.y(before);
    const span = this.y(after) - from;
    return span <= 0 ? before.t : before.t + ((after.t - before.t) * (y - from)) / span;
  }

  /** Index of the first point below this height. @param {number} y */
  under(y) {
    const points = this.points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.y(/** @type {Point} */ (points[middle])) <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** An answer sits just under its cause; consecutive sends of a host stand apart. @param {Point} before @param {Point} point */
function units(before, point) {
  if (before.kind === START) return point.t === before.t ? 0 : 1;
  if (point.kind === SEND && before.host === point.host) return before.kind === ARRIVE ? ANSWER : AGAIN;
  return 1;
}

/** @param {number[]} times @param {number} t */
function drain(times, t) {
  let count = 0;
  while (times.length && /** @type {number} */ (times[0]) <= t) {
    times.shift();
    count++;
  }
  return count;
}
