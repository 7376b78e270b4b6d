// How the library is: what is there, what waits, what could not be read, and what is being done.

import { ask, tell } from "./api.js";
import { fill, h } from "./dom.js";
import { feedbackSection } from "./feedback_section.js";
import { icon } from "./icons.js";
import { jobCard, stopWatching, watchJobs } from "./jobs.js";
import { deletedSection, unreadableSection } from "./library_lists.js";
import { attempt, toast } from "./messages.js";
import { missingNotices } from "./missing_notice.js";
import { fillModels } from "./models_section.js";
import { announceAdded, photoChanges } from "./photo_changes.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";
import { uploadButtons } from "./uploads.js";
import { agoText, amount, bytes, durationText } from "./wording.js";

const POLL_SECONDS = 5;

const counts = h("div", { class: "counts" });
const work = h("section", { class: "card", "aria-label": t("work") });
const sources = h("section", { class: "card" });
const missing = h("div", { class: "missing-list" });
const models = h("section", { class: "card", hidden: true });
const engine = h("section", { class: "card" });
const feedback = h("section", { class: "card", hidden: true });
const unreadable = h("section", { class: "card", hidden: true });
const deleted = h("section", { class: "card", hidden: true });
let timer = 0;
let leaving = new AbortController();
let seenUnreadable = null;
let seenDeleted = null;
let wasPending = 0;

const adding = h(
  "section",
  { class: "card adding" },
  h("h2", {}, t("addPhotos")),
  h("p", { class: "muted" }, t("addPhotosHint")),
  h("div", { class: "actions" }),
);

export const libraryView = h(
  "div",
  { class: "library page" },
  h("h1", {}, t("library")),
  counts,
  missing,
  adding,
  work,
  models,
  sources,
  engine,
  feedback,
  unreadable,
  deleted,
);

/** Show the library and keep it fresh until `leave`. */
export function enter() {
  leaving = new AbortController();
  seenUnreadable = seenDeleted = null; // lists that were left half way are made again
  adding.hidden = !canWrite();
  if (canWrite() && !adding.querySelector("button")) adding.querySelector(".actions").append(...uploadButtons());
  refresh();
  const { signal } = leaving;
  attempt(() => feedbackSection(feedback, signal));
}

/** Stop asking. */
export function leave() {
  clearTimeout(timer);
  leaving.abort();
  stopWatching();
}

async function refresh() {
  clearTimeout(timer);
  const { signal } = leaving;
  try {
    const status = await ask("/api/status", { signal });
    if (signal.aborted) return;
    draw(status);
    await refreshLists(status, signal);
  } catch (error) {
    if (signal.aborted) return;
    fill(counts, h("p", { class: "problem" }, error.message));
  }
  if (!signal.aborted)
    timer = setTimeout(
      () => (document.hidden ? (timer = setTimeout(refresh, 1000 * POLL_SECONDS)) : refresh()),
      1000 * POLL_SECONDS,
    );
}

async function refreshLists(status, signal) {
  if (status.photos_unreadable !== seenUnreadable) {
    seenUnreadable = status.photos_unreadable;
    await unreadableSection(unreadable, status, signal);
  }
  if (status.photos_deleted !== seenDeleted) {
    seenDeleted = status.photos_deleted;
    await deletedSection(deleted, status.photos_deleted, signal);
  }
}

function draw(status) {
  const ignored = Object.entries(status.ignored);
  fill(
    counts,
    count(t("photosReady"), amount(status.photos_ready)),
    count(t("photosPending"), amount(status.photos_pending), status.photos_pending > 0 && waitText(status)),
    count(t("photosUnreadable"), amount(status.photos_unreadable)),
    count(t("sizeTogether"), bytes(status.size_bytes)),
    ignored.length > 0 &&
      count(
        t("otherFiles"),
        amount(ignored.reduce((sum, [, n]) => sum + n, 0)),
        ignored
          .slice(0, 4)
          .map(([ending, n]) => `${ending || t("noEnding")} ${amount(n)}`)
          .join(t("comma")),
      ),
  );
  drawWork(status);
  drawMissing(status);
  fillModels(models, status, { onJob: follow, onSwitch: refresh });
  fill(sources, h("h2", {}, t("sources")), status.sources.map(sourceRow));
  fill(
    engine,
    h("h2", {}, t("engine")),
    embedderRow(status.embedder, t("embedder")),
    status.text_embedder && embedderRow(status.text_embedder, t("textEmbedder")),
    indexRow(status),
    h("p", { class: "muted" }, `soutu ${status.version}`),
  );
  if (wasPending > 0 && status.photos_pending < wasPending) announceAdded();
  wasPending = status.photos_pending;
}

function waitText(status) {
  if (status.pending_seconds_left !== null) return t("timeLeft", { time: durationText(status.pending_seconds_left) });
  return status.embedder.available ? t("timeUnknown") : t("waitsForEmbedder");
}

function count(label, value, note) {
  return h(
    "div",
    { class: "count" },
    h("span", { class: "count-value" }, value),
    h("span", { class: "count-label" }, label),
    note && h("small", { class: "muted" }, note),
  );
}

function drawWork(status) {
  watchJobs(status.jobs, () => refresh());
  let list = work.querySelector(".jobs");
  if (!list) {
    list = h("div", { class: "jobs" });
    const sync = h(
      "button",
      { type: "button", class: "button sync-now", onclick: () => syncNow(sync) },
      icon("sync"),
      t("syncNow"),
    );
    fill(work, h("div", { class: "card-head" }, h("h2", {}, t("work")), canWrite() && sync), list);
  }
  for (const job of status.jobs) {
    if (!list.querySelector(`[data-job="${CSS.escape(job.job_id)}"]`)) list.append(jobCard(job));
  }
  let quiet = work.querySelector(".quiet-note");
  if (!list.children.length) {
    if (!quiet) work.append(h("p", { class: "muted quiet-note" }, t("nothingRuns")));
  } else quiet?.remove();
}

async function syncNow(button) {
  button.disabled = true;
  await attempt(async () => {
    follow(await tell("/api/sync", {}));
    toast(t("syncStarted"));
  });
  button.disabled = false;
}

/** Show a job that was just begun, to its end. */
function follow(job) {
  const list = work.querySelector(".jobs");
  if (!list.querySelector(`[data-job="${CSS.escape(job.job_id)}"]`)) list.append(jobCard(job));
  work.querySelector(".quiet-note")?.remove();
  watchJobs([job], () => {
    announceAdded();
    refresh();
  });
}

function drawMissing(status) {
  const key = JSON.stringify(status.sources.map((one) => [one.source, one.missing]));
  if (missing.dataset.key === key) return; // whoever is about to press a button is left in peace
  missing.dataset.key = key;
  const onWait = () => {
    delete missing.dataset.key;
    drawMissing(status);
  };
  fill(missing, missingNotices(status.sources, { onSync: follow, onWait }));
}

function sourceRow(source) {
  const facts = [
    t("objects", { n: amount(source.objects) }),
    source.read_only && t("readOnly"),
    source.synced_at ? t("syncedAgo", { ago: agoText(source.synced_at) }) : t("neverSynced"),
  ];
  return h(
    "div",
    { class: source.problem ? "line has-problem" : "line" },
    h("span", { class: source.problem ? "light bad" : "light good" }),
    h(
      "span",
      { class: "grow" },
      h("strong", {}, source.source),
      " ",
      h("span", { class: "muted" }, facts.filter(Boolean).join(" · ")),
      source.problem && !source.missing && h("span", { class: "problem" }, source.problem), // what is missing has its own card
    ),
  );
}

function embedderRow(embedder, label) {
  const state = embedder.available
    ? t("awake")
    : embedder.unavailable_since
      ? t("asleepSince", { ago: agoText(embedder.unavailable_since) })
      : t("asleep");
  return h(
    "div",
    { class: "line" },
    h("span", { class: embedder.available ? "light good" : "light bad" }),
    h(
      "span",
      { class: "grow" },
      h("strong", {}, label),
      " ",
      h("span", { class: "muted" }, [state, embedder.model].filter(Boolean).join(" · ")),
      embedder.problem && h("span", { class: "problem" }, embedder.problem),
    ),
  );
}

function indexRow(status) {
  return h(
    "div",
    { class: "line" },
    h("span", { class: "light good" }),
    h(
      "span",
      { class: "grow" },
      h("strong", {}, t("index")),
      " ",
      h("span", { class: "muted" }, t("indexed", { n: amount(status.index.vectors) })),
    ),
  );
}

for (const type of ["deleted", "restored", "added"]) {
  photoChanges.addEventListener(type, () => {
    seenDeleted = null;
    if (libraryView.isConnected && type !== "added") refresh();
  });
}
