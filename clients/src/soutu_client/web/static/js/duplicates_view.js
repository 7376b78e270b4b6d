// Photos that are nearly the same, group by group: keep one, the others are deleted.

import { ask, thumbnailUrl } from "./api.js";
import { fill, h } from "./dom.js";
import { attempt } from "./messages.js";
import { deletePhotos, photoChanges } from "./photo_changes.js";
import { go } from "./place.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";
import { amount, bytes, formatText, photoText, shortName, takenDay } from "./wording.js";

const PAGE = 20;

const list = h("div", { class: "groups" });
const foot = h("div", { class: "groups-foot", role: "status" });
export const duplicatesView = h(
  "div",
  { class: "duplicates page" },
  h("h1", {}, t("duplicates")),
  h("p", { class: "muted" }, t("duplicatesHint")),
  list,
  foot,
);

let token = "";
let leaving = new AbortController();
const cards = new Map(); // each group's card, by its photos' ids

/** Show the groups. */
export function enter() {
  leaving = new AbortController();
  token = "";
  cards.clear();
  fill(list);
  return more();
}

export function leave() {
  leaving.abort();
}

async function more() {
  const { signal } = leaving;
  fill(foot, h("p", { class: "muted" }, t("loading")));
  try {
    const page = await ask(`/api/duplicates?page_size=${PAGE}&page_token=${encodeURIComponent(token)}`, { signal });
    if (signal.aborted) return;
    list.append(...page.groups.map(groupCard));
    token = page.next_page_token;
    showFoot();
  } catch (error) {
    if (!signal.aborted)
      fill(
        foot,
        h("p", { class: "problem" }, error.message),
        h("button", { type: "button", class: "button", onclick: more }, t("retryNow")),
      );
  }
}

function showFoot() {
  if (token) fill(foot, h("button", { type: "button", class: "button", onclick: more }, t("more")));
  else fill(foot, h("p", { class: "muted" }, list.children.length ? t("noMoreGroups") : t("noDuplicates")));
}

function groupCard(group) {
  const photos = [...group.photos].sort((a, b) => b.width * b.height - a.width * a.height || b.size_bytes - a.size_bytes);
  const name = `keep-${photos[0].photo_id}`;
  const card = h("fieldset", { class: "group-card" }, h("legend", {}, t("groupOf", { n: amount(photos.length) })));
  const choices = photos.map((photo, at) => choice(photo, name, at === 0));
  card.append(h("div", { class: "group-photos" }, choices));
  if (canWrite()) {
    const keep = () => {
      const kept = card.querySelector("input:checked").value;
      return deletePhotos(photos.filter((photo) => photo.photo_id !== kept));
    };
    card.append(
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "button primary", onclick: keep }, t("keepOne", { n: amount(photos.length - 1) })),
        skipButton(card),
      ),
    );
  }
  for (const photo of photos) cards.set(photo.photo_id, card);
  return card;
}

function skipButton(card) {
  const skip = () => {
    const next = card.nextElementSibling?.querySelector("button");
    card.remove();
    next?.focus();
    showFoot();
  };
  return h("button", { type: "button", class: "button quiet", onclick: skip }, t("keepAll"));
}

function choice(photo, name, isFirst) {
  const facts = [
    photo.width && `${photo.width} × ${photo.height}`,
    bytes(photo.size_bytes),
    formatText(photo.media_type),
    photo.taken && takenDay(photo.taken),
  ];
  return h(
    "div",
    { class: "candidate" },
    h(
      "button",
      {
        type: "button",
        class: "candidate-picture",
        "aria-label": t("openPhoto", { label: photoText(photo) }),
        onclick: () => go({ photo: photo.photo_id }),
      },
      h("img", {
        src: thumbnailUrl(photo),
        alt: "",
        loading: "lazy",
        decoding: "async",
        width: photo.width || 4,
        height: photo.height || 3,
      }),
    ),
    h(
      "label",
      {},
      canWrite() && h("input", { type: "radio", name, value: photo.photo_id, checked: isFirst }),
      h("span", {}, h("strong", {}, shortName(photo)), h("small", { class: "muted" }, facts.filter(Boolean).join(" · "))),
    ),
  );
}

photoChanges.addEventListener("deleted", (event) => {
  for (const photo of event.detail) cards.get(photo.photo_id)?.remove();
  if (duplicatesView.isConnected) showFoot();
});
photoChanges.addEventListener("restored", () => {
  if (duplicatesView.isConnected) attempt(enter);
});
