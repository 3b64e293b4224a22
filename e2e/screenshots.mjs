// Pictures of every page into a folder, in both languages, at a desk and on a phone; each is checked on the way.
import { mkdir } from "node:fs/promises";
import { base, browser, check, desk, finish, phone, signIn, visitor } from "./lib.mjs";

const folder = process.env.SHOTS ?? new URL("../docs/screenshots/", import.meta.url).pathname;
await mkdir(folder, { recursive: true });

/** Who sees which pages; a function finds an address by following a link. The visits come before the appeals: one is filed there. */
const tour = [
  ["cdc", [["imports", "/imports"], ["mandates", "/mandates"], ["me-tokens", "/me"], ["reference", "/reference"], ["packs", "/packs"], ["pack", pack], ["comparison", comparison], ["two-plans", twoPlans], ["sentinels", "/sentinels"], ["sentinel-site", site], ["signals", "/signals"], ["signal", signal], ["pools", "/pools"], ["pool", pool], ["screening", "/screening"], ["plans", "/plans"]]],
  ["tracer", [["cases", "/cases"], ["case", kase], ["case-sheet", sheet], ["case-report", caseReport]]],
  ["province", [["board", "/board"], ["report", "/report"], ["people", "/people?group=under-measures"], ["person", person], ["loops", "/loops"], ["break-glass", "/break-glass"]]],
  ["zhengzhou", [["loops-city", assigned], ["arrivals", "/arrivals"], ["arrival", arrival], ["checkpoints", "/checkpoints"], ["orders", "/orders"], ["history", history]]],
  ["gate", [["checkpoint", "/checkpoint"], ["certificates", "/certificates"]]],
  ["venue", [["places", "/places"], ["place", place], ["scan", scan]]],
  ["lab", [["lab", "/lab"]]],
  ["clinic", [["sentinel", "/sentinel"], ["sentinel-record", "/sentinel/record"]]],
  ["community", [["sampling", "/sampling"], ["visits", visits], ["link", link], ["my", my], ["pass", pass]]],
  ["appeal", [["appeals", "/appeals"]]],
  ["admin", [["accounts", "/accounts"]]],
  ["audit", [["audit", "/audit"], ["watch", "/watch"]]],
  ["stat", [["board-statistician", "/board"]]],
  ["ops", [["operation", "/operation"], ["me", "/me"]]],
];

/** Follows the first link that a page has under a selector. */
async function first(page, where, selector) {
  await page.goto(base + where);
  await page.locator(selector).first().click();
  await page.waitForLoadState();
}
function kase(page) { return first(page, "/cases", "main tbody a"); }
async function sheet(page) { await kase(page); await page.goto(`${page.url().split("?")[0]}/sheet`); }
async function caseReport(page) { await kase(page); await page.goto(`${page.url().split("?")[0]}/report`); }
function pool(page) { return first(page, "/pools", "main a[href^='/pools/']"); }
function arrival(page) { return first(page, "/arrivals", "main a[href^='/arrivals/']:not([href$='/new'])"); }
function place(page) { return first(page, "/places", "main a[href^='/places/']"); }
async function scan(page) {
  await place(page);
  const code = (await page.content()).match(/SZ1\.[0-9a-zA-Z._-]+/);
  await page.goto(`${base}/scan/${code[0]}`);
}
async function history(page) { await person(page); await page.goto(`${page.url().split("?")[0]}/history`); }
function site(page) { return first(page, "/sentinels", "#register tbody a"); }
/** Signals come with the first round of the node's jobs. */
async function signal(page) {
  for (let n = 0; n < 60; n += 1) {
    await page.goto(`${base}/signals`);
    if (await page.locator("[data-rows] tbody a").count()) break;
    await page.waitForTimeout(1000);
  }
  await first(page, "/signals", "[data-rows] tbody a");
}
/** Some loops of the city are given to a community, so that its worker has visits. */
async function assigned(page) {
  await page.goto(`${base}/loops`);
  const boxes = page.locator("input[name='loop']");
  for (let n = 0; n < Math.min(6, await boxes.count()); n += 1) await boxes.nth(n).check();
  const unit = await page.locator("select[name='unit'] option", { hasText: "东风路社区" }).getAttribute("value");
  await page.selectOption("select[name='unit']", unit);
  await page.locator(".assign button").click();
  await page.waitForURL("**/loops?show=open");
}

function visits(page) { return first(page, "/visits", ".visit summary"); }

async function link(page) {
  await visits(page);
  await page.locator(".visit form[action$='/link'] button").first().click();
  await page.waitForURL("**/link");
}

/** A person's own page, by the link that was handed over. Whoever has a measure appeals. */
async function my(page) {
  await link(page);
  await page.locator("main a[href^='/my/']").first().click();
  await page.waitForURL("**/my/*");
  const words = page.locator("#appeal textarea").first();
  if (await words.count()) {
    await words.fill("我在那天不在那里，有车票。");
    await page.locator("#appeal form button").first().click();
    await page.waitForURL("**/my/*?filed=1");
  }
}

async function pass(page) {
  await my(page);
  await page.locator("a[href$='/pass']").click();
  await page.waitForURL("**/pass");
}

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

// SHOT=case,arrivals: only these.
const only = process.env.SHOT?.split(",");
const chrome = await browser();
for (const [lang, word] of [["zh-CN", "zh"], ["en-GB", "en"]]) {
  for (const [viewport, size] of [[desk, "desk"], [phone, "phone"]]) {
    const page = await visitor(chrome, { lang, viewport });
    const shot = async (name) => {
      await check(page, `${name}-${size}-${word}`);
      // Two screens are enough to see a page; English on a phone is checked and not kept.
      if (size === "phone" && word === "en") return;
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      // What sticks to the edge of the screen belongs at the edge of the picture.
      const clip = { x: 0, y: 0, width: viewport.width, height: Math.max(viewport.height, Math.min(height, 2 * viewport.height)) };
      await page.setViewportSize({ width: clip.width, height: clip.height });
      await page.screenshot({ path: `${folder}/${name}-${size}-${word}.png`, clip });
      await page.setViewportSize(viewport);
    };
    await page.goto(`${base}/sign-in`);
    if (!only) await shot("sign-in");
    for (const [name, where] of [["arrive", "/arrive"], ["antigen", "/antigen"], ["transparency", "/transparency"]]) {
      if (only && !only.includes(name)) continue;
      await page.goto(base + where);
      await shot(name);
    }
    for (const [login, pages] of tour) {
      const wanted = pages.filter(([name]) => !only || only.includes(name));
      if (wanted.length === 0) continue;
      await signIn(page, login);
      for (const [name, where] of wanted) {
        if (typeof where === "function") await where(page);
        else await page.goto(base + where);
        await shot(name);
      }
      await page.context().clearCookies();
      await page.goto(`${base}/language?to=${word}&back=/sign-in`);
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
