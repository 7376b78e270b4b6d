// What is known of a photo, and what people write about it.

import { partUrl } from "./api.js";
import { h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { labelDialog } from "./label_dialog.js";
import { attempt, toast } from "./messages.js";
import { annotate } from "./photo_changes.js";
import { search } from "./place.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";
import { amount, bytes, clockText, formatText, takenText } from "./wording.js";

const COORDINATE_DIGITS = 5;

/** Everything about a photo. */
export function details(photo) {
  return [
    caption(photo),
    h(
      "dl",
      { class: "facts" },
      fact("takenAt", photo.taken ? [takenText(photo.taken), originNote(photo.taken)] : t("dateUnknown")),
      photo.location && fact("placeTaken", place(photo.location)),
      photo.camera && fact("camera", filterLink(photo.camera, { cameras: [photo.camera] })),
      fact("size", sizeText(photo)),
      fact("tags", tags(photo)),
      (photo.annotations.albums.length > 0 || canWrite()) && fact("albums", albums(photo)),
      fact("files", photo.names.filter((name) => name.present).map(nameLine)),
      photo.parts.length > 0 && fact("parts", photo.parts.map((part) => partLine(photo, part))),
      photo.names.some((name) => !name.present) && fact("formerly", photo.names.filter((name) => !name.present).map(nameLine)),
    ),
  ];
}

function fact(key, ...content) {
  return [h("dt", {}, t(key)), h("dd", {}, ...content)];
}

function originNote(taken) {
  return taken.origin === "EXIF" ? null : h("small", { class: "muted" }, t(`origin${taken.origin}`));
}

function sizeText(photo) {
  const parts = [bytes(photo.size_bytes), formatText(photo.media_type)];
  if (photo.kind === "VIDEO") parts.push(clockText(photo.duration_ms ?? 0), photo.codec);
  if (photo.width && photo.height) parts.unshift(`${amount(photo.width)} × ${amount(photo.height)}`);
  return parts.filter(Boolean).join(" · ");
}

function filterLink(label, filter) {
  const look = () => search({ words: "", photos: [], pictures: [], filter });
  return h("button", { type: "button", class: "link", onclick: look }, label);
}

function place(location) {
  const text = `${location.latitude.toFixed(COORDINATE_DIGITS)}, ${location.longitude.toFixed(COORDINATE_DIGITS)}`;
  const copy = () =>
    attempt(async () => {
      await navigator.clipboard.writeText(text);
      toast(t("copied"));
    });
  return [
    h("span", { class: "coordinates" }, text),
    iconButton(icon("copy"), t("copyPlace"), { class: "icon-button tiny", onclick: copy }),
  ];
}

/** A name whose folders can each be looked into. */
function nameLine(name) {
  const parts = name.name.split("/");
  const file = parts.pop();
  const folders = parts.map((part, at) => {
    const folder = parts.slice(0, at + 1).join("/");
    return filterLink(`${part}/`, { folders: [folder] });
  });
  return h("div", { class: "file-name" }, icon("folder"), h("span", {}, ...folders, file));
}

/** A file of the photo beside the one that it is shown by, to download. */
function partLine(photo, part) {
  const name = part.name.slice(part.name.lastIndexOf("/") + 1) || part.part_id;
  const link = h(
    "a",
    { class: "link", href: `${partUrl(photo, part)}&download=1`, download: "", title: t("downloadPart", { name }) },
    `${name} · ${formatText(part.media_type)} · ${bytes(part.size_bytes)}`,
  );
  return h("div", { class: "file-name" }, icon("download"), link);
}

function albums(photo) {
  // The button is another one by then: what is known of the photo was shown anew.
  const edit = () => labelDialog("albums", [photo], () => document.querySelector(".edit-albums")?.focus());
  return [
    photo.annotations.albums.length > 0 &&
      h(
        "ul",
        { class: "chips" },
        photo.annotations.albums.map((name) => h("li", { class: "chip album-chip" }, filterLink(name, { albums: [name] }))),
      ),
    canWrite() && h("button", { type: "button", class: "button edit-albums", onclick: edit }, icon("albumAdd"), t("editAlbums")),
  ];
}

function tags(photo) {
  const chips = photo.annotations.tags.map((tag) =>
    h(
      "li",
      { class: "chip" },
      filterLink(tag, { tags: [tag] }),
      canWrite() &&
        iconButton(icon("close"), t("removeTag", { tag }), {
          onclick: () => attempt(() => annotate(photo, { remove_tags: [tag] })),
        }),
    ),
  );
  if (!canWrite()) return chips.length ? h("ul", { class: "chips" }, chips) : t("none");
  const field = h("input", {
    type: "text",
    class: "tag-field",
    "aria-label": t("addTag"),
    placeholder: t("addTag"),
    maxlength: 100,
  });
  const form = h("form", { class: "tag-form" }, field, iconButton(icon("plus"), t("addTag"), { type: "submit" }));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const tag = field.value.trim();
    if (tag && (await attempt(() => annotate(photo, { add_tags: [tag] })))) document.querySelector(".tag-field")?.focus();
  });
  return [chips.length > 0 && h("ul", { class: "chips" }, chips), form];
}

function caption(photo) {
  const text = photo.annotations.caption;
  if (!canWrite()) return text && h("p", { class: "caption" }, text);
  const field = h("textarea", {
    class: "caption-field",
    rows: 2,
    "aria-label": t("caption"),
    placeholder: t("captionPlaceholder"),
    value: text,
  });
  const save = async () => {
    const written = field.value.trim();
    if (written !== text && (await attempt(() => annotate(photo, { caption: written })))) toast(t("saved"));
  };
  field.addEventListener("change", save);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      field.blur();
    }
  });
  return field;
}
