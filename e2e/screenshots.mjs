// Pictures of every page into a folder, in both languages, at a desk and on a phone; each is checked on the way.
import { mkdir } from "node:fs/promises";
import { base, browser, check, desk, finish, phone, signIn, visitor } from "./lib.mjs";

const folder = process.env.SHOTS ?? new URL("../docs/screenshots/", import.meta.url).pathname;
await mkdir(folder, { recursive: true });

/** Who sees which pages; a function finds an address by following a link. */
const tour = [
  ["cdc", [["imports", "/imports"], ["mandates", "/mandates"], ["me-tokens", "/me"], ["reference", "/reference"], ["packs", "/packs"], ["pack", pack], ["comparison", comparison], ["two-plans", twoPlans]]],
  ["province", [["board", "/board"], ["report", "/report"], ["people", "/people?group=under-measures"], ["person", person], ["break-glass", "/break-glass"]]],
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

async function pack(page) {
  await page.goto(`${base}/packs`);
  await page.locator("[data-rows] tbody a", { hasText: "cn-covid-v9" }).or(page.locator("[data-rows] tbody tr", { hasText: "cn-covid-v9" }).locator("a").first()).first().click();
  await page.waitForURL(/packs\/[0-9a-f]{64}/);
}

async function comparison(page) {
  await page.goto(`${base}/packs`);
  const v9 = await page.locator("#compare-pack option", { hasText: "cn-covid-v9" }).getAttribute("value");
  await page.selectOption("#compare-pack", v9);
  await page.locator("form[action='/packs/comparisons'] button").click();
  await page.waitForSelector("table.changes", { timeout: 60000 });
}

async function twoPlans(page) {
  await comparison(page);
  await page.locator("a[href*='/plans?person=']").first().click();
  await page.waitForURL("**/plans?person=*");
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
