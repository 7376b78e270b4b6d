// The record of use: whether it is kept, how much there is, and the admin's switch.

import { ask, tell } from "./api.js";
import { confirmDialog } from "./confirm_dialog.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { attempt, toast } from "./messages.js";
import { isAdmin, session } from "./session.js";
import { t } from "./strings.js";
import { amount, bytes, dateText } from "./wording.js";

/** Fill the section with how the record is now; it stays hidden where there is nothing to say. */
export async function feedbackSection(section, signal) {
  draw(section, await ask("/api/feedback", { signal }));
}

function draw(section, state) {
  session.recordsUse = state.is_on;
  section.hidden = !state.can_record || !(isAdmin() || state.is_on);
  if (section.hidden) return;
  fill(section, h("h2", {}, t("useTitle")), h("p", { class: "muted", id: "use-hint" }, t("useHint")), isAdmin() ? controls(section, state) : t("useIsOn"));
}

function controls(section, state) {
  const box = h("input", { type: "checkbox", role: "switch", class: "use-switch", checked: state.is_on, "aria-describedby": "use-hint" });
  box.addEventListener("change", async () => {
    box.disabled = true;
    const wanted = box.checked;
    const isWell = await attempt(async () => {
      draw(section, await tell("/api/feedback", { record: wanted }));
      section.querySelector(".use-switch").focus();
    });
    if (!isWell) {
      box.checked = !wanted;
      box.disabled = false;
    }
  });
  return [
    h("label", { class: "switch-line" }, box, t("useSwitch")),
    h("p", { class: "muted use-kept" }, keptText(state)),
    (state.uses > 0 || state.broken_lines > 0) &&
      h(
        "div",
        { class: "actions" },
        h("a", { class: "button", href: "/api/feedback/record", download: "" }, icon("download"), t("useSee")),
        h("button", { type: "button", class: "button", onclick: () => clear(section, state) }, icon("bin"), t("useClear")),
      ),
  ];
}

function keptText(state) {
  const kept = state.since
    ? t("useKept", { n: amount(state.uses), since: dateText(state.since.slice(0, 10)), size: bytes(state.size_bytes) })
    : t("useNothing");
  return state.broken_lines ? `${kept} ${t("useBroken", { n: amount(state.broken_lines) })}` : kept;
}

async function clear(section, state) {
  const title = t("useClearTitle", { n: amount(state.uses) });
  if (!(await confirmDialog(title, { text: t("useClearText"), does: t("useClear") }))) return;
  await attempt(async () => {
    draw(section, await tell("/api/feedback/clear"));
    section.querySelector(".use-switch").focus();
    toast(t("useCleared"));
  });
}
