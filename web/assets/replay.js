// Slow replay: 22 ms of trace a second. Where motion is unwelcome it goes from event to event instead.

const PACE = 22e6 / 1000;
/** Stretches in which nothing flies are passed through this much faster. */
const HURRY = 12;

export class Replay {
  /** @param {import("./ladder.js").LadderView} view @param {{ change: () => void, ended: () => void }} app */
  constructor(view, app) {
    this.view = view;
    this.app = app;
    this.playing = false;
    this.last = 0;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  toggle() {
    if (this.still.matches && this.view.run?.count) this.step();
    else if (this.playing) this.stop();
    else this.start();
  }

  start() {
    const run = this.view.run;
    if (!run?.count) return;
    this.view.replay = this.first(run);
    this.view.sticks = false;
    this.playing = true;
    this.last = performance.now();
    this.app.change();
  }

  /** The first frame, or the top of what is seen of a long run. @param {import("./run.js").Run} run */
  first(run) {
    const { scrollTop } = this.view.scroll;
    return scrollTop > 0 ? run.layout.warp.time(scrollTop) : (run.layout.arrows.items[0]?.sent_at ?? 0);
  }

  stop() {
    this.playing = false;
    this.view.replay = null;
    this.app.ended();
  }

  /** To the next event; after the last one it is over. */
  step() {
    const run = this.view.run;
    if (!run) return;
    const warp = run.layout.warp;
    if (this.view.replay === null) this.view.replay = this.first(run);
    else {
      const next = warp.points[warp.after(this.view.replay)];
      if (!next) {
        this.stop();
        return;
      }
      this.view.replay = next.t;
    }
    this.view.sticks = false;
    this.view.reveal(warp.at(this.view.replay));
    this.app.change();
  }

  /** One animation frame. @param {number} now */
  tick(now) {
    const run = this.view.run;
    if (!this.playing || !run || this.view.replay === null) return;
    const passed = Math.min(100, now - this.last) * PACE;
    this.last = now;
    const warp = run.layout.warp;
    const at = this.view.replay;
    const next = warp.points[warp.after(at)];
    const end = warp.points.at(-1)?.t ?? 0;
    const waits = next && next.t - at > 25e6 && !run.layout.arrows.in(at, at).some((arrow) => run.end(arrow) > at);
    this.view.replay = at + passed * (waits ? HURRY : 1);
    if (this.view.replay > end + 4e6) {
      this.stop();
      return;
    }
    const y = warp.at(this.view.replay);
    const { scrollTop, clientHeight } = this.view.scroll;
    if (y > scrollTop + clientHeight * 0.75 || y < scrollTop) this.view.scroll.scrollTop = y - clientHeight * 0.4;
    this.app.change();
  }
}
