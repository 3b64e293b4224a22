// Requests between two cities, over the demonstration of two nodes: Luoyang takes a request on and replies to a line; Zhengzhou
// sees the same log; a new request from a case's contacts. Both languages, desk and phone.
import { join } from "node:path";
import { browser, check, complaints, desk, finish, phone } from "./lib.mjs";
import { password } from "./lib.mjs";

const [zhengzhou, luoyang] = [process.env.SIZAO_URL, process.env.SIZAO_OTHER];
const expect = (condition, told) => { if (!condition) complaints.push(told); };
const shot = async (page, name) => { if (process.env.SIZAO_SHOTS) await page.screenshot({ path: join(process.env.SIZAO_SHOTS, `${name}.png`), fullPage: true }); };

async function officer(chrome, city, { lang = "zh-CN", viewport = desk } = {}) {
  const context = await chrome.newContext({ locale: lang, viewport, colorScheme: "light", timezoneId: "Asia/Shanghai" });
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(`${page.url()}: script: ${error.message}`));
  page.on("response", (response) => { if (response.status() >= 500) complaints.push(`${response.url()}: ${response.status()}`); });
  await page.goto(`${city}/sign-in`);
  await page.fill("#login", "cdc");
  await page.fill("#password", password);
  await Promise.all([page.waitForURL((url) => !url.pathname.startsWith("/sign-in")), page.click("button.main")]);
  return page;
}
const looked = async (page, name) => { await check(page, name); await shot(page, name.replaceAll(" ", "-")); };
const text = (page) => page.locator("main").innerText();

const chrome = await browser();
const page = await officer(chrome, luoyang);
await page.goto(`${luoyang}/assists`);
await looked(page, "assists zh desk");
expect((await text(page)).includes("超时"), "a line is overdue on the board");
const rows = page.locator("section[aria-labelledby=h-open] tbody tr");
const count = await rows.count();
expect(count >= 3, `three open requests, ${count} found`);
// The freshest one, from Zhengzhou: nobody has looked at it yet.
const fresh = page.locator("section[aria-labelledby=h-open] tr", { hasText: "同单位" });
await fresh.locator("a").first().click();
await looked(page, "assist zh desk");
const request = new URL(page.url()).pathname;
await page.locator("form[action$='/accept'] button").click();
await page.waitForSelector("#reply");
expect((await text(page)).includes("受理"), "the request was taken on");
await page.locator("details.open-id summary").first().click();
await page.fill("#reason", "走访前核对身份");
await page.locator("form[action$='/identity'] button").click();
expect(await page.locator("#identity").count() === 1, "the identity was opened");
await looked(page, "assist identity zh desk");
await page.goto(luoyang + request);
await page.check("input[name=outcome][value=not-found]");
await page.locator("#reply button.main").click();
expect(await page.locator("#summary").count() === 1, "what the outcome needs is asked for");
await looked(page, "assist refused reply zh desk");
await page.check("input[name=outcome][value=located-here]");
await page.fill("#place", "西工区中州路 3 号");
await page.selectOption("#identified", "document");
await page.selectOption("#measure", "home_isolation");
await page.locator("#reply button.main").click();
await page.waitForURL(luoyang + request);
expect((await text(page)).includes("2 = 在本地 1"), "the four clears add up");
const digest = async (page) => (await page.locator("section[aria-labelledby=h-log] .note").innerText()).split("·").pop().trim();

const home = await officer(chrome, zhengzhou, { lang: "en" });
let same = false;
for (let wait = 0; wait < 40 && !same; wait += 1) {
  await home.goto(zhengzhou + request);
  same = (await digest(home)) === (await digest(page));
  if (!same) await new Promise((done) => setTimeout(done, 500));
}
expect(same, "both sides show the same log");
await home.goto(`${zhengzhou}${request}?line=1`);
expect((await text(home)).includes("西工区中州路 3 号"), "the asking city reads the place");
await looked(home, "assist answered en desk");
await home.goto(`${zhengzhou}/assists`);
await looked(home, "assists en desk");
const small = await officer(chrome, luoyang, { viewport: phone });
await small.goto(`${luoyang}/assists`);
await looked(small, "assists zh phone");
await small.goto(luoyang + request);
await looked(small, "assist zh phone");
await home.goto(`${zhengzhou}/assists/new`);
await looked(home, "assist new en desk");
// From a case's page: of its twelve contacts elsewhere, eight are asked about in open requests; two were never asked about,
// two have their reply.
await home.goto(`${zhengzhou}/cases`);
await home.goto(zhengzhou + (await home.locator("main a[href^='/cases/']").first().getAttribute("href")).replace("/cases/", "/people/"));
await home.locator("a[href^='/assists/new?case=']").click();
await home.waitForURL("**/assists/new?case=*");
await looked(home, "assist new case en desk");
const people = home.locator("input[name=person]:checked");
expect(await people.count() === 4, `four are not asked about now: ${await people.count()}`);
await home.fill("#r1", "Shared a table on 29 November");
await home.fill("#p1", "0371-12320");
await home.locator("form[action='/assists'] button.main").click();
await home.waitForURL(/assists\/[0-9a-f-]{36}$/);
expect((await text(home)).includes("4 = "), "the new request has four lines");
await small.goto(`${luoyang}/assists`);
const come = small.locator("section[aria-labelledby=h-open] tr", { hasText: "Shared a table" });
for (let wait = 0; wait < 40 && await come.count() === 0; wait += 1) { await small.waitForTimeout(500); await small.reload(); }
expect(await come.count() === 1, "it is on the board of the other city, with its reason, on a phone too");
await looked(small, "assists new zh phone");
await chrome.close();
finish("assists");
