// What the question is made of, as chips: words, pictures, photos, and filters.

import { h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { search } from "./place.js";
import { formatWords, parseWords } from "./query.js";
import { t } from "./strings.js";
import { dateText } from "./wording.js";

const LISTS = ["folders", "sources", "cameras", "formats", "kinds", "tags", "albums"];

/** The chips of a question; nothing for an empty one. */
export function chipsOf(query) {
  const chips = [
    ...wordChips(query),
    ...termChips(query, "pictures"),
    ...termChips(query, "photos"),
    ...filterChips(query.filter),
  ];
  if (chips.length > 1) {
    const clear = () => search({ words: "", photos: [], pictures: [], filter: {} });
    chips.push(h("li", {}, h("button", { type: "button", class: "button quiet", onclick: clear }, t("clearAll"))));
  }
  return chips;
}

function without(list, index) {
  return list.filter((_, at) => at !== index);
}

function turned(list, index) {
  return list.map((term, at) => (at === index ? { ...term, isNot: !term.isNot } : term));
}

function termChip({ label, image, isNot, onTurn, onRemove }) {
  return h(
    "li",
    { class: isNot ? "chip not" : "chip" },
    image && h("img", { src: image, alt: "", width: 28, height: 28 }),
    isNot && h("span", { class: "chip-not" }, t("not")),
    h("span", { class: "chip-label" }, label),
    h(
      "button",
      {
        type: "button",
        class: "chip-turn",
        "aria-pressed": String(isNot),
        "aria-label": t("turn", { label }),
        title: t("turn", { label }),
        onclick: onTurn,
      },
      isNot ? "＋" : "－",
    ),
    iconButton(icon("close"), t("removeChip", { label }), { onclick: onRemove }),
  );
}

function wordChips(query) {
  const terms = parseWords(query.words);
  if (terms.length === 1 && !terms[0].isNot && !query.photos.length && !query.pictures.length) return []; // it stands in the box
  return terms.map((term, index) =>
    termChip({
      label: term.text,
      isNot: term.isNot,
      onTurn: () => search({ words: formatWords(turned(terms, index)) }),
      onRemove: () => search({ words: formatWords(without(terms, index)) }),
    }),
  );
}

function termChips(query, name) {
  return query[name].map((term, index) =>
    termChip({
      label: name === "photos" ? t("similarToThis") : t("thisPicture"),
      image: name === "photos" ? `/api/photos/${encodeURIComponent(term.id)}/thumbnail` : term.url,
      isNot: term.isNot,
      onTurn: () => search({ [name]: turned(query[name], index) }),
      onRemove: () => search({ [name]: without(query[name], index) }),
    }),
  );
}

function filterChips(filter) {
  const chips = [];
  const add = (label, changed) => {
    const remove = iconButton(icon("close"), t("removeChip", { label }), { onclick: () => search({ filter: changed }) });
    chips.push(h("li", { class: "chip filter-chip" }, h("span", { class: "chip-label" }, label), remove));
  };
  const { taken_from: from, taken_until: until, ...rest } = filter;
  if (from || until) {
    const label = from === until ? dateText(from) : `${from ? dateText(from) : "…"} – ${until ? dateText(until) : "…"}`;
    add(label, rest);
  }
  for (const name of LISTS) {
    for (const value of filter[name] ?? []) {
      const left = filter[name].filter((one) => one !== value);
      const { [name]: _, ...others } = filter;
      add(t(`${name}Chip`, { value: name === "kinds" ? t(value) : value }), left.length ? { ...others, [name]: left } : others);
    }
  }
  if (filter.favourite) {
    const { favourite: _, ...others } = filter;
    add(t("favourites"), others);
  }
  return chips;
}
