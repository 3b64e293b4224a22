// The scan box of a laboratory: the focus comes back to it, each scan is answered in a line, a wrong one is heard as well.
"use strict";

const scan = document.querySelector("[data-scan]");
const scans = document.querySelector("[data-scans]");

if (scan && scans) {
  const box = scan.elements.barcode;
  const mark = (name) => document.querySelector(`template[data-mark-${name}]`).content.cloneNode(true);
  let heard = null;

  // Two low tones; nothing is loaded, and nothing sounds before the first key.
  function sound() {
    try {
      heard ??= new AudioContext();
      for (const [from, pitch] of [[0, 330], [0.18, 220]]) {
        const tone = heard.createOscillator();
        const loud = heard.createGain();
        tone.frequency.value = pitch;
        loud.gain.value = 0.15;
        tone.connect(loud).connect(heard.destination);
        tone.start(heard.currentTime + from);
        tone.stop(heard.currentTime + from + 0.15);
      }
    } catch { /* a machine without sound shows the word and the mark */ }
  }

  function line(good, code, told, more) {
    const row = document.createElement("li");
    row.className = good ? "ok" : "bad";
    row.append(mark(good ? "ok" : "bad"));
    for (const [name, text] of [["b", code], ["span", told], ["span", more]]) {
      if (!text) continue;
      const part = document.createElement(name);
      part.textContent = text;
      if (name === "b") part.className = "mono";
      row.append(part, " ");
    }
    scans.prepend(row);
    while (scans.children.length > 5) scans.lastElementChild.remove();
    if (!good) sound();
  }

  scan.addEventListener("submit", async (event) => {
    event.preventDefault();
    const code = box.value.trim();
    if (!code) return;
    const sent = new URLSearchParams(new FormData(scan));
    box.value = "";
    box.focus();
    try {
      const answer = await fetch(scan.action, { method: "POST", headers: { Accept: "application/json" }, body: sent, redirect: "manual" });
      const body = await answer.json().catch(() => ({}));
      if (answer.ok) line(true, body.barcode, body.told, `${body.swabs} · ${body.at}`);
      else line(false, code, `${scan.dataset.bad}: ${body.detail ?? body.title ?? ""}`, "");
    } catch {
      line(false, code, scan.dataset.cut, "");
    }
  });

  // Typing anywhere outside a field goes to the box; a scanner is a keyboard that does not look.
  const inField = () => document.activeElement?.matches("input, textarea, select, button, a, summary");
  document.addEventListener("keydown", (event) => {
    if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && !inField()) box.focus();
  });
  addEventListener("focus", () => { if (!inField()) box.focus(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !inField()) box.focus(); });
  if (!document.querySelector("#summary")) box.focus();
}
