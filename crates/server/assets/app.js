// Small helps for pages that work without them: keys, one press a form, the minute on the clock.
"use strict";

const typing = (event) =>
  event.isComposing || event.ctrlKey || event.metaKey || event.altKey ||
  (event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]"));

const rows = () => Array.from(document.querySelectorAll("[data-rows] tbody tr"));

function choose(step) {
  const all = rows();
  if (all.length === 0) return;
  const now = all.findIndex((row) => row.getAttribute("aria-selected") === "true");
  const next = Math.min(all.length - 1, Math.max(0, now + step));
  all.forEach((row, i) => row.toggleAttribute("aria-selected", false));
  all[next].setAttribute("aria-selected", "true");
  all[next].querySelector("a")?.focus();
}

let waiting = false;
const places = { b: "/board", p: "/people", i: "/imports", m: "/mandates", a: "/audit", r: "/packs" };

document.addEventListener("keydown", (event) => {
  if (typing(event)) return;
  const key = event.key.toLowerCase();
  if (waiting) {
    waiting = false;
    const link = places[key] && document.querySelector(`.tabs a[href="${places[key]}"]`);
    if (link) link.click();
    return;
  }
  if (key === "/") {
    const find = document.getElementById("find");
    if (find) { event.preventDefault(); find.focus(); find.select(); }
  } else if (key === "g") {
    waiting = true;
    setTimeout(() => { waiting = false; }, 1500);
  } else if (key === "j" || key === "k") {
    event.preventDefault();
    choose(key === "j" ? 1 : -1);
  } else if (key === "p") {
    print();
  } else if (key === "?") {
    document.getElementById("keys")?.toggleAttribute("open");
  }
});

// A form is sent once: a second press while the first is under way does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  form.querySelectorAll("button").forEach((button) => button.setAttribute("aria-busy", "true"));
  setTimeout(() => { delete form.dataset.sent; }, 8000);
});

// After a refused form the summary takes the focus.
document.getElementById("summary")?.focus();

// Days wider than the screen open at the line for now; two plans of one person move together.
const days = Array.from(document.querySelectorAll(".axis"));
days.forEach((axis) => {
  const now = axis.querySelector(".nowl")?.getBoundingClientRect();
  if (now) axis.scrollLeft += now.left - axis.getBoundingClientRect().left - axis.clientWidth * 0.6;
  axis.addEventListener("scroll", () => days.forEach((other) => {
    if (other !== axis && other.scrollLeft !== axis.scrollLeft) other.scrollLeft = axis.scrollLeft;
  }), { passive: true });
});
