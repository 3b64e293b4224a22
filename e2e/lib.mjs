// What all walks share: the browser, signing in by page, the accessibility check, and a list of complaints.
import { chromium } from "playwright-core";
import AxeBuilder from "@axe-core/playwright";

export const base = process.env.SIZAO_URL ?? "http://127.0.0.1:8765";
export const password = process.env.SIZAO_DEMO_PASSWORD ?? "";
export const desk = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };
export const complaints = [];

/** Starts the distribution's Chromium; nothing is downloaded. */
export async function browser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A fresh visitor in a language. Whatever the console says is a complaint. */
export async function visitor(chrome, { lang = "zh-CN", viewport = desk, dark = false } = {}) {
  const context = await chrome.newContext({ locale: lang, viewport, colorScheme: dark ? "dark" : "light", timezoneId: "Asia/Shanghai" });
  const page = await context.newPage();
  page.on("console", (message) => {
    // A refused form answers 4xx on purpose; the browser notes that as an error of its own.
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) complaints.push(`${page.url()}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: script: ${error.message}`));
  page.on("response", (response) => {
    if (response.status() >= 500) complaints.push(`${response.url()}: ${response.status()}`);
    if (!response.url().startsWith(base)) complaints.push(`${page.url()}: fetched ${response.url()}`);
  });
  return page;
}

/** Signs in by the page, as a person does. */
export async function signIn(page, login, secret = password, code = "") {
  await page.goto(`${base}/sign-in`);
  await page.fill("#login", login);
  await page.fill("#password", secret);
  if (code) await page.fill("#code", code);
  await Promise.all([page.waitForURL((url) => !url.pathname.startsWith("/sign-in")), page.click("button.main")]);
}

/** WCAG 2.0 to 2.2, A and AA; and nothing wider than the screen. */
export async function check(page, name) {
  const result = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
  for (const violation of result.violations) {
    complaints.push(`${name}: axe ${violation.id}: ${violation.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" | ")}`);
  }
  const [over, what] = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [0, ""];
    const out = [...document.querySelectorAll("body *")].filter((node) => node.getBoundingClientRect().right > clientWidth + 0.5);
    const told = (node) => `${node.tagName.toLowerCase()}.${node.className}: ${node.textContent.trim().slice(0, 40)}`;
    return [scrollWidth - clientWidth, out.slice(0, 6).map(told).join(" | ")];
  });
  if (over > 0) complaints.push(`${name}: ${over} px wider than the screen, by ${what}`);
  const bytes = await weight(page);
  heaviest = Math.max(heaviest, bytes);
  if (bytes > BYTES_MAX) complaints.push(`${name}: ${bytes} bytes to load`);
}

/** What a first visitor would load for this page, as it is sent: the page, its style, its scripts. */
const BYTES_MAX = 150_000;
let heaviest = 0;
async function weight(page) {
  return page.evaluate(() => {
    const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    return all.reduce((sum, entry) => sum + entry.encodedBodySize, 0);
  });
}

/** Says what was wrong and ends. */
export function finish(what) {
  for (const complaint of complaints) console.error(complaint);
  console.log(`heaviest page: ${heaviest} bytes with style and scripts, as sent`);
  console.log(complaints.length === 0 ? `${what}: fine` : `${what}: ${complaints.length} complaints`);
  process.exit(complaints.length === 0 ? 0 : 1);
}
