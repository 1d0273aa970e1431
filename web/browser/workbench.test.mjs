// What a user of the workbench does, in a real browser against the recorded scenario.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { BROWSER, axe, hangul, page as open, start } from "./workbench.mjs";

const ASSETS = new URL("../assets/", import.meta.url);

let browser;
before(async () => {
  browser = await chromium.launch(BROWSER);
});
after(() => browser.close());

/** One workbench for a group of tests. */
function workbench(mode) {
  const held = {};
  before(async () => Object.assign(held, await start(mode)));
  after(() => held.stop());
  return held;
}

/** The same for a page: closed at the end, and quiet in its console. */
async function on(bench, options, use) {
  const page = await open(browser, bench, options);
  try {
    await use(page);
    assert.deepEqual(page.problems, []);
  } finally {
    await page.close();
  }
}

const chosen = (page, no) => page.waitForFunction((no) => document.querySelector(".inspector h2").textContent.startsWith(`#${no} `) && document.querySelector(`#p${no}[aria-selected=true]`), no);
const count = (page, selector) => page.locator(selector).count();

describe("a live run", () => {
  const bench = workbench("live");

  test("packets appear by themselves and a dropped one is resent", () =>
    on(bench, {}, async (page) => {
      await page.waitForFunction(() => document.querySelectorAll("#packets [role=option]").length > 5);
      const drawn = () => page.evaluate(() => Number(document.querySelector("#packets [role=option]:last-child")?.id.slice(1)));
      const first = await drawn();
      await page.waitForFunction((first) => Number(document.querySelector("#packets [role=option]:last-child")?.id.slice(1)) > first, first);
      await page.keyboard.press("x");
      await page.waitForFunction(() => document.querySelector(".cross") && [...document.querySelectorAll(".lab")].some((label) => label.textContent.includes("↻")));
      assert.notEqual(await page.locator("#live").textContent(), "");
    }));

  test("the view follows the end until the user scrolls, and again on demand", () =>
    on(bench, {}, async (page) => {
      const atEnd = () => page.waitForFunction(() => {
        const { scrollTop, clientHeight, scrollHeight } = document.querySelector(".scroll");
        return scrollHeight > clientHeight + 100 && scrollTop + clientHeight >= scrollHeight - 24;
      });
      await atEnd();
      await page.locator(".scroll").hover();
      await page.mouse.wheel(0, -5000);
      await page.waitForFunction(() => document.querySelector(".scroll").scrollTop === 0 && !document.querySelector(".tolive").hidden);
      const height = await page.evaluate(() => document.querySelector(".scroll").scrollHeight);
      await page.waitForFunction((height) => document.querySelector(".scroll").scrollHeight > height, height);
      assert.equal(await page.evaluate(() => document.querySelector(".scroll").scrollTop), 0);
      await page.locator(".tolive").click();
      await atEnd();
    }));

  test("the link's chips act on the lab, for every open page", () =>
    on(bench, {}, (page) =>
      on(bench, {}, async (other) => {
        await page.locator("#knob-loss").click();
        await page.locator("#box-loss").fill("12.5");
        await other.waitForFunction(() => document.querySelector("#knob-loss b").textContent === "12.5%");
        await page.keyboard.press("Escape");
        assert.equal(await page.evaluate(() => document.activeElement.id), "knob-loss");
        await page.locator("#knob-loss").click();
        await page.locator("#box-loss").fill("0");
        await other.waitForFunction(() => !document.querySelector("#knob-loss").classList.contains("hurts"));
      })));
});

describe("a run that stands still", () => {
  const bench = workbench("still");

  test("language and theme switch in place", () =>
    on(bench, { width: 1280, height: 800 }, async (page) => {
      await page.locator("#lang-en").click();
      await page.waitForFunction(() => document.documentElement.lang === "en");
      assert.deepEqual(await hangul(page), []);
      assert.match(await page.title(), /^[^\uac00-\ud7a3]+$/);
      await page.locator("#theme").click();
      await page.locator("#theme").click();
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
      await page.reload();
      await page.waitForSelector("[role=option]");
      assert.deepEqual(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme]), ["en", "dark"]);
    }));

  for (const lang of ["ko", "en"]) {
    test(`nothing overflows at 1280 in ${lang}`, () =>
      on(bench, { width: 1280, height: 800, lang }, async (page) => {
        const over = await page.evaluate(() =>
          ["html", ".top", ".linkbar", ".hosts", ".keys", ".course", ".inspector", ".fields", ".verdicts", ".layers"].filter((one) => {
            const box = document.querySelector(one);
            return box.scrollWidth > box.clientWidth;
          }),
        );
        assert.deepEqual(over, []);
      }));

    for (const theme of ["light", "dark"]) {
      test(`axe finds nothing in ${lang} ${theme}`, () =>
        on(bench, { lang, theme }, async (page) => {
          assert.deepEqual(await axe(page), []);
          await page.keyboard.press("/");
          await page.locator("#knob-delay").click();
          assert.deepEqual(await axe(page), []);
          await page.keyboard.press("Escape");
          await page.keyboard.press("?");
          await page.waitForSelector("#help[open]");
          assert.deepEqual(await axe(page), []);
        }));
    }
  }

  test("every panel and action is within reach of the keyboard", () =>
    on(bench, {}, async (page) => {
      const stops = [];
      for (let at = 0; at < 80; at++) {
        await page.keyboard.press("Tab");
        const stop = await page.evaluate(() => {
          const node = document.activeElement;
          if (!node || node === document.body) return null;
          node.dataset.stop ??= String(document.querySelectorAll("[data-stop]").length);
          return `${node.dataset.stop} ${node.id || node.className || node.textContent}`;
        });
        if (stop === null || stops.includes(stop)) break;
        stops.push(stop);
      }
      assert.ok(stops.length <= 60, `${stops.length} stops`);
      for (const id of ["skip", "replay", "wireshark", "lang-ko", "theme", "knob-delay", "drop", "reset", "packets", "command", "contract", "check", "fields"]) {
        assert.ok(stops.some((stop) => stop.includes(id)), `${id} not in ${stops.join(", ")}`);
      }
      const panels = new Set();
      for (let at = 0; at < 6; at++) {
        await page.keyboard.press("F6");
        panels.add(await page.evaluate(() => ["ladder", "inspector", "output", "checks", "course", "top"].find((id) => document.getElementById(id).contains(document.activeElement))));
      }
      assert.equal(panels.size, 6);
    }));

  test("keys walk packets and layers, filter, and go to a time", () =>
    on(bench, {}, async (page) => {
      await page.locator("#packets").focus();
      await page.keyboard.press("Home");
      await chosen(page, 1);
      await page.keyboard.press("j");
      await page.keyboard.press("ArrowDown");
      await chosen(page, 3);
      await page.keyboard.press("k");
      await chosen(page, 2);
      assert.equal(await page.locator("#packets").getAttribute("aria-activedescendant"), "p2");
      await page.waitForSelector("[role=tab][aria-selected=true]:has-text('TCP')");
      await page.keyboard.press("[");
      await page.waitForSelector("[role=tab][aria-selected=true]:has-text('IPv4')");
      await page.keyboard.press("]");
      await page.waitForSelector("[role=tab][aria-selected=true]:has-text('TCP')");
      await page.keyboard.press("/");
      await page.keyboard.type("sack");
      await page.waitForFunction(() => document.querySelectorAll("#packets [role=option]").length === 3);
      await page.keyboard.press("Enter");
      await page.keyboard.press("End");
      await chosen(page, 12);
      await page.keyboard.press("Escape");
      await page.waitForFunction(() => document.querySelectorAll("#packets [role=option]").length === 18);
      await page.keyboard.press("g");
      await page.keyboard.press("t");
      await page.keyboard.type("123");
      await page.keyboard.press("Enter");
      await chosen(page, 15);
    }));

  test("a field shows its bytes and a byte shows its field", () =>
    on(bench, { lang: "en" }, async (page) => {
      await page.locator(".fields [role=option]", { hasText: "Destination port" }).click();
      await page.waitForFunction(() => document.querySelector(".hex .run.chosen")?.textContent === "23 28");
      const row = page.locator(".hex .hrow").nth(5);
      await row.click({ position: { x: 40 + 25 * 3, y: 10 } });
      await page.waitForFunction(() => document.querySelector(".fields [aria-selected=true]")?.textContent.startsWith("Ack number"));
    }));

  test("evidence chips lead to their packets", () =>
    on(bench, {}, async (page) => {
      await page.locator(".why .chip", { hasText: "#11" }).click();
      await chosen(page, 11);
    }));

  test("an arrow is chosen by clicking near it", () =>
    on(bench, {}, async (page) => {
      const at = await page.evaluate(() => {
        const box = document.querySelector("#p14 .arrow").getBoundingClientRect();
        return [box.left + box.width / 3, box.top + (2 * box.height) / 3 + 2];
      });
      await page.mouse.click(...at);
      await chosen(page, 14);
    }));

  test("the lecture view is larger, and still chooses what is clicked", () =>
    on(bench, {}, async (page) => {
      await page.locator("#packets").focus();
      await page.keyboard.press("m");
      await page.waitForFunction(() => document.body.classList.contains("lecture") && !document.querySelector("#inspector").offsetParent);
      const at = await page.evaluate(() => {
        const box = document.querySelector("#p14 .arrow").getBoundingClientRect();
        return [box.left + box.width / 3, box.top + (2 * box.height) / 3 + 2];
      });
      await page.mouse.click(...at);
      await page.waitForSelector("#p14[aria-selected=true]");
      assert.deepEqual(await axe(page), []);
    }));

  test("a failing check stands first and its chip opens its own run at the packet", () =>
    on(bench, {}, async (page) => {
      const first = page.locator(".verdict").first();
      assert.match(await first.getAttribute("class"), /bad/);
      await first.locator(".chip").click();
      await chosen(page, 7);
      await page.waitForFunction(() => document.querySelector("#wireshark").getAttribute("href") === "/api/runs/2/trace.pcapng");
    }));

  test("the capture can be downloaded", () =>
    on(bench, {}, async (page) => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#wireshark").click()]);
      assert.equal(download.suggestedFilename(), "tongro-run-1.pcapng");
      assert.equal(readFileSync(await download.path()).readUInt32BE(), 0x0a0d0d0a);
    }));

  test("the user's own program runs and is checked", () =>
    on(bench, {}, async (page) => {
      await page.locator("#command").fill("python3 mine.py");
      await page.locator("#check").click();
      await page.waitForFunction(() => document.querySelectorAll(".verdict").length === 6);
      await page.locator("#run").click();
      await page.waitForFunction(() => document.querySelector("#runs [aria-current=true]")?.textContent.includes("mine.py"));
    }));

  test("a program that never listens is explained", () =>
    on(bench, { lang: "en" }, async (page) => {
      await page.locator("#command").fill("python3 crash.py");
      await page.locator("#check").click();
      await page.waitForSelector(".unstarted pre");
      assert.match(await page.locator(".unstarted").textContent(), /ended with exit code 1.*NameError/s);
      assert.deepEqual(await axe(page), []);
    }));

  test("a verdict says what was expected, what came, and how to mend it", () =>
    on(bench, { lang: "en" }, async (page) => {
      const name = page.locator(".verdict.bad .name button");
      await name.click();
      assert.equal(await page.locator(".verdict.bad .name button").getAttribute("aria-expanded"), "true");
      assert.match(await page.locator(".verdict.bad .more").textContent(), /Expected All three bytes.*Got Of 1000 bytes 17 came back.*buffer per connection/s);
      assert.deepEqual(await axe(page), []);
    }));

  test("what goes wrong is said", () =>
    on(bench, {}, async (page) => {
      await page.locator("#reset").click();
      await page.waitForSelector("#toast:not([hidden])");
      await page.locator("#toast button").click();
      assert.equal(await page.locator("#toast").isVisible(), false);
    }));

  test("slow replay shows what flies and stops", () =>
    on(bench, {}, async (page) => {
      await page.locator("#packets").focus();
      await page.keyboard.press("Space");
      await page.waitForFunction(() => document.querySelectorAll(".fly").length >= 4);
      assert.ok((await count(page, "#packets [opacity]")) > 5);
      await page.keyboard.press("Space");
      await page.waitForFunction(() => !document.querySelector(".head7") && !document.querySelector("#packets [opacity]"));
    }));

  test("with reduced motion the replay goes step by step", () =>
    on(bench, { context: { reducedMotion: "reduce" } }, async (page) => {
      await page.locator("#packets").focus();
      await page.keyboard.press("Space");
      await page.waitForFunction(() => document.querySelectorAll("#packets [opacity]").length === 17);
      await page.keyboard.press("Space");
      await page.keyboard.press("Space");
      await page.waitForFunction(() => document.querySelectorAll("#packets [opacity]").length === 16);
    }));

  test("nothing is fetched from elsewhere, nothing is inline, and the page is small", async () => {
    const page = await browser.newPage();
    const urls = [];
    page.on("request", (request) => urls.push(request.url()));
    page.on("websocket", (socket) => urls.push(socket.url().replace("ws:", "http:")));
    const answer = await page.goto(bench.url);
    await page.waitForSelector("[role=option]");
    const origin = new URL(bench.url).origin;
    assert.deepEqual(urls.filter((url) => !url.startsWith(origin)), []);
    assert.equal(page.url(), `${origin}/`, "the token stays out of the address bar");
    const policy = answer.headers()["content-security-policy"];
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    const refused = await page.evaluate(() => new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective), { once: true });
      const script = document.createElement("script");
      script.textContent = "document.title = 'broken'";
      document.head.append(script);
    }));
    assert.match(refused, /^script-src/);
    await page.close();
    const files = readdirSync(ASSETS).map((name) => readFileSync(new URL(name, ASSETS)));
    const raw = files.reduce((sum, file) => sum + file.length, 0);
    const packed = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
    assert.ok(raw <= 200 * 1024 && packed <= 60 * 1024, `${raw} bytes, ${packed} packed`);
  });

  test("strangers are turned away", async () => {
    const { origin, host } = new URL(bench.url);
    assert.equal((await fetch(`${origin}/`)).status, 403);
    assert.equal((await fetch(`${origin}/api/texts/ko`)).status, 403);
    const page = await browser.newPage();
    await page.goto("data:text/html,<title>elsewhere</title>");
    const opened = await page.evaluate((host) => new Promise((resolve) => {
      const socket = new WebSocket(`ws://${host}/api/socket`);
      socket.onopen = () => resolve(true);
      socket.onerror = () => resolve(false);
    }), host);
    assert.equal(opened, false);
    await page.close();
  });
});

describe("10,000 packets a second", () => {
  const bench = workbench("burst");

  test("never block the page, and it says what it leaves out", async () => {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.addInitScript(() => {
      globalThis.longest = 0;
      const ask = globalThis.requestAnimationFrame.bind(globalThis);
      globalThis.requestAnimationFrame = (draw) => ask((now) => {
        const from = performance.now();
        draw(now);
        globalThis.longest = Math.max(globalThis.longest, performance.now() - from);
        globalThis.nodes = Math.max(globalThis.nodes ?? 0, document.querySelectorAll("*").length);
      });
    });
    await page.goto(bench.url);
    await page.waitForFunction(() => document.querySelector("#packets [role=option]")?.getAttribute("aria-setsize") === "50000", null, { timeout: 60_000 });
    const { longest, nodes } = await page.evaluate(() => ({ longest: globalThis.longest, nodes: globalThis.nodes }));
    console.log(`longest frame ${longest.toFixed(1)} ms, nodes ${nodes}`);
    assert.ok(longest <= 200, `${longest} ms`);
    await page.evaluate(() => {
      const box = document.querySelector(".scroll");
      box.scrollTop = box.scrollHeight / 2;
    });
    await page.waitForSelector(".sampled:not([hidden])");
    assert.ok(nodes <= 1000, `${nodes} nodes`);
    await page.close();
  });
});

describe("a busy network", () => {
  const bench = workbench("busy");

  test("is drawn without a problem, all along", () =>
    on(bench, {}, async (page) => {
      for (const at of [0, 0.25, 0.5, 0.75, 1]) {
        await page.evaluate((at) => {
          const box = document.querySelector(".scroll");
          box.scrollTop = at * box.scrollHeight;
        }, at);
        await page.waitForFunction(() => {
          const svg = document.querySelector(".scroll svg");
          return Math.abs(parseFloat(svg.style.top) - document.querySelector(".scroll").scrollTop) < 2 && document.querySelectorAll("#packets [role=option]").length > 0;
        });
        assert.ok(!(await page.locator(".scroll svg").innerHTML()).match(/NaN|undefined|Infinity/));
        assert.ok((await count(page, "*")) <= 1000);
      }
      assert.deepEqual(await axe(page), []);
    }));
});

describe("100,000 packets", () => {
  const bench = workbench("many");

  test("cost few nodes and little script while scrolling", async () => {
    const page = await open(browser, bench, {});
    const session = await page.context().newCDPSession(page);
    // the page's own CPU time, whatever else the machine does
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const script = async () => (await session.send("Performance.getMetrics")).metrics.find((one) => one.name === "ScriptDuration").value * 1000;
    const costs = [];
    let nodes = 0;
    for (let step = 1; step <= 60; step++) {
      const before = await script();
      nodes = Math.max(nodes, await page.evaluate((step) => new Promise((resolve) => {
        const box = document.querySelector(".scroll");
        box.scrollTop = (box.scrollHeight * step * 37) % (box.scrollHeight - box.clientHeight);
        // the scroll event asks for one frame, which is over in the next
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(document.querySelectorAll("*").length)));
      }), step));
      costs.push((await script()) - before);
    }
    costs.sort((a, b) => a - b);
    await session.send("HeapProfiler.collectGarbage");
    const heap = (await session.send("Runtime.getHeapUsage")).usedSize;
    const p95 = costs[Math.floor(costs.length * 0.95)];
    console.log(`nodes ${nodes}, script p50 ${costs[costs.length >> 1].toFixed(2)} ms, p95 ${p95.toFixed(2)} ms, heap ${(heap / 1e6).toFixed(0)} MB`);
    assert.ok(costs[0] > 0, "it was drawn");
    assert.ok(nodes <= 1000, `${nodes} nodes`);
    assert.ok(p95 <= 4, `${p95} ms`);
    assert.ok(heap <= 60e6, `${heap} bytes of heap`);
    await page.close();
  });

  test("are filtered at once", async () => {
    const page = await open(browser, bench, {});
    await page.keyboard.press("/");
    const first = await page.evaluate(async () => {
      const input = document.querySelector("#find");
      let best = Infinity;
      for (const text of ["#7", "#77", "sack", "rst", "#99999"]) {
        const from = performance.now();
        input.value = text;
        input.dispatchEvent(new Event("input"));
        await new Promise((resolve) => requestAnimationFrame(() => resolve()));
        best = Math.min(best, performance.now() - from);
      }
      return best;
    });
    console.log(`filtered in ${first.toFixed(0)} ms`);
    await page.waitForFunction(() => document.querySelectorAll("#packets [role=option]").length === 1);
    assert.ok(first <= 100, `${first} ms`);
    await page.close();
  });
});
