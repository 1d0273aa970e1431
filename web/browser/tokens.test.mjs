// Colours by numbers: text on its ground, and arrows apart for every eye.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../assets/style.css", import.meta.url), "utf8");
const read = (block) => Object.fromEntries([...block.matchAll(/--([a-z0-9]+): (#[0-9a-f]{6})/g)].map(([, name, value]) => [name, value]));
const block = (start) => css.slice(css.indexOf(start), css.indexOf("}", css.indexOf(start)));
const THEMES = { light: read(block(":root {")), dark: read(block(':root[data-theme="dark"] {')) };

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const light = (hex) => channels(hex).map(linear).reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
const contrast = (a, b) => {
  const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};

const TEXT = [
  ...["ink", "mut", "acc", "ctl", "dat", "ack", "loss", "rtx", "ok", "ip", "app"].map((name) => [name, "card"]),
  ...["ink", "mut"].flatMap((name) => [[name, "sink"], [name, "bg"]]),
  ["onacc", "acc"], ["acc", "accbg"], ["ink", "accbg"], ["selink", "sel"], ["seltx", "selbg"], ["loss", "lossb"], ["ink", "lossb"],
  ["eth", "ethb"], ["ip", "ipb"], ["tcp", "tcpb"], ["app", "appb"],
  ...["s0", "s1", "s2", "s3", "s4"].map((name) => ["ink", name]),
];

for (const [theme, tokens] of Object.entries(THEMES)) {
  test(`text is readable in ${theme}`, () => {
    for (const [text, ground] of TEXT) {
      const found = contrast(tokens[text], tokens[ground]);
      assert.ok(found >= 4.5, `${text} on ${ground}: ${found.toFixed(2)}`);
    }
  });
}

test("more contrast means more", () => {
  const more = css.slice(css.indexOf("prefers-contrast"), css.indexOf("max-width: 1380px"));
  const [day, night] = more.split("[data-theme").map(read);
  for (const [tokens, base] of [[day, THEMES.light], [night, THEMES.dark]]) {
    assert.ok(contrast(tokens.mut, base.card) >= 7);
    assert.ok(contrast(tokens.line, base.card) >= 3);
  }
});

// Machado, Oliveira and Fernandes (2009), severity 1.0
const EYES = {
  protan: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deutan: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritan: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

function lab(hex, eye) {
  const rgb = channels(hex).map(linear);
  const seen = [0, 1, 2].map((row) => Math.min(1, Math.max(0, rgb.reduce((sum, value, at) => sum + value * eye[row * 3 + at], 0))));
  const [x, y, z] = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]].map((row) => row.reduce((sum, value, at) => sum + value * seen[at], 0));
  const f = (value) => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116);
  const [fx, fy, fz] = [f(x / 0.95047), f(y), f(z / 1.08883)];
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

test("arrows differ for every eye", () => {
  const kinds = ["ctl", "dat", "ack", "loss", "rtx"];
  for (const [theme, tokens] of Object.entries(THEMES)) {
    for (const [name, eye] of Object.entries(EYES)) {
      for (const [at, a] of kinds.entries()) {
        for (const b of kinds.slice(at + 1)) {
          const [p, q] = [lab(tokens[a], eye), lab(tokens[b], eye)];
          const far = Math.hypot(...p.map((value, index) => value - q[index]));
          assert.ok(far >= 20, `${a} and ${b} in ${theme} for ${name}: ${far.toFixed(1)}`);
        }
      }
    }
  }
});
