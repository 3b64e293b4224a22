// The desk on a phone: which tube is open, how full it is, and what the next scan is. What was scanned is kept and sent by
// outbox.js; here stands only what this device knows of its own tube, so that it also knows it without a network.
"use strict";

const desk = document.querySelector("[data-sampling]");
const account = document.querySelector('meta[name="outbox"]')?.content ?? "";
const PLACE = `sizao-tube-${account}`;

if (desk) {
  const part = (name) => desk.querySelector(`[data-desk="${name}"]`);
  const read = () => JSON.parse(localStorage.getItem(PLACE) ?? "null");
  const write = (tube) => (tube ? localStorage.setItem(PLACE, JSON.stringify(tube)) : localStorage.removeItem(PLACE));

  // What the node knows better than the device: a tube that was closed or filled elsewhere.
  function refresh() {
    const tube = read();
    const row = tube && desk.querySelector(`[data-tube-row="${CSS.escape(tube.barcode)}"]`);
    if (row && !row.dataset.open) write(null);
    else if (row && Number(row.dataset.swabs) > tube.people.length) write({ ...tube, more: Number(row.dataset.swabs) - tube.people.length });
  }

  const count = (tube) => tube.people.length + (tube.more ?? 0);
  function show() {
    const tube = read();
    desk.querySelector("[data-tube-now]").textContent = tube?.barcode ?? desk.dataset.none;
    desk.querySelector("[data-tube-count]").textContent = tube ? `${count(tube)} / ${tube.capacity}` : "";
    const full = tube && count(tube) >= tube.capacity;
    desk.querySelector("[data-tube-told]").textContent = full ? desk.dataset.full : "";
    desk.querySelector(".tube-now").classList.toggle("full", Boolean(full));
    if (tube) for (const field of desk.querySelectorAll("[data-tube]")) field.value = tube.barcode;
    desk.querySelector("[data-tube-site]").value = tube?.site ?? "";
    return full;
  }

  const open = (name, field) => {
    part(name).open = true;
    part(name).querySelector(`[name="${field}"]`)?.focus();
  };
  const value = (item, name) => item.fields.find(([field]) => field === name)?.[1] ?? "";
  const kept = new Map();

  // The fields that a form keeps from one entry to the next.
  desk.addEventListener("submit", (event) => {
    for (const field of event.target.querySelectorAll("[data-keep]")) kept.set(field.id, field.value);
  }, true);

  document.addEventListener("outbox", ({ detail: { item, form } }) => {
    const tube = read();
    // Just entered on this device: it has the item, whether or not the node has it yet.
    if (form) {
      if (item.kind === "open") {
        const [, size] = value(item, "kind").split("-");
        write({ barcode: value(item, "barcode"), capacity: Number(size ?? 1), site: value(item, "site"), people: [] });
      } else if (item.kind === "swab" && tube?.barcode === value(item, "barcode")) {
        if (!tube.people.includes(item.key)) tube.people.push(item.key);
        write(tube);
      } else if (item.kind === "seal" && tube?.barcode === value(item, "barcode")) {
        write(null);
      }
      setTimeout(() => {
        for (const [id, text] of kept) document.getElementById(id).value = text;
        const full = show();
        if (item.kind === "open") open("swab", "who");
        else if (item.kind === "swab") full ? open("seal", "barcode") : open("swab", "who");
        else if (item.kind === "seal") open("open", "barcode");
        else open("send", "barcode");
      });
    }
    // Sent back: it is not in the tube.
    if ((item.state === "refused" || item.state === "conflict") && tube) {
      if (item.kind === "open" && tube.barcode === value(item, "barcode")) write(null);
      else write({ ...tube, people: tube.people.filter((key) => key !== item.key) });
      show();
    }
  });
  refresh();
  show();
  if (read()) part("swab").open = true;
}
