// Where a photo's picture comes from: the original where a browser can show it, else what the service makes of it.

import { largeUrl, originalUrl, thumbnailUrl } from "./api.js";

const SHOWN_BY_BROWSERS = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"]);
const THUMBNAIL_SIDE = 512;
const LARGE_SIDE = 2048;
const HEAVY_BYTES = 8_000_000; // an original to load only for a closer look

/** Whether every browser shows a photo's original. */
export function isShownByBrowsers(photo) {
  return SHOWN_BY_BROWSERS.has(photo.media_type);
}

/** What is shown `first`, and for a `close` look. */
export function sourcesOf(photo) {
  const longer = Math.max(photo.width, photo.height);
  const made = longer > THUMBNAIL_SIDE ? largeUrl(photo) : thumbnailUrl(photo);
  if (!isShownByBrowsers(photo)) return { first: made, close: made };
  const isHeavy = photo.size_bytes > HEAVY_BYTES && longer > LARGE_SIDE && photo.kind !== "ANIMATION";
  return { first: isHeavy ? made : originalUrl(photo), close: originalUrl(photo) };
}
