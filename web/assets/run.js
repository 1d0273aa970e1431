// One run as the page knows it: the ladder's items by number, and their layout in warped time.

import { Spans } from "./span.js";
import { ARRIVE, SEND, START, Warp } from "./warp.js";

const CALL_LANES = 3;
const OVER = new Set(["TIME-WAIT", "CLOSED", "LISTEN"]);

/** Frames (all, or those a filter lets through) with their places on the time axis. */
export class Layout {
  /** Calls get no room among filtered frames. @param {Run} run @param {(arrow: Arrow) => boolean} keeps */
  constructor(run, keeps) {
    this.run = run;
    this.keeps = keeps;
    this.warp = new Warp();
    /** @type {Spans<Arrow>} */
    this.arrows = new Spans((arrow) => [arrow.sent_at, run.end(arrow)]);
    /** Places in `arrows`, by frame number. @type {number[]} */
    this.place = [];
    /** @type {Point[]} */
    this.sent = [];
    /** @type {Point[]} */
    this.came = [];
    this.load();
  }

  load() {
    /** @type {Point[]} */
    const points = [point(0, START, 0)];
    for (const arrow of this.run.arrows) {
      if (!arrow || !this.keeps(arrow)) continue;
      this.place[arrow.no] = this.arrows.add(arrow);
      points.push((this.sent[arrow.no] = point(arrow.sent_at, SEND, arrow.from)));
      if (arrow.arrived_at !== null) points.push((this.came[arrow.no] = point(arrow.arrived_at, ARRIVE, arrow.to)));
    }
    this.warp.load(points);
    if (!this.run.query) for (const call of this.run.calls.items) this.name(call, null);
  }

  /** @param {Arrow} arrow new or changed */
  put(arrow) {
    if (!this.keeps(arrow)) return;
    const at = this.place[arrow.no];
    if (at === undefined) {
      this.sent[arrow.no] = this.warp.add(arrow.sent_at, SEND, arrow.from);
      this.arrive(arrow);
      this.place[arrow.no] = this.arrows.add(arrow);
    } else {
      this.arrive(arrow);
      this.arrows.put(at, arrow);
    }
  }

  /** @param {Arrow} arrow */
  arrive(arrow) {
    if (arrow.arrived_at !== null && !this.came[arrow.no]) this.came[arrow.no] = this.warp.add(arrow.arrived_at, ARRIVE, arrow.to);
  }

  /** Makes room for a call's name and result. @param {Call} call @param {Call | null} before as it was known before */
  name(call, before) {
    if (this.run.query) return;
    if (!before) this.warp.name(call.from, call.host);
    if (call.is_blocked && call.until !== null && !(before?.is_blocked && before.until !== null)) this.warp.name(call.until, call.host);
  }

  /** Height where a frame leaves. @param {Arrow} arrow */
  y1(arrow) {
    const point = this.sent[arrow.no];
    return point ? this.warp.y(point) : this.warp.at(arrow.sent_at);
  }

  /** Height where it arrives, or would. @param {Arrow} arrow */
  y2(arrow) {
    const point = this.came[arrow.no];
    if (point) return this.warp.y(point);
    return Math.max(this.warp.at(this.run.end(arrow)), this.y1(arrow) + 10);
  }

  /** The frame before or after one, in order of number. @param {number} no @param {number} step @returns {Arrow | undefined} */
  next(no, step) {
    const at = this.place[no];
    const items = this.arrows.items;
    if (at !== undefined) return items[Math.max(0, Math.min(items.length - 1, at + step))];
    return step > 0 ? items.find((arrow) => arrow.no > no) : items.findLast((arrow) => arrow.no < no);
  }
}

export class Run {
  /** @param {number} no */
  constructor(no) {
    this.no = no;
    /** @type {HostInfo[]} */
    this.hosts = [];
    /** By frame number; the first is missing. @type {(Arrow | undefined)[]} */
    this.arrows = [];
    /** @type {Spans<StateSpan>} */
    this.states = new Spans((span) => [span.from, span.until ?? Infinity]);
    /** @type {Spans<Call>} */
    this.calls = new Spans((call) => [call.from, call.until ?? Infinity]);
    /** @type {OutputLine[]} */
    this.output = [];
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {LinkSettings | null} */
    this.link = null;
    this.now = 0;
    /** The last flight seen, by sending host, ns. */
    this.flights = [0, 0];
    /** @type {Map<string, number>} */
    this.stateAt = new Map();
    /** @type {Map<number, number>} */
    this.callAt = new Map();
    /** Who holds a lane beside a state column, by host. @type {{ tid: number, until: number }[][]} */
    this.callLanes = [[], []];
    /** Which flow holds a lane of a state column, by host. @type {{ flow: number, until: number }[][]} */
    this.stateLanes = [[], []];
    /** The first state of each host: it is drawn up to the top. @type {StateSpan[]} */
    this.firstState = [];
    this.query = "";
    /** @type {Layout} */
    this.layout = new Layout(this, () => true);
  }

  /** Frames in the run. */
  get count() {
    return Math.max(0, this.arrows.length - 1);
  }

  /** When a frame arrives, would arrive, or has got to by now. @param {Arrow} arrow */
  end(arrow) {
    return arrow.arrived_at ?? arrow.sent_at + this.flight(arrow.from);
  }

  /** @param {number} host */
  flight(host) {
    return this.flights[host] || (this.link?.delay_us ?? 0) * 1000 || 1e5;
  }

  /** @param {Ladder} ladder the whole */
  load(ladder) {
    for (const arrow of ladder.arrows) {
      this.arrows[arrow.no] = arrow;
      this.fly(arrow);
    }
    this.rest(ladder);
    this.filter(this.query);
  }

  /** @param {Ladder} ladder what is new */
  patch(ladder) {
    for (const arrow of ladder.arrows) {
      this.arrows[arrow.no] = arrow;
      this.fly(arrow);
      this.layout.put(arrow);
    }
    this.rest(ladder);
  }

  /** @param {Arrow} arrow */
  fly(arrow) {
    if (arrow.arrived_at !== null) this.flights[arrow.from] = arrow.arrived_at - arrow.sent_at;
  }

  /** @param {Ladder} ladder */
  rest(ladder) {
    if (ladder.hosts.length) this.hosts = ladder.hosts;
    for (const span of ladder.states) this.state(span);
    for (const call of ladder.calls) this.call(call);
    for (const line of ladder.output) this.output.push(line);
    for (const mark of ladder.marks) this.marks.push(mark);
    if (ladder.link) this.link = ladder.link;
    this.now = Math.max(this.now, ladder.now);
  }

  /** @param {StateSpan} span */
  state(span) {
    const key = `${span.host}/${span.flow}/${span.from}/${span.state}`;
    const at = this.stateAt.get(key);
    span.lane = this.stateLane(span);
    const first = this.firstState[span.host];
    if (!first || span.from < first.from || (at !== undefined && first === this.states.items[at])) this.firstState[span.host] = span;
    if (at === undefined) this.stateAt.set(key, this.states.add(span));
    else this.states.put(at, span);
  }

  /** Flows that are open at the same time stand side by side; one that is over gives its place away. @param {StateSpan} span */
  stateLane(span) {
    if (span.flow === null) return -1;
    const lanes = this.stateLanes[span.host] ?? (this.stateLanes[span.host] = []);
    let lane = lanes.findIndex((held) => held.flow === span.flow);
    if (lane < 0) lane = lanes.findIndex((held) => held.until <= span.from);
    if (lane < 0) lane = lanes.length;
    lanes[lane] = { flow: span.flow, until: OVER.has(span.state) ? span.from : (span.until ?? Infinity) };
    return lane;
  }

  /** @param {Call} call */
  call(call) {
    const at = this.callAt.get(call.no);
    const before = at === undefined ? null : (this.calls.items[at] ?? null);
    call.lane = this.callLane(call, before);
    if (at === undefined) this.callAt.set(call.no, this.calls.add(call));
    else this.calls.put(at, call);
    this.layout.name(call, before);
  }

  /** @param {Call} call @param {Call | null} before */
  callLane(call, before) {
    const lanes = this.callLanes[call.host] ?? (this.callLanes[call.host] = []);
    let lane = before?.lane ?? lanes.findIndex((held) => held.tid === call.tid && held.until <= call.from);
    if (lane < 0) lane = lanes.findIndex((held) => held.until <= call.from);
    if (lane < 0) lane = Math.min(lanes.length, CALL_LANES - 1);
    lanes[lane] = { tid: call.tid, until: call.until ?? Infinity };
    return lane;
  }

  /** Lets only frames through whose words hold all of the query's. @param {string} query */
  filter(query) {
    this.query = query;
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    this.layout = new Layout(this, words.length ? (arrow) => holds(arrow, words) : () => true);
  }
}

/** Every word stands in the label or is what the frame is: its number, its kind, a finding. @param {Arrow} arrow @param {string[]} words */
function holds(arrow, words) {
  const label = arrow.label.toLowerCase();
  return words.every(
    (word) => label.includes(word) || (word.startsWith("#") && word === `#${arrow.no}`) || arrow.kind.startsWith(word) || (arrow.is_lost && "lost".startsWith(word)) || arrow.findings.some((one) => one.id.includes(word)),
  );
}

/** @param {number} t @param {number} kind @param {number} host @returns {Point} */
function point(t, kind, host) {
  return { t, kind, host, u: 0, w: 0, need0: 0, need1: 0 };
}
