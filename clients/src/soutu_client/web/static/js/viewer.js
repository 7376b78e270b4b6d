// A photo, large, with what is known of it beside it.

import { ask, originalUrl, thumbnailUrl } from "./api.js";
import { isNotOffered, noteDeed, sayNot } from "./deeds.js";
import { openDialog } from "./dialogs.js";
import { fill, h, iconButton, isWriting } from "./dom.js";
import { film, liveButton } from "./film.js";
import { icon } from "./icons.js";
import { attempt, speak } from "./messages.js";
import { annotate, deletePhotos, photoChanges } from "./photo_changes.js";
import { details } from "./photo_details.js";
import { closePhoto, current, go, search } from "./place.js";
import { isShownByBrowsers, sourcesOf } from "./picture_sources.js";
import { results } from "./results.js";
import { focusBox } from "./search_box.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";
import { amount, clipOf, photoText } from "./wording.js";
import { Zoom } from "./zoom.js";

const NEAR_END = 5;
const MOST_ENLARGED = 2; // small pictures do not gain from more

let dialog = null;
let photo = null;
let isShownClose = false;
const stage = h("div", { class: "stage", tabindex: -1 });
const side = h("aside", { class: "side" });
const tools = h("div", { class: "viewer-tools" });
const before = iconButton(icon("previous"), t("previousPhoto"), {
  class: "icon-button step step-previous",
  onclick: () => step(-1),
});
const after = iconButton(icon("next"), t("nextPhoto"), { class: "icon-button step step-next", onclick: () => step(1) });

const zoom = new Zoom(stage, {
  onSwipe: step,
  onChange: showZoom,
  canScroll: () => dialog.firstChild.scrollHeight > dialog.clientHeight,
});

/** Open, change or close the viewer as the place says. `onClosed` gets the photo that was seen last. */
export function followPlace(onClosed) {
  const id = current().photo;
  if (!id) {
    dialog?.close();
    return;
  }
  if (!dialog) open(onClosed);
  if (photo?.photo_id !== id) show(id);
}

function open(onClosed) {
  const content = h("div", { class: "viewer-inside" }, h("div", { class: "viewer-main" }, tools, stage, before, after), side);
  dialog = openDialog(
    content,
    { class: "viewer", "aria-label": t("photo") },
    {
      onClose: () => {
        const last = photo;
        dialog = null;
        photo = null;
        fill(stage);
        closePhoto();
        onClosed(last);
      },
    },
  );
  dialog.addEventListener("keydown", onKey);
  stage.focus();
}

async function show(id) {
  const known = results.photos[results.indexOf(id)];
  if (known) return draw(known);
  await attempt(async () => {
    const found = await ask(`/api/photos/${encodeURIComponent(id)}`);
    if (current().photo === id) draw(found);
  }).then((isWell) => {
    if (!isWell && current().photo === id) closePhoto();
  });
}

function draw(shown) {
  const isOther = photo?.photo_id !== shown.photo_id;
  photo = shown;
  dialog.setAttribute("aria-label", photoText(photo));
  if (isOther) {
    drawPicture();
    side.scrollTop = 0;
  }
  drawTools();
  fill(side, details(photo));
  drawSteps();
}

function drawSteps() {
  if (!photo) return;
  const index = results.indexOf(photo.photo_id);
  before.disabled = index <= 0;
  after.disabled = index < 0 || index >= results.photos.length - 1;
  if (document.activeElement?.disabled) stage.focus(); // a disabled button swallows keys
  if (index >= 0 && index >= results.photos.length - NEAR_END) results.more();
  for (const near of [index + 1, index - 1]) preload(results.photos[near]);
}

function preload(one) {
  if (one?.width) new Image().src = sourcesOf(one).first;
}

function drawPicture() {
  const shown = photo;
  if (shown.state === "UNREADABLE") {
    zoom.reset(null, 0);
    fill(stage, h("p", { class: "stage-words" }, shown.unreadable?.message ?? t("notReadable")));
    return;
  }
  if (shown.kind === "VIDEO") {
    zoom.reset(null, 0);
    fill(stage, film(shown, results.frames.get(shown.photo_id) ?? 0, (key) => stage.append(note(key))));
    return;
  }
  const picture = h("img", { src: thumbnailUrl(shown), alt: photoText(shown), class: "picture is-soft", draggable: "false" });
  if (shown.width && shown.height) {
    picture.width = shown.width;
    picture.height = shown.height;
    picture.style.maxWidth = `${MOST_ENLARGED * shown.width}px`;
    picture.style.maxHeight = `${MOST_ENLARGED * shown.height}px`;
  }
  fill(stage, picture, !isShownByBrowsers(shown) && note("shownAsJpeg"), clipOf(shown) && liveButton(shown));
  zoom.reset(picture, shown.width);
  sharpen(picture, shown, sourcesOf(shown).first);
}

function note(key) {
  return h("p", { class: "stage-note" }, t(key));
}

/** Put a better picture in the place of the one that is shown, once it is there. */
async function sharpen(picture, shown, source) {
  const better = new Image();
  better.src = source;
  picture.dataset.source = source;
  let isWell = true;
  try {
    await better.decode();
  } catch {
    isWell = false;
  }
  if (photo?.photo_id !== shown.photo_id || picture.dataset.source !== source) return;
  if (isWell) picture.src = source;
  else if (!stage.querySelector(".stage-note")) stage.append(note("originalFailed"));
  picture.classList.remove("is-soft");
}

function drawTools() {
  isShownClose = zoom.isClose;
  const isFavourite = photo.annotations.favourite;
  const favourite = iconButton(icon("heart"), t("favourite"), {
    "aria-pressed": String(isFavourite),
    class: "icon-button heart",
    onclick: turnFavourite,
  });
  const similar = iconButton(icon("similar"), t("similarPhotos"), {
    onclick: () => lookFor({ words: "", pictures: [], filter: {}, photos: [term()] }),
  });
  const refine = iconButton(icon("refine"), t("findWithThis"), {
    onclick: () => {
      lookFor({ words: "", photos: [term()], pictures: [] });
      focusBox();
    },
  });
  const closer = iconButton(icon(zoom.isClose ? "zoomOut" : "zoomIn"), t(zoom.isClose ? "zoomOut" : "zoomIn"), {
    class: "icon-button zoom-button",
    "aria-keyshortcuts": "+ - 0",
    onclick: () => zoom.toggle(),
  });
  const download = h(
    "a",
    {
      class: "icon-button",
      href: `${originalUrl(photo)}?download=1`,
      download: "",
      "aria-label": t("download"),
      title: t("download"),
      onclick: () => noteDeed("download", [photo].filter(isFound)),
    },
    icon("download"),
  );
  const focused = tools.contains(document.activeElement) ? [...tools.children].indexOf(document.activeElement) : -1;
  fill(
    tools,
    iconButton(icon("close"), t("close"), { onclick: () => dialog.close() }),
    h("span", { class: "grow" }),
    photo.state !== "UNREADABLE" && photo.kind !== "VIDEO" && closer,
    canWrite() && favourite,
    similar,
    refine,
    canSayNot() && iconButton(icon("notThis"), t("notThis"), { "aria-keyshortcuts": "N", onclick: sayNotOfThis }),
    download,
    canWrite() && iconButton(icon("bin"), t("delete"), { onclick: remove }),
  );
  if (focused >= 0) tools.children[focused]?.focus();
}

function showZoom(scale) {
  if (!photo) return;
  if (zoom.isClose !== isShownClose) drawTools();
  const picture = stage.querySelector(".picture");
  const { close } = sourcesOf(photo);
  if (zoom.isClose && picture.dataset.source !== close) sharpen(picture, photo, close);
  speak(t("zoomed", { n: amount(Math.round(100 * scale)) }));
}

function term() {
  return { id: photo.photo_id, isNot: false };
}

function lookFor(changes) {
  const wanted = { ...current().query, ...changes };
  const opened = dialog;
  photo = null;
  search(wanted); // the place has no photo any more: following it closes the dialog
  if (opened.open) opened.close();
}

function turnFavourite() {
  const shown = photo;
  if (!shown.annotations.favourite && isFound(shown)) noteDeed("favourite", [shown]);
  return attempt(() => annotate(shown, { favourite: !shown.annotations.favourite }));
}

function remove() {
  return leaveFor(() => deletePhotos([photo]));
}

/** Whether the photo is one of those that the search found. */
function isFound(one) {
  return results.rankOf(one.photo_id) !== undefined;
}

function canSayNot() {
  return isNotOffered() && isFound(photo);
}

function sayNotOfThis() {
  return leaveFor(() => sayNot([photo]));
}

/** Do something that takes the photo out of the result, and show its neighbour. */
async function leaveFor(work) {
  const at = results.indexOf(photo.photo_id);
  const next = results.photos[at + 1] ?? results.photos[at - 1];
  if (!(await work())) return;
  if (at >= 0 && next) go({ photo: next.photo_id }, { replaces: true });
  else dialog?.close();
}

function step(by) {
  if (!photo) return;
  const next = results.photos[results.indexOf(photo.photo_id) + by];
  if (next && results.indexOf(photo.photo_id) >= 0) go({ photo: next.photo_id }, { replaces: true });
}

function onKey(event) {
  if (isWriting(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  const move = (across, down, otherwise) => (zoom.isClose ? () => zoom.pan(across, down) : otherwise);
  const does = {
    ArrowLeft: move(-1, 0, () => step(-1)),
    ArrowRight: move(1, 0, () => step(1)),
    ArrowUp: move(0, -1),
    ArrowDown: move(0, 1),
    "+": () => zoom.step(1),
    "=": () => zoom.step(1),
    "-": () => zoom.step(-1),
    0: () => zoom.step(0),
    Delete: () => canWrite() && remove(),
    f: () => canWrite() && turnFavourite(),
    n: () => canSayNot() && sayNotOfThis(),
  }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}

for (const type of ["reset", "more", "changed"]) results.addEventListener(type, drawSteps);
photoChanges.addEventListener("changed", (event) => {
  const changed = event.detail.find((one) => one.photo_id === photo?.photo_id);
  if (changed) draw(changed);
});
