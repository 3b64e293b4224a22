// One walk round the loop, by pages of worker, resident, officer, appeal officer, laboratory and auditor: arrival, measure,
// located, under control, daily checks, tests, release; an appeal won and one lost; two hundred entries of a worker without
// a network whose browser is killed. The node is started anew at a later moment where days go by.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { base, browser, check, complaints, desk, finish, phone, signIn, visitor } from "./lib.mjs";

const expect = (condition, told) => { if (!condition) complaints.push(told); };
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const text = (page) => page.locator("main").innerText();
/** A picture, where somebody asks for them. */
const shot = async (page, name) => { if (process.env.SIZAO_SHOTS) await page.screenshot({ path: join(process.env.SIZAO_SHOTS, `${name}.png`), fullPage: true }); };
const looked = async (page, name) => { await check(page, name); await shot(page, name.replaceAll(" ", "-")); };

// Four travellers with surnames that nobody else in the city has.
const PEOPLE = [["t-1", "乜远"], ["t-2", "佘晚"], ["t-3", "厍川"], ["t-4", "郗北"]];
const [RELEASED, WON, LOST, STAYS] = PEOPLE.map(([, name]) => `${name[0]}*`);
const ARRIVALS = `sender = "station"\ntitle = "Arrivals"\ndivision = "410105"\n[[person]]\nid = "p"\ncode = [{ scope = "station", column = "code" }]\nfull_name = "name"\n[[fact]]\nkind = "arrival"\nperson = "p"\nkey = "{code}/arrival"\nhappened = "arrived"\n[fact.body]\nfrom = { column = "from" }\ninto = "410105"\nevidence = "checkpoint"\n`;
const TESTS = `sender = "station"\ntitle = "Tests"\ndivision = "410105"\n[[person]]\nid = "p"\ncode = [{ scope = "station", column = "code" }]\n[[fact]]\nkind = "sample"\nperson = "p"\nkey = "{code}/{no}"\nhappened = "sampled"\n[fact.body]\nmethod = "nucleic_test"\n[[fact]]\nkind = "result"\nkey = "{code}/{no}/result"\nhappened = "reported"\n[fact.body]\nsample = { fact = "{code}/{no}" }\noutcome = "negative"\n`;

let node;
/** Starts the node with its clock at a moment; the store and the address stay. */
async function serve(moment) {
  await stop();
  const { SIZAO_BIN, SIZAO_STORE } = process.env;
  node = spawn(SIZAO_BIN, ["--store", SIZAO_STORE, "serve", "--listen", new URL(base).host, "--clock", moment], { stdio: "ignore" });
  for (let wait = 0; wait < 300; wait += 1) {
    if (await fetch(`${base}/readyz`).then((answer) => answer.ok, () => false)) return;
    await sleep(200);
  }
  throw new Error("the node did not start");
}
async function stop(signal = "SIGTERM") {
  if (!node) return;
  const gone = new Promise((done) => node.once("exit", done));
  node.kill(signal);
  await gone;
  node = undefined;
}

async function importing(chrome, login, mapping, rows) {
  const page = await visitor(chrome);
  await signIn(page, login);
  await page.goto(`${base}/imports`);
  await page.setInputFiles("#mapping", { name: "m.toml", mimeType: "text/plain", buffer: Buffer.from(mapping) });
  await page.setInputFiles("#file", { name: "list.csv", mimeType: "text/csv", buffer: Buffer.from(rows) });
  await page.locator("form[enctype] button").click();
  await page.waitForURL("**/imports/*");
  await page.locator("form.form button").click();
  await page.waitForFunction(() => document.querySelector("h1")?.textContent.includes("已存入"), null, { timeout: 60000 });
  await page.context().close();
}

/** A mandate for arrivals and the rule of 22 March: each proposed by the CDC and signed by the headquarters. */
async function rules(chrome) {
  const page = await visitor(chrome);
  await signIn(page, "cdc");
  await page.goto(`${base}/mandates`);
  await page.selectOption("#collection", "movement");
  for (const [field, value] of Object.entries({ area: "4101", days: "30", legal_basis: "传染病防治法 第四十二条", authority: "郑州市疫情防控指挥部", purpose: "来返人员管理", impact_assessment: "评估 2022-04" })) await page.fill(`#${field}`, value);
  await page.locator("form[action='/mandates'] button").click();
  await page.goto(`${base}/packs`);
  await page.selectOption("#pack", { label: "河南入豫来返人员规定(2022年3月22日) (ha-arrival-0322)" });
  await page.fill("#at", "2022-03-22T00:00");
  await page.fill("#reason", "省指挥部 3 月 22 日规定");
  await page.locator("form[action='/packs/adoptions'] button").click();
  await page.waitForURL("**/packs#adoptions");
  await page.context().close();
  const second = await visitor(chrome);
  await signIn(second, "zhengzhou");
  await second.goto(`${base}/mandates`);
  const open = second.locator("form[action^='/mandates/'][action$='/sign'] button");
  while (await open.count() > 0) await open.first().click();
  await second.goto(`${base}/packs`);
  await second.locator("form[action$='/sign'] button").first().click();
  await second.waitForURL("**/packs#adoptions");
  expect((await second.locator("#adoptions").innerText()).includes("已签署"), "two organisations signed the rule");
  await second.context().close();
}

/** Waits until the node has followed its log and a page shows what is wanted. */
async function until(page, address, wanted, told) {
  for (let wait = 0; wait < 40; wait += 1) {
    await page.goto(base + address);
    if (await wanted()) return true;
    await sleep(750);
  }
  complaints.push(told);
  return false;
}

const visit = (page, name) => page.locator("li.visit", { has: page.locator(".who b", { hasText: name }) }).first();
async function openVisit(page, name) {
  const item = visit(page, name);
  if (!(await item.locator("details").first().evaluate((it) => it.open))) await item.locator("summary").first().click();
  return item;
}
/** Does something that enters, and waits until the node has answered. */
async function entering(page, act) {
  const before = await page.locator(".ob.received").count();
  await act();
  await page.waitForFunction((before) => document.querySelectorAll(".ob.received").length > before, before, { timeout: 60000 });
}

/** The worker's first day: four clears by four taps, a check, and the links that are handed over. */
async function firstVisits(chrome) {
  const page = await visitor(chrome, { viewport: phone });
  await signIn(page, "community");
  await until(page, "/visits", async () => (await visit(page, LOST).count()) > 0, "the arrivals are on the worker's list");
  await looked(page, "visits zh phone");
  const links = {};
  for (const name of [RELEASED, LOST, WON, STAYS]) {
    await page.goto(`${base}/visits`);
    let item = await openVisit(page, name);
    await looked(page, `visit ${name === RELEASED ? "open" : "of another"} zh phone`);
    for (const step of ["notified", "located", "identified", "under_control"]) {
      await entering(page, () => item.locator(`button[name=step][value=${step}]`).click());
    }
    await item.locator("input[name=temperature]").fill("36.4");
    await entering(page, () => item.locator("form[data-outbox=check] button").click());
    if (name === RELEASED) {
      await entering(page, () => item.locator("button[name=need][value=medicine]").click());
      await looked(page, "visit done zh phone");
      await page.goto(`${base}/visits`);
      item = await openVisit(page, name);
      expect((await visit(page, name).innerText()).includes("药品"), "a need stands on the list with its clock");
      expect(await item.locator(".tap.done").count() === 4, "four clears are done");
      await looked(page, "visit after zh phone");
      await entering(page, () => item.locator("form[data-outbox=given] button").click());
    }
    await item.locator("form[action$='/link'] button").click();
    await page.waitForURL("**/link");
    links[name] = await page.locator("a[href^='/my/']").getAttribute("href");
    await looked(page, "link zh phone");
  }
  await page.context().close();
  return links;
}

/** The same words for officer and resident, by their digest, in both languages; what the pages look like. */
async function residents(chrome, links) {
  const ids = {};
  for (const lang of ["zh-CN", "en-GB"]) {
    const short = lang.slice(0, 2);
    const own = await visitor(chrome, { lang, viewport: phone });
    const officer = await visitor(chrome, { lang });
    await signIn(officer, "cdc");
    for (const [name, link] of Object.entries(links)) {
      await own.goto(base + link);
      const digest = await own.locator("#h-why").locator("xpath=..").getAttribute("data-text-digest");
      await officer.goto(`${base}/people?q=${encodeURIComponent(PEOPLE.find(([, full]) => full[0] === name[0])[1])}`);
      await officer.locator("[data-rows] tbody a").first().click();
      await officer.waitForURL("**/people/*-*");
      ids[name] = new URL(officer.url()).pathname;
      expect(await officer.locator("[data-text-digest]").getAttribute("data-text-digest") === digest, `${lang}: officer and resident read the same text`);
    }
    await own.goto(base + links[RELEASED]);
    await looked(own, `my ${short} phone`);
    await own.setViewportSize(desk);
    await looked(own, `my ${short} desk`);
    await own.setViewportSize(phone);
    await own.goto(`${base}${links[RELEASED]}/pass`);
    expect((await own.locator("#pass-text").textContent()).startsWith("SZ1:"), "the pass has its text");
    await looked(own, `pass ${short} phone`);
    await own.goto(`${base}${links[RELEASED]}/pass?paper=1`);
    expect(await own.locator(".code").count() === 0, "paper shows no colour");
    await looked(own, `pass paper ${short}`);
    await looked(officer, `person ${short} desk`);
    await own.context().close();
    await officer.context().close();
  }
  return ids;
}

/** Two appeals, one in Chinese and one in English; the officer of another unit decides. */
async function appeals(chrome, links) {
  const say = async (name, lang, words) => {
    const page = await visitor(chrome, { lang, viewport: phone });
    await page.goto(base + links[name]);
    await page.locator("#appeal textarea").first().fill(words);
    await page.locator("#appeal form button").first().click();
    await page.waitForURL("**filed=1");
    await looked(page, `my appealed ${lang.slice(0, 2)} phone`);
    await page.context().close();
  };
  await say(WON, "zh-CN", "我没有出过省，这张车票不是我的。");
  await say(LOST, "en-GB", "I came home last week, not this week.");
  const officer = await visitor(chrome, { lang: "zh-CN" });
  await signIn(officer, "appeal");
  await officer.goto(`${base}/appeals`);
  await looked(officer, "appeals zh desk");
  await officer.setViewportSize(phone);
  await looked(officer, "appeals zh phone");
  await officer.setViewportSize(desk);
  const decide = async (words, outcome, reason) => {
    const card = officer.locator("section.card", { hasText: words });
    await card.locator("[name=reason]").fill(reason);
    await card.locator(`button[value=${outcome}]`).click();
    await officer.waitForURL("**/appeals");
  };
  await decide("车票不是我的", "upheld", "车站更正：车票由他人使用，本人未离开郑州。");
  await decide("not this week", "rejected", "The checkpoint photographed the car and its driver on 22 March.");
  await looked(officer, "appeals decided zh desk");
  await officer.context().close();
  const en = await visitor(chrome, { lang: "en-GB" });
  await signIn(en, "appeal");
  await en.goto(`${base}/appeals`);
  await looked(en, "appeals en desk");
  await en.context().close();
  const won = await visitor(chrome, { lang: "zh-CN", viewport: phone });
  await won.goto(base + links[WON]);
  expect((await text(won)).includes("目前没有任何措施"), "the appeal that was won ended the measure");
  expect((await text(won)).includes("本人未离开郑州"), "with its reasons");
  await looked(won, "my won zh phone");
  await won.goto(base + links[LOST]);
  expect((await text(won)).includes("checkpoint photographed"), "the one that was lost has its reasons too");
  expect(!(await text(won)).includes("目前没有任何措施"), "and the measure stays");
  await won.locator("#appeal textarea").first().fill("我请上级再看一次。");
  await won.locator("#appeal form button").first().click();
  await won.waitForURL("**filed=1");
  await won.context().close();
  const again = await visitor(chrome, { lang: "zh-CN" });
  await signIn(again, "appeal");
  await again.goto(`${base}/appeals`);
  const card = again.locator("section.card", { hasText: "请上级再看" });
  await card.locator("[name=reason]").fill("The same officer answers again.");
  await card.locator("button[value=rejected]").click();
  await again.waitForLoadState();
  expect((await text(again)).includes("另一"), "the unit of the first instance does not decide the second");
  await shot(again, "appeal-same-unit");
  await again.context().close();
}

/** The duty officer's board: late ones, whose they are, and giving one away. */
async function board(chrome) {
  for (const lang of ["zh-CN", "en-GB"]) {
    const short = lang.slice(0, 2);
    const page = await visitor(chrome, { lang });
    await signIn(page, "zhengzhou");
    await page.goto(`${base}/loops`);
    await looked(page, `loops ${short} desk`);
    await page.setViewportSize(phone);
    await looked(page, `loops ${short} phone`);
    await page.setViewportSize(desk);
    if (lang === "zh-CN") {
      await page.locator("[data-rows] input[type=checkbox]").first().check();
      await page.selectOption("#unit", { label: "金水区东风路社区" });
      await page.locator(".assign button").click();
      await page.waitForURL("**/loops?show=open*");
    }
    await page.context().close();
  }
}

/** A later day: the morning's checks on the list, entered. */
async function checks(chrome, name) {
  const page = await visitor(chrome, { viewport: phone, lang: "en-GB" });
  await signIn(page, "community");
  await page.goto(`${base}/visits`);
  const item = await openVisit(page, name);
  expect((await item.innerText()).includes("emperature"), "the daily check is asked");
  await looked(page, "visit en phone");
  await item.locator("input[name=temperature]").fill("36.6");
  await entering(page, () => item.locator("form[data-outbox=check] button").click());
  await page.setViewportSize(desk);
  await looked(page, "visits en desk");
  await page.context().close();
}

/** Chromium of its own process, so that it can be killed like a telephone whose battery falls out. */
async function device(folder) {
  const executable = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const args = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--remote-debugging-port=0", `--user-data-dir=${folder}`, "--lang=zh-CN", "--window-size=390,844", "about:blank"];
  const child = spawn(executable, args, { stdio: ["ignore", "ignore", "pipe"] });
  const address = await new Promise((done) => {
    let told = "";
    child.stderr.on("data", (bytes) => { told += bytes; const found = told.match(/ws:\/\/\S+/); if (found) done(found[0]); });
  });
  const chrome = await chromium.connectOverCDP(address);
  const context = chrome.contexts()[0];
  return { child, page: context.pages()[0] ?? await context.newPage() };
}
async function kill({ child }) {
  const gone = new Promise((done) => child.once("exit", done));
  child.kill("SIGKILL");
  await gone;
}

/** Two hundred checks without a network, the browser killed, the node back: each is received once. */
async function offline(chrome, moment, link) {
  const ITEMS = 200;
  const count = async () => {
    const page = await visitor(chrome, { lang: "zh-CN" });
    await page.goto(base + link);
    const lines = await page.locator("#facts li", { hasText: "症状" }).count();
    await page.context().close();
    return lines;
  };
  const before = await count();
  const folder = mkdtempSync(join(tmpdir(), "sizao-device-"));
  let own = await device(folder);
  await signIn(own.page, "community");
  await own.page.goto(`${base}/visits`);
  expect(await own.page.evaluate(() => Promise.race([navigator.serviceWorker.ready.then(() => true), new Promise((done) => setTimeout(done, 60000, false))])), "the device keeps pages");
  await own.page.reload();
  await shot(own.page, "visits-device-zh");
  await stop("SIGKILL");
  await own.page.reload();
  await shot(own.page, "visits-offline-zh");
  expect(await visit(own.page, STAYS).count() === 1, "the list is there without a network");
  await openVisit(own.page, STAYS);
  await own.page.evaluate(async ([items, name]) => {
    const item = [...document.querySelectorAll("li.visit")].find((it) => it.querySelector(".who b").textContent.includes(name));
    const form = item.querySelector("form[data-outbox=check]");
    for (let at = 0; at < items; at += 1) {
      form.elements.temperature.value = (36 + (at % 10) / 10).toFixed(1);
      form.requestSubmit();
      while (form.dataset.keeping) await new Promise((done) => setTimeout(done, 1));
    }
  }, [ITEMS, STAYS]);
  expect(await own.page.locator("[data-outbox-count]").innerText() === String(ITEMS), "two hundred wait on the device");
  await shot(own.page, "outbox-offline-zh");
  await kill(own);
  await serve(moment);
  own = await device(folder);
  await own.page.goto(`${base}/visits`);
  if (own.page.url().includes("sign-in")) await signIn(own.page, "community");
  // Two windows at once: still one sender.
  const second = await own.page.context().newPage();
  await Promise.all([own.page.goto(`${base}/visits`), second.goto(`${base}/visits`)]);
  await own.page.waitForFunction((items) => document.querySelectorAll(".ob.received").length >= items, ITEMS, { timeout: 300000 });
  await own.page.waitForFunction(() => document.querySelector("[data-outbox-count]").textContent === "0", null, { timeout: 60000 });
  if (process.env.SIZAO_SHOTS) await own.page.screenshot({ path: join(process.env.SIZAO_SHOTS, "outbox-received-zh.png"), timeout: 90000 });
  // What the device holds is sent once more, as a device does whose answer was lost.
  const repeated = await own.page.evaluate(async () => {
    const items = await Outbox.all();
    const csrf = document.querySelector("meta[name=csrf]").content;
    const action = document.querySelector("form[data-outbox=check]").action;
    const item = items.at(-1);
    const send = (temperature) => fetch(action, { method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams({ step: "check", temperature, symptoms: "", client_key: item.key, entered_at: new Date(item.made_at).toISOString(), csrf }) });
    return { receipt: item.receipt, other: (await send("39.9")).status };
  });
  expect(repeated.receipt.length === 36, "each has a receipt");
  await kill(own);
  rmSync(folder, { recursive: true, force: true });
  const received = await count() - before;
  expect(received === ITEMS, `${ITEMS} entries were received once each; there are ${received}`);
  console.log(`figure: ${ITEMS} entries without a network, browser and node killed: ${received} received`);
}

/** Two tests: released by itself; the board is empty of what is owed; the auditor reads who did what. */
async function end(chrome, links, ids) {
  const own = await visitor(chrome, { lang: "zh-CN", viewport: phone });
  await own.goto(base + links[RELEASED]);
  expect((await text(own)).includes("目前没有任何措施"), "the second test released by itself");
  await looked(own, "my released zh phone");
  // Nobody of another unit answered the second appeal in 48 hours: silence speaks for the person.
  await own.goto(base + links[LOST]);
  expect((await text(own)).includes("逾期无人决定"), "silence ends what is yellow and rests on no interview");
  await looked(own, "my lapsed zh phone");
  await own.context().close();
  const officer = await visitor(chrome, { lang: "zh-CN" });
  await signIn(officer, "zhengzhou");
  const number = async () => { await officer.goto(`${base}/loops?show=closed`); return officer.locator(`a[href='${ids[RELEASED]}']`).count(); };
  await until(officer, "/loops?show=closed", async () => (await number()) > 0, "the loop is closed on the board");
  await looked(officer, "loops closed zh desk");
  await officer.goto(`${base}/loops?show=owed`);
  expect(await officer.locator("[data-rows] tbody tr").count() === 0, "nothing is owed: conditions met and not released");
  await officer.context().close();
  for (const lang of ["zh-CN", "en-GB"]) {
    const audit = await visitor(chrome, { lang });
    await signIn(audit, "audit");
    const lines = await text(audit);
    for (const word of lang === "zh-CN" ? ["钱正", "陈淑英"] : ["Upheld", "Rejected"]) expect(lines.includes(word), `${lang}: the auditor reads ${word}`);
    await looked(audit, `audit ${lang.slice(0, 2)} desk`);
    await audit.locator("form[action='/audit/verify'] button").click();
    await audit.waitForSelector("[role=status]");
    expect(await audit.locator(".note-box.ok[role=status]").count() === 1, "the log is sound");
    await audit.context().close();
  }
}

const chrome = await browser();
try {
  await serve("2022-03-17T21:00:00+08:00");
  await rules(chrome);
  await serve("2022-03-22T09:30:00+08:00");
  await importing(chrome, "cdc", ARRIVALS, `code,name,from,arrived\n${PEOPLE.map(([code, name]) => `${code},${name},310115,2022-03-22 09:00`).join("\n")}\n`);
  const links = await firstVisits(chrome);
  const ids = await residents(chrome, links);
  await appeals(chrome, links);
  await importing(chrome, "lab", TESTS, "code,no,sampled,reported\nt-1,1,2022-03-22 09:20,2022-03-22 09:25\n");
  await board(chrome);
  await serve("2022-03-23T09:00:00+08:00");
  await checks(chrome, RELEASED);
  await serve("2022-03-24T10:00:00+08:00");
  await checks(chrome, RELEASED);
  await importing(chrome, "lab", TESTS, "code,no,sampled,reported\nt-1,2,2022-03-24 09:00,2022-03-24 09:50\n");
  await end(chrome, links, ids);
  await offline(chrome, "2022-03-24T11:00:00+08:00", links[STAYS]);
} catch (error) {
  complaints.push(String(error.stack ?? error));
}
await chrome.close();
await stop();
finish("loop");
