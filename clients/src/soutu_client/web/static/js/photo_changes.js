// What people do to photos. Whoever shows photos listens.

import { tell } from "./api.js";
import { attempt, toast } from "./messages.js";
import { t } from "./strings.js";
import { amount } from "./wording.js";

export const photoChanges = new EventTarget();

function announce(type, detail) {
  photoChanges.dispatchEvent(new CustomEvent(type, { detail }));
}

/** Change what is written about a photo, and answer the photo as it is then. */
export async function annotate(photo, change) {
  const { photos } = await tell("/api/photos/annotate", { photo_ids: [photo.photo_id], ...change });
  announce("changed", photos);
  return photos[0];
}

/** Delete photos, with a way back. */
export function deletePhotos(photos) {
  const ids = photos.map((photo) => photo.photo_id);
  return attempt(async () => {
    await tell("/api/photos/delete", { photo_ids: ids });
    announce("deleted", photos);
    const text = photos.length === 1 ? t("deletedOne") : t("deletedMany", { n: amount(photos.length) });
    toast(text, { undo: () => undelete(photos) });
  });
}

/** Bring deleted photos back. */
export function undelete(photos) {
  return attempt(async () => {
    await tell("/api/photos/undelete", { photo_ids: photos.map((photo) => photo.photo_id) });
    announce("restored", photos);
    toast(t("restored"));
  });
}

/** Photos were added: lists may want to look again. */
export function announceAdded() {
  announce("added", null);
}
