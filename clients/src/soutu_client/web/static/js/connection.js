// Whether the house answers. Requests that may be repeated wait here, and go on by themselves.

const FIRST_SECONDS = 1;
const MOST_SECONDS = 15;

export const connection = new EventTarget();

const waiting = new Map(); // each request that waits, with its problem
const wakers = new Set();

/** The problem of the request that has waited longest; null while all is well. */
export function problem() {
  return waiting.size ? waiting.values().next().value : null;
}

/** Try everything that waits at once. */
export function retryNow() {
  for (const wake of [...wakers]) wake();
}

/** A request goes on, but something is to be said of it. */
export function tellOf(key, error) {
  waiting.set(key, error);
  connection.dispatchEvent(new Event("change"));
}

/** Wait before another attempt: 1, 2, 4 … 15 seconds, less if the network comes back. */
export async function waitForTurn(key, error, attempt, signal) {
  tellOf(key, error);
  await new Promise((resolve, reject) => {
    const timer = setTimeout(done, 1000 * Math.min(MOST_SECONDS, FIRST_SECONDS * 2 ** attempt));
    function done() {
      clearTimeout(timer);
      wakers.delete(done);
      signal?.removeEventListener("abort", stop);
      resolve();
    }
    function stop() {
      done();
      reject(signal.reason);
    }
    wakers.add(done);
    signal?.addEventListener("abort", stop);
  });
}

/** A request that waited has ended, in one way or another. */
export function over(key, isWell) {
  if (!waiting.delete(key)) return;
  connection.dispatchEvent(new Event("change"));
  if (isWell && !waiting.size) connection.dispatchEvent(new Event("recovered"));
}

addEventListener("online", retryNow);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) retryNow();
});
