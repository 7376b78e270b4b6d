// What people do to photos. Whoever shows photos listens.

import { tell } from "./api.js";
import { attempt, toast } from "./messages.js";
import { t } from "./strings.js";
import { amount } from "./wording.js";

const MOST_A_CALL = 1000;

export const photoChanges = new EventTarget();

function announce(type, detail) {
  photoChanges.dispatchEvent(new CustomEvent(type, { detail }));
}

/** Change what is written about a photo, and answer the photo as it is then. */
export async function annotate(photo, change) {
  return (await annotateAll([photo], change))[0];
}

/** Change what is written about many photos, and answer them as they are then. */
export async function annotateAll(photos, change) {
  const changed = [];
  await inParts(photos, async (photo_ids) => {
    const answer = await tell("/api/photos/annotate", { photo_ids, ...change });
    announce("changed", answer.photos);
    changed.push(...answer.photos);
  });
  return changed;
}

async function inParts(photos, work) {
  for (let at = 0; at < photos.length; at += MOST_A_CALL) {
    await work(photos.slice(at, at + MOST_A_CALL).map((photo) => photo.photo_id));
  }
}

/** Delete photos, with a way back. */
export function deletePhotos(photos) {
  return attempt(async () => {
    await inParts(photos, (photo_ids) => tell("/api/photos/delete", { photo_ids }));
    announce("deleted", photos);
    const text = photos.length === 1 ? t("deletedOne") : t("deletedMany", { n: amount(photos.length) });
    toast(text, { undo: () => undelete(photos) });
  });
}

/** Bring deleted photos back. */
export function undelete(photos) {
  return attempt(async () => {
    await inParts(photos, (photo_ids) => tell("/api/photos/undelete", { photo_ids }));
    announce("restored", photos);
    toast(t("restored"));
  });
}

/** Labels of photos that nobody listed have changed. */
export function announceLabels() {
  announce("added", null);
  announce("changed", []);
}

/** Photos were added: lists may want to look again. */
export function announceAdded() {
  announce("added", null);
}
