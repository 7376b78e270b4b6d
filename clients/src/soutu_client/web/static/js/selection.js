// The photos that a person has chosen to do something with.

import { photoChanges } from "./photo_changes.js";

/** Chosen photos, in the order they were chosen in. Event: `change`. */
class Selection extends EventTarget {
  #photos = new Map(); // by id

  constructor() {
    super();
    photoChanges.addEventListener("changed", (event) => {
      for (const photo of event.detail) if (this.has(photo.photo_id)) this.#photos.set(photo.photo_id, photo);
      if (this.size) this.#tell();
    });
    photoChanges.addEventListener("deleted", (event) => this.set(event.detail, false));
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

  clear() {
    if (!this.size) return;
    this.#photos.clear();
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

export const selection = new Selection();
