// Modules that need no browser: particles, templates, warped time, spans.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { particle } from "../assets/particle.js";
import { Spans } from "../assets/span.js";
import { Texts } from "../assets/texts.js";
import { ARRIVE, GAP_MIN, SEND, START, Warp } from "../assets/warp.js";

test("particles are those of the course", () => {
  const vectors = JSON.parse(readFileSync(new URL("../tests/particles.json", import.meta.url), "utf8"));
  for (const [word, pair, right] of vectors) assert.equal(particle(word, pair), right, `${word} ${pair}`);
});

test("templates are filled as the course fills them", () => {
  const texts = new Texts("ko", { a: "{n:이/가} 사라졌습니다", b: "`{call}`{call|은/는} 기다립니다", c: 'f"{{n}}" {n}', d: "{m}" });
  assert.equal(texts.t("a", { n: "#13" }), "#13이 사라졌습니다");
  assert.equal(texts.t("b", [["call", "recv()"]]), "`recv()`는 기다립니다");
  assert.equal(texts.t("c", { n: 1 }), 'f"{n}" 1');
  assert.equal(texts.t("unknown", {}), "unknown");
  assert.equal(texts.fills("d", []), false);
  assert.equal(texts.fills("a", [["n", "1"]]), true);
});

test("warped time keeps the order, the gaps and the limits", () => {
  const warp = new Warp();
  warp.add(0, START, 0);
  const points = [[0, SEND, 0], [20e6, ARRIVE, 1], [20.1e6, SEND, 1], [40e6, ARRIVE, 0], [41e6, SEND, 0], [41.1e6, SEND, 0], [3000e6, ARRIVE, 1]].map(([t, kind, host]) => warp.add(t, kind, host));
  warp.fit(100);
  assert.equal(warp.gap, GAP_MIN);
  const steps = points.slice(1).map((point, at) => warp.y(point) - warp.y(points[at]));
  assert.ok(steps.every((step) => step > 0));
  assert.ok(Math.abs(steps[0] - (GAP_MIN + 16)) < 1e-6, "a long wait adds 16 px");
  assert.ok(Math.abs(steps[1] - (0.3 * GAP_MIN + (16 * 0.1) / 18)) < 1e-6, "an answer sits under its cause");
  assert.ok(Math.abs(steps[4] - (1.3 * GAP_MIN + (16 * 0.1) / 18)) < 1e-6, "sends of one host stand apart");
  assert.ok(Math.abs(steps[5] - (GAP_MIN + 16)) < 1e-6, "three seconds add no more than 16 px");
  for (const t of [0, 5e6, 20e6, 33e6, 41e6, 500e6]) assert.ok(Math.abs(warp.time(warp.at(t)) - t) < 1e5, `${t}`);
});

test("points that come late find their place", () => {
  const warp = new Warp();
  for (let at = 0; at < 200; at++) warp.add(at * 1e6, SEND, 0);
  warp.settle();
  warp.add(50.5e6, ARRIVE, 1);
  warp.add(199.5e6, ARRIVE, 1);
  warp.settle();
  const times = warp.points.map((point) => point.t);
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
  assert.ok(warp.points.every((point, at) => at === 0 || warp.y(point) > warp.y(warp.points[at - 1])));
});

test("spans are found by their window", () => {
  const spans = new Spans(([from, until]) => [from, until]);
  for (let at = 0; at < 1000; at++) spans.add([at, at + 1]);
  spans.put(10, [10, 900]);
  assert.deepEqual(spans.in(500.5, 501), [[10, 900], [500, 501], [501, 502]]);
  spans.put(10, [10, 11]);
  assert.deepEqual(spans.in(500.5, 500.6), [[500, 501]]);
});
