// Files on their way into the library, three at a time.

import { ApiError } from "./api.js";
import { language, t } from "./strings.js";

const IN_FLIGHT = 3;
const ATTEMPTS = 5;
const PASSING = new Set([0, 429, 502, 503]);

/** A batch. `change` events tell that its numbers are others; `end` that it is over. */
export class UploadBatch extends EventTarget {
  constructor(files) {
    super();
    this.files = files;
    this.total = files.length;
    this.bytesTotal = files.reduce((sum, one) => sum + one.file.size, 0);
    this.created = 0;
    this.known = 0;
    this.failures = []; // { name, message }
    this.isOver = false;
    this.isCancelled = false;
    this.bytesDone = 0;
    this.bytesInFlight = new Map();
    this.requests = new Set();
    this.next = 0;
  }

  get done() {
    return this.created + this.known + this.failures.length;
  }

  /** From 0 to 1, by bytes. */
  get progress() {
    if (!this.bytesTotal) return this.total ? this.done / this.total : 1;
    const moving = [...this.bytesInFlight.values()].reduce((sum, one) => sum + one, 0);
    return Math.min(1, (this.bytesDone + moving) / this.bytesTotal);
  }

  /** Send every file. */
  async run() {
    await Promise.all(Array.from({ length: IN_FLIGHT }, () => this.#work()));
    this.isOver = true;
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("end"));
  }

  /** Send no more; what was sent stays. */
  cancel() {
    this.isCancelled = true;
    for (const request of this.requests) request.abort();
  }

  async #work() {
    while (!this.isCancelled && this.next < this.files.length) {
      const one = this.files[this.next];
      this.next += 1;
      try {
        const answer = await this.#patiently(one);
        if (answer.created) this.created += 1;
        else this.known += 1;
      } catch (error) {
        if (this.isCancelled) return;
        this.failures.push({ name: one.name, message: error.message });
      }
      this.bytesInFlight.delete(one);
      this.bytesDone += one.file.size;
      this.dispatchEvent(new Event("change"));
    }
  }

  async #patiently(one) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#send(one);
      } catch (error) {
        if (this.isCancelled || !PASSING.has(error.status) || attempt === ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** (attempt - 1)));
        if (this.isCancelled) throw error;
      }
    }
  }

  #send(one) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest(); // fetch does not tell how much was sent
      request.open("PUT", `/api/uploads?name=${encodeURIComponent(one.name)}`);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.setRequestHeader("X-Soutu", "1");
      request.setRequestHeader("Accept-Language", language);
      request.responseType = "json";
      request.upload.addEventListener("progress", (event) => {
        this.bytesInFlight.set(one, event.loaded);
        this.dispatchEvent(new Event("change"));
      });
      request.addEventListener("load", () => {
        const said = request.response;
        if (request.status >= 200 && request.status < 300 && said) resolve(said);
        else
          reject(
            new ApiError(request.status, said?.reason ?? "", said?.message ?? t("unexpectedAnswer", { status: request.status })),
          );
      });
      request.addEventListener("error", () => reject(new ApiError(0, "NO_CONNECTION", t("uploadLost"))));
      request.addEventListener("abort", () => reject(new ApiError(0, "CANCELLED", t("cancelled"))));
      request.addEventListener("loadend", () => this.requests.delete(request));
      this.requests.add(request);
      request.send(one.file);
    });
  }
}
