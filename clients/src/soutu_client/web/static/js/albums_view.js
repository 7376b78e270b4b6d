// The albums, each with its newest photo.

import { ask, thumbnailUrl } from "./api.js";
import { chooseFor } from "./album_bar.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { nameDialog } from "./name_dialog.js";
import { photoChanges } from "./photo_changes.js";
import { go } from "./place.js";
import { emptyQuery, toUrl } from "./query.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";
import { amount } from "./wording.js";

const MOST = 200; // the summary tells of no more

const list = h("ul", { class: "albums" });
const foot = h("div", { class: "groups-foot", role: "status" });
const add = h("button", { type: "button", class: "button primary", onclick: create }, icon("plus"), t("newAlbumButton"));
export const albumsView = h(
  "div",
  { class: "albums-view page" },
  h("div", { class: "card-head" }, h("h1", {}, t("albums")), add),
  list,
  foot,
);

let leaving = new AbortController();
let covers = null;

/** Show the albums. */
export async function enter() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  add.hidden = !canWrite();
  if (!list.children.length) fill(foot, h("p", { class: "muted" }, t("loading")));
  try {
    const { albums } = await ask("/api/summary", { signal });
    if (!signal.aborted) draw(albums, signal);
  } catch (error) {
    if (signal.aborted) return;
    const retry = h("button", { type: "button", class: "button", onclick: enter }, t("retryNow"));
    fill(foot, h("p", { class: "problem", role: "alert" }, error.message), retry);
  }
}

export function leave() {
  leaving.abort();
  covers?.disconnect();
}

function draw(albums, signal) {
  covers?.disconnect();
  covers = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      covers.unobserve(target);
      showCover(target, signal);
    }
  });
  fill(list, albums.map(card));
  for (const one of list.querySelectorAll(".album-cover")) covers.observe(one);
  if (!albums.length) fill(foot, h("p", { class: "muted" }, canWrite() ? t("noAlbumsYet") : t("noAlbums")));
  else fill(foot, albums.length >= MOST && h("p", { class: "muted" }, t("mostAlbums", { n: amount(MOST) })));
}

function queryOf(album) {
  return { ...emptyQuery(), filter: { albums: [album] } };
}

function card({ name, photos }) {
  const query = queryOf(name);
  const open = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go({ view: "photos", photo: null, query });
  };
  return h(
    "li",
    {},
    h(
      "a",
      { class: "album", href: toUrl({ view: "photos", photo: null, query }), onclick: open },
      h("span", { class: "album-cover", "data-album": name }, icon("album")),
      h("strong", {}, name),
      h("span", { class: "muted" }, t("photosCount", { n: amount(photos) })),
    ),
  );
}

async function showCover(cover, signal) {
  try {
    const body = { filter: { albums: [cover.dataset.album] }, page_size: 1 };
    const [hit] = (await ask("/api/search", { method: "POST", body, signal, isRead: true })).hits;
    if (hit?.photo.width) fill(cover, h("img", { src: thumbnailUrl(hit.photo), alt: "", decoding: "async" }));
  } catch {
    // An album without its picture is still an album.
  }
}

async function create() {
  const name = await nameDialog(t("newAlbumButton"), { label: t("albumName"), does: t("chooseItsPhotos") });
  if (!name) return;
  go({ view: "photos", photo: null, query: emptyQuery() });
  chooseFor(name);
}

for (const type of ["changed", "deleted", "restored"]) {
  photoChanges.addEventListener(type, () => {
    if (albumsView.isConnected) enter();
  });
}
