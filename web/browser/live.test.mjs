// What a newcomer does, in a real browser against the real `tongro up`, its lab and its judge.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { BROWSER, axe, hangul } from "./workbench.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUILT = `${ROOT}target/debug/tongro`;
const BROKEN = `python3 ${ROOT}check/programs/echo/broken/idle-client-blocks.py`;
/** A debug build under load checks a contract in less than this. */
const CHECKED = { timeout: 240_000 };

function binary() {
  if (process.env.TONGRO) return process.env.TONGRO;
  if (!existsSync(BUILT)) execFileSync("cargo", ["build", "-q", "-p", "tongro"], { cwd: ROOT, stdio: "inherit" });
  return BUILT;
}

/** Starts `tongro up` in a Korean locale, until it told its address. */
async function up(port) {
  const began = performance.now();
  const child = spawn(binary(), ["up", "--no-open", "--port", String(port)], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, LC_ALL: "ko_KR.UTF-8" } });
  const held = { child, began, url: "", told: 0, talk: "", ended: new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal }))) };
  child.stderr.on("data", (text) => (held.talk += text));
  held.url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => resolve(line.match(/http:\S+/)?.[0]));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`tongro ended with ${code}: ${held.talk}`)));
  });
  held.told = performance.now() - began;
  return held;
}

/** The processes below one, as /proc knows them. */
function below(pid) {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      parents.set(Number(name), Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1).split(" ")[1]));
    } catch {
      // gone meanwhile
    }
  }
  const found = [pid];
  for (const one of found) found.push(...[...parents].filter(([, parent]) => parent === one).map(([child]) => child));
  return found.slice(1);
}

const asked = (pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
const network = (pid) => readlinkSync(`/proc/${pid}/ns/net`);

/** The network namespaces that some process is in. */
function networks() {
  const found = new Set();
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      found.add(network(name));
    } catch {
      // gone meanwhile
    }
  }
  return found;
}

const chosen = (page, no) => page.waitForFunction((no) => document.querySelector(".inspector h2").textContent.startsWith(`#${no} `) && document.querySelector(`#p${no}[aria-selected=true]`) && document.querySelector(".hex .hrow"), no);
const said = (page, no) => page.locator(`#p${no}`).getAttribute("aria-label");
const last = (page) => page.evaluate(() => Number([...document.querySelectorAll("#packets [role=option]")].at(-1)?.id.slice(1)));

describe("tongro up", () => {
  let browser, bench, page;
  const problems = [];

  async function open() {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: "light", locale: "en-US" });
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    await page.goto(bench.url);
    return page;
  }

  before(async () => {
    browser = await chromium.launch(BROWSER);
    bench = await up(0);
  });
  after(async () => {
    await browser.close();
    if (bench?.child.exitCode === null) bench.child.kill("SIGKILL");
  });

  test("a living network within two seconds", async () => {
    page = await open();
    await page.waitForSelector("#packets [role=option]");
    const drawn = performance.now() - bench.began;
    console.log(`address told after ${bench.told.toFixed(0)} ms, first packet drawn after ${drawn.toFixed(0)} ms`);
    assert.ok(bench.told <= 500, `${bench.told} ms`);
    assert.ok(drawn <= 2000, `${drawn} ms`);
    assert.equal(await page.evaluate(() => document.documentElement.lang), "ko", "the locale's language");
  });

  test("the dropped segment and its fast retransmission are on the ladder", async () => {
    await page.waitForFunction(() => document.querySelector(".inspector h2").textContent.includes("빠른 재전송"));
    const again = Number((await page.locator(".inspector h2").textContent()).match(/\d+/)[0]);
    await page.waitForFunction(() => document.querySelectorAll(".why .chip").length >= 4);
    const cited = (await page.locator(".why .chip").allTextContents()).map((text) => Number(text.slice(1)));
    const first = cited.pop();
    assert.equal(cited.length, 3, "three duplicate ACKs");
    await page.locator(".why .chip", { hasText: `#${first}` }).last().click();
    await chosen(page, first);
    assert.match(await said(page, first), /× seq 65/);
    assert.equal(await page.locator(".stage .cross").count(), 1, "✕ on the link");
    for (const no of cited) assert.match(await said(page, no), /ACK 65/);
    assert.match(await said(page, again), /↻ seq 65/);
  });

  test("a packet dropped by hand is lost and sent again", async () => {
    const from = await last(page);
    await page.locator("#drop").click();
    const lost = await (await page.waitForFunction((from) => [...document.querySelectorAll("#packets [role=option]")].filter((one) => Number(one.id.slice(1)) > from).find((one) => document.querySelector(".stage .cross") && one.getAttribute("aria-label").includes("×"))?.id.slice(1), from)).jsonValue();
    const again = await (await page.waitForFunction((lost) => [...document.querySelectorAll("#packets [role=option]")].filter((one) => Number(one.id.slice(1)) > lost).find((one) => one.getAttribute("aria-label").includes("↻"))?.id.slice(1), Number(lost))).jsonValue();
    const seq = (text) => text.match(/seq \d+/)[0];
    assert.equal(seq(await said(page, lost)), seq(await said(page, again)));
  });

  test("a page opened late shows everything, beside the first", async () => {
    const late = await open();
    await late.waitForFunction(() => document.querySelector(".inspector h2").textContent.includes("빠른 재전송"));
    await late.waitForSelector(".hex .hrow");
    const size = (page) => page.evaluate(() => Number(document.querySelector("#packets [role=option]").getAttribute("aria-setsize")));
    const before = await size(page);
    await late.waitForFunction((before) => Number(document.querySelector("#packets [role=option]").getAttribute("aria-setsize")) > before, before);
    await page.waitForFunction((before) => Number(document.querySelector("#packets [role=option]").getAttribute("aria-setsize")) > before, before);
    await late.close();
  });

  test("a check of a broken server leads to its packet", async () => {
    await page.locator("#command").fill(BROKEN);
    await page.locator("#check").click();
    await page.waitForSelector(".verdict.waits");
    await page.waitForFunction(() => document.querySelectorAll(".verdict").length > 0 && !document.querySelector(".verdict.waits"), null, CHECKED);
    const worst = page.locator(".verdict").first();
    assert.match(await worst.getAttribute("class"), /bad/);
    const chip = worst.locator(".chip");
    const no = Number((await chip.textContent()).match(/#(\d+)/)[1]);
    await chip.click();
    await chosen(page, no);
    const name = (await worst.locator(".name").textContent()).match(/^(.*) \(지금 보는 중\)$/);
    assert.ok(name, "the check is the one on the screen");
    assert.ok((await page.locator("#runs [aria-current=true]").textContent()).includes(`검사: ${name[1]}`));
  });

  test("its capture is a pcapng", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#wireshark").click()]);
    assert.match(download.suggestedFilename(), /^tongro-run-(?!1\.)\d+\.pcapng$/);
    assert.equal(readFileSync(await download.path()).readUInt32BE(), 0x0a0d0d0a);
  });

  test("language and theme switch in place", async () => {
    const before = await page.evaluate(() => document.querySelector(".inspector h2").textContent.match(/\d+/)[0]);
    await page.locator("#lang-en").click();
    await page.waitForFunction(() => document.documentElement.lang === "en");
    assert.deepEqual(await hangul(page), []);
    assert.deepEqual(await axe(page), []);
    await page.locator("#theme").click();
    await page.locator("#theme").click();
    await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
    assert.deepEqual(await axe(page), []);
    assert.equal(await page.evaluate(() => document.querySelector(".inspector h2").textContent.match(/\d+/)[0]), before);
    // the page's own choice is kept, whatever the server speaks
    await page.goto(bench.url);
    await page.waitForSelector(".hex .hrow");
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    assert.ok((await page.locator(".verdict").count()) > 5, "verdicts are still there");
    await page.locator("#lang-ko").click();
    await page.waitForFunction(() => document.documentElement.lang === "ko");
    assert.deepEqual(await axe(page), []);
    assert.deepEqual(problems, []);
  });

  test("a second one says that the port is taken, and takes another", async () => {
    const { port } = new URL(bench.url);
    const second = await up(port);
    try {
      assert.notEqual(new URL(second.url).port, port);
      assert.ok(second.talk.includes(port), second.talk);
      assert.equal((await fetch(second.url)).status, 200);
    } finally {
      second.child.kill("SIGINT");
      assert.deepEqual(await second.ended, { code: 0, signal: null });
    }
  });

  test("Ctrl-C leaves no process and no namespace", async () => {
    const lab = below(bench.child.pid);
    assert.ok(lab.some((pid) => asked(pid).includes("__lab")), "the lab runs below the workbench");
    const own = network("self");
    const spaces = [...new Set(lab.map(network))].filter((one) => one !== own);
    assert.ok(spaces.length > 0);
    bench.child.kill("SIGINT");
    assert.deepEqual(await bench.ended, { code: 0, signal: null });
    assert.deepEqual(lab.filter((pid) => existsSync(`/proc/${pid}`)), []);
    const left = networks();
    assert.deepEqual(spaces.filter((one) => left.has(one)), []);
  });
});
