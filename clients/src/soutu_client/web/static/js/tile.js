// One photo of the grid.

import { thumbnailUrl } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { current } from "./place.js";
import { toUrl } from "./query.js";
import { selection } from "./selection.js";
import { t } from "./strings.js";
import { badges, photoText, shortName } from "./wording.js";

/** A link that opens a photo, with its thumbnail once there is one. */
export function tile(photo, { index, total, left, width, height, matches, frame, isNotOffered }) {
  const found = matches?.length ? t("foundIn", { text: matches.map((match) => match.text).join("、") }) : "";
  const link = h(
    "a",
    {
      class: "tile",
      href: toUrl({ ...current(), photo: photo.photo_id }),
      "data-index": index,
      "aria-keyshortcuts": isNotOffered ? "N" : null,
      "aria-label": [photoText(photo), ...badges(photo, frame), found].filter(Boolean).join(", "),
      title: found || null,
      tabindex: -1,
      draggable: "false",
    },
    content(photo, width, height, frame),
    marks(photo, frame),
    photo.kind === "ANIMATION" && h("span", { class: "mark animation" }, icon("play")),
    photo.annotations.favourite && h("span", { class: "mark favourite" }, icon("heart")),
  );
  const isPicked = selection.has(photo.photo_id);
  const item = h(
    "div",
    {
      class: isPicked ? "tile-item is-picked" : "tile-item",
      role: "listitem",
      "aria-setsize": total,
      "aria-posinset": index + 1,
    },
    link,
    pickMark(photo, isPicked),
    isNotOffered && notMark(photo),
  );
  item.style.left = `${left}px`;
  item.style.width = `${width}px`;
  item.style.height = `${height}px`;
  return item;
}

function marks(photo, frame) {
  const shown = badges(photo, frame);
  if (!shown.length) return null;
  return h(
    "span",
    { class: "badges" },
    shown.map((text) => h("span", { class: "badge" }, text)),
  );
}

/** Space chooses the photo that has the focus: the mark is for pointers, and for those who hear pages. */
function pickMark(photo, isPicked) {
  return h(
    "button",
    {
      type: "button",
      class: "pick",
      role: "checkbox",
      "aria-checked": String(isPicked),
      "aria-label": t("pick", { label: photoText(photo) }),
      tabindex: -1,
    },
    icon("check"),
  );
}

/** For pointers, and for those who hear pages; at the keyboard, N says it of the photo that has the focus. */
function notMark(photo) {
  return h(
    "button",
    {
      type: "button",
      class: "not-mark",
      "aria-label": t("notThisOne", { label: photoText(photo) }),
      title: t("notThis"),
      tabindex: -1,
    },
    icon("notThis"),
  );
}

function content(photo, width, height, frame) {
  if (photo.state === "READY" || photo.width > 0) {
    const image = h("img", {
      src: thumbnailUrl(photo, frame),
      alt: "",
      loading: "lazy",
      decoding: "async",
      draggable: "false",
      width: Math.round(width),
      height: Math.round(height),
    });
    image.addEventListener("load", () => image.classList.add("is-there"));
    image.addEventListener("error", () => image.classList.add("is-broken"));
    return image;
  }
  const words = photo.state === "UNREADABLE" ? photo.unreadable?.message : t("waiting");
  return h("span", { class: "tile-words" }, h("span", {}, shortName(photo)), h("small", {}, words ?? ""));
}
