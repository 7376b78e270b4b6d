// Files on their way into the library, three at a time.

import { ApiError, houseAnswers } from "./api.js";
import { session } from "./session.js";
import { language, t } from "./strings.js";
import { amount } from "./wording.js";

const IN_FLIGHT = 3;
const ATTEMPTS = 5;
const PASSING = new Set([0, 429, 502, 503, 504]);

/** A batch. `change` events tell that its numbers are others; `end` that it is over. */
export class UploadBatch extends EventTarget {
  constructor(files) {
    super();
    this.files = files;
    this.total = files.length;
    this.bytesTotal = files.reduce((sum, one) => sum + one.file.size, 0);
    this.created = 0;
    this.known = 0;
    this.failures = []; // { one, message, isPassing }
    this.waiting = 0; // files whose connection was lost
    this.isOver = false;
    this.isCancelled = false;
    this.bytesDone = 0;
    this.bytesInFlight = new Map();
    this.abort = new AbortController();
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
    this.abort.abort();
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
        this.failures.push({ one, message: error.message, isPassing: PASSING.has(error.status) });
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
        this.#wait(1);
        this.bytesInFlight.delete(one);
        try {
          await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** (attempt - 1)));
          await houseAnswers(this.abort.signal);
        } finally {
          this.#wait(-1);
        }
      }
    }
  }

  #wait(more) {
    this.waiting += more;
    this.dispatchEvent(new Event("change"));
  }

  #send(one) {
    if (one.file.size > session.maxUploadBytes) return Promise.reject(tooLarge(one.file));
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
      const stop = () => request.abort();
      this.abort.signal.addEventListener("abort", stop);
      request.addEventListener("loadend", () => this.abort.signal.removeEventListener("abort", stop));
      request.send(one.file);
    });
  }
}

function tooLarge(file) {
  const mebibytes = (bytes) => amount(Math.ceil(bytes / 2 ** 20));
  return new ApiError(413, "TOO_LARGE", t("uploadTooLarge", { size: mebibytes(file.size), limit: mebibytes(session.maxUploadBytes) }));
}
