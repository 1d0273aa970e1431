// Starts the workbench without a lab and opens pages on it.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const EXAMPLE = process.env.TONGRO_FIXTURE;

export const BROWSER = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};

/** @param {"still" | "live" | "burst" | "busy" | "many"} mode */
export async function start(mode) {
  const [command, args] = EXAMPLE ? [EXAMPLE, ["0", mode]] : ["cargo", ["run", "-q", "-p", "tongro-web", "--example", "fixture", "--", "0", mode]];
  const child = spawn(command, args, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise((resolve, reject) => {
    lines.once("line", resolve);
    child.once("exit", (code) => reject(new Error(`the workbench ended with ${code}`)));
  });
  return { url, stop: () => child.stdin.end(), ended: new Promise((resolve) => child.once("exit", resolve)) };
}

/** A page with its first run drawn. */
export async function page(browser, workbench, { width = 1440, height = 900, lang = "ko", theme = "light", context = {} } = {}) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme, ...context });
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.problems = problems;
  await page.goto(`${workbench.url}&lang=${lang}`);
  await page.waitForSelector("[role=option][aria-selected=true]");
  await page.waitForSelector(".hex .hrow");
  return page;
}

/** What axe-core finds wrong with a page. */
export async function axe(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
}

/** The Hangul on a page, but for the button that brings Korean back and what programs printed. */
export function hangul(page) {
  return page.evaluate(() => {
    const letters = /[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]/;
    const found = [];
    for (const node of document.querySelectorAll("body *")) {
      if (node.closest("#lang-ko, .lines")) continue;
      for (const text of node.childNodes) if (text.nodeType === 3 && letters.test(text.data)) found.push(text.data);
      for (const { name, value } of node.attributes) if (letters.test(value)) found.push(`${name}=${value}`);
    }
    return found;
  });
}
