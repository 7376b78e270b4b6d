// Asks a person for a name.

import { openDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { t } from "./strings.js";

/** Ask for a name; answer it, or nothing if the person thought better of it. `does` names the button. */
export function nameDialog(title, { label, does, value = "" }) {
  return new Promise((resolve) => {
    let name = null;
    const field = h("input", { type: "text", id: "name", maxlength: 100, required: true, autocomplete: "off", value });
    const form = h(
      "form",
      { class: "stack", method: "dialog" },
      h("h2", { id: "name-title" }, title),
      h("label", { for: "name" }, label),
      field,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "submit", class: "button primary" }, does),
        h("button", { type: "button", class: "button quiet", onclick: () => dialog.close() }, t("cancel")),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      name = field.value.trim() || null;
      if (name) dialog.close();
    });
    const dialog = openDialog(form, { class: "dialog", "aria-labelledby": "name-title" }, { onClose: () => resolve(name) });
    field.select();
    field.focus();
  });
}
