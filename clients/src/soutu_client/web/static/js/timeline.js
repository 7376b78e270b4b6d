// When photos were taken: a bar for each month, and a range to choose by dragging, clicking or with the keyboard.

import { h } from "./dom.js";
import { t } from "./strings.js";
import { amount, monthText } from "./wording.js";

const LEAST_HEIGHT = 6; // per cent of the highest bar, for months that have any photo

function monthNumber(month) {
  return 12 * Number(month.slice(0, 4)) + Number(month.slice(5, 7)) - 1;
}

function monthOf(number) {
  return `${String(Math.floor(number / 12)).padStart(4, "0")}-${String((number % 12) + 1).padStart(2, "0")}`;
}

/** Every month from the first to the last, those without photos too. */
export function everyMonth(months) {
  if (!months.length) return [];
  const counts = new Map(months.map((one) => [monthNumber(one.month), one.photos]));
  const first = Math.min(...counts.keys());
  const last = Math.max(...counts.keys());
  return Array.from({ length: last - first + 1 }, (_, at) => ({
    month: monthOf(first + at),
    photos: counts.get(first + at) ?? 0,
  }));
}

/** The timeline. `onChoose` gets the first and the last month, or nothing twice for all of them. */
export function timeline(months, undated, filter, onChoose) {
  const all = everyMonth(months);
  if (!all.length) return undated ? h("p", { class: "muted" }, t("undatedPhotos", { n: amount(undated) })) : null;
  const last = all.length - 1;
  const position = (date, otherwise) => {
    const at = date ? monthNumber(`${date}-01`.slice(0, 7).padEnd(7, "-01")) - monthNumber(all[0].month) : NaN;
    return Number.isNaN(at) ? otherwise : Math.max(0, Math.min(last, at));
  };
  let from = position(filter.taken_from?.length === 4 ? `${filter.taken_from}-01` : filter.taken_from, 0);
  let until = position(filter.taken_until?.length === 4 ? `${filter.taken_until}-12` : filter.taken_until, last);

  const highest = Math.max(...all.map((one) => one.photos));
  const bars = all.map((one) => {
    const bar = h(
      "span",
      { class: "bar", title: t("monthPhotos", { month: monthText(one.month), n: amount(one.photos) }) },
      h("span"),
    );
    // The square root keeps a quiet month visible beside a holiday.
    const share = one.photos ? Math.max(LEAST_HEIGHT, 100 * Math.sqrt(one.photos / highest)) : 0;
    bar.firstChild.style.height = `${share}%`;
    return bar;
  });
  const chart = h("div", { class: "bars", "aria-hidden": "true" }, bars);
  const said = h("output", { class: "timeline-said" });
  const slider = (label, value) =>
    h("input", {
      type: "range",
      class: "timeline-slider",
      min: 0,
      max: last,
      step: 1,
      "aria-label": label,
      value: String(value),
    });
  const fromSlider = slider(t("timelineFrom"), from);
  const untilSlider = slider(t("timelineUntil"), until);

  const show = () => {
    bars.forEach((bar, at) => bar.classList.toggle("is-chosen", at >= from && at <= until));
    fromSlider.value = String(from);
    untilSlider.value = String(until);
    fromSlider.setAttribute("aria-valuetext", monthText(all[from].month));
    untilSlider.setAttribute("aria-valuetext", monthText(all[until].month));
    const [first, end] = [monthText(all[from].month), monthText(all[until].month)];
    said.textContent = from === until ? first : `${first} – ${end}`;
  };
  const choose = () => {
    if (from === 0 && until === last) onChoose(null, null);
    else onChoose(all[from].month, all[until].month);
  };
  const set = (first, second) => {
    from = Math.min(first, second);
    until = Math.max(first, second);
    show();
  };

  fromSlider.addEventListener("input", () => set(Math.min(Number(fromSlider.value), until), until));
  untilSlider.addEventListener("input", () => set(from, Math.max(Number(untilSlider.value), from)));
  for (const one of [fromSlider, untilSlider]) one.addEventListener("change", choose);

  const monthUnder = (event) => {
    const box = chart.getBoundingClientRect();
    return Math.max(0, Math.min(last, Math.floor(((event.clientX - box.left) / box.width) * all.length)));
  };
  let start = null;
  chart.addEventListener("pointerdown", (event) => {
    start = monthUnder(event);
    chart.setPointerCapture(event.pointerId);
    set(start, start);
  });
  chart.addEventListener("pointermove", (event) => {
    if (start !== null) set(start, monthUnder(event));
  });
  chart.addEventListener("pointerup", (event) => {
    if (start === null) return;
    set(start, monthUnder(event));
    start = null;
    choose();
  });
  chart.addEventListener("pointercancel", () => {
    start = null;
  });

  show();
  return h(
    "fieldset",
    { class: "timeline" },
    h("legend", {}, t("timeline")),
    chart,
    h("div", { class: "timeline-sliders" }, fromSlider, untilSlider),
    h(
      "div",
      { class: "timeline-foot" },
      said,
      undated > 0 && h("small", { class: "muted" }, t("undatedPhotos", { n: amount(undated) })),
    ),
  );
}
