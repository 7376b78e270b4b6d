// Line icons, 24 × 24, drawn for this page.

const PATHS = {
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14z M16.2 16.2 21 21",
  picture: "M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1z M4 16l5-5 4 4 2-2 5 5 M15.5 8.5h.01",
  close: "M6 6l12 12 M18 6 6 18",
  filter: "M4 6h16 M7 12h10 M10 18h4",
  upload: "M12 16V4 M7 9l5-5 5 5 M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3",
  download: "M12 4v12 M7 11l5 5 5-5 M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3",
  photos: "M4 4h7v7H4z M13 4h7v7h-7z M4 13h7v7H4z M13 13h7v7h-7z",
  copies: "M8 8h12v12H8z M16 8V4H4v12h4",
  library: "M4 20V10 M10 20V4 M16 20v-7 M21 20H3",
  more: "M5 12h.01 M12 12h.01 M19 12h.01",
  heart: "M12 20s-7-4.6-8.6-9A4.9 4.9 0 0 1 12 6.7 4.9 4.9 0 0 1 20.6 11C19 15.4 12 20 12 20z",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  bin: "M4 7h16 M9 7V4h6v3 M6 7l1 13h10l1-13",
  similar: "M4 7h9v9H4z M11 4h9v9h-4",
  refine: "M4 5h16 M4 10h7 M4 15h5 M15.5 10.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8z M18.5 17.5 21 20",
  zoomIn: "M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12z M14.5 14.5 20 20 M10 7.5v5 M7.5 10h5",
  zoomOut: "M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12z M14.5 14.5 20 20 M7.5 10h5",
  notThis: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z M5.7 5.7l12.6 12.6",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z M12 11v5 M12 8h.01",
  copy: "M9 9h11v11H9z M15 9V4H4v11h5",
  play: "M8 5l11 7-11 7z",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z M12 7v5l3 2",
  folder: "M3 6h6l2 2h10v11H3z",
  sync: "M20 8a8 8 0 0 0-14.5-1L4 9 M4 5v4h4 M4 16a8 8 0 0 0 14.5 1L20 15 M20 19v-4h-4",
  check: "M5 12l5 5 9-11",
  tag: "M4 4h8l8 8-8 8-8-8z M8 8h.01",
  album: "M5 8h14a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1z M6 5h12 M8 2h8 M4 18l4-4 3 3 3-3 6 5",
  albumAdd: "M5 8h14a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1z M6 5h12 M8 2h8 M12 11v6 M9 14h6",
  warning: "M12 3 2 20h20z M12 10v4 M12 17h.01",
  pencil: "M4 20l1-5L16 4l4 4L9 19z M13.5 6.5l4 4",
  plus: "M12 5v14 M5 12h14",
};

/** An icon for the eyes alone. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
