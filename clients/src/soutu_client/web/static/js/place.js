// Where in the page a person is: kept in the URL and the browser's history. Pictures are kept here, as long as the page is open.

import { fromUrl, toUrl } from "./query.js";

export const place = new EventTarget();

const picturesOfEntries = new Map();
let nextKey = 1;
let here = read();

function read() {
  const found = fromUrl(location.search);
  found.query.pictures = picturesOfEntries.get(history.state?.pictures) ?? [];
  return found;
}

/** The view, the query and the open photo's id. */
export function current() {
  return here;
}

/** Go somewhere. Without `replaces`, the browser's back button leads here again. */
export function go(changes, { replaces = false } = {}) {
  here = { ...here, ...changes };
  const state = { isOurs: !replaces || Boolean(history.state?.isOurs) };
  if (here.query.pictures.length) {
    state.pictures = nextKey;
    picturesOfEntries.set(nextKey, here.query.pictures);
    nextKey += 1;
  }
  history[replaces ? "replaceState" : "pushState"](state, "", toUrl(here));
  place.dispatchEvent(new Event("change"));
}

/** Change the question, and show its photos. */
export function search(changes) {
  go({ view: "photos", photo: null, query: { ...here.query, ...changes } });
}

/** Close the open photo: back, if opening it was a step of ours. */
export function closePhoto() {
  if (!here.photo) return;
  if (history.state?.isOurs) history.back();
  else go({ photo: null }, { replaces: true });
}

addEventListener("popstate", () => {
  here = read();
  place.dispatchEvent(new Event("change"));
});
