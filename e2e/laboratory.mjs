// Screening and laboratory by their pages: a desk on a phone with and without a network, a laboratory at a desk, the flow
// of a positive pool with all its ends, a table of results with bad rows, a message to be mended, plans, a self-test.
import { mkdir } from "node:fs/promises";
import { base, browser, check, complaints, desk, finish, phone, signIn, visitor } from "./lib.mjs";

const expect = (condition, told) => { if (!condition) complaints.push(told); };
const shots = process.env.SHOTS;
if (shots) await mkdir(shots, { recursive: true });
const looked = async (page, name) => { await check(page, name); if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true }); };
const main = (page) => page.locator("main").innerText();
const run = Date.now().toString(36).toUpperCase();
const code = (name) => `T${run}-${name}`;

/** An invented resident's number with a right check digit. */
function document(who) {
  const digits = `41010519770101${String(who).padStart(3, "0")}`;
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
  const sum = [...digits].reduce((all, digit, at) => all + Number(digit) * weights[at], 0);
  return digits + "10X98765432"[sum % 11];
}

const open = (page, name) => page.locator(`[data-desk="${name}"]`).evaluate((part) => { part.open = true; });
// What the phone keeps, by state; everything was sent when nothing is queued or on its way.
const items = (page, state) => page.evaluate(async (state) => (await Outbox.all()).filter((item) => item.state === state).length, state);
const kept = (page) => page.evaluate(async () => (await Outbox.all()).map((item) => `${item.label}: ${item.state} ${item.told}`).join("\n"));
async function settled(page) {
  const end = Date.now() + 60000;
  while (await items(page, "queued") + await items(page, "sending") > 0) {
    if (Date.now() > end) throw new Error(`not sent within a minute: ${await kept(page)}`);
    await page.waitForTimeout(100);
  }
}

/** Opens a tube, scans people into it, closes it: every scan by the forms of the page. */
async function tube(page, barcode, kind, people, again = false) {
  await open(page, "open");
  await page.fill("#o-barcode", barcode);
  await page.locator(`#open input[value="${kind}"]`).evaluate((pick) => { pick.checked = true; });
  await page.locator("#open button.main").click();
  for (const who of people) {
    await open(page, "swab");
    await page.waitForFunction((barcode) => document.querySelector("#s-barcode").value === barcode, barcode);
    await page.fill("#s-who", document(who));
    // Who is called back was in this round before: the sampler says so.
    await page.locator("#swab input[name=again]").evaluate((box, again) => { box.checked = again; }, again);
    await page.locator("#swab button.main").click();
    await page.waitForFunction(() => document.querySelector("#s-who").value === "");
  }
  await open(page, "seal");
  await page.fill("#c-barcode", barcode);
  await page.locator("#seal button.main").click();
  await page.waitForFunction(() => document.querySelector("#c-barcode").value === "");
}

async function sampling(chrome) {
  const page = await visitor(chrome, { viewport: phone });
  await signIn(page, "community");
  await page.goto(`${base}/sampling`);
  await page.waitForFunction(() => navigator.serviceWorker?.controller || navigator.serviceWorker?.ready);
  await looked(page, "sampling-phone-zh");
  await tube(page, code("POOL"), "pool-5", [1, 2, 3]);
  await settled(page);
  expect(await items(page, "received") === 5, `five scans arrived: ${await kept(page)}`);

  // Wrong tube, over-filled tube, reused barcode, person twice: sent back with what to do.
  await tube(page, code("FULL"), "single", [4]);
  await open(page, "swab");
  await page.fill("#s-barcode", code("FULL"));
  await page.fill("#s-who", document(5));
  await page.locator("#swab button.main").click();
  await page.waitForFunction(() => document.querySelector("#s-who").value === "");
  await settled(page);
  await open(page, "open");
  await page.fill("#o-barcode", code("POOL"));
  await page.locator("#open button.main").click();
  await page.waitForFunction((barcode) => document.querySelector("#s-barcode").value === barcode, code("POOL"));
  await settled(page);
  await open(page, "swab");
  await page.fill("#s-barcode", code("NONE"));
  await page.fill("#s-who", document(5));
  await page.locator("#swab button.main").click();
  await page.waitForFunction(() => document.querySelector("#s-who").value === "");
  await settled(page);
  // Somebody who was in this round before, without a word about it.
  await open(page, "open");
  await page.fill("#o-barcode", code("TWICE"));
  await page.locator("#open button.main").click();
  await open(page, "swab");
  await page.waitForFunction((barcode) => document.querySelector("#s-barcode").value === barcode, code("TWICE"));
  await page.fill("#s-who", document(1));
  await page.locator("#swab button.main").click();
  await page.waitForFunction(() => document.querySelector("#s-who").value === "");
  await settled(page);
  await page.waitForFunction(() => document.querySelectorAll(".ob.refused").length === 4);
  const told = (await page.locator(".ob.refused .told").allInnerTexts()).join("\n");
  for (const cure of ["开一支新管", "换一支新管", "没有开过这支管", "本轮已采过"]) expect(told.includes(cure), `sent back with its cure: ${cure} in ${told}`);
  await looked(page, "sampling-refused-phone-zh");

  // Without a network: the whole tube is kept on the phone and arrives once.
  const context = page.context();
  await page.reload();
  await context.setOffline(true);
  await page.reload().catch(() => complaints.push("the page does not open without a network"));
  await tube(page, code("OFF"), "pool-5", [6, 7]);
  await page.waitForFunction(() => document.querySelectorAll(".ob.queued").length === 4, null, { timeout: 10000 })
    .catch(async () => complaints.push(`four scans are kept: ${await items(page, "queued")}`));
  await looked(page, "sampling-offline-phone-zh");
  await context.setOffline(false);
  await page.evaluate(() => { window.dispatchEvent(new Event("online")); window.dispatchEvent(new Event("online")); });
  await settled(page);
  for (let i = complaints.length - 1; i >= 0; i -= 1) if (complaints[i].includes("ERR_INTERNET_DISCONNECTED")) complaints.splice(i, 1);
  await page.goto(`${base}/sampling`);
  const row = page.locator(`[data-tube-row="${code("OFF")}"]`);
  expect(await row.count() === 1 && (await row.innerText()).includes("2 / 5"), `the tube of the phone arrived whole, once: ${await kept(page)} ${await page.locator("main").innerText()}`);
  return page;
}

async function laboratory(chrome, desks) {
  const page = await visitor(chrome, { viewport: desk });
  await signIn(page, "lab");
  await page.waitForURL("**/lab");
  await looked(page, "lab-desk-zh");
  expect(await page.evaluate(() => document.activeElement.id) === "barcode", "the scan box has the focus");
  for (const barcode of [code("POOL"), code("NONE"), code("OFF")]) {
    await page.keyboard.type(barcode, { delay: 5 });
    await page.keyboard.press("Enter");
    await page.waitForFunction((barcode) => document.querySelector("[data-scans] b.mono")?.textContent === barcode, barcode);
  }
  const lines = await page.locator("[data-scans] li").allInnerTexts();
  expect(lines.length <= 5 && lines[1].includes("没有接收") && lines[0].includes("已接收"), `scans are answered in lines: ${lines}`);
  expect(await page.evaluate(() => document.activeElement.id) === "barcode", "the scan box kept the focus");

  // A table: one good row, two to be mended in place.
  const now = new Date(Date.now() + 8 * 3600e3).toISOString();
  const at = await page.locator(".head .end").innerText();
  const [, month, date, clock] = at.match(/(\d+)月(\d+)日 (\d\d:\d\d)/) ?? [];
  const when = `2022-${month.padStart(2, "0")}-${date.padStart(2, "0")} ${clock}:59`;
  const rows = `管码,结果,报告时间\n${code("OFF")},阴性,${when}\n${code("OFF")}X,阴性,${when}\n${code("FULL")},阴姓,${when}\n`;
  await page.setInputFiles("#file", { name: "results.csv", mimeType: "text/csv", buffer: Buffer.from(rows) });
  await page.locator("#table button").click();
  await page.locator("#file-report").waitFor();
  expect((await page.locator("#file-report").innerText()).includes("1 行已收，2 行退回"), `bad rows come back: ${await page.locator("#file-report").innerText()} ${await page.locator("#file-refused").allInnerTexts()} ${now}`);
  await looked(page, "lab-file-desk-zh");
  const mended = (await page.locator("#rows").inputValue()).replace(`${code("OFF")}X`, code("OFF")).replace("阴姓", "阴性");
  await page.fill("#rows", mended);
  await page.locator("textarea#rows ~ button").click();
  await page.locator("#file-report").waitFor();
  expect((await page.locator("#file-report").innerText()).includes("2 行已收，0 行退回"), `mended rows go in: ${await page.locator("#file-report").innerText()}`);
  await result(page, code("POOL"), "positive");
  void desks;
  return page;
}

async function result(page, barcode, outcome) {
  await page.goto(`${base}/lab`);
  await page.fill("#r-barcode", barcode);
  await page.selectOption("#outcome", outcome);
  await page.locator("#result button.main").click();
  await page.locator(".note-box.ok, #summary").first().waitFor();
  expect(await page.locator("#summary").count() === 0, `${barcode} ${outcome}: ${await main(page)}`);
}

/** Flow of a positive pool: wait, called, reached, single samples, one positive, the others let go. */
async function pool(chrome, phonePage, lab) {
  const page = await visitor(chrome, { viewport: desk });
  await signIn(page, "cdc");
  await page.goto(`${base}/pools`);
  await looked(page, "pools-desk-zh");
  await page.locator(`a:text-is("${code("POOL")}")`).click();
  await page.waitForURL("**/pools/*");
  await looked(page, "pool-desk-zh");
  const rows = () => page.locator("#members tbody tr");
  const states = async () => (await rows().allInnerTexts()).map((text) => (text.includes("等候，最迟到") ? "waits" : text.includes("已结束") ? "over" : "none"));
  expect(JSON.stringify(await states()) === '["waits","waits","waits"]', `all wait: ${await states()}`);
  expect(!/红码|黄码/.test(await main(page)), "no colour on the page of a pool");
  // Minutes from the result: everybody called, reached, sampled singly, and the end of every wait.
  const minute = (text) => { const [, day, hour, minute] = text.match(/(\d+)日 (\d\d):(\d\d)/).map(Number); return (day * 24 + hour) * 60 + minute; };
  const told = minute(await page.locator(".head .dim").innerText());
  const limits = (await page.locator("dl.kpi dd").allInnerTexts()).map((text) => minute(text) - told);
  expect(JSON.stringify(limits) === "[30,120,120,1440]", `the clocks of a positive pool: ${limits}`);
  for (let who = 0; who < 3; who += 1) {
    await rows().nth(who).locator("button[value=notified]").click();
    await page.waitForLoadState();
    await rows().nth(who).locator("button[value=located]").click();
    await page.waitForLoadState();
  }
  expect(await page.locator("#members button[value=notified]").count() === 0, "everybody was called");
  for (const who of [1, 2, 3]) await tube(phonePage, code(`ONE${who}`), "single", [who], true);
  await settled(phonePage);
  await result(lab, code("ONE1"), "negative");
  await page.reload();
  expect(JSON.stringify(await states()) === '["over","waits","waits"]', `the own negative ends the wait: ${await states()}`);
  await result(lab, code("ONE2"), "positive");
  await page.reload();
  expect(await page.locator("#members button[value=asymptomatic]").count() === 1, "only the positive one can be called a case");
  expect((await main(page)).includes("待判定是否密接"), "the others are to be assessed, and are no contacts by that alone");
  await looked(page, "pool-positive-desk-zh");
  await page.locator("#members button[value=asymptomatic]").click();
  await page.waitForLoadState();
  expect((await main(page)).includes("有病例") && await page.locator("#members button[value=asymptomatic]").count() === 0, "the word makes a case");
  await result(lab, code("ONE3"), "negative");
  await page.reload();
  expect((await states())[2] === "over", `the last one goes: ${await states()}`);

  // All negative, grey, invalid.
  await tube(phonePage, code("GREY"), "pool-5", [11, 12]);
  await tube(phonePage, code("BAD"), "pool-5", [13, 14]);
  await settled(phonePage);
  await result(lab, code("GREY"), "grey");
  await result(lab, code("BAD"), "invalid");
  await page.goto(`${base}/pools/${code("GREY")}`);
  expect(JSON.stringify(await states()) === '["waits","waits"]', `a grey pool waits: ${await states()}`);
  for (const who of [11, 12]) await tube(phonePage, code(`G${who}`), "single", [who], true);
  await settled(phonePage);
  for (const who of [11, 12]) await result(lab, code(`G${who}`), "negative");
  await page.reload();
  expect((await main(page)).includes("未证实") && JSON.stringify(await states()) === '["over","over"]', `all negative: over by itself: ${await states()}`);
  await page.goto(`${base}/pools/${code("BAD")}`);
  expect(JSON.stringify(await states()) === '["none","none"]', "an invalid pool holds nobody");
  await looked(page, "pool-invalid-desk-zh");
  return page;
}

async function screening(page) {
  await page.goto(`${base}/screening`);
  await looked(page, "screening-desk-zh");
  expect(await page.locator("#groups tbody tr").count() === 27, "27 groups");
  expect(await page.locator("#due tbody tr").count() > 5, "people are due");
  await page.locator("#due input[type=checkbox]").first().check();
  await page.locator("button:has-text('记为已提醒')").click();
  await page.waitForLoadState();
  expect(await page.locator("#due input[disabled]").count() === 1, "one was reminded");
  await page.goto(`${base}/plans`);
  await looked(page, "plans-desk-zh");
  const text = await main(page);
  for (const printed of ["1,000", "100,000", "101,000", "16.5", "0.10100"]) expect(text.includes(printed), `the worked example: ${printed}`);
  expect((await page.locator("#binding").innerText()).includes("检测能力"), "what binds is named");
  await page.fill("#samplers", "500");
  await page.fill("#machines", "1000");
  await page.locator("#plan button").click();
  await page.waitForLoadState();
  expect((await page.locator("#binding").innerText()).includes("采样人员"), `samplers bind: ${await page.locator("#binding").innerText()}`);
}

async function selfTest(chrome) {
  const page = await visitor(chrome, { viewport: phone, lang: "en-GB" });
  await page.goto(`${base}/antigen`);
  await looked(page, "antigen-phone-en");
  expect(await page.locator("svg[role=img]").count() === 7, "seven pictures");
  const worker = await visitor(chrome, { viewport: phone });
  await signIn(worker, "community");
  await worker.goto(`${base}/visits`);
  await worker.locator("li.visit summary").first().click();
  await worker.locator("form[action$='/link'] button").first().click();
  await worker.waitForLoadState();
  const link = (await worker.content()).match(/\/my\/[A-Za-z0-9_-]+/)?.[0];
  expect(Boolean(link), "a link to the own page");
  await page.goto(`${base}${link}/antigen`);
  await page.locator("input[value=positive]").evaluate((pick) => { pick.checked = true; });
  await page.fill("#lot", "L-7");
  await page.locator("#enter button").click();
  await page.locator("#entered").waitFor();
  expect((await page.locator("#entered").innerText()).includes("fever clinic"), "what to do next is said");
  await looked(page, "antigen-entered-phone-en");
  await worker.goto(`${base}/screening`);
  await looked(worker, "screening-phone-zh");
  expect((await worker.locator("#tests").innerText()).includes("阳性"), "a positive self-test is a task");
}

const chrome = await browser();
try {
  const phonePage = await sampling(chrome);
  const lab = await laboratory(chrome, phonePage);
  const cdc = await pool(chrome, phonePage, lab);
  await screening(cdc);
  await selfTest(chrome);
} catch (error) {
  complaints.push(String(error.stack ?? error));
}
await chrome.close();
finish("laboratory");
