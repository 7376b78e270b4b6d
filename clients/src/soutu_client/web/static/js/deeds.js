// What is done with what a search found: told to the house, where it keeps a record of use, and "not this".

import { once } from "./api.js";
import { attempt, toast } from "./messages.js";
import { current } from "./place.js";
import { hasTerms, searchBody } from "./query.js";
import { results } from "./results.js";
import { session } from "./session.js";
import { t } from "./strings.js";
import { amount } from "./wording.js";

/** Whether "not this" can be said here: a search is shown, and the house keeps what is said. */
export function isNotOffered() {
  const { view, query } = current();
  return session.recordsUse && view === "photos" && hasTerms(query);
}

/** Tell what was done with photos. Nobody waits for it, and nobody is told if it fails. */
export function noteDeed(did, photos) {
  if (!isNotOffered()) return;
  for (const photo of photos) send(did, photo, asked()).catch(() => {});
}

/** Take photos out of the result, since they are not what was looked for, with a way back. Answers whether it was done. */
export async function sayNot(photos) {
  const found = photos.filter((photo) => results.rankOf(photo.photo_id));
  if (!isNotOffered() || !found.length) return false;
  const terms = asked();
  results.setAside(found);
  const isWell = await attempt(async () => {
    const answers = await sendAll("not_this", found, terms);
    const isKept = answers.every((answer) => answer.kept);
    toast(t(isKept ? "notThisKept" : "notThisHidden", { n: amount(found.length) }), { undo: () => takeBack(found, terms) });
  });
  if (!isWell) results.bringBack(found);
  return isWell;
}

function takeBack(photos, terms) {
  results.bringBack(photos);
  return attempt(() => sendAll("take_back", photos, terms));
}

async function sendAll(did, photos, terms) {
  const answers = [];
  for (const photo of photos) answers.push(await send(did, photo, terms));
  return answers;
}

function send(did, photo, terms) {
  const rank = results.rankOf(photo.photo_id) || 1; // asked anew meanwhile: only what is taken back is told then
  return once("/api/feedback/uses", { method: "POST", body: { did, terms, photo_id: photo.photo_id, rank } });
}

/** What was asked; of a picture, that there was one. */
function asked() {
  return searchBody(current().query).terms.map(({ image, ...term }) => (image === undefined ? term : { picture: true, ...term }));
}
