// The filters: a panel beside the photos where there is room, else a drawer.

import { ask } from "./api.js";
import { openDialog } from "./dialogs.js";
import { fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { current, search } from "./place.js";
import { filterParameters } from "./query.js";
import { t } from "./strings.js";
import { timeline } from "./timeline.js";
import { amount, formatText } from "./wording.js";

const MOST_SHOWN = 12;
const WIDE = matchMedia("(min-width: 900px)");
const KEPT = "soutu.filters";

const body = h("div", { class: "filters-body" });
const panel = h("aside", { class: "filters", hidden: true, "aria-label": t("filters") }, body);
const unfolded = new Set();
let drawer = null;
let asking = new AbortController();

/** The panel's place beside the photos. */
export function filtersPanel() {
  panel.hidden = !(WIDE.matches && localStorage.getItem(KEPT) === "open");
  WIDE.addEventListener("change", () => {
    drawer?.close();
    if (!WIDE.matches) panel.hidden = true;
  });
  return panel;
}

/** Open the filters, or close them. */
export function toggleFilters() {
  if (WIDE.matches) {
    panel.hidden = !panel.hidden;
    localStorage.setItem(KEPT, panel.hidden ? "closed" : "open");
  } else {
    const heading = h(
      "div",
      { class: "drawer-head" },
      h("h2", {}, t("filters")),
      iconButton(icon("close"), t("close"), { onclick: () => drawer.close() }),
    );
    drawer = openDialog(
      [heading, body],
      { class: "drawer", "aria-label": t("filters") },
      {
        onClose: () => {
          panel.append(body);
          drawer = null;
        },
      },
    );
  }
  return refreshFilters();
}

/** Whether the filters can be seen. */
export function isShown() {
  return !panel.hidden || drawer !== null;
}

/** Ask how many photos each filter leaves. What the summary counts is what the other filters let through. */
export async function refreshFilters() {
  if (!isShown()) return;
  asking.abort();
  asking = new AbortController();
  const { taken_from: _from, taken_until: _until, ...rest } = current().query.filter;
  const { signal } = asking;
  let summary = null;
  try {
    summary = await ask(`/api/summary?${filterParameters(rest)}`, { signal });
  } catch (error) {
    if (error.name === "AbortError") return;
  }
  if (!signal.aborted) draw(summary);
}

function draw(summary) {
  const { filter } = current().query;
  if (!summary) {
    fill(body, h("p", { class: "muted" }, t("noSummary")), favourites(filter, null));
    return;
  }
  fill(
    body,
    timeline(summary.months, summary.undated, filter, (from, until) => change({ taken_from: from, taken_until: until })),
    favourites(filter, summary.favourites),
    videos(filter),
    choices(
      "folders",
      t("folders"),
      folderChoices(summary.folders),
    ),
    choices(
      "albums",
      t("albums"),
      summary.albums.map((one) => ({ value: one.name, label: one.name, photos: one.photos })),
    ),
    choices(
      "tags",
      t("tags"),
      summary.tags.map((one) => ({ value: one.name, label: one.name, photos: one.photos })),
    ),
    choices(
      "cameras",
      t("cameras"),
      summary.cameras.map((one) => ({ value: one.camera, label: one.camera, photos: one.photos })),
    ),
    choices(
      "formats",
      t("formats"),
      summary.formats.map((one) => ({
        value: one.media_type,
        label: formatText(one.media_type),
        photos: one.photos,
      })),
    ),
  );
}

/** A folder of one name in several sources is one choice: that is how it filters. */
function folderChoices(folders) {
  const photos = new Map();
  for (const one of folders) photos.set(one.folder, (photos.get(one.folder) ?? 0) + one.photos);
  photos.delete(""); // the top of a source is everything in it
  return [...photos].map(([folder, n]) => ({ value: folder, label: folder, photos: n }));
}

function change(changes) {
  const filter = { ...current().query.filter, ...changes };
  for (const [name, value] of Object.entries(filter)) {
    if (value === null || value === "" || value === undefined || (Array.isArray(value) && !value.length)) delete filter[name];
  }
  search({ filter });
}

function favourites(filter, photos) {
  const box = h("input", {
    type: "checkbox",
    checked: Boolean(filter.favourite),
    onchange: (event) => change({ favourite: event.target.checked || null }),
  });
  return h(
    "label",
    { class: "choice favourites-choice" },
    box,
    icon("heart"),
    h("span", { class: "grow" }, t("favourites")),
    photos !== null && h("span", { class: "muted" }, amount(photos)),
  );
}

function videos(filter) {
  const box = h("input", {
    type: "checkbox",
    checked: Boolean(filter.kinds?.includes("VIDEO")),
    onchange: (event) => change({ kinds: event.target.checked ? ["VIDEO"] : null }),
  });
  return h("label", { class: "choice" }, box, icon("play"), h("span", { class: "grow" }, t("VIDEO")));
}

function choices(name, label, found) {
  const filter = current().query.filter;
  const chosen = filter[name] ?? [];
  const offered = found.filter((one) => one.value !== "");
  for (const value of chosen)
    if (!offered.some((one) => one.value === value)) offered.unshift({ value, label: value, photos: 0 });
  if (!offered.length) return null;
  const rows = unfolded.has(name) ? offered : offered.filter((one, at) => at < MOST_SHOWN || chosen.includes(one.value));
  const more = offered.length > rows.length;
  const unfold = () => {
    unfolded.add(name);
    refreshFilters();
  };
  return h(
    "fieldset",
    { class: "choices" },
    h("legend", {}, label),
    rows.map((one) => {
      const turn = (event) =>
        change({ [name]: event.target.checked ? [...chosen, one.value] : chosen.filter((value) => value !== one.value) });
      return h(
        "label",
        { class: "choice", title: one.source ? `${one.source}/${one.value}` : one.label },
        h("input", { type: "checkbox", checked: chosen.includes(one.value), onchange: turn }),
        h("span", { class: "grow choice-label" }, one.label),
        h("span", { class: "muted" }, amount(one.photos)),
      );
    }),
    more && h("button", { type: "button", class: "button quiet", onclick: unfold }, t("showAll", { n: amount(offered.length) })),
  );
}
