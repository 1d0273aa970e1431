// Starts the workbench without a lab and opens pages on it.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
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
