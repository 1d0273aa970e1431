// Pictures of the main screen, to lie beside the drawings: node shot.mjs [DIRECTORY]
import { chromium } from "playwright-core";
import { page as open, start } from "./workbench.mjs";

const to = process.argv[2] ?? "shots";
const SHOTS = [
  ["ko-light-1440", 1440, 900, "ko", "light", null],
  ["ko-dark-1440", 1440, 900, "ko", "dark", null],
  ["ko-light-1920", 1920, 1080, "ko", "light", 5],
  ["en-light-1280", 1280, 800, "en", "light", null],
  ["ko-light-replay", 1440, 900, "ko", "light", 10],
];
const workbench = await start("still");
const browser = await chromium.launch((await import("./workbench.mjs")).BROWSER);
for (const [name, width, height, lang, theme, chosen] of SHOTS) {
  const page = await open(browser, workbench, { width, height, lang, theme });
  if (chosen) {
    await page.locator("#packets").focus();
    await page.keyboard.press("Home");
    for (let step = 1; step < chosen; step++) await page.keyboard.press("ArrowDown");
    await page.waitForFunction((no) => document.querySelector(`#p${no}[aria-selected=true]`) && document.querySelector(".inspector h2").textContent.startsWith(`#${no} `), chosen);
  }
  if (name.endsWith("replay")) {
    await page.keyboard.press("Space");
    await page.waitForFunction(() => document.querySelectorAll(".fly").length >= 5);
  }
  await page.screenshot({ path: `${to}/${name}.png` });
  await page.close();
}
await browser.close();
workbench.stop();
