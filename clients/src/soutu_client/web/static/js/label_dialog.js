// Tags, or albums, of some photos: what they have, what others have, and a new one.

import { ask } from "./api.js";
import { openDialog } from "./dialogs.js";
import { fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { attempt, speak } from "./messages.js";
import { annotateAll } from "./photo_changes.js";
import { t } from "./strings.js";
import { amount } from "./wording.js";

const MOST_OFFERED = 60;
const WORDS = {
  tags: { title: "tags", add: "addTag", remove: "removeTag", added: "tagAdded" },
  albums: { title: "albums", add: "newAlbum", remove: "removeFromAlbum", added: "albumAdded" },
};

/** Let a person change the labels (`tags` or `albums`) of photos. `onClose` is told when they have. */
export function labelDialog(kind, photos, onClose) {
  const words = WORDS[kind];
  const singular = kind.slice(0, -1);
  const field = h("input", { type: "text", "aria-label": t(words.add), placeholder: t(words.add), maxlength: 100 });
  const add = iconButton(icon("plus"), t(words.add), { type: "submit" });
  const form = h("form", { class: "label-form" }, field, add);
  const theirs = h("ul", { class: "chips", "aria-label": t("theyHave") });
  const offered = h("div", { class: "offers" });
  const title = `${t(words.title)} · ${t("photosCount", { n: amount(photos.length) })}`;
  const head = h("div", { class: "drawer-head" }, h("h2", { id: "label-title" }, title));
  const dialog = openDialog(
    h("div", { class: "stack" }, head, form, theirs, offered),
    { class: "dialog labels", "aria-labelledby": "label-title" },
    { onClose },
  );
  head.append(iconButton(icon("close"), t("close"), { onclick: () => dialog.close() }));
  let known = [];

  const change = (changes, text) =>
    attempt(async () => {
      photos = await annotateAll(photos, changes);
      speak(text);
      draw();
    });
  const put = (label) => change({ [`add_${kind}`]: [label] }, t(words.added, { [singular]: label, n: amount(photos.length) }));

  function draw() {
    const counts = new Map();
    for (const photo of photos)
      for (const label of photo.annotations[kind]) counts.set(label, (counts.get(label) ?? 0) + 1);
    fill(
      theirs,
      [...counts].map(([label, n]) =>
        h(
          "li",
          { class: "chip" },
          h("span", { class: "chip-label" }, label),
          n < photos.length && h("small", { class: "muted" }, amount(n)),
          iconButton(icon("close"), t(words.remove, { [singular]: label }), {
            onclick: async () => {
              await change({ [`remove_${kind}`]: [label] }, t("removed"));
              field.focus();
            },
          }),
        ),
      ),
    );
    theirs.hidden = !counts.size;
    const others = known.filter((label) => (counts.get(label) ?? 0) < photos.length).slice(0, MOST_OFFERED);
    fill(
      offered,
      others.map((label) =>
        h("button", { type: "button", class: "button offer", onclick: () => put(label).then(() => field.focus()) }, icon("plus"), label),
      ),
    );
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const label = field.value.trim();
    if (label && (await put(label))) field.value = "";
  });
  draw();
  field.focus();
  attempt(async () => {
    known = (await ask("/api/summary"))[kind].map((one) => one.name);
    if (dialog.open) draw();
  });
}
