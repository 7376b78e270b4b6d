// The models whose embeddings there are, or could be: which one answers, and changing to another.

import { tell } from "./api.js";
import { confirmDialog } from "./confirm_dialog.js";
import { fill, h } from "./dom.js";
import { attempt, toast } from "./messages.js";
import { isAdmin } from "./session.js";
import { t } from "./strings.js";
import { amount } from "./wording.js";

/** Fill the section; with one model alone there is nothing to choose. `onJob` is told of a re-index, `onSwitch` of a change. */
export function fillModels(section, status, { onJob, onSwitch }) {
  section.hidden = status.spaces.length < 2;
  if (section.hidden) return;
  const focused = section.contains(document.activeElement) ? document.activeElement.dataset.space : null;
  fill(
    section,
    h("h2", {}, t("models")),
    h("p", { class: "muted" }, t("modelsHint")),
    status.spaces.map((space) => row(space, status, { onJob, onSwitch })),
  );
  if (focused) section.querySelector(`[data-space="${CSS.escape(focused)}"]`)?.focus();
}

function row(space, status, { onJob, onSwitch }) {
  const isComplete = space.photos >= status.photos_ready;
  const state = space.serving ? "modelServes" : space.filling ? "modelFills" : isComplete ? "modelReady" : "modelPartly";
  const facts = [t(state), t("photosCount", { n: amount(space.photos) })];
  const reindex = async () => {
    const text = t("reindexText", { n: amount(status.photos_ready - space.photos) });
    if (!(await confirmDialog(t("reindexTitle", { model: space.model }), { text, does: t("reindexStart") }))) return;
    await attempt(async () => onJob(await tell("/api/reindex", { space_id: space.space_id })));
  };
  const change = () =>
    attempt(async () => {
      await tell("/api/space", { space_id: space.space_id });
      toast(t("modelChanged", { model: space.model }));
      onSwitch();
    });
  const button = (label, does) =>
    h("button", { type: "button", class: "button", "data-space": space.space_id, onclick: does }, label);
  const mayChange = isAdmin() && !space.serving && !space.filling;
  return h(
    "div",
    { class: "line model" },
    h("span", { class: space.serving ? "light good" : "light idle" }),
    h("span", { class: "grow" }, h("strong", {}, space.model), " ", h("span", { class: "muted" }, facts.join(" · "))),
    mayChange && isComplete && button(t("modelUse"), change),
    mayChange && !isComplete && space.available && button(t("reindexStart"), reindex),
  );
}
