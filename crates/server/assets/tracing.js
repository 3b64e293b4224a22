// Tracing: contacts sought while one looks, the sheet by keyboard, the code of a place that changes. Everything works without, slower.
"use strict";

const typed = (event) => event.isComposing || (event.target instanceof Element && event.target.closest("input, textarea, select"));

// ---- find contacts: the answer is put in its place; how long it took is what the user waited ----
const finder = document.querySelector("form[data-find]");
if (finder) {
  const box = document.querySelector("[data-found]");
  const told = finder.querySelector("[data-took]");
  const count = () => {
    const button = box.querySelector("[data-count]");
    const picked = box.querySelectorAll("input[name=pick]:checked").length;
    if (button) { button.textContent = button.dataset.count.replace("{n}", picked); button.disabled = picked === 0; }
  };
  const find = async () => {
    const began = performance.now();
    box.setAttribute("aria-busy", "true");
    const minutes = new FormData(finder).get("find");
    const response = await fetch(`${finder.dataset.find}?minutes=${minutes}`, { headers: { Accept: "text/html" } });
    if (!response.ok) { finder.submit(); return; }
    box.innerHTML = await response.text();
    box.removeAttribute("aria-busy");
    count();
    requestAnimationFrame(() => setTimeout(() => {
      const took = Math.round(performance.now() - began);
      told.textContent = told.dataset.took.replace("{ms}", took);
      told.dataset.ms = took;
    }, 0));
  };
  finder.addEventListener("submit", (event) => { event.preventDefault(); event.stopImmediatePropagation(); find().catch(() => finder.submit()); }, true);
  box.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) box.querySelectorAll("input[name=pick]").forEach((one) => { one.checked = event.target.checked; });
    count();
  });
  count();
  document.addEventListener("keydown", (event) => {
    if (typed(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "f") { event.preventDefault(); finder.requestSubmit(); }
    if (event.key === "c") document.querySelector('.case-id a[href$="/sheet"]')?.click();
  });
}

// ---- the sheet ----
const sheet = document.querySelector("form[data-sheet]");
if (sheet) {
  const body = sheet.querySelector("table.sheet tbody");
  const fields = ["name", "phone", "document", "relation", "place", "last", "group", "via"];
  const max = 100;
  let began = 0;
  const lines = () => Array.from(body.querySelectorAll("tr[data-row]"));
  const cell = (line, field) => line.querySelector(`input[name="${field}-${line.dataset.row}"]`);
  const value = (line, field) => cell(line, field).value.trim();
  const blank = (line) => fields.slice(0, 6).every((field) => !value(line, field));

  const add = () => {
    const last = lines().at(-1);
    if (lines().length >= max) return last;
    const line = last.cloneNode(true);
    const number = Number(last.dataset.row) + 1;
    line.dataset.row = number;
    line.cells[0].textContent = number;
    line.querySelectorAll("input").forEach((input) => {
      input.name = input.name.replace(/\d+$/, number);
      if (input.id) input.id = input.id.replace(/^r\d+/, `r${number}`);
      const label = input.getAttribute("aria-label");
      if (label) input.setAttribute("aria-label", label.replace(/^\d+/, number));
      input.value = "";
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    });
    line.querySelectorAll("td").forEach((td) => td.classList.remove("er"));
    body.append(line);
    show(line);
    return line;
  };

  const becomes = (line) => {
    if (blank(line)) return "";
    const reachable = value(line, "phone") || value(line, "document");
    if (!reachable) return "waits";
    return value(line, "via") ? "second" : "close";
  };
  const show = (line) => {
    const word = becomes(line);
    const told = line.querySelector("[data-becomes]");
    told.textContent = word ? sheet.dataset[word] : "";
    line.classList.toggle("g", Boolean(value(line, "group")));
  };
  const sum = () => {
    const all = lines();
    const counts = { close: 0, second: 0, waits: 0 };
    all.forEach((line) => { show(line); const word = becomes(line); if (word) counts[word] += 1; });
    for (const [word, count] of Object.entries(counts)) sheet.querySelector(`[data-sum="${word}"]`).textContent = count;
    const people = counts.close + counts.second + counts.waits;
    sheet.querySelector("[data-sheet-people]").textContent = sheet.dataset.people.replace("{n}", people);
    if (began) sheet.querySelector("[data-sheet-time]").textContent = sheet.dataset.time.replace("{s}", Math.round((Date.now() - began) / 1000));
    if (all.length && !blank(all.at(-1))) add();
  };

  // Likely the same as somebody known: asked once a row, when name or telephone are left.
  const box = sheet.querySelector("[data-alike-box]");
  const asked = new Map();
  const alike = async (line) => {
    const words = ["name", "phone", "document"].map((field) => value(line, field));
    if (!words[0] || asked.get(line.dataset.row) === words.join("|")) return;
    asked.set(line.dataset.row, words.join("|"));
    const data = new URLSearchParams({ csrf: sheet.elements.csrf.value, row: line.dataset.row, name: words[0], phone: words[1], document: words[2] });
    const response = await fetch(sheet.dataset.alike, { method: "POST", body: data, headers: { Accept: "text/html" } });
    if (!response.ok) return;
    const text = await response.text();
    if (text.includes("data-same") || box.querySelector("[data-of]")?.dataset.of === line.dataset.row) box.innerHTML = text;
    cell(line, "name").closest("td").classList.toggle("dupc", text.includes("data-same"));
  };
  const same = (button) => {
    const row = button.closest("[data-of]").dataset.of;
    sheet.elements[`same-${row}`].value = button.dataset.same;
    cell(lines().find((line) => line.dataset.row === row), "name").closest("td").classList.toggle("dupc", false);
    button.closest("[data-of]").remove();
  };
  box.addEventListener("click", (event) => { const button = event.target.closest("[data-same]"); if (button) same(button); });

  body.addEventListener("input", () => { if (!began) began = Date.now(); sum(); });
  body.addEventListener("focusout", (event) => {
    const line = event.target.closest("tr[data-row]");
    if (line && /^(name|phone|document)-/.test(event.target.name)) setTimeout(() => alike(line).catch(() => {}), 0);
  });

  const inputs = () => Array.from(body.querySelectorAll("tr[data-row] input:not([type=hidden])"));
  const move = (input, step) => {
    const all = inputs();
    const next = all[all.indexOf(input) + step];
    if (next) { next.focus(); next.select(); }
  };
  const group = (line) => {
    // A household or a vehicle: the rows that follow share relation, place and time with this one.
    const used = new Set(lines().map((one) => value(one, "group")).filter(Boolean));
    const mark = value(line, "group") || ["A", "B", "C", "D", "E", "F", "G", "H"].find((letter) => !used.has(letter)) || "Z";
    cell(line, "group").value = mark;
    let next = lines().find((one) => Number(one.dataset.row) > Number(line.dataset.row) && blank(one)) ?? add();
    cell(next, "group").value = mark;
    for (const field of ["relation", "place", "last"]) cell(next, field).value = cell(line, field).value;
    sum();
    cell(next, "name").focus();
  };

  sheet.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const input = event.target.closest("table.sheet input");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); sheet.requestSubmit(); return; }
    if (event.altKey && (event.key === "y" || event.key === "n")) {
      const one = box.querySelector(event.key === "y" ? "[data-same^=document]" : '[data-same=""]');
      if (one) { event.preventDefault(); same(one); }
      return;
    }
    if (!input) return;
    const line = input.closest("tr[data-row]");
    const field = input.name.replace(/-\d+$/, "");
    if (event.key === "Enter") {
      event.preventDefault();
      // From the last cell that is usually typed, on to the next person.
      if (field === "last" || field === "via") { const all = lines(); const next = all[all.indexOf(line) + 1] ?? add(); cell(next, "name").focus(); } else move(input, 1);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const all = lines();
      const other = all[all.indexOf(line) + (event.key === "ArrowDown" ? 1 : -1)];
      if (other && field !== "relation") { event.preventDefault(); cell(other, field).focus(); }
    } else if (event.ctrlKey && event.key.toLowerCase() === "d") {
      event.preventDefault();
      const all = lines();
      const above = all[all.indexOf(line) - 1];
      if (above) { input.value = cell(above, field).value; sum(); move(input, 1); }
    } else if (event.ctrlKey && event.key.toLowerCase() === "g") {
      event.preventDefault();
      group(line);
    }
  });
  sheet.querySelector("[data-add-group]").addEventListener("click", () => {
    const filled = lines().filter((line) => !blank(line));
    group(filled.at(-1) ?? lines()[0]);
  });

  // From a spreadsheet: cells by tab, rows by line, from the cell that has the focus.
  body.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text");
    if (!/[\t\n]/.test(text.trim())) return;
    event.preventDefault();
    if (!began) began = Date.now();
    const first = event.target.closest("tr[data-row]");
    const from = fields.indexOf(event.target.name.replace(/-\d+$/, ""));
    text.replace(/\r/g, "").replace(/\n+$/, "").split("\n").forEach((row, down) => {
      let line = lines()[lines().indexOf(first) + down];
      if (!line) line = add();
      row.split("\t").forEach((one, right) => { const field = fields[from + right]; if (field) cell(line, field).value = one.trim(); });
    });
    sum();
  });
  sum();
  if (!document.getElementById("summary")) cell(lines()[0], "name").focus();
}

// ---- the code of a place: a new one before the old is over; when none comes, the old is taken away ----
const shown = document.querySelector("[data-code]");
if (shown) {
  const period = Number(shown.dataset.seconds) * 1000;
  const renew = async () => {
    try {
      const response = await fetch(shown.dataset.code, { headers: { Accept: "text/html" } });
      if (!response.ok) throw new Error(String(response.status));
      shown.innerHTML = await response.text();
    } catch {
      shown.textContent = shown.dataset.old;
    }
  };
  setInterval(renew, period / 2);
}
