// Keeps the pages of people in the field readable without a network. Only pages that ask for it (header X-Offline: keep)
// and our own style and scripts are kept, the newest of each; signing out empties it. What is sent is kept by outbox.js.
"use strict";

const KEPT = "sizao-offline-1";

addEventListener("install", () => self.skipWaiting());
addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function newest(request) {
  const cache = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    if (answer.ok && answer.headers.get("x-offline") === "keep") await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(request, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

async function asset(request) {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(request, { ignoreVary: true });
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}

addEventListener("fetch", (event) => {
  const { method, url, mode } = event.request;
  const { origin, pathname } = new URL(url);
  if (origin !== self.location.origin) return;
  if (method === "GET" && pathname.startsWith("/assets/")) event.respondWith(asset(event.request));
  else if (method === "GET" && mode === "navigate") event.respondWith(newest(event.request));
  else if (method === "POST" && pathname === "/sign-out") {
    event.waitUntil(caches.delete(KEPT));
  }
});
