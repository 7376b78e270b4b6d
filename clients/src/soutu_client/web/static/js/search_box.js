// The box: words, and pictures that are chosen, pasted or dropped.

import { h, iconButton, isWriting } from "./dom.js";
import { hasDialog } from "./dialogs.js";
import { icon } from "./icons.js";
import { attempt } from "./messages.js";
import { pictureTerm } from "./pictures.js";
import { current, place, search } from "./place.js";
import { t } from "./strings.js";

const field = h("input", {
  type: "text",
  id: "words",
  class: "words",
  autocomplete: "off",
  autocapitalize: "off",
  spellcheck: "false",
  enterkeyhint: "search",
  "aria-label": t("searchLabel"),
  placeholder: t("searchPlaceholder"),
  title: t("searchTip"),
});

/** Put the cursor into the box. */
export function focusBox() {
  field.focus();
  field.select();
}

/** Search by a picture's file, along with what is asked already. */
export function searchByPicture(file) {
  return attempt(async () => {
    const term = await pictureTerm(file);
    search({ words: field.value.trim(), pictures: [...current().query.pictures, term] });
  });
}

/** The box as a form. */
export function searchBox() {
  const chooser = h("input", {
    type: "file",
    accept: "image/*,.heic,.heif,.avif",
    class: "for-ears",
    tabindex: -1,
    "aria-label": t("choosePicture"),
  });
  chooser.addEventListener("change", () => {
    if (chooser.files.length) searchByPicture(chooser.files[0]);
    chooser.value = "";
  });
  const clear = iconButton(icon("close"), t("clear"), {
    class: "icon-button clear",
    onclick: () => {
      field.value = "";
      search({ words: "" });
      field.focus();
    },
  });
  const form = h(
    "form",
    { class: "search", role: "search", action: "/", method: "get" },
    h("button", { type: "submit", class: "icon-button", "aria-label": t("search"), title: t("search") }, icon("search")),
    field,
    clear,
    iconButton(icon("picture"), t("searchByPicture"), { onclick: () => chooser.click() }),
    chooser,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search({ words: field.value.trim() });
    if (matchMedia("(pointer: coarse)").matches) field.blur();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") field.blur();
  });
  const showClear = () => {
    clear.hidden = field.value === "";
  };
  field.addEventListener("input", showClear);
  const follow = () => {
    field.value = current().query.words;
    showClear();
  };
  place.addEventListener("change", follow);
  follow();
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target) || hasDialog()) return;
    event.preventDefault();
    focusBox();
  });
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!file || hasDialog()) return;
    event.preventDefault();
    searchByPicture(file);
  });
  return form;
}
