// Pictures that another app has shared: searched by, or added to the library.

import { openDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { attempt } from "./messages.js";
import { searchByPicture } from "./search_box.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";
import { upload } from "./uploads.js";
import { amount } from "./wording.js";

const SHARED = "soutu-shared"; // as the service worker has it

/** Ask what to do with what was shared, if something was. */
export async function takeShared() {
  if (new URLSearchParams(location.search).get("shared") === null) return;
  history.replaceState(history.state, "", "/");
  await attempt(async () => {
    const files = await waiting();
    if (files.length === 1 && !canWrite()) await searchByPicture(files[0]);
    else if (files.length && (canWrite() || files.length === 1)) choose(files);
  });
}

async function waiting() {
  const cache = await caches.open(SHARED);
  const files = [];
  for (const request of await cache.keys()) {
    const kept = await cache.match(request);
    const type = kept.headers.get("Content-Type") ?? "";
    files.push(new File([await kept.blob()], decodeURIComponent(kept.headers.get("X-Name")), { type }));
  }
  await caches.delete(SHARED);
  return files;
}

function choose(files) {
  const does = (action) => () => {
    dialog.close();
    action();
  };
  const search = does(() => searchByPicture(files[0]));
  const add = does(() => upload(files.map((file) => ({ file, name: file.name }))));
  const dialog = openDialog(
    h(
      "div",
      { class: "stack" },
      h("h2", { id: "shared-title" }, t("sharedTitle", { n: amount(files.length) })),
      h(
        "div",
        { class: "actions" },
        files.length === 1 && h("button", { type: "button", class: "button primary", onclick: search }, icon("search"), t("searchBySharing")),
        h("button", { type: "button", class: "button", onclick: add }, icon("upload"), t("addToLibrary")),
        h("button", { type: "button", class: "button quiet", onclick: () => dialog.close() }, t("cancel")),
      ),
    ),
    { class: "dialog", "aria-labelledby": "shared-title" },
  );
}
