// Videos, and the clips of Live Photos, in the viewer.

import { originalUrl, partUrl, thumbnailUrl } from "./api.js";
import { h } from "./dom.js";
import { t } from "./strings.js";
import { clipOf, photoText } from "./wording.js";

/** A player that begins at a time. `onTrouble` gets the words to show where the browser cannot play it. */
export function film(photo, atMs, onTrouble) {
  const poster = thumbnailUrl(photo, atMs || null);
  const player = h("video", {
    class: "picture film",
    src: `${originalUrl(photo)}#t=${atMs / 1000}`,
    poster,
    controls: true,
    playsinline: "",
    preload: "metadata",
    "aria-label": photoText(photo),
  });
  player.addEventListener("error", () => {
    if (!player.isConnected) return;
    player.replaceWith(h("img", { class: "picture", src: poster, alt: photoText(photo), draggable: "false" }));
    onTrouble("videoFailed");
  });
  return player;
}

/** Plays a Live Photo's clip over its picture, once, while it is pointed at, pressed or has the focus. */
export function liveButton(photo) {
  let clip = null;
  const stop = () => {
    clip?.remove();
    clip = null;
  };
  const play = () => {
    if (clip) return;
    clip = h("video", { class: "picture live-clip", src: partUrl(photo, clipOf(photo)), playsinline: "", "aria-hidden": "true" });
    clip.muted = true;
    clip.addEventListener("ended", stop);
    clip.addEventListener("error", stop);
    button.before(clip);
    clip.play().catch(stop);
  };
  const button = h("button", { type: "button", class: "live-button", "aria-label": t("playLive"), title: t("playLive") }, "LIVE");
  button.addEventListener("pointerenter", play);
  button.addEventListener("pointerleave", stop);
  button.addEventListener("click", play);
  return button;
}
