// The desk of a checkpoint. Verifies passes (SZ1:) and slips (SZ2:) on the device itself, shows the verdict, makes slips with a key
// that never leaves the device, and hands records to outbox.js. Works without a network once the page was open with one.
"use strict";

const Cbor = (() => {
  function decode(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    const need = (count) => { if (at + count > bytes.length) throw new Error("cut off"); };
    function head() {
      need(1);
      const first = bytes[at++];
      const [major, info] = [first >> 5, first & 31];
      if (info < 24) return [major, info];
      const size = { 24: 1, 25: 2, 26: 4, 27: 8 }[info];
      if (!size) throw new Error("length");
      need(size);
      let value = 0;
      for (let i = 0; i < size; i += 1) value = value * 256 + view.getUint8(at + i);
      at += size;
      if (!Number.isSafeInteger(value)) throw new Error("number");
      return [major, value];
    }
    function item(depth) {
      if (depth > 8) throw new Error("deep");
      const [major, value] = head();
      if (major === 0) return value;
      if (major === 1) return -1 - value;
      if (major === 2 || major === 3) {
        need(value);
        const part = bytes.slice(at, at + value);
        at += value;
        return major === 2 ? part : new TextDecoder("utf-8", { fatal: true }).decode(part);
      }
      if (major === 4) return Array.from({ length: Math.min(value, 64) }, () => item(depth + 1));
      if (major === 5) {
        const map = new Map();
        for (let i = 0; i < value; i += 1) {
          const key = item(depth + 1);
          // A key that comes twice could be read in two ways.
          if (map.has(key)) throw new Error("twice");
          map.set(key, item(depth + 1));
        }
        return map;
      }
      if (major === 6) return item(depth + 1);
      throw new Error("kind");
    }
    const value = item(0);
    if (at !== bytes.length) throw new Error("more");
    return value;
  }
  function head(major, value) {
    if (value < 24) return [(major << 5) | value];
    for (const [info, size] of [[24, 1], [25, 2], [26, 4], [27, 8]]) {
      if (value >= 2 ** (8 * size) && size < 8) continue;
      const out = [(major << 5) | info];
      for (let i = size - 1; i >= 0; i -= 1) out.push(Math.floor(value / 2 ** (8 * i)) % 256);
      return out;
    }
    throw new Error("number");
  }
  function encode(value) {
    if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
    if (typeof value === "string") { const text = new TextEncoder().encode(value); return [...head(3, text.length), ...text]; }
    if (value instanceof Uint8Array) return [...head(2, value.length), ...value];
    if (Array.isArray(value)) return [...head(4, value.length), ...value.flatMap(encode)];
    return [...head(5, value.size), ...[...value].flatMap(([key, of]) => [...encode(key), ...encode(of)])];
  }
  return { decode, encode: (value) => new Uint8Array(encode(value)) };
})();

const Base45 = (() => {
  const SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
  function decode(text) {
    const values = [...text].map((sign) => { const at = SIGNS.indexOf(sign); if (at < 0) throw new Error("sign"); return at; });
    if (values.length % 3 === 1) throw new Error("length");
    const out = [];
    for (let i = 0; i < values.length; i += 3) {
      const whole = i + 2 < values.length;
      const value = values[i] + values[i + 1] * 45 + (whole ? values[i + 2] * 2025 : 0);
      if (value > (whole ? 65535 : 255)) throw new Error("value");
      if (whole) out.push(value >> 8);
      out.push(value & 255);
    }
    return new Uint8Array(out);
  }
  function encode(bytes) {
    let text = "";
    for (let i = 0; i < bytes.length; i += 2) {
      let value = i + 1 < bytes.length ? bytes[i] * 256 + bytes[i + 1] : bytes[i];
      for (let n = i + 1 < bytes.length ? 3 : 2; n > 0; n -= 1) { text += SIGNS[value % 45]; value = Math.floor(value / 45); }
    }
    return text;
  }
  return { decode, encode, SIGNS };
})();

// A QR code (ISO/IEC 18004) of letters, digits and the signs of base45, error correction L, versions 1 to 20, mask 0 to 7 by penalty.
const Qr = (() => {
  const PER_BLOCK = [0, 7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28];
  const BLOCKS = [0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8];
  const [EXP, LOG] = [new Uint8Array(512), new Uint8Array(256)];
  for (let i = 0, x = 1; i < 255; i += 1, x = x & 128 ? (x << 1) ^ 285 : x << 1) { EXP[i] = x; EXP[i + 255] = x; LOG[x] = i; }
  const times = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);

  const centres = (version) => {
    if (version === 1) return [];
    const count = Math.floor(version / 7) + 2;
    const step = Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
    const places = [];
    for (let at = version * 4 + 10; places.length < count - 1; at -= step) places.unshift(at);
    return [6, ...places];
  };
  function modules(version) {
    let bits = (16 * version + 128) * version + 64;
    if (version >= 2) { const n = Math.floor(version / 7) + 2; bits -= (25 * n - 10) * n - 55; if (version >= 7) bits -= 36; }
    return bits;
  }
  const data = (version) => Math.floor(modules(version) / 8) - PER_BLOCK[version] * BLOCKS[version];

  function generator(degree) {
    let poly = [1];
    for (let i = 0; i < degree; i += 1) {
      const next = new Array(poly.length + 1).fill(0);
      poly.forEach((value, at) => { next[at] ^= value; next[at + 1] ^= times(value, EXP[i]); });
      poly = next;
    }
    return poly.slice(1);
  }
  function rest(block, poly) {
    const out = new Array(poly.length).fill(0);
    for (const byte of block) {
      const factor = byte ^ out.shift();
      out.push(0);
      poly.forEach((value, at) => { out[at] ^= times(value, factor); });
    }
    return out;
  }
  function words(text, version) {
    const bits = [];
    const push = (value, count) => { for (let i = count - 1; i >= 0; i -= 1) bits.push((value >> i) & 1); };
    push(2, 4);
    push(text.length, version < 10 ? 9 : 11);
    for (let i = 0; i < text.length; i += 2) {
      const one = Base45.SIGNS.indexOf(text[i]);
      if (i + 1 < text.length) push(one * 45 + Base45.SIGNS.indexOf(text[i + 1]), 11);
      else push(one, 6);
    }
    const capacity = data(version) * 8;
    if (bits.length > capacity) return null;
    push(0, Math.min(4, capacity - bits.length));
    while (bits.length % 8) bits.push(0);
    for (let pad = 0xec; bits.length < capacity; pad ^= 0xec ^ 0x11) push(pad, 8);
    const bytes = [];
    for (let i = 0; i < bits.length; i += 8) bytes.push(bits.slice(i, i + 8).reduce((value, bit) => value * 2 + bit, 0));
    return bytes;
  }
  function interleaved(bytes, version) {
    const [count, ecc] = [BLOCKS[version], PER_BLOCK[version]];
    const all = Math.floor(modules(version) / 8);
    const short = count - (all % count);
    const length = Math.floor(all / count) - ecc;
    const poly = generator(ecc);
    const blocks = [];
    for (let i = 0, at = 0; i < count; i += 1) {
      const size = length + (i < short ? 0 : 1);
      const block = bytes.slice(at, at + size);
      at += size;
      blocks.push([block, rest(block, poly)]);
    }
    const out = [];
    for (let i = 0; i <= length; i += 1) for (const [block] of blocks) if (i < block.length) out.push(block[i]);
    for (let i = 0; i < ecc; i += 1) for (const [, tail] of blocks) out.push(tail[i]);
    return out;
  }
  const MASKS = [
    (x, y) => (x + y) % 2, (x, y) => y % 2, (x) => x % 3, (x, y) => (x + y) % 3,
    (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2, (x, y) => ((x * y) % 2) + ((x * y) % 3),
    (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2, (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2,
  ];
  function drawn(stream, version, mask) {
    const size = version * 4 + 17;
    const grid = Array.from({ length: size }, () => new Array(size).fill(null));
    const set = (x, y, dark) => { if (x >= 0 && y >= 0 && x < size && y < size) grid[y][x] = dark ? 1 : 0; };
    for (let i = 0; i < size; i += 1) { set(6, i, i % 2 === 0); set(i, 6, i % 2 === 0); }
    for (const [cx, cy] of [[3, 3], [size - 4, 3], [3, size - 4]]) {
      for (let dy = -4; dy <= 4; dy += 1) for (let dx = -4; dx <= 4; dx += 1) {
        const ring = Math.max(Math.abs(dx), Math.abs(dy));
        set(cx + dx, cy + dy, ring !== 2 && ring !== 4);
      }
    }
    const at = centres(version);
    at.forEach((cx, i) => at.forEach((cy, j) => {
      const corner = (i === 0 && j === 0) || (i === 0 && j === at.length - 1) || (i === at.length - 1 && j === 0);
      if (corner) return;
      for (let dy = -2; dy <= 2; dy += 1) for (let dx = -2; dx <= 2; dx += 1) set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
    }));
    // Format: level L is 01; BCH(15, 5), then the fixed mask.
    let format = (1 << 3) | mask;
    let tail = format;
    for (let i = 0; i < 10; i += 1) tail = (tail << 1) ^ ((tail >> 9) * 0x537);
    format = ((format << 10) | tail) ^ 0x5412;
    const bit = (value, i) => (value >> i) & 1;
    for (let i = 0; i <= 5; i += 1) set(8, i, bit(format, i));
    set(8, 7, bit(format, 6)); set(8, 8, bit(format, 7)); set(7, 8, bit(format, 8));
    for (let i = 9; i < 15; i += 1) set(14 - i, 8, bit(format, i));
    for (let i = 0; i < 8; i += 1) set(size - 1 - i, 8, bit(format, i));
    for (let i = 8; i < 15; i += 1) set(8, size - 15 + i, bit(format, i));
    set(8, size - 8, 1);
    if (version >= 7) {
      let golay = version;
      for (let i = 0; i < 12; i += 1) golay = (golay << 1) ^ ((golay >> 11) * 0x1f25);
      const value = (version << 12) | golay;
      for (let i = 0; i < 18; i += 1) { const [a, b] = [size - 11 + (i % 3), Math.floor(i / 3)]; set(a, b, bit(value, i)); set(b, a, bit(value, i)); }
    }
    let next = 0;
    for (let right = size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5;
      for (let vertical = 0; vertical < size; vertical += 1) for (let j = 0; j < 2; j += 1) {
        const x = right - j;
        const y = ((right + 1) & 2) === 0 ? size - 1 - vertical : vertical;
        if (grid[y][x] !== null) continue;
        const dark = next < stream.length * 8 ? bit(stream[next >> 3], 7 - (next & 7)) : 0;
        next += 1;
        grid[y][x] = dark ^ (MASKS[mask](x, y) === 0 ? 1 : 0);
      }
    }
    return grid;
  }
  function penalty(grid) {
    const size = grid.length;
    let sum = 0;
    const lines = [...grid, ...grid.map((_, x) => grid.map((row) => row[x]))];
    for (const line of lines) {
      for (let i = 0, run = 0; i < size; i += 1) { run = i && line[i] === line[i - 1] ? run + 1 : 1; if (run === 5) sum += 3; else if (run > 5) sum += 1; }
      const text = line.join("");
      for (const finder of ["10111010000", "00001011101"]) for (let at = text.indexOf(finder); at >= 0; at = text.indexOf(finder, at + 1)) sum += 40;
    }
    let dark = 0;
    for (let y = 0; y < size; y += 1) for (let x = 0; x < size; x += 1) {
      dark += grid[y][x];
      if (x + 1 < size && y + 1 < size && grid[y][x] === grid[y][x + 1] && grid[y][x] === grid[y + 1][x] && grid[y][x] === grid[y + 1][x + 1]) sum += 3;
    }
    return sum + Math.floor(Math.abs((dark * 20) / (size * size) - 10)) * 10;
  }
  /** The path of the dark squares, and how many squares a side has. */
  function path(text) {
    for (let version = 1; version <= 20; version += 1) {
      const bytes = words(text, version);
      if (!bytes) continue;
      const stream = interleaved(bytes, version);
      const grids = MASKS.map((_, mask) => drawn(stream, version, mask));
      const grid = grids.reduce((best, one) => (penalty(one) < penalty(best) ? one : best));
      const squares = grid.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
      return [squares.join(""), grid.length];
    }
    throw new Error("long");
  }
  return { path };
})();

const Desk = (() => {
  const desk = document.querySelector("[data-checkpoint]");
  const text = desk.dataset;
  const $ = (id) => document.getElementById(id);
  const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const unhex = (line) => new Uint8Array((line.match(/../g) ?? []).map((pair) => parseInt(pair, 16)));
  const SKEW = 60;

  // ---- clocks: how far this device is ahead of the node, whose clock may be simulated, and of the wall; kept for when there is no
  // network
  let offset = Number(localStorage.getItem("sizao-offset") ?? 0);
  let fault = Number(localStorage.getItem("sizao-clock-fault") ?? 0);
  async function setClock() {
    try {
      const sent = Date.now();
      const answer = await fetch("/checkpoint/clock", { headers: { Accept: "application/json" }, cache: "no-store" });
      const { now, wall } = await answer.json();
      const received = Date.now();
      offset = Math.round((sent + received) / 2 - Date.parse(now));
      fault = Math.round((sent + received) / 2 - Date.parse(wall));
      localStorage.setItem("sizao-offset", String(offset));
      localStorage.setItem("sizao-clock-fault", String(fault));
      const told = $("clock");
      const minutes = Math.round(Math.abs(fault) / 60_000);
      told.hidden = minutes < 1;
      told.textContent = (fault > 0 ? text.ahead : text.behind).replace("{m}", minutes);
    } catch { /* without a network the last known error counts */ }
  }
  const now = () => Math.floor((Date.now() - offset) / 1000);

  // ---- signatures
  const keyOf = (raw) => crypto.subtle.importKey("raw", raw, "Ed25519", true, ["verify"]);
  const kid = async (raw) => hex(new Uint8Array(await crypto.subtle.digest("SHA-256", raw)).slice(0, 8));
  const nodes = (async () => {
    const found = new Map();
    for (const line of text.keys.split(" ")) found.set(await kid(unhex(line)), await keyOf(unhex(line)));
    return found;
  })();
  function opened(bytes) {
    const parts = Cbor.decode(bytes);
    if (!Array.isArray(parts) || parts.length !== 4) throw new Error("form");
    const [sealed, , payload, signature] = parts;
    const header = Cbor.decode(sealed);
    // Only what is signed says which algorithm and key.
    if (header.get(1) !== -8 || !(header.get(4) instanceof Uint8Array)) throw new Error("form");
    return { sealed, payload, signature, kid: hex(header.get(4)), claims: Cbor.decode(payload) };
  }
  const signedBytes = (sealed, payload) => Cbor.encode(["Signature1", sealed, new Uint8Array(0), payload]);
  async function fits(message, key) {
    return crypto.subtle.verify("Ed25519", key, message.signature, signedBytes(message.sealed, message.payload));
  }

  /** What a pass or slip says, or why it is not taken. */
  async function read(code) {
    const line = code.trim();
    const kind = line.startsWith("SZ1:") ? "pass" : line.startsWith("SZ2:") ? "slip" : "";
    if (!kind || line.length > 2000) return { kind: "none" };
    let message;
    try { message = opened(Base45.decode(line.slice(4))); } catch { return { kind, fault: "form" }; }
    try { return kind === "pass" ? await readPass(message, line) : await readSlip(message, line); } catch { return { kind, fault: "form" }; }
  }
  async function readPass(message, line) {
    const key = (await nodes).get(message.kid);
    if (!key) return { kind: "pass", fault: "unknown-key" };
    if (!(await fits(message, key))) return { kind: "pass", fault: "signature" };
    const claims = message.claims;
    const says = claims.get(-65537);
    const [from, until] = [claims.get(6), claims.get(4)];
    const paper = says.get(2) === 2;
    if (until - from > (paper ? 1440 : 10) * 60 || until <= from) return { kind: "pass", fault: "too-long" };
    if (from > now() + SKEW) return { kind: "pass", fault: "early" };
    if (until <= now()) return { kind: "pass", fault: "expired" };
    return { kind: "pass", line, until, colour: ["", "green", "yellow", "red"][says.get(1) ?? 0] ?? "" };
  }
  async function readSlip(message, line) {
    const delegation = opened(message.claims.get(-65540));
    const node = (await nodes).get(delegation.kid);
    if (!node) return { kind: "slip", fault: "unknown-key" };
    if (!(await fits(delegation, node))) return { kind: "slip", fault: "signature" };
    const raw = delegation.claims.get(-65538).get(1);
    if (message.kid !== (await kid(raw)) || !(await fits(message, await keyOf(raw)))) return { kind: "slip", fault: "signature" };
    const [from, until] = [message.claims.get(6), message.claims.get(4)];
    const [since, to] = [delegation.claims.get(6), delegation.claims.get(4)];
    if (until <= now() || until - from > 86_400 || until <= from) return { kind: "slip", fault: "expired" };
    if (from > now() + SKEW || from < since - SKEW || from > to || to - since > 86_400) return { kind: "slip", fault: "early" };
    const says = message.claims.get(-65539);
    return { kind: "slip", line, until, from, bound: says.get(2), sampled: says.get(1) === 2, at: delegation.claims.get(-65538).get(2) };
  }

  // ---- the key of this device: made here, its secret cannot be taken out; the node lets it sign for a day
  const store = new Promise((done, fail) => {
    const request = indexedDB.open("sizao-device", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("key");
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
  const kept = async (mode, work) => {
    const tx = (await store).transaction("key", mode);
    const request = work(tx.objectStore("key"));
    return new Promise((done, fail) => { tx.oncomplete = () => done(request.result); tx.onerror = () => fail(tx.error); });
  };
  async function device() {
    const before = await kept("readonly", (keys) => keys.get("own"));
    if (before) return before;
    const made = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    await kept("readwrite", (keys) => keys.put(made, "own"));
    return made;
  }
  async function delegated() {
    const pair = await device();
    const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    const mine = `sizao-delegation-${text.unit}`;
    try {
      const body = new URLSearchParams({ key: hex(raw), csrf: document.querySelector('meta[name="csrf"]').content });
      const answer = await fetch("/checkpoint/key", { method: "POST", headers: { Accept: "application/json" }, body });
      if (answer.ok) localStorage.setItem(mine, (await answer.json()).delegation);
    } catch { /* the last one counts while it holds */ }
    const line = localStorage.getItem(mine);
    return line ? { pair, raw, delegation: unhex(line) } : null;
  }
  let signing = null;
  async function slip(bound, sampled) {
    signing ??= await delegated();
    if (!signing) return null;
    const [since, until] = [now(), now() + 86_400];
    const sealed = Cbor.encode(new Map([[1, -8], [4, unhex(await kid(signing.raw))]]));
    const payload = Cbor.encode(new Map([
      [2, crypto.getRandomValues(new Uint8Array(16))], [4, until], [6, since],
      [-65539, new Map([[1, sampled ? 2 : 1], [2, bound]])], [-65540, signing.delegation],
    ]));
    const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", signing.pair.privateKey, signedBytes(sealed, payload)));
    const message = Cbor.encode([sealed, new Map(), payload, signature]);
    return { line: `SZ2:${Base45.encode(message)}`, until };
  }

  // ---- the screen
  const form = $("check");
  let began = 0;
  let seen = null;
  const clock = (seconds) => new Date(seconds * 1000).toLocaleString(document.documentElement.lang, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "Asia/Shanghai", hour12: false });
  function screen(name) {
    for (const part of desk.querySelectorAll("[data-screen]")) part.hidden = part.dataset.screen !== name && !part.dataset.screen.split(" ").includes(name);
    desk.dataset.now = name;
    if (name === "scan") { $("code").value = ""; $("code").focus(); } else stopCamera();
  }
  function verdict(kind, title, told) {
    const box = $("verdict");
    box.className = `verdict ${kind}`;
    $("verdict-title").textContent = title;
    $("verdict-told").textContent = told;
    box.querySelector(".go-mark").toggleAttribute("hidden", kind !== "go");
    box.querySelector(".hold-mark").toggleAttribute("hidden", kind !== "hold");
    box.focus();
  }
  function facts(rows) {
    $("facts").replaceChildren(...rows.map(([name, value]) => {
      const row = document.createElement("div");
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      [dt.textContent, dd.textContent] = [name, value];
      row.append(dt, dd);
      return row;
    }));
  }
  async function look(code) {
    began = Date.now();
    const start = performance.now();
    const found = await read(code);
    const took = ((performance.now() - start) / 1000).toFixed(2);
    $("took").textContent = took;
    seen = found;
    const signature = [text.signature, text.signatureOk.replace("{s}", took)];
    if (found.kind === "none" || ["form", "expired", "early", "too-long", "unknown-key"].includes(found.fault)) {
      $("unread").textContent = text[`fault${(found.fault ?? "none").replace(/(^|-)(.)/g, (_, __, sign) => sign.toUpperCase())}`] ?? text.faultNone;
      $("unread").hidden = false;
      $("code").select();
      return;
    }
    $("unread").hidden = true;
    if (found.fault === "signature") return hold("no-proof", text.forged);
    if (found.kind === "slip") {
      verdict("go", text.go, found.bound);
      facts([[text.slip, text.slipValid.replace("{at}", clock(found.until))], [text.slipFrom, found.at], signature]);
      screen("slip");
      send({ shown: "slip", verdict: "go", slip: found.line });
      return;
    }
    if (found.colour === "red") return hold("red", text.red);
    if (found.colour === "yellow") return hold("yellow", text.yellow);
    verdict("go", text.go, found.colour ? text.green : text.noColour);
    facts([[text.pass, text.passValid.replace("{at}", clock(found.until))], signature]);
    screen("go");
  }
  function hold(reason, told) {
    verdict("hold", text.hold, told);
    $("say").textContent = reason === "red" ? text.sayRed : reason === "fever" ? text.sayFever : text.sayOther;
    desk.dataset.reason = reason;
    screen("hold");
    send({ shown: seen?.kind === "none" ? "document" : (seen?.kind ?? "document"), verdict: "hold", reason, pass: seen?.kind === "pass" && !seen.fault ? seen.line : "" });
  }
  function send(fields) {
    const own = { shown: "", verdict: "", reason: "", pass: "", slip: "", name: "", document_kind: "", document: "", phone: "", from: "", into: "", temperature: "", transit: "", ...fields };
    for (const [name, value] of Object.entries(own)) form.elements[name].value = value;
    form.elements.device_at.value = new Date(began || Date.now()).toISOString();
    form.elements.device_offset_s.value = String(Math.round(fault / 1000));
    form.elements.desk_s.value = String(Math.round((Date.now() - began) / 1000));
    form.elements.offline.value = navigator.onLine ? "" : "1";
    form.dataset.outboxLabel = `${text.record} · ${text[`word${own.verdict.replace(/(^|-)(.)/g, (_, __, sign) => sign.toUpperCase())}`] ?? own.verdict}`;
    form.requestSubmit();
  }
  async function pass(sampled) {
    const fields = { temperature: $("temperature").value, from: $("from").value };
    const degrees = Number(fields.temperature.replace(",", "."));
    if (degrees >= Number(text.fever)) return hold("fever", `${degrees} ℃`);
    const given = await slip($("bound").value.trim().slice(-12), sampled);
    send({ ...fields, shown: "pass", verdict: sampled ? "sample-and-go" : "go", pass: seen.line, slip: given?.line ?? "" });
    showSlip(given);
  }
  function showSlip(given) {
    $("bound").value = "";
    $("temperature").value = "";
    if (!given) { screen("done"); return; }
    const [path, size] = Qr.path(given.line);
    $("slip-qr").innerHTML = `<svg viewBox="-4 -4 ${size + 8} ${size + 8}" role="img" aria-label="${text.slip}" shape-rendering="crispEdges"><path fill="#000" d="${path}"/></svg>`;
    $("slip-text").textContent = given.line;
    $("slip-until").textContent = text.slipValid.replace("{at}", clock(given.until));
    screen("given");
  }

  // ---- camera: the browser's own reader of codes, where it has one
  let stream = null;
  let looking = 0;
  function stopCamera() {
    cancelAnimationFrame(looking);
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    $("camera").hidden = true;
  }
  async function startCamera() {
    const reader = new BarcodeDetector({ formats: ["qr_code"] });
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    $("camera").srcObject = stream;
    $("camera").hidden = false;
    await $("camera").play();
    const step = async () => {
      if (!stream) return;
      const [found] = await reader.detect($("camera")).catch(() => []);
      if (found) { stopCamera(); await look(found.rawValue); return; }
      looking = requestAnimationFrame(step);
    };
    step();
  }

  if ("BarcodeDetector" in window && navigator.mediaDevices) {
    $("scan").hidden = false;
    $("scan").addEventListener("click", () => startCamera().catch(() => { $("unread").textContent = text.noCamera; $("unread").hidden = false; }));
  } else {
    $("no-camera").hidden = false;
  }
  $("code-form").addEventListener("submit", (event) => { event.preventDefault(); event.stopImmediatePropagation(); look($("code").value); });
  // A hand scanner types faster than any hand and may not end with Enter.
  let typed = 0;
  $("code").addEventListener("input", () => { clearTimeout(typed); const value = $("code").value; if (/^SZ[12]:.{80}/.test(value)) typed = setTimeout(() => look(value), 250); });
  $("go").addEventListener("click", () => pass(false));
  $("sample").addEventListener("click", () => pass(true));
  $("suspect").addEventListener("click", () => hold("fever", text.suspect));
  for (const button of desk.querySelectorAll("[data-next]")) button.addEventListener("click", () => screen("scan"));
  $("care").addEventListener("click", () => { verdict("go", text.careGo, text.careTold); facts([[text.care, text.careNoted]]); screen("slip"); send({ shown: seen?.kind === "slip" ? "slip" : seen?.kind === "pass" ? "pass" : "document", verdict: "care", reason: desk.dataset.reason ?? "" }); });
  for (const button of desk.querySelectorAll("[data-paper]")) button.addEventListener("click", () => { began = Date.now(); seen = { kind: "none" }; screen("paper"); });
  $("paper-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    const fields = Object.fromEntries(new FormData(event.target));
    const sampled = event.submitter?.value === "sample-and-go";
    const degrees = Number((fields.temperature ?? "").replace(",", "."));
    if (degrees >= Number(text.fever)) { event.target.reset(); return hold("fever", `${degrees} ℃`); }
    const given = await slip(fields.document.slice(-4), sampled);
    send({ ...fields, shown: "document", verdict: sampled ? "sample-and-go" : "go", slip: given?.line ?? "" });
    event.target.reset();
    showSlip(given);
  });
  addEventListener("online", setClock);
  setClock();
  device().then(delegated).then((ready) => { signing = ready; desk.dataset.ready = ready ? "1" : "0"; }).catch(() => { desk.dataset.ready = "0"; $("no-crypto").hidden = false; });
  screen("scan");
  return { read, slip, look };
})();
