// Files that are missing, too many at once to be taken for deleted: a person says whether they are.

import { tell } from "./api.js";
import { confirmDialog } from "./confirm_dialog.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { attempt } from "./messages.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";
import { amount } from "./wording.js";

const MOST_SHOWN = 5;

const waits = new Map(); // each source that a person lets wait, with how many were missing then

/** A notice for each source that lacks files. `onSync` is told of the sync that begins, `onWait` when the person lets it be. */
export function missingNotices(sources, { onSync, onWait }) {
  return sources.filter((one) => one.missing > 0).map((one) => notice(one, onSync, onWait));
}

function notice(source, onSync, onWait) {
  const isWaiting = waits.get(source.source) === source.missing;
  const names = { n: amount(source.missing), source: source.source };
  const examples = h("ul", { class: "plain-list examples" }, source.missing_examples.slice(0, MOST_SHOWN).map((name) => h("li", {}, name)));
  const wait = () => {
    waits.set(source.source, source.missing);
    onWait();
  };
  const confirm = async () => {
    const isMeant = await confirmDialog(t("missingSure", names), { text: t("missingSureText"), does: t("missingAreGone") });
    if (!isMeant) return;
    await attempt(async () => onSync(await tell("/api/sync", { sources: [source.source], confirm_gone: true })));
  };
  return h(
    "section",
    { class: "card missing", "data-source": source.source, "aria-label": t("missingTitle", names) },
    h("h2", {}, icon("warning"), t("missingTitle", names)),
    h("p", {}, t(isWaiting ? "missingWaits" : "missingText")),
    !isWaiting && examples,
    !isWaiting && source.missing > MOST_SHOWN && h("p", { class: "muted" }, t("missingMore")),
    canWrite() &&
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "button", onclick: confirm }, t("missingAreGone")),
        !isWaiting && h("button", { type: "button", class: "button primary", onclick: wait }, t("missingWait")),
      ),
  );
}
