// The API. Requests that change nothing are repeated until the house answers; others fail at once, with one line for people.

import { over, tellOf, waitForTurn } from "./connection.js";
import { language, t } from "./strings.js";

/** What the API, or the lack of it, says. `message` is for people. */
export class ApiError extends Error {
  constructor(status, reason, message, isPassing = false) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.isPassing = isPassing;
  }
}

const SLOW_SECONDS = 6; // from then on it is said that the house does not answer
const PASSING = new Set([429, 502, 503, 504]);

let logIn = null; // asks the person for a token; resolves when the API took it

/** Name who asks for a token when the API wants one. */
export function askWith(asker) {
  logIn = asker;
}

/** Ask once, and give the answer as an object. */
export async function once(path, { method = "GET", body, signal } = {}) {
  const headers = { "Accept-Language": language };
  if (method !== "GET") headers["X-Soutu"] = "1";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "NO_CONNECTION", t("noConnection"), true);
  }
  if (response.ok) return response.status === 204 ? null : response.json();
  throw await errorOf(response);
}

async function errorOf(response) {
  const said = await response.json().catch(() => null);
  const message = typeof said?.message === "string" ? said.message : t("unexpectedAnswer", { status: response.status });
  return new ApiError(response.status, said?.reason ?? "", message, PASSING.has(response.status));
}

/** Ask; wait for a token where one is wanted, and for the house where the request may be repeated. */
export async function ask(path, options = {}) {
  const { isRead = (options.method ?? "GET") === "GET", signal } = options;
  const key = Symbol(path);
  try {
    for (let attempt = 0; ; attempt += 1) {
      const slow = new ApiError(0, "NO_ANSWER", t("noAnswerYet"), true);
      const timer = isRead ? setTimeout(tellOf, 1000 * SLOW_SECONDS, key, slow) : 0;
      try {
        const answer = await once(path, options).finally(() => clearTimeout(timer));
        over(key, true);
        return answer;
      } catch (error) {
        if (error.status === 401 && logIn) await logIn(error);
        else if (isRead && error.isPassing) await waitForTurn(key, error, attempt, signal);
        else throw error;
      }
    }
  } finally {
    over(key, false);
  }
}

/** Wait until the house answers; it is said on the page while it does not. */
export function houseAnswers(signal) {
  return ask("/api/session", { signal });
}

/** Tell the API to do something. */
export function tell(path, body) {
  return ask(path, { method: "POST", body });
}

/** A small picture; of a video, the frame at a time if one is given. */
export function thumbnailUrl(photo, frameMs = null) {
  return `/api/photos/${photo.photo_id}/thumbnail${frameMs === null ? "" : `?frame_ms=${frameMs}`}`;
}

/** A picture as large as a screen, in a format that every browser shows. */
export function largeUrl(photo) {
  return `${thumbnailUrl(photo)}?large=true`;
}

export function originalUrl(photo) {
  return `/api/photos/${photo.photo_id}/original`;
}

/** Another file that belongs to a photo. */
export function partUrl(photo, part) {
  return `${originalUrl(photo)}?part=${part.part_id}`;
}
