// Keeps the page's shell for moments without a network, and takes in what other apps share. Network first; answers of the API
// are never kept. The server writes two lines before this one: SHELL, the addresses of the shell, and VERSION, which is another
// whenever one of its files is: a new shell is fetched whole before the old one is thrown away.
/* global SHELL, VERSION */
const CACHE = `soutu-shell-${VERSION}`;
const SHARED = "soutu-shared";

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(SHELL))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => ![CACHE, SHARED].includes(name)).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

function shellKey(request) {
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return null;
  if (request.mode === "navigate" && url.pathname === "/") return "/";
  return SHELL.includes(url.pathname) ? url.pathname : null;
}

async function fromNetworkFirst(request, key) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(key);
    if (kept) return kept;
    throw error;
  }
}

/** What another app shares waits here until the page takes it. */
async function takeShared(request) {
  const form = await request.formData();
  await caches.delete(SHARED);
  const cache = await caches.open(SHARED);
  const pictures = form.getAll("pictures").filter((one) => one instanceof File && one.size > 0);
  await Promise.all(
    pictures.map((file, at) => {
      const headers = { "Content-Type": file.type, "X-Name": encodeURIComponent(file.name) };
      return cache.put(`/shared/${at}`, new Response(file, { headers }));
    }),
  );
  const words = [form.get("title"), form.get("text")].find((one) => typeof one === "string" && one.trim());
  const query = pictures.length ? "shared=1" : new URLSearchParams({ q: words?.trim().slice(0, 200) ?? "" });
  return Response.redirect(`/?${query}`, 303);
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "POST" && new URL(request.url).pathname === "/share") {
    event.respondWith(takeShared(request));
    return;
  }
  const key = shellKey(request);
  if (key !== null) event.respondWith(fromNetworkFirst(request, key));
});
