// Jobs, as they go on (server-sent events).

import { tell } from "./api.js";
import { fill, h } from "./dom.js";
import { attempt } from "./messages.js";
import { canWrite, isAdmin } from "./session.js";
import { t } from "./strings.js";
import { amount } from "./wording.js";

const OVER = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);
const STEERING = { RUNNING: ["pause", "cancel"], PAUSED: ["resume", "cancel"] };
const watched = new Map(); // each job that is watched, with its stream
const listeners = new Map(); // cards of jobs

/** A job with its bar. */
export function jobCard(job) {
  const title = h("strong", {});
  const bar = h("progress", { max: 1, "aria-label": t("progress") });
  const said = h("p", { class: "muted", role: "status" });
  const actions = h("div", { class: "actions" });
  const card = h("div", { class: "job", "data-job": job.job_id }, title, bar, said, actions);
  let state = null;
  const show = (now) => {
    title.textContent = `${t(`job${now.kind}`)} · ${t(`job${now.state}`)}`;
    if (OVER.has(now.state)) bar.value = 1;
    else if (now.photos_total) bar.value = now.photos_done / now.photos_total;
    else bar.removeAttribute("value");
    const numbers = now.photos_total ? t("jobPhotos", { done: amount(now.photos_done), total: amount(now.photos_total) }) : "";
    const seen = now.objects_seen ? t("jobSeen", { n: amount(now.objects_seen) }) : "";
    const failed = now.photos_unreadable ? t("jobUnreadable", { n: amount(now.photos_unreadable) }) : "";
    if (now.state !== state) {
      const hadFocus = actions.contains(document.activeElement);
      fill(actions, mayBeSteered(now) && STEERING[now.state]?.map((verb) => steer(now, verb)));
      if (hadFocus) actions.querySelector("button")?.focus();
      state = now.state;
    }
    said.textContent = [now.message, numbers || seen, failed].filter(Boolean).join(" · ");
  };
  show(job);
  listeners.set(job.job_id, show);
  return card;
}

/** A sync may be steered by whoever may write, other jobs by those who keep the house. */
function mayBeSteered(job) {
  return job.kind === "SYNC" ? canWrite() : isAdmin();
}

function steer(job, verb) {
  const ask = () =>
    attempt(async () => {
      const now = await tell(`/api/jobs/${encodeURIComponent(job.job_id)}/${verb}`);
      listeners.get(now.job_id)?.(now);
    });
  return h("button", { type: "button", class: "button quiet", onclick: ask }, t(verb));
}

/** Follow none any more: a browser has few connections. */
export function stopWatching() {
  for (const stream of watched.values()) stream.close();
  watched.clear();
}

/** Follow jobs until they are over; `onEnd` is told then. */
export function watchJobs(jobs, onEnd) {
  for (const job of jobs) {
    if (watched.has(job.job_id) || OVER.has(job.state)) continue;
    const stream = new EventSource(`/api/jobs/${encodeURIComponent(job.job_id)}/events`);
    watched.set(job.job_id, stream);
    const end = () => {
      stream.close();
      watched.delete(job.job_id);
    };
    stream.addEventListener("message", (event) => {
      const now = JSON.parse(event.data);
      listeners.get(now.job_id)?.(now);
      if (!OVER.has(now.state)) return;
      end();
      onEnd(now);
    });
    stream.addEventListener("problem", end);
    stream.addEventListener("error", end); // the status is asked for again soon, and starts another stream
  }
}
