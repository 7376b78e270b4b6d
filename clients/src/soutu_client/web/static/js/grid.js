// The grid of photos. Only the rows near the window are in the page, however many photos there are.

import { houseAnswers } from "./api.js";
import { connection } from "./connection.js";
import { h, isWriting } from "./dom.js";
import { Layout } from "./grid_layout.js";
import { tile } from "./tile.js";

const MARGIN_WINDOWS = 1; // how far beyond the window rows are kept, in windows

function measures(width) {
  if (width < 600) return { rowHeight: 128, gap: 3 };
  return { rowHeight: width < 1000 ? 180 : 220, gap: 6 };
}

/** A grid in an element. `onOpen` and `onNot` get a photo; `matchesOf` says where words were found in one, `frameOf`
 * when a video shows what was looked for. */
export class Grid {
  constructor({ label, onOpen, onNot, isNotOffered, matchesOf, frameOf }) {
    this.element = h("div", { class: "grid", role: "list", "aria-label": label });
    this.photos = [];
    this.shown = new Map(); // index of each row in the page, with its element
    this.focused = 0;
    this.onOpen = onOpen;
    this.onNot = onNot;
    this.isNotOffered = isNotOffered;
    this.matchesOf = matchesOf;
    this.frameOf = frameOf;
    this.headingOf = null;
    this.layout = new Layout({ width: 1, ...measures(1) });
    this.isDue = false;
    addEventListener("scroll", () => this.renderSoon(), { passive: true });
    new ResizeObserver(() => this.#resize()).observe(this.element);
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
    this.element.addEventListener("click", (event) => this.#onClick(event));
    this.element.addEventListener("focusin", (event) => this.#onFocus(event));
    this.element.addEventListener("error", () => this.#askWhy(), true);
    connection.addEventListener("recovered", () => this.#reloadBroken());
  }

  /** Show other photos from the top. */
  show(photos, headingOf = null) {
    this.photos = photos;
    this.headingOf = headingOf;
    this.focused = 0;
    this.relayout();
  }

  /** Photos were appended to the list that is shown. */
  extend() {
    this.layout.extend(this.photos);
    this.#drop((number, element) => element.soutuRow !== this.layout.rows[number]); // the last row may be a fuller one now
    this.#settle();
  }

  /** The list that is shown has changed in the middle. */
  relayout() {
    const width = this.element.clientWidth;
    if (!width) return;
    const headingOf = this.headingOf;
    this.layout = new Layout({ width, ...measures(width), headingOf });
    this.layout.extend(this.photos);
    const hadFocus = this.element.contains(document.activeElement);
    this.#drop(() => true);
    this.focused = Math.max(0, Math.min(this.focused, this.photos.length - 1));
    this.#settle();
    if (hadFocus) this.focus(this.focused);
  }

  /** Move the focus to a photo, and the window to it. */
  focus(index) {
    if (!this.photos[index]) return;
    this.focused = index;
    this.render();
    const link = this.element.querySelector(`[data-index="${index}"]`);
    if (!link) return;
    this.#makeReachable();
    link.focus({ preventScroll: true });
    link.scrollIntoView({ block: "nearest" });
  }

  renderSoon() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.render();
    });
  }

  /** Put the rows near the window into the page, and take others out. */
  render() {
    if (!this.element.isConnected || !this.layout.rows.length) return;
    const top = -this.element.getBoundingClientRect().top;
    const margin = innerHeight * MARGIN_WINDOWS;
    const first = this.layout.rowAt(top - margin);
    let last = this.layout.rowAt(top + innerHeight + margin);
    last = Math.min(last, this.layout.rows.length - 1);
    const kept = this.layout.rowOf[this.focused];
    this.#drop((number) => (number < first || number > last) && number !== kept);
    for (let row = first; row <= last; row += 1) this.#showRow(row);
    if (kept !== undefined) this.#showRow(kept);
  }

  #settle() {
    this.element.style.height = `${this.layout.height}px`;
    this.render();
    this.#makeReachable();
  }

  #drop(isGone) {
    for (const [number, element] of this.shown) {
      if (!isGone(number, element)) continue;
      element.remove();
      this.shown.delete(number);
    }
  }

  #showRow(number) {
    if (this.shown.has(number)) return;
    const row = this.layout.rows[number];
    const element = row.boxes
      ? h("div", { class: "row", role: "presentation" })
      : h("div", { class: "group", role: "listitem" }, h("h2", {}, row.heading));
    element.style.top = `${row.top}px`;
    element.style.height = `${row.height}px`;
    for (const box of row.boxes ?? []) {
      const photo = this.photos[box.index];
      const matches = this.matchesOf?.(photo);
      const isNotOffered = this.isNotOffered();
      const frame = this.frameOf?.(photo) ?? null;
      element.append(tile(photo, { ...box, height: row.height, total: this.photos.length, matches, frame, isNotOffered }));
    }
    element.soutuRow = row;
    this.shown.set(number, element);
    const after = [...this.shown.keys()].filter((other) => other > number);
    this.element.insertBefore(element, after.length ? this.shown.get(Math.min(...after)) : null);
    if (number === this.layout.rowOf[this.focused]) this.#makeReachable();
  }

  #makeReachable() {
    for (const link of this.element.querySelectorAll('.tile[tabindex="0"]')) link.tabIndex = -1;
    const link = this.element.querySelector(`[data-index="${this.focused}"]`);
    if (link) link.tabIndex = 0;
  }

  #resize() {
    const width = this.element.clientWidth;
    if (!width || width === this.layout.width) return;
    const row = this.layout.rows[this.layout.rowAt(-this.element.getBoundingClientRect().top)];
    const anchor = row?.boxes?.[0].index;
    const isScrolled = this.element.getBoundingClientRect().top < 0;
    this.relayout();
    if (isScrolled && anchor !== undefined && this.layout.rows[this.layout.rowOf[anchor]]) {
      scrollTo(0, scrollY + this.element.getBoundingClientRect().top + this.layout.rows[this.layout.rowOf[anchor]].top - 120);
    }
  }

  /** A picture did not come. If that is since the house is away, say so and wait: `recovered` follows. */
  #askWhy() {
    this.asking ??= houseAnswers()
      .catch(() => {})
      .finally(() => {
        this.asking = null;
      });
  }

  #reloadBroken() {
    for (const image of this.element.querySelectorAll("img.is-broken")) {
      image.classList.remove("is-broken");
      image.src = image.src; // asks again
    }
  }

  #onFocus(event) {
    const link = event.target.closest?.(".tile");
    if (!link) return;
    this.focused = Number(link.dataset.index);
    this.#makeReachable();
  }

  #onClick(event) {
    const mark = event.target.closest(".not-mark");
    if (mark) this.onNot(this.photos[Number(mark.parentElement.querySelector(".tile").dataset.index)]);
    const link = event.target.closest(".tile");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    this.onOpen(this.photos[Number(link.dataset.index)]);
  }

  #onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || isWriting(event.target) || !event.target.closest(".tile")) return;
    const at = this.focused;
    if (event.key === "n" && this.isNotOffered()) this.onNot(this.photos[at]);
    const to = {
      ArrowLeft: () => at - 1,
      ArrowRight: () => at + 1,
      ArrowUp: () => this.layout.neighbour(at, -1),
      ArrowDown: () => this.layout.neighbour(at, 1),
      Home: () => 0,
      End: () => this.photos.length - 1,
    }[event.key]?.();
    if (to === undefined) return;
    event.preventDefault();
    if (to !== at) this.focus(Math.max(0, Math.min(this.photos.length - 1, to)));
  }
}
