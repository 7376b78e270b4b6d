// The photos of a question: chips, notices, and the grid.

import { ask } from "./api.js";
import { albumOf, fillAlbumBar } from "./album_bar.js";
import { chipsOf } from "./chips.js";
import { isNotOffered, noteDeed, sayNot } from "./deeds.js";
import { fill, h } from "./dom.js";
import { filtersPanel, refreshFilters } from "./filters.js";
import { Grid } from "./grid.js";
import { icon } from "./icons.js";
import { attempt, speak } from "./messages.js";
import { photoChanges } from "./photo_changes.js";
import { current, go } from "./place.js";
import { filterParameters, hasTerms, searchBody } from "./query.js";
import { results } from "./results.js";
import { startPicking } from "./picking.js";
import { selection } from "./selection.js";
import { selectionBar } from "./selection_bar.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";
import { uploadButtons } from "./uploads.js";
import { amount, dateText, monthText } from "./wording.js";

const AHEAD_PIXELS = 1500;
const LEAST_OF_A_MONTH = 4; // photos, on average

const chips = h("ul", { class: "chips query-chips", "aria-label": t("query") });
const headline = h("p", { class: "headline", role: "status", "aria-live": "polite" });
const notices = h("div", { class: "notices", role: "status" });
const albumBar = h("div", { class: "album-bar", hidden: true });
const nothing = h("div", { class: "nothing", hidden: true });
const foot = h("div", { class: "grid-foot" });
const sentinel = h("div", { class: "sentinel" });
const grid = new Grid({
  label: t("photos"),
  onOpen: (photo) => {
    noteDeed("open", [photo]);
    go({ photo: photo.photo_id });
  },
  onNot: (photo) => {
    if (!selection.isOn) sayNot([photo]);
  },
  isNotOffered,
  matchesOf: (photo) => results.matches.get(photo.photo_id),
  frameOf: (photo) => results.frames.get(photo.photo_id),
});
startPicking(grid);

export const photosView = h(
  "div",
  { class: "photos-view" },
  filtersPanel(),
  h(
    "section",
    { class: "photos", "aria-label": t("photos") },
    h("h1", { class: "for-ears" }, t("photos")),
    albumBar,
    h("div", { class: "above" }, chips, headline),
    notices,
    nothing,
    selectionBar({
      isHere: () => photosView.isConnected,
      all: () => results.photos,
      onEnd: () => grid.focus(grid.focused),
    }),
    grid.element,
    sentinel,
    foot,
  ),
);

let asked = null; // the question that is answered, as text
let isAtHome = false; // whether photos are shown by date
let counting = new AbortController();
let isStale = false;
let wasNotOffered = false;

function keyOf(query) {
  return JSON.stringify([searchBody({ ...query, pictures: [] }), query.pictures.map((picture) => [picture.url, picture.isNot])]);
}

/** Show what the place asks for. */
export function enter() {
  const { query } = current();
  const key = keyOf(query);
  fill(chips, albumOf(query) === null && chipsOf(query)); // an album has its name above
  fillAlbumBar(albumBar, query);
  if (key === asked && !isStale) {
    if (wasNotOffered === isNotOffered()) grid.renderSoon();
    else grid.relayout(); // an admin has turned the record of use meanwhile
    wasNotOffered = isNotOffered();
    return;
  }
  asked = key;
  isStale = false;
  wasNotOffered = isNotOffered();
  selection.clear();
  isAtHome = !hasTerms(query);
  scrollTo(0, 0);
  document.title = [query.words, t("soutu")].filter(Boolean).join(" · ");
  photosView.classList.add("is-asking");
  results.start(query);
  count(query);
  refreshFilters();
}

/** Nothing is chosen where it cannot be seen. */
export function leave() {
  selection.clear();
}

/** Give the focus to the photo that was looked at. */
export function focusPhoto(photo) {
  const index = photo ? results.indexOf(photo.photo_id) : -1;
  if (index >= 0) grid.focus(index);
}

async function count(query) {
  counting.abort();
  counting = new AbortController();
  headline.textContent = "";
  if (!isAtHome) return;
  const { signal } = counting;
  let found = 0;
  const parameters = filterParameters(query.filter);
  try {
    const path = parameters.size ? `/api/summary?${parameters}` : "/api/photos?state=READY&state=PENDING&page_size=1";
    found = (await ask(path, { signal })).total;
  } catch {
    // The photos themselves are there; how many is not worth a word.
  }
  if (!signal.aborted && found) headline.textContent = t("photosCount", { n: amount(found) });
}

function monthOf(photo) {
  return photo.taken ? monthText(photo.taken.local_time) : t("dateUnknown");
}

function yearOf(photo) {
  return photo.taken ? dateText(photo.taken.local_time.slice(0, 4)) : t("dateUnknown");
}

/** Months as headings, or years where months would hold too few photos to fill a row. */
function headingOf() {
  const months = new Set(results.photos.map(monthOf)).size;
  return results.photos.length < LEAST_OF_A_MONTH * months ? yearOf : monthOf;
}

function showState() {
  const { problem, isLoading, photos } = results;
  photosView.classList.toggle("is-loading", isLoading);
  if (problem) {
    const retry = h("button", { type: "button", class: "button", onclick: () => results.retry() }, t("retryNow"));
    fill(foot, h("p", { class: "problem", role: "alert" }, problem.message), retry);
  } else fill(foot, isLoading && photos.length > 0 && h("p", { class: "muted" }, t("loading")));
  // An observer tells of changes alone: look again whether the end is near.
  observer.unobserve(sentinel);
  if (!isLoading) observer.observe(sentinel);
}

function showNotices() {
  fill(
    notices,
    results.notices.map((notice) => h("p", { class: "notice" }, icon("clock"), notice.message)),
  );
}

function showNothing() {
  nothing.hidden = results.photos.length > 0 || results.problem !== null;
  if (nothing.hidden) return;
  const { query } = current();
  const isEmptyLibrary = isAtHome && !Object.keys(query.filter).length;
  if (isEmptyLibrary)
    fill(
      nothing,
      icon("picture"),
      h("h2", {}, t("noPhotosYet")),
      h("p", { class: "muted" }, canWrite() ? t("noPhotosHint") : t("noPhotosGuest")),
      canWrite() && h("div", { class: "actions" }, uploadButtons()),
    );
  else fill(nothing, icon("search"), h("h2", {}, t("nothingFound")), h("p", { class: "muted" }, t("nothingHint")));
}

results.addEventListener("reset", () => {
  photosView.classList.remove("is-asking");
  grid.show(results.photos, isAtHome ? headingOf() : null);
  showNotices();
  showNothing();
  if (results.problem) return;
  if (!isAtHome) headline.textContent = results.photos.length ? t("bestFirst") : "";
  speak(
    results.photos.length
      ? t(results.isComplete ? "foundAll" : "foundFirst", { n: amount(results.photos.length) })
      : t("nothingFound"),
  );
});
results.addEventListener("more", () => {
  grid.extend();
  speak(t("foundFirst", { n: amount(results.photos.length) }));
});
results.addEventListener("changed", () => {
  grid.relayout();
  showNothing();
  if (isAtHome && photosView.isConnected) count(current().query);
});
results.addEventListener("state", showState);

photoChanges.addEventListener("changed", (event) => {
  const album = albumOf(current().query);
  if (album === null || current().photo) return; // one that is open is not taken away
  results.leaveOut(event.detail.filter((photo) => !photo.annotations.albums.includes(album)));
});
for (const type of ["changed", "deleted", "restored"]) photoChanges.addEventListener(type, () => refreshFilters());
photoChanges.addEventListener("added", () => {
  isStale = true;
  const isUndisturbed = isAtHome && scrollY < innerHeight && !current().photo && !selection.isOn;
  if (photosView.isConnected && isUndisturbed) attempt(async () => enter());
});

const observer = new IntersectionObserver(
  (entries) => {
    if (entries.some((entry) => entry.isIntersecting) && photosView.isConnected) results.more();
  },
  { rootMargin: `0px 0px ${AHEAD_PIXELS}px 0px` },
);
observer.observe(sentinel);
