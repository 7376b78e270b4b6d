// Who asks, and what they may do.

import { askWith, ask, once } from "./api.js";
import { openDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { t } from "./strings.js";

export const session = { access: null, hasToken: false, maxUploadBytes: Infinity, recordsUse: false };

let asking = null;

/** Whether the person may change the library. */
export function canWrite() {
  return session.access !== null && session.access.scope !== "READ";
}

/** Whether the person may change how the library works. */
export function isAdmin() {
  return session.access?.scope === "ADMIN";
}

function take(answer) {
  session.access = answer.access;
  session.hasToken = answer.has_token;
  session.maxUploadBytes = answer.max_upload_bytes;
  session.recordsUse = answer.records_use;
}

/** Learn who asks, by a token if need be. */
export async function start() {
  askWith(askForToken);
  take(await ask("/api/session"));
}

/** Forget the token in this browser. */
export async function logOut() {
  await once("/api/session", { method: "DELETE" });
  location.assign("/");
}

function askForToken() {
  asking ??= showLogIn().finally(() => {
    asking = null;
  });
  return asking;
}

function showLogIn() {
  return new Promise((resolve) => {
    const problem = h("p", { class: "problem", role: "alert", id: "token-problem" });
    const field = h("input", {
      type: "password",
      id: "token",
      autocomplete: "current-password",
      required: true,
      maxlength: 512,
      "aria-describedby": "token-hint token-problem",
    });
    const button = h("button", { type: "submit", class: "button primary" }, t("logIn"));
    const form = h(
      "form",
      { class: "stack", method: "dialog" },
      h("h2", { id: "login-title" }, t("logInTitle")),
      h("p", { id: "token-hint", class: "muted" }, t("logInHint")),
      h("label", { for: "token" }, t("token")),
      field,
      problem,
      h("div", { class: "actions" }, button),
    );
    const dialog = openDialog(form, { class: "dialog small", "aria-labelledby": "login-title" }, { isFixed: true });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      problem.textContent = "";
      try {
        take(await once("/api/session", { method: "POST", body: { token: field.value } }));
        dialog.close();
        resolve();
      } catch (error) {
        problem.textContent = error.message;
        field.select();
        field.focus();
      } finally {
        button.disabled = false;
      }
    });
    field.focus();
  });
}
