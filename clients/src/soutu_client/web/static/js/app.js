// Starts the page, and shows the view that the place names.

import * as albums from "./albums_view.js";
import { ask } from "./api.js";
import { connection, problem } from "./connection.js";
import * as duplicates from "./duplicates_view.js";
import { fill, h } from "./dom.js";
import { fillHeader } from "./header.js";
import { icon } from "./icons.js";
import * as library from "./library_view.js";
import { startMessages } from "./messages.js";
import * as photos from "./photos_view.js";
import { current, place } from "./place.js";
import * as session from "./session.js";
import { takeShared } from "./shared_files.js";
import { language, t } from "./strings.js";
import { startDropping } from "./uploads.js";
import { followPlace } from "./viewer.js";

const VIEWS = {
  photos: { element: photos.photosView, enter: photos.enter, leave: photos.leave, title: null },
  albums: { element: albums.albumsView, enter: albums.enter, leave: albums.leave, title: "albums" },
  library: { element: library.libraryView, enter: library.enter, leave: library.leave, title: "library" },
  duplicates: { element: duplicates.duplicatesView, enter: duplicates.enter, leave: duplicates.leave, title: "duplicates" },
};

const content = document.getElementById("content");
const skip = document.getElementById("skip");
let shown = null;
let photosAt = 0; // how far the photos were scrolled

function show() {
  const { view } = current();
  if (view !== shown) {
    const from = shown;
    if (from === "photos") photosAt = scrollY;
    VIEWS[from]?.leave?.();
    shown = view;
    fill(content, VIEWS[view].element);
    if (view !== "photos") {
      document.title = `${t(VIEWS[view].title)} · ${t("soutu")}`;
      scrollTo(0, 0);
      VIEWS[view].enter();
    } else {
      photos.enter();
      if (from && scrollY === 0) requestAnimationFrame(() => scrollTo(0, photosAt));
    }
  } else if (view === "photos") photos.enter();
  followPlace(photos.focusPhoto);
}

/** The page begins while the house is away: say so where the photos will be. */
function showOffline() {
  if (!problem()) return;
  fill(
    content,
    h("div", { class: "nothing" }, icon("clock"), h("h1", {}, t("offlineTitle")), h("p", { class: "muted" }, t("offlineHint"))),
  );
}

async function start() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  history.scrollRestoration = "manual";
  skip.textContent = t("skipToPhotos");
  startMessages();
  connection.addEventListener("change", showOffline);
  try {
    await session.start();
  } catch (error) {
    fill(content, h("p", { class: "problem page", role: "alert" }, error.message));
    return;
  }
  connection.removeEventListener("change", showOffline);
  fillHeader(document.getElementById("header"));
  startDropping();
  place.addEventListener("change", show);
  addEventListener("offline", () => ask("/api/session")); // waits, and says so, until the house answers
  show();
  takeShared();
  if ("serviceWorker" in navigator && isSecureContext) navigator.serviceWorker.register("/sw.js").catch(() => {});
}

start();
