// The album that is looked at: its name, and what can be done with it as a whole.

import { tell } from "./api.js";
import { confirmDialog } from "./confirm_dialog.js";
import { fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { attempt, toast } from "./messages.js";
import { nameDialog } from "./name_dialog.js";
import { announceLabels } from "./photo_changes.js";
import { go, search } from "./place.js";
import { emptyQuery, hasTerms } from "./query.js";
import { selection } from "./selection.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";

/** The album that a question is about and nothing else; or nothing. */
export function albumOf(query) {
  const { albums, ...others } = query.filter;
  return !hasTerms(query) && albums?.length === 1 && !Object.keys(others).length ? albums[0] : null;
}

/** Let a person choose photos to put into an album. */
export function chooseFor(album) {
  selection.begin(album);
}

/** Fill the bar for a question. */
export function fillAlbumBar(bar, query) {
  const album = albumOf(query);
  bar.hidden = album === null;
  if (bar.hidden) return;
  const action = (name, label, does) => h("button", { type: "button", class: "button", onclick: does }, icon(name), label);
  fill(
    bar,
    iconButton(icon("previous"), t("allAlbums"), { onclick: () => go({ view: "albums", photo: null, query: emptyQuery() }) }),
    h("h2", { class: "grow" }, album),
    canWrite() && [
      action("plus", t("addToAlbum"), () => addTo(album)),
      action("pencil", t("rename"), () => rename(album)),
      action("close", t("dissolve"), () => dissolve(album)),
    ],
  );
}

function addTo(album) {
  go({ view: "photos", photo: null, query: emptyQuery() });
  chooseFor(album);
}

async function rename(album) {
  const name = await nameDialog(t("rename"), { label: t("albumName"), does: t("save"), value: album });
  if (!name || name === album) return;
  await attempt(async () => {
    await tell("/api/albums/rename", { album, name });
    announceLabels();
    search({ filter: { albums: [name] } });
  });
}

async function dissolve(album) {
  if (!(await confirmDialog(t("dissolveTitle", { album }), { text: t("dissolveText"), does: t("dissolve") }))) return;
  await attempt(async () => {
    await tell("/api/albums/dissolve", { album });
    announceLabels();
    toast(t("dissolved", { album }));
    go({ view: "albums", photo: null, query: emptyQuery() });
  });
}
