// Pictures of every page into a folder, in both languages, at a desk and on a phone; each is checked on the way.
import { mkdir } from "node:fs/promises";
import { base, browser, check, desk, finish, phone, signIn, visitor } from "./lib.mjs";

const folder = process.env.SHOTS ?? new URL("../docs/screenshots/", import.meta.url).pathname;
await mkdir(folder, { recursive: true });

/** Who sees which pages; a function finds an address by following a link. */
const tour = [
  ["province", [["board", "/board"], ["report", "/report"], ["people", "/people?group=under-measures"], ["person", person], ["break-glass", "/break-glass"]]],
  ["cdc", [["imports", "/imports"], ["mandates", "/mandates"], ["me-tokens", "/me"], ["reference", "/reference"]]],
  ["admin", [["accounts", "/accounts"]]],
  ["audit", [["audit", "/audit"]]],
  ["stat", [["board-statistician", "/board"]]],
  ["ops", [["operation", "/operation"], ["me", "/me"]]],
];

async function person(page) {
  await page.goto(`${base}/people?group=under-measures`);
  await page.locator("[data-rows] tbody a").first().click();
  await page.waitForLoadState();
}

const only = process.argv[2];
const chrome = await browser();
for (const [lang, word] of [["zh-CN", "zh"], ["en-GB", "en"]]) {
  for (const [viewport, size] of [[desk, "desk"], [phone, "phone"]]) {
    const page = await visitor(chrome, { lang, viewport });
    const shot = async (name, full = true) => {
      await check(page, `${name}-${size}-${word}`);
      await page.screenshot({ path: `${folder}/${name}-${size}-${word}.png`, fullPage: full });
    };
    await page.goto(`${base}/sign-in`);
    if (!only) await shot("sign-in");
    for (const [login, pages] of tour) {
      const wanted = pages.filter(([name]) => !only || name === only);
      if (wanted.length === 0) continue;
      await signIn(page, login);
      for (const [name, where] of wanted) {
        if (typeof where === "function") await where(page);
        else await page.goto(base + where);
        await shot(name);
      }
      await page.context().clearCookies();
    }
    await page.context().close();
  }
}
const page = await visitor(chrome, { dark: true });
await signIn(page, "province");
await page.goto(`${base}/board`);
await check(page, "board-dark");
await page.screenshot({ path: `${folder}/board-desk-dark-zh.png`, fullPage: true });
await chrome.close();
finish("screenshots");
