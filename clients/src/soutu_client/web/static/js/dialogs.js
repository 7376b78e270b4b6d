// Dialogs. The browser's own keep the focus inside and give it back; messages move to the one on top, else none hears them.

import { h } from "./dom.js";

const open = [];
const overlay = h("div", { class: "overlay" });

/** The element over everything that messages are put into. */
export function overlayHost() {
  if (!overlay.isConnected) document.body.append(overlay);
  return overlay;
}

function moveOverlay() {
  (open.at(-1) ?? document.body).append(overlay);
}

/**
 * Show a dialog until it is closed.
 *
 * `isFixed`: it cannot be dismissed. `onClose` is told when it is gone. The focus goes back to where it was.
 */
export function openDialog(content, properties, { isFixed = false, onClose } = {}) {
  const before = document.activeElement;
  const dialog = h("dialog", { closedby: isFixed ? "none" : "closerequest", ...properties }, content);
  document.body.append(dialog);
  dialog.addEventListener("cancel", (event) => {
    if (isFixed) event.preventDefault();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && !isFixed) dialog.close();
  });
  dialog.addEventListener("close", () => {
    open.splice(open.indexOf(dialog), 1);
    moveOverlay();
    dialog.remove();
    if (document.activeElement === document.body && before?.isConnected) before.focus();
    onClose?.();
  });
  dialog.showModal();
  open.push(dialog);
  moveOverlay();
  document.body.classList.toggle("has-dialog", true);
  dialog.addEventListener("close", () => document.body.classList.toggle("has-dialog", open.length > 0));
  return dialog;
}

/** Whether a dialog is open. */
export function hasDialog() {
  return open.length > 0;
}
