// What can be done with the chosen photos.

import { tell } from "./api.js";
import { isNotOffered, noteDeed, sayNot } from "./deeds.js";
import { hasDialog } from "./dialogs.js";
import { fill, h, iconButton, isWriting } from "./dom.js";
import { icon } from "./icons.js";
import { labelDialog } from "./label_dialog.js";
import { attempt, toast } from "./messages.js";
import { annotateAll, deletePhotos } from "./photo_changes.js";
import { go } from "./place.js";
import { emptyQuery } from "./query.js";
import { selection } from "./selection.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";
import { amount } from "./wording.js";

const said = h("strong", { class: "grow", role: "status", "aria-live": "polite" });
const heart = iconButton(icon("heart"), t("favourite"), { class: "icon-button heart", onclick: turnFavourites });
const bar = h("div", { class: "selection-bar", role: "toolbar", "aria-label": t("selection"), hidden: true });

/** The bar, shown while photos are chosen. `all` gives the photos that Ctrl-A means; `onEnd` is told when none is chosen any more. */
export function selectionBar({ isHere, all, onEnd }) {
  const close = iconButton(icon("close"), t("endSelection"), { onclick: () => selection.clear() });
  const actions = () =>
    selection.album === null ? generalActions() : [h("button", { type: "button", class: "button primary", onclick: putIntoAlbum }, t("putIntoAlbum"))];
  const generalActions = () => [
    canWrite() && heart,
    canWrite() && iconButton(icon("tag"), t("tags"), { onclick: () => labelDialog("tags", selection.photos) }),
    canWrite() && iconButton(icon("albumAdd"), t("albums"), { onclick: () => labelDialog("albums", selection.photos) }),
    isNotOffered() && iconButton(icon("notThis"), t("notThese"), { "aria-keyshortcuts": "N", onclick: sayNotOfThese }),
    iconButton(icon("download"), t("downloadThese"), { onclick: download }),
    canWrite() && iconButton(icon("bin"), t("delete"), { onclick: remove }),
  ];
  selection.addEventListener("change", () => {
    const hadFocus = bar.contains(document.activeElement);
    if (bar.hidden && selection.isOn) fill(bar, close, said, actions()); // only now is it known what the person may do
    bar.hidden = !selection.isOn;
    document.getElementById("header").inert = !bar.hidden; // it lies below the bar
    said.textContent = wording();
    const put = bar.querySelector(".primary");
    if (put) put.disabled = !selection.size;
    heart.setAttribute("aria-pressed", String(areFavourites()));
    if (bar.hidden && hadFocus) onEnd();
  });
  document.addEventListener("keydown", (event) => {
    if (!isHere() || hasDialog() || isWriting(event.target)) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      selection.set(all(), true);
    } else if (!selection.isOn || event.ctrlKey || event.metaKey || event.altKey) return;
    else if (event.key === "Escape") selection.clear();
    else if (event.key === "n" && selection.album === null) sayNotOfThese();
    else if (!canWrite() || selection.album !== null || !selection.size) return;
    else if (event.key === "Delete") remove();
    else if (event.key === "f") turnFavourites();
  });
  return bar;
}

function wording() {
  const { album, size } = selection;
  if (album === null) return size ? t("chosen", { n: amount(size) }) : "";
  return size ? t("chosenFor", { n: amount(size), album }) : t("chooseFor", { album });
}

async function putIntoAlbum() {
  const { album, photos } = selection;
  const isWell = await attempt(() => annotateAll(photos, { add_albums: [album] }));
  if (!isWell) return;
  selection.clear();
  toast(t("albumAdded", { n: amount(photos.length), album }));
  go({ view: "photos", photo: null, query: { ...emptyQuery(), filter: { albums: [album] } } });
}

function areFavourites() {
  return selection.size > 0 && selection.photos.every((photo) => photo.annotations.favourite);
}

function turnFavourites() {
  const favourite = !areFavourites();
  if (favourite) noteDeed("favourite", selection.photos);
  return attempt(() => annotateAll(selection.photos, { favourite }));
}

function remove() {
  return deletePhotos(selection.photos);
}

async function sayNotOfThese() {
  const { photos } = selection;
  if (await sayNot(photos)) selection.set(photos, false);
}

function download() {
  const photos = selection.photos;
  noteDeed("download", photos);
  return attempt(async () => {
    const url =
      photos.length === 1
        ? `/api/photos/${photos[0].photo_id}/original?download=1`
        : (await tell("/api/downloads", { photo_ids: photos.map((photo) => photo.photo_id) })).url;
    h("a", { href: url, download: "" }).click();
  });
}
