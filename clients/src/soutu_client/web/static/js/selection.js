// The photos that a person has chosen to do something with.

import { photoChanges } from "./photo_changes.js";

/** Chosen photos, in the order they were chosen in. Event: `change`. */
class Selection extends EventTarget {
  album = null; // the album that photos are chosen for, if they are chosen for one
  #photos = new Map(); // by id

  constructor() {
    super();
    photoChanges.addEventListener("changed", (event) => {
      for (const photo of event.detail) if (this.has(photo.photo_id)) this.#photos.set(photo.photo_id, photo);
      if (this.size) this.#tell();
    });
    photoChanges.addEventListener("deleted", (event) => this.set(event.detail, false));
  }

  /** Whether photos are being chosen. */
  get isOn() {
    return this.size > 0 || this.album !== null;
  }

  get size() {
    return this.#photos.size;
  }

  get photos() {
    return [...this.#photos.values()];
  }

  has(photoId) {
    return this.#photos.has(photoId);
  }

  /** Choose photos, or choose them no more. */
  set(photos, isChosen) {
    const before = this.size;
    for (const photo of photos) {
      if (isChosen) this.#photos.set(photo.photo_id, photo);
      else this.#photos.delete(photo.photo_id);
    }
    if (this.size !== before) this.#tell();
  }

  /** Choose photos for an album from now on. */
  begin(album) {
    this.#photos.clear();
    this.album = album;
    this.#tell();
  }

  clear() {
    if (!this.isOn) return;
    this.#photos.clear();
    this.album = null;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

export const selection = new Selection();
