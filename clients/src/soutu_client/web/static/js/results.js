// The answer to a question, page by page.

import { ask } from "./api.js";
import { photoChanges } from "./photo_changes.js";
import { searchBody } from "./query.js";

const PAGE = 60;

/** Photos found so far. Events: `reset`, `more`, `changed`, `state`. */
class Results extends EventTarget {
  photos = [];
  matches = new Map();
  frames = new Map(); // of videos: when what was asked for is to be seen, in milliseconds
  notices = [];
  isLoading = false;
  isComplete = false;
  problem = null;
  #query = null;
  #token = "";
  #ranks = new Map(); // where each photo stood in the answer, from 1, by id
  #abort = new AbortController();
  #removed = new Map(); // where photos stood that were taken out, for the way back

  constructor() {
    super();
    photoChanges.addEventListener("changed", (event) => this.#replace(event.detail));
    photoChanges.addEventListener("deleted", (event) => this.#remove(event.detail));
    photoChanges.addEventListener("restored", (event) => this.#restore(event.detail));
  }

  /** Ask anew. */
  start(query) {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#query = query;
    this.#token = "";
    this.#removed.clear();
    this.photos = [];
    this.#ranks.clear();
    this.matches.clear();
    this.frames.clear();
    this.notices = [];
    this.isComplete = false;
    this.isLoading = false;
    this.problem = null;
    return this.more(true);
  }

  /** Get the next page. */
  async more(isFirst = false) {
    if (!this.#query || this.isLoading || this.isComplete || (this.problem && !isFirst)) return;
    const { signal } = this.#abort;
    this.isLoading = true;
    this.#tell("state");
    try {
      const body = { ...searchBody(this.#query), page_size: PAGE, page_token: this.#token };
      const answer = await ask("/api/search", { method: "POST", body, signal, isRead: true });
      if (signal.aborted) return;
      this.#take(answer, isFirst);
    } catch (error) {
      if (signal.aborted) return;
      this.problem = error;
      if (isFirst) this.#tell("reset");
    } finally {
      if (!signal.aborted) {
        this.isLoading = false;
        this.#tell("state");
      }
    }
  }

  /** Forget the problem, and try again. */
  retry() {
    if (this.photos.length === 0) return this.start(this.#query);
    this.problem = null;
    return this.more();
  }

  indexOf(photoId) {
    return this.photos.findIndex((photo) => photo.photo_id === photoId);
  }

  /** Photos belong to the question no more. */
  leaveOut(photos) {
    if (!photos.length) return;
    this.#remove(photos);
    for (const photo of photos) this.#removed.delete(photo.photo_id);
  }

  /** Where a photo stood in the answer, from 1; undefined: it is not in it. */
  rankOf(photoId) {
    return this.#ranks.get(photoId);
  }

  /** Photos are not what was looked for: they are not shown until they are brought back, or it is asked anew. */
  setAside(photos) {
    this.#remove(photos);
  }

  bringBack(photos) {
    this.#restore(photos);
  }

  #take(answer, isFirst) {
    for (const hit of answer.hits) {
      if (this.#ranks.has(hit.photo.photo_id)) continue; // the library may have changed between two pages
      this.#ranks.set(hit.photo.photo_id, this.#ranks.size + 1);
      this.photos.push(hit.photo);
      if (hit.matches.length) this.matches.set(hit.photo.photo_id, hit.matches);
      if (hit.frame_ms !== null) this.frames.set(hit.photo.photo_id, hit.frame_ms);
    }
    this.#token = answer.next_page_token;
    this.isComplete = !this.#token;
    this.notices = answer.notices;
    this.#tell(isFirst ? "reset" : "more");
  }

  #replace(photos) {
    for (const photo of photos) {
      const index = this.indexOf(photo.photo_id);
      if (index >= 0) this.photos[index] = photo;
    }
    this.#tell("changed");
  }

  #remove(photos) {
    for (const photo of photos) {
      const index = this.indexOf(photo.photo_id);
      if (index < 0) continue;
      this.#removed.set(photo.photo_id, index);
      this.photos.splice(index, 1);
    }
    this.#tell("changed");
  }

  #restore(photos) {
    for (const photo of [...photos].reverse()) {
      const index = this.#removed.get(photo.photo_id);
      if (index === undefined) continue;
      this.#removed.delete(photo.photo_id);
      this.photos.splice(Math.min(index, this.photos.length), 0, photo);
    }
    this.#tell("changed");
  }

  #tell(type) {
    this.dispatchEvent(new Event(type));
  }
}

export const results = new Results();
