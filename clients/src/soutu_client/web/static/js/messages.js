// What is said in passing: toasts with an undo, and the banner of a lost connection.

import { connection, problem, retryNow } from "./connection.js";
import { overlayHost } from "./dialogs.js";
import { fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./strings.js";

const TOAST_SECONDS = 6;
const UNDO_SECONDS = 12;

const toasts = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
const banner = h("div", { class: "banner", role: "alert", hidden: true });
const spoken = h("div", { class: "for-ears", role: "status", "aria-live": "polite" });

/** Put the places for messages on the page. */
export function startMessages() {
  overlayHost().append(banner, toasts, spoken);
  connection.addEventListener("change", showConnection);
}

/** Say something to those who hear pages. */
export function speak(text) {
  spoken.textContent = text;
}

function showConnection() {
  const error = problem();
  banner.hidden = error === null;
  if (error === null || banner.dataset.message === error.message) {
    if (error === null) delete banner.dataset.message;
    return;
  }
  banner.dataset.message = error.message;
  fill(
    banner,
    h("span", { class: "dot" }),
    h("span", { class: "banner-text" }, error.message, " ", h("span", { class: "muted" }, t("retrying"))),
    h("button", { type: "button", class: "button quiet", onclick: retryNow }, t("retryNow")),
  );
}

/** Show a line for a while. `undo` takes it back; `isProblem` marks what went wrong. */
export function toast(text, { undo, isProblem = false } = {}) {
  const shown = h("div", { class: isProblem ? "toast problem-toast" : "toast" }, h("span", {}, text));
  let timer = 0;
  const remove = () => {
    clearTimeout(timer);
    shown.remove();
  };
  const wait = () => {
    timer = setTimeout(remove, 1000 * (undo ? UNDO_SECONDS : TOAST_SECONDS));
  };
  if (undo) {
    const take = () => {
      remove();
      undo();
    };
    shown.append(h("button", { type: "button", class: "button quiet", onclick: take }, t("undo")));
  }
  shown.append(iconButton(icon("close"), t("close"), { onclick: remove }));
  shown.addEventListener("pointerenter", () => clearTimeout(timer));
  shown.addEventListener("pointerleave", wait);
  shown.addEventListener("focusin", () => clearTimeout(timer));
  shown.addEventListener("focusout", wait);
  toasts.append(shown);
  while (toasts.children.length > 3) toasts.firstChild.remove();
  wait();
}

/** Do something, and show its problem in one line if it fails. Answers whether it worked. */
export async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false;
    toast(error.message, { isProblem: true });
    return false;
  }
}
