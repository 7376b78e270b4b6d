// Adding photos: choosing or dropping them, and a tray with a bar for each batch.

import { chosenFiles, droppedFiles } from "./dropped_files.js";
import { fill, h, iconButton } from "./dom.js";
import { hasDialog } from "./dialogs.js";
import { icon } from "./icons.js";
import { attempt, toast } from "./messages.js";
import { announceAdded } from "./photo_changes.js";
import { searchByPicture } from "./search_box.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";
import { UploadBatch } from "./upload_batch.js";
import { amount } from "./wording.js";

const tray = h("section", { class: "tray", "aria-label": t("uploads") });
let running = 0;

/** Send files into the library. */
export function upload(files) {
  if (!files.length) {
    toast(t("nothingToUpload"));
    return;
  }
  const batch = new UploadBatch(files);
  const card = batchCard(batch);
  tray.append(card);
  if (!tray.isConnected) document.body.append(tray);
  running += 1;
  batch.addEventListener("end", () => {
    running -= 1;
    if (batch.created) announceAdded();
  });
  batch.run();
}

addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault();
});

function batchCard(batch) {
  const title = h("strong", {});
  const bar = h("progress", { max: 1, value: 0, "aria-label": t("uploads") });
  const said = h("p", { class: "muted", role: "status" });
  const failures = h("ul", { class: "failures" });
  const cancel = h("button", { type: "button", class: "button quiet", onclick: () => batch.cancel() }, t("cancel"));
  const close = iconButton(icon("close"), t("close"), { hidden: true, onclick: () => card.remove() });
  const card = h("div", { class: "batch" }, h("div", { class: "batch-head" }, title, cancel, close), bar, said, failures);
  let listed = 0;
  const offerAgain = () => {
    const failed = batch.failures.filter((one) => one.isPassing).map(({ one }) => one);
    if (!failed.length || batch.isCancelled) return;
    const again = () => {
      card.remove();
      upload(failed);
    };
    card.append(h("button", { type: "button", class: "button", onclick: again }, t("uploadAgain", { n: amount(failed.length) })));
  };
  const show = () => {
    bar.value = batch.isOver ? 1 : batch.progress;
    title.textContent = titleOf(batch);
    said.textContent = batch.isOver
      ? summaryOf(batch)
      : batch.waiting
        ? t("uploadWaits")
        : t("uploadProgress", { done: amount(batch.done), total: amount(batch.total) });
    for (; listed < batch.failures.length; listed += 1) {
      const { one, message } = batch.failures[listed];
      failures.append(h("li", {}, h("strong", {}, one.name), " ", message));
    }
    if (batch.isOver) {
      cancel.remove();
      close.hidden = false;
      offerAgain();
    }
  };
  batch.addEventListener("change", show);
  show();
  return card;
}

function titleOf(batch) {
  if (!batch.isOver) return t("uploading");
  if (batch.isCancelled) return t("uploadCancelled");
  return batch.failures.length ? t("uploadWithFailures", { n: amount(batch.failures.length) }) : t("uploadDone");
}

function summaryOf(batch) {
  const parts = [t("uploadedNew", { n: amount(batch.created) })];
  if (batch.known) parts.push(t("uploadedKnown", { n: amount(batch.known) }));
  return parts.join(t("comma"));
}

/** Buttons that choose files or a folder. */
export function uploadButtons() {
  const files = h("input", {
    type: "file",
    multiple: true,
    class: "for-ears upload-files",
    tabindex: -1,
    "aria-label": t("chooseFiles"),
  });
  const folder = h("input", {
    type: "file",
    webkitdirectory: true,
    class: "for-ears upload-folder",
    tabindex: -1,
    "aria-label": t("chooseFolder"),
  });
  for (const chooser of [files, folder]) {
    chooser.addEventListener("change", () => {
      upload(chosenFiles(chooser.files));
      chooser.value = "";
    });
  }
  return [
    h("button", { type: "button", class: "button primary", onclick: () => files.click() }, icon("upload"), t("chooseFiles")),
    h("button", { type: "button", class: "button", onclick: () => folder.click() }, icon("folder"), t("chooseFolder")),
    files,
    folder,
  ];
}

/** Take what is dropped anywhere on the page: one picture to search by, or files for the library. */
export function startDropping() {
  const searchZone = h("div", { class: "zone" }, icon("search"), h("span", {}, t("dropToSearch")));
  const uploadZone = h("div", { class: "zone" }, icon("upload"), h("span", {}, t("dropToUpload")));
  const zones = h("div", { class: "zones", hidden: true, "aria-hidden": "true" });
  document.body.append(zones);
  const hide = () => {
    zones.hidden = true;
  };
  const isFiles = (event) => event.dataTransfer?.types.includes("Files") && !hasDialog();
  document.addEventListener("dragenter", (event) => {
    if (!isFiles(event)) return;
    const isOne = event.dataTransfer.items.length === 1;
    fill(zones, isOne && searchZone, canWrite() && uploadZone);
    zones.hidden = !zones.children.length;
  });
  document.addEventListener("dragover", (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    for (const zone of [searchZone, uploadZone]) zone.classList.toggle("is-over", zone.contains(event.target));
  });
  zones.addEventListener("dragleave", (event) => {
    if (!zones.contains(event.relatedTarget)) hide();
  });
  document.addEventListener("drop", (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    hide();
    const first = event.dataTransfer.files[0];
    const isSearch =
      searchZone.contains(event.target) || (!uploadZone.contains(event.target) && Boolean(event.target.closest?.(".header")));
    if (isSearch && first) searchByPicture(first);
    else if (canWrite()) attempt(async () => upload(await droppedFiles(event.dataTransfer)));
  });
}
