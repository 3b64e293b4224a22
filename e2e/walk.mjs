// One walk: set-up by one-time link, unit, account, import with errors mended, board, person, audit; both languages, desk
// and phone. Every page is checked for accessibility and for complaints of the console.
import { createHmac } from "node:crypto";
import { base, browser, check, complaints, desk, finish, phone, signIn, visitor } from "./lib.mjs";

const expect = (condition, told) => { if (!condition) complaints.push(told); };

/** The code that an authenticator app would show (RFC 6238). */
function code(secret, at = Date.now()) {
  let bits = "";
  for (const letter of secret.replace(/\s/g, "")) bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigInt64BE(BigInt(Math.floor(at / 30000)));
  const hash = createHmac("sha1", key).update(step).digest();
  const offset = hash[19] & 15;
  return String((hash.readUInt32BE(offset) & 0x7fffffff) % 1000000).padStart(6, "0");
}

async function setUp(chrome) {
  const url = process.env.SIZAO_SETUP;
  if (!url) return complaints.push("no set-up link was given");
  const context = await chrome.newContext({ locale: "zh-CN", viewport: desk });
  const page = await context.newPage();
  const home = new URL(url).origin;
  const fill = async (fields) => { for (const [name, value] of Object.entries(fields)) await page.fill(`#${name}`, value); };
  await page.goto(url);
  await check(page, "set-up");
  const secret = await page.locator("#secret").innerText();
  await fill({ unit_name: "河南省疫情防控指挥部", division: "41", name: "管理员", login: "first.admin", password: "short", repeated: "short", code: "000000" });
  await page.click("button.main");
  expect(await page.locator("#summary").isVisible(), "a short password is told");
  await check(page, "set-up refused");
  await fill({ password: "correct horse battery", repeated: "correct horse battery", code: code(secret) });
  await page.click("button.main");
  await page.waitForURL("**/sign-in?done=1");
  await page.fill("#login", "first.admin");
  await page.fill("#password", "correct horse battery");
  // The code of this half minute was used for the set-up: the next one counts already.
  await page.fill("#code", code(secret, Date.now() + 30000));
  await page.click("button.main");
  await page.waitForURL("**/accounts");
  await fill({ unit_name: "郑州市疾控中心", division: "4101" });
  await page.selectOption("#unit_kind", "cdc");
  await page.locator("form[action='/units'] button").click();
  await page.selectOption("#unit", { index: 1 });
  await page.selectOption("#role", "epidemiologist");
  await fill({ name: "周宁", login: "zhou.ning" });
  await page.locator("form[action='/accounts'] button").click();
  const link = await page.locator("#link").innerText();
  expect(link.startsWith("/setup/"), "a new account has a one-time link");
  await check(page, "account made");
  const second = await (await chrome.newContext({ locale: "en-GB", viewport: phone })).newPage();
  await second.goto(home + link);
  await check(second, "set-up on a phone");
  await context.close();
}

async function importing(chrome) {
  const page = await visitor(chrome, { lang: "zh-CN" });
  await signIn(page, "cdc");
  await page.goto(`${base}/imports`);
  const mapping = `sender = "e2e"\ntitle = "e2e"\ndivision = "4101"\n[[person]]\nid = "p"\ncode = [{ scope = "e2e", column = "code" }]\nfull_name = "name"\ndivision = { column = "division", otherwise = "4101" }\n[[fact]]\nkind = "diagnosis"\nperson = "p"\nkey = "{code}/d"\nhappened = "day"\n[fact.body]\nstatus = "confirmed_case"\n`;
  const send = async (text) => {
    await page.setInputFiles("#mapping", { name: "m.toml", mimeType: "text/plain", buffer: Buffer.from(mapping) });
    await page.setInputFiles("#file", { name: "cases.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
    await page.locator("form[enctype] button").click();
    await page.waitForURL("**/imports/*");
  };
  await send("code,name,division,day\nw-1,高飞,410102,2022-03-16\nw-2,田野,410102,2022-03-32\nw-3,洛河,410302,2022-03-16\n");
  await check(page, "import checked");
  const text = await page.locator("main").innerText();
  expect(text.includes("2022-03-32") || text.includes("March has 31 days"), "the wrong day is told");
  expect(text.includes("410302"), "the foreign row is handed back");
  await page.goto(`${base}/imports`);
  await send("code,name,division,day\nw-1,高飞,410102,2022-03-16\nw-2,田野,410102,2022-03-16\n");
  await page.locator("form.form button").click();
  await page.waitForFunction(() => document.querySelector("h1")?.textContent.includes("已存入"), null, { timeout: 60000 });
  await check(page, "import done");
  await page.fill("#find", "gaofei");
  await page.press("#find", "Enter");
  await page.locator("[data-rows] tbody a").first().click();
  await page.waitForURL("**/people/*-*");
  expect(!(await page.locator("main").innerText()).includes("高飞"), "the name is masked");
  await check(page, "person");
  await page.locator("details.open-id summary").click();
  await page.fill("#reason", "核对身份，走查");
  await page.locator("details.open-id button").click();
  await page.waitForSelector("#identity");
  expect((await page.locator("#identity").innerText()).includes("高飞"), "the identity is opened");
  await check(page, "identity");
  await page.context().close();
  const audit = await visitor(chrome, { lang: "zh-CN" });
  await signIn(audit, "audit");
  expect((await audit.locator("main").innerText()).includes("核对身份，走查"), "the auditor reads the reason");
  await audit.locator("form[action='/audit/verify'] button").click();
  await audit.waitForSelector("[role=status]");
  await check(audit, "audit");
  await audit.context().close();
}

async function pages(chrome) {
  for (const lang of ["zh-CN", "en-GB"]) {
    for (const viewport of [desk, phone]) {
      const name = `${lang} ${viewport.width}`;
      const page = await visitor(chrome, { lang, viewport });
      await signIn(page, "zhengzhou");
      await check(page, `board ${name}`);
      const number = page.locator(".kpi a.big").nth(4);
      const shown = (await number.innerText()).replace(/,/g, "");
      await number.click();
      await page.waitForURL("**/people?group=under-measures*");
      const head = (await page.locator(".head").innerText()).replace(/,/g, "");
      expect(head.includes(shown), `${name}: the number ${shown} opens its rows: ${head}`);
      await check(page, `people ${name}`);
      if (viewport === desk) {
        await page.keyboard.press("j");
        await page.keyboard.press("j");
        await page.keyboard.press("Enter");
        await page.waitForURL("**/people/*-*");
        await check(page, `person ${name}`);
        await page.keyboard.press("/");
        expect(await page.evaluate(() => document.activeElement?.id) === "find", `${name}: / goes to the search`);
      }
      await page.context().close();
    }
  }
}

/** An epidemiologist compares two packs, opens a person's two plans and proposes; the headquarters signs. */
async function packs(chrome) {
  const page = await visitor(chrome, { lang: "zh-CN" });
  await signIn(page, "cdc");
  await page.goto(`${base}/packs`);
  await check(page, "packs");
  expect((await page.locator("#compare-pack option").count()) > 5, "the packs at hand can be chosen");
  await page.selectOption("#compare-pack", { label: "新冠肺炎防控方案第九版 (cn-covid-v9)" });
  await page.locator("form[action='/packs/comparisons'] button").click();
  await page.waitForURL("**/packs/comparisons/*");
  const comparison = page.url();
  await page.waitForSelector("table.changes", { timeout: 60000 });
  await check(page, "comparison");
  const number = page.locator(".kpi a.big").first();
  const shown = (await number.innerText()).replace(/,/g, "");
  await number.click();
  await page.waitForURL("**/people?change=*");
  expect((await page.locator(".head").innerText()).replace(/,/g, "").includes(shown), `the number ${shown} opens its rows`);
  await check(page, "people of a comparison");
  await page.locator("[data-rows] tbody a").first().click();
  await page.waitForURL("**/plans?person=*");
  expect((await page.locator(".axis svg").count()) === 2, "two plans stand on one axis");
  await check(page, "two plans");
  await page.setViewportSize(phone);
  await page.reload();
  const inView = await page.locator(".axis").evaluateAll((all) => all.every((axis) => {
    const [line, box] = [axis.querySelector(".nowl").getBoundingClientRect(), axis.getBoundingClientRect()];
    return line.left >= box.left && line.right <= box.right;
  }));
  expect(inView, "the day of the change is in view on a phone");
  await page.locator(".axis").first().evaluate((axis) => { axis.scrollLeft = 0; });
  await page.waitForTimeout(200);
  expect((await page.locator(".axis").last().evaluate((axis) => axis.scrollLeft)) === 0, "both plans move together");
  await page.setViewportSize(desk);
  await page.goto(comparison);
  await page.goto(`${base}/packs`);
  await page.locator("[data-rows] tbody a", { hasText: "第九版" }).first().click();
  await page.waitForURL(/packs\/[0-9a-f]{64}/);
  expect((await page.locator("main").innerText()).includes("默认值，非官方"), "numbers without a source are marked");
  await check(page, "pack");
  await page.goto(`${base}/packs`);
  await page.selectOption("#pack", { label: "新冠肺炎防控方案第九版 (cn-covid-v9)" });
  await page.fill("#reason", "指挥部会议，走查");
  await page.locator("form[action='/packs/adoptions'] button").click();
  await page.waitForURL("**/packs#adoptions");
  expect((await page.locator("#adoptions").innerText()).includes("等第二签字"), "one signature waits for another");
  expect((await page.locator("form[action$='/sign']").count()) === 0, "the proposer cannot sign again");
  await page.context().close();
  const second = await visitor(chrome, { lang: "zh-CN", viewport: phone });
  await signIn(second, "zhengzhou");
  await second.goto(`${base}/packs`);
  await check(second, "packs on a phone");
  await second.locator("form[action$='/sign'] button").first().click();
  await second.waitForURL("**/packs#adoptions");
  expect((await second.locator("#adoptions").innerText()).includes("已签署"), "two organisations signed");
  // The node follows its log every few seconds.
  await second.waitForTimeout(8000);
  await second.goto(`${base}/packs`);
  expect((await second.locator("section.card").first().innerText()).includes("待施行"), "the pack is coming");
  await second.context().close();
}

/** Every page of every account, both languages, desk and phone; each is checked. */
async function everyPage(chrome) {
  const tour = [
    ["zhengzhou", ["/board", "/report", "/people?group=under-measures", "/people?q=nobody", "/break-glass", "/mandates", "/batches", "/me"]],
    ["cdc", ["/board", "/people?group=contacts-7d", "/imports", "/mandates", "/me"]],
    ["admin", ["/accounts", "/mandates", "/me"]],
    ["audit", ["/audit", "/mandates"]],
    ["stat", ["/board", "/report"]],
    ["ops", ["/operation"]],
    ["community", ["/people?group=under-measures"]],
    ["lab", ["/imports", "/me"]],
  ];
  for (const lang of ["zh-CN", "en-GB"]) {
    for (const viewport of [desk, phone]) {
      const page = await visitor(chrome, { lang, viewport });
      for (const path of ["/sign-in", "/reference"]) {
        await page.goto(base + path);
        await check(page, `${path} ${lang} ${viewport.width}`);
      }
      for (const [login, paths] of tour) {
        await page.context().clearCookies();
        await signIn(page, login);
        for (const path of paths) {
          const answer = await page.goto(base + path);
          expect(answer.status() === 200, `${login} ${path}: ${answer.status()}`);
          await check(page, `${login} ${path} ${lang} ${viewport.width}`);
        }
      }
      await page.context().close();
    }
  }
}

/** A token is made on the own account, works once shown, and is ended; a report is fetched as a workbook. */
async function tokensAndReport(chrome) {
  const page = await visitor(chrome, { lang: "en-GB" });
  await signIn(page, "cdc");
  await page.goto(`${base}/me`);
  await page.fill("#token_name", "Ward system");
  await page.click("form[action='/me/tokens'] button");
  expect(await page.locator("#summary").isVisible(), "a token for nothing is refused");
  await check(page, "token refused");
  await page.check("input[name=scopes][value=view-board]");
  await page.click("form[action='/me/tokens'] button");
  const token = await page.locator("#token").innerText();
  await check(page, "token made");
  const ask = (path) => fetch(`${base}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
  expect((await ask("/board")).status === 200, "the token opens the board");
  expect((await ask("/people")).status === 403, "the token opens nothing else");
  await page.goto(`${base}/me`);
  await page.click("form[action$='/end'] button.bad");
  expect((await ask("/board")).status === 401, "an ended token opens nothing");
  await page.goto(`${base}/report`);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("a[href^='/report.xlsx']")]);
  expect(download.suggestedFilename().endsWith(".xlsx"), "the report comes as a workbook");
  await page.context().close();
}

const chrome = await browser();
if (process.argv[2] === "packs") {
  await packs(chrome);
  await chrome.close();
  finish("walk");
}
await setUp(chrome);
await importing(chrome);
await pages(chrome);
await packs(chrome);
await everyPage(chrome);
await tokensAndReport(chrome);
await chrome.close();
finish("walk");
