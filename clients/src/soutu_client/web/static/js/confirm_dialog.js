// Asks a person whether they mean it.

import { openDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { t } from "./strings.js";

/** Ask; answer whether the person says so. `does` names the button, `details` is what else there is to see. */
export function confirmDialog(title, { text, does, details = null }) {
  return new Promise((resolve) => {
    let isMeant = false;
    const mean = () => {
      isMeant = true;
      dialog.close();
    };
    const content = h(
      "div",
      { class: "stack" },
      h("h2", { id: "confirm-title" }, title),
      h("p", { id: "confirm-text" }, text),
      details,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "button primary", onclick: mean }, does),
        h("button", { type: "button", class: "button quiet", autofocus: true, onclick: () => dialog.close() }, t("cancel")),
      ),
    );
    const dialog = openDialog(
      content,
      { class: "dialog", role: "alertdialog", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
      { onClose: () => resolve(isMeant) },
    );
  });
}
