// Choosing photos in a grid: a mark to click, a long press, a range with Shift, and keys.

import { selection } from "./selection.js";

const LONG_PRESS_SECONDS = 0.45;
const STILL_PIXELS = 10; // a finger that moves more is scrolling

/** Let photos of a grid be chosen. */
export function startPicking(grid) {
  const { element } = grid;
  let anchor = 0; // where a range begins
  let press = null;
  let isSpent = false; // a long press has been answered: the click that ends it means nothing

  const indexUnder = (target) => {
    const link = target.closest?.(".tile-item")?.querySelector(".tile");
    return link ? Number(link.dataset.index) : -1;
  };
  const isChosen = (index) => selection.has(grid.photos[index]?.photo_id); // some may have just gone
  const turn = (index) => {
    selection.set([grid.photos[index]], !isChosen(index));
    anchor = index;
  };
  const range = (index) => {
    const [first, last] = [Math.min(anchor, index), Math.max(anchor, index)];
    selection.set(grid.photos.slice(first, last + 1), true);
  };

  const show = () => {
    element.classList.toggle("is-picking", selection.isOn);
    for (const mark of element.querySelectorAll(".pick")) {
      const chosen = isChosen(indexUnder(mark));
      mark.setAttribute("aria-checked", String(chosen));
      mark.parentElement.classList.toggle("is-picked", chosen);
    }
  };
  selection.addEventListener("change", show);

  element.addEventListener(
    "click",
    (event) => {
      const index = indexUnder(event.target);
      if (event.target.closest(".not-mark") && !selection.isOn) return;
      const isMark = Boolean(event.target.closest(".pick"));
      const isByKey = event.detail === 0 && !isMark; // Enter opens, whatever is chosen
      if (index < 0 || (isByKey && !isSpent) || (!isMark && (event.ctrlKey || event.metaKey))) return;
      if (!isMark && !isSpent && !selection.isOn) return;
      event.preventDefault();
      event.stopPropagation();
      if (isSpent) isSpent = false;
      else if (event.shiftKey && selection.size) range(index);
      else turn(index);
    },
    { capture: true },
  );

  const forget = () => {
    clearTimeout(press?.timer);
    press = null;
  };
  element.addEventListener("pointerdown", (event) => {
    forget();
    isSpent = false;
    const index = indexUnder(event.target);
    if (event.pointerType === "mouse" || !event.isPrimary || index < 0) return;
    const timer = setTimeout(() => {
      isSpent = true;
      navigator.vibrate?.(15);
      turn(index);
    }, 1000 * LONG_PRESS_SECONDS);
    press = { timer, x: event.clientX, y: event.clientY };
  });
  element.addEventListener("pointermove", (event) => {
    if (press && Math.hypot(event.clientX - press.x, event.clientY - press.y) > STILL_PIXELS) forget();
  });
  for (const type of ["pointerup", "pointercancel"]) element.addEventListener(type, forget);
  element.addEventListener("contextmenu", (event) => {
    if (press || isSpent) event.preventDefault(); // a long press is ours
  });

  const isExtending = (event) => event.shiftKey && event.key.startsWith("Arrow") && Boolean(event.target.closest(".tile"));
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || !event.target.closest(".tile")) return;
      if (event.key === " ") {
        event.preventDefault();
        if (event.shiftKey && selection.size) range(grid.focused);
        else turn(grid.focused);
      } else if (isExtending(event) && !selection.size) turn(grid.focused);
    },
    { capture: true },
  );
  element.addEventListener("keydown", (event) => {
    if (isExtending(event)) range(grid.focused); // the grid has moved the focus before
  });
}
