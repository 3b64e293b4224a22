// A form marked data-outbox works without a network: what it says is kept on the device until the node has answered.
//
//   <form data-outbox="visit" data-outbox-label="…" method="post" action="/visits/…">    data-outbox-show="FIELD": named too
//   <section data-outbox-list hidden></section>            where items and their states are shown
//   <meta name="outbox" content="ACCOUNT"><meta name="csrf" content="WORD">
//
// On submit the fields, a new client_key and the time of entry (entered_at) are written to the device first; then the
// form says "kept" and the item is sent. The server takes client_key as the fact's key, so an item that is sent again
// is the same fact, and answers {"receipt": ID}. States: queued, sending, received, conflict (409), refused (4xx).
// Every change is told as an event "outbox" on the document, with {item, form}. Nothing of another account is shown or
// sent. Texts come from the data attributes of the list.
"use strict";

const Outbox = (() => {
  const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
  const owner = meta("outbox");
  const MAX_ITEMS = 5000;

  const opened = new Promise((done, fail) => {
    const request = indexedDB.open("sizao-outbox", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("item", { keyPath: "key" });
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });

  // Strict: the promise is kept only when the device has it on its disk.
  async function within(mode, work) {
    const db = await opened;
    return new Promise((done, fail) => {
      const tx = db.transaction("item", mode, mode === "readwrite" ? { durability: "strict" } : undefined);
      const request = work(tx.objectStore("item"));
      tx.oncomplete = () => done(request.result);
      tx.onerror = () => fail(tx.error);
      tx.onabort = () => fail(tx.error);
    });
  }
  const put = (item) => within("readwrite", (store) => store.put(item));
  const drop = (key) => within("readwrite", (store) => store.delete(key));
  const all = async () =>
    (await within("readonly", (store) => store.getAll()))
      .filter((item) => item.owner === owner)
      .sort((a, b) => a.made_at - b.made_at);

  // What a form of this page sent shows beside it.
  const sent = new Map();
  function tell(item, form) {
    if (form) sent.set(item.key, form);
    const own = sent.get(item.key);
    const told = own?.querySelector("[data-outbox-told]");
    if (own) own.dataset.outboxState = item.state;
    if (told) told.textContent = list()?.dataset[item.state] ?? item.state;
    document.dispatchEvent(new CustomEvent("outbox", { detail: { item, form } }));
  }

  async function keep(form, submitter) {
    const data = new FormData(form, submitter);
    const fields = [...data.entries()].filter(([name, value]) => name !== "csrf" && typeof value === "string");
    const key = crypto.randomUUID();
    const made = Date.now();
    fields.push(["client_key", key], ["entered_at", new Date(made).toISOString()]);
    const item = {
      key, owner, kind: form.dataset.outbox, label: [form.dataset.outboxLabel, submitter?.dataset.outboxWord, data.get(form.dataset.outboxShow ?? "")].filter(Boolean).join(" · "), url: form.action,
      fields, made_at: made, state: "queued", tries: 0, told: "", receipt: "",
    };
    if ((await all()).filter((item) => item.state !== "received").length >= MAX_ITEMS) throw new Error("full");
    await put(item);
    return item;
  }

  // Sends one item. The word of the form is that of the page now open: an item may be older than its session.
  async function send(item) {
    item.state = "sending";
    item.tries += 1;
    tell(item);
    let answer;
    try {
      answer = await fetch(item.url, {
        method: "POST",
        headers: { Accept: "application/json", "X-Client-Key": item.key },
        body: new URLSearchParams([...item.fields, ["csrf", meta("csrf")]]),
        credentials: "same-origin",
        redirect: "manual",
      });
    } catch {
      item.state = "queued";
      await put(item);
      tell(item);
      return false;
    }
    const body = await answer.json().catch(() => ({}));
    item.told = String(body.detail ?? body.title ?? "");
    if (answer.ok && body.receipt) {
      item.state = "received";
      item.receipt = String(body.receipt);
      item.received_at = Date.now();
      reportedToday(item.fields.find(([name]) => name === "institution")?.[1]);
      item.fields = [];
    } else if (answer.status === 409) {
      item.state = "conflict";
      item.theirs = body.theirs ?? "";
    } else if (answer.status === 401 || answer.status === 403) {
      item.state = "queued";
      item.told = list()?.dataset.signIn ?? item.told;
    } else if (answer.status >= 400 && answer.status < 500 && answer.status !== 429 && answer.status !== 408) {
      item.state = "refused";
    } else {
      item.state = "queued";
    }
    await put(item);
    tell(item);
    return item.state !== "queued";
  }

  /** The site of this page has reported today, if it is the one whose entry arrived. */
  function reportedToday(site) {
    const own = document.querySelector("form[data-outbox] input[name=institution]")?.value;
    if (!site || site !== own) return;
    for (const mark of document.querySelectorAll("[data-today]")) mark.hidden = mark.dataset.today !== "done";
  }

  // One window sends at a time; another one that is open waits for its turn and finds less to do.
  let waiting = 0;
  async function flush() {
    clearTimeout(waiting);
    const work = async () => {
      for (const item of await all()) {
        if ((item.state === "queued" || item.state === "sending") && !(await send(item))) return false;
      }
      return true;
    };
    const done = navigator.locks ? await navigator.locks.request("sizao-outbox", work) : await work();
    if (!done) waiting = setTimeout(flush, 15_000);
    await show();
  }

  const list = () => document.querySelector("[data-outbox-list]");

  async function show() {
    const place = list();
    if (!place) return;
    const items = await all();
    const text = place.dataset;
    const open = items.filter((item) => item.state !== "received");
    const rows = items.slice(-200).reverse().map((item) => {
      const row = document.createElement("li");
      row.className = `ob ${item.state}`;
      row.dataset.key = item.key;
      const add = (name, words) => {
        const span = document.createElement("span");
        span.className = name;
        span.textContent = words;
        row.append(span);
      };
      add("what", item.label || item.kind);
      add("when", new Date(item.made_at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
      add("state", text[item.state] ?? item.state);
      if (item.told && item.state !== "received") add("told", item.told);
      if (item.receipt) add("receipt", item.receipt.slice(-8));
      const hours = (Date.now() - item.made_at) / 3_600_000;
      if (item.state !== "received" && hours >= 2) add("old", text.old.replace("{h}", Math.floor(hours)));
      if (item.state === "conflict") {
        const both = document.createElement("table");
        for (const [name, value] of item.fields) {
          const line = both.insertRow();
          line.insertCell().textContent = name;
          line.insertCell().textContent = value;
          line.insertCell().textContent = item.theirs?.[name] ?? "";
        }
        row.append(both);
      }
      if (item.state === "refused" || item.state === "conflict") {
        const away = document.createElement("button");
        away.type = "button";
        away.className = "btn small";
        away.textContent = text.drop;
        away.onclick = async () => { await drop(item.key); await show(); };
        row.append(away);
      }
      return row;
    });
    place.querySelector("ol")?.remove();
    const lines = document.createElement("ol");
    lines.tabIndex = 0;
    lines.append(...rows);
    place.append(lines);
    place.hidden = items.length === 0;
    // What waits is shown; what was received can be opened.
    if (place instanceof HTMLDetailsElement) place.open = open.length > 0 || (place.open && place.dataset.seen === "1");
    place.dataset.seen = "1";
    const count = place.querySelector("[data-outbox-count]");
    if (count) count.textContent = String(open.length);
  }

  // To another device: one file under a passphrase (PBKDF2-SHA-256, AES-256-GCM).
  async function keyOf(passphrase, salt) {
    const raw = await crypto.subtle.importKey("raw", new TextEncoder().encode(passphrase), "PBKDF2", false, ["deriveKey"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: 600_000 };
    return crypto.subtle.deriveKey(how, raw, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  }
  async function exportTo(passphrase) {
    const [salt, iv] = [crypto.getRandomValues(new Uint8Array(16)), crypto.getRandomValues(new Uint8Array(12))];
    const open = (await all()).filter((item) => item.state !== "received");
    const text = new TextEncoder().encode(JSON.stringify(open));
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await keyOf(passphrase, salt), text));
    return new Blob(["sizao-outbox-1", salt, iv, sealed], { type: "application/octet-stream" });
  }
  async function importFrom(file, passphrase) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (new TextDecoder().decode(bytes.subarray(0, 14)) !== "sizao-outbox-1") throw new Error("form");
    const [salt, iv, sealed] = [bytes.subarray(14, 30), bytes.subarray(30, 42), bytes.subarray(42)];
    const text = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, await keyOf(passphrase, salt), sealed);
    const items = JSON.parse(new TextDecoder().decode(text));
    // The account that signs in here sends them; their keys stay, so that nothing is recorded twice.
    for (const item of items) {
      const local = new URL(item.url);
      await put({ ...item, owner, state: "queued", url: location.origin + local.pathname + local.search });
    }
    return items.length;
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.dataset.outbox || !owner) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.keeping) return;
    form.dataset.keeping = "1";
    try {
      const pressed = event.submitter;
      const item = await keep(form, pressed);
      if (pressed && "outboxStay" in form.dataset) pressed.setAttribute("aria-pressed", "true");
      tell(item, form);
      if (!("outboxStay" in form.dataset)) form.reset();
      await show();
      flush();
    } catch {
      // The device could not keep it: send it as an ordinary form, so that nothing is lost silently.
      form.submit();
    } finally {
      delete form.dataset.keeping;
    }
  }, true);

  addEventListener("online", flush);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) flush(); });
  if (owner) {
    navigator.storage?.persist?.();
    navigator.serviceWorker?.register("/sw.js");
    show().then(flush);
  }
  return { all, flush, exportTo, importFrom };
})();

// The page says how old it is when it comes from the device.
const drawn = document.querySelector("[data-drawn-at]");
function age() {
  const minutes = (Date.now() - Date.parse(drawn.dataset.drawnAt)) / 60_000;
  drawn.hidden = minutes < 5;
  drawn.textContent = drawn.dataset.text.replace("{m}", Math.floor(minutes));
}
if (drawn) { age(); setInterval(age, 60_000); }

const exporting = document.querySelector("[data-outbox-export]");
exporting?.addEventListener("submit", async (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await Outbox.exportTo(exporting.elements.passphrase.value));
  link.download = "outbox.sizao";
  link.click();
  exporting.reset();
}, true);
const importing = document.querySelector("[data-outbox-import]");
importing?.addEventListener("submit", async (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  const told = importing.querySelector("[role=status]");
  try {
    const count = await Outbox.importFrom(importing.elements.file.files[0], importing.elements.passphrase.value);
    told.textContent = importing.dataset.done.replace("{n}", count);
    importing.reset();
    Outbox.flush();
  } catch {
    told.textContent = importing.dataset.failed;
  }
}, true);
