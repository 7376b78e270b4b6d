// Lists of the library view: what could not be read, and what was deleted.

import { ask, thumbnailUrl } from "./api.js";
import { fill, h } from "./dom.js";
import { attempt } from "./messages.js";
import { undelete } from "./photo_changes.js";
import { canWrite } from "./session.js";
import { t } from "./strings.js";
import { agoText, amount, shortName } from "./wording.js";

const PAGE = 30;

/** What could not be read, and why. */
export async function unreadableSection(section, status, signal) {
  section.hidden = status.photos_unreadable === 0;
  if (section.hidden) return;
  const list = h("ul", { class: "plain-list" });
  fill(
    section,
    h("h2", {}, t("unreadableTitle")),
    h(
      "ul",
      { class: "reasons" },
      status.unreadable_reasons.map((one) => h("li", {}, `${one.message} · ${amount(one.photos)}`)),
    ),
    list,
  );
  await pages(section, list, "/api/photos?state=UNREADABLE", signal, (photo) =>
    h(
      "li",
      {},
      h("strong", {}, photo.names[0]?.name ?? photo.photo_id),
      " ",
      h("span", { class: "muted" }, photo.unreadable?.message ?? ""),
    ),
  );
}

/** What was deleted, with a way back. */
export async function deletedSection(section, photos, signal) {
  section.hidden = photos === 0;
  if (section.hidden) return;
  const list = h("ul", { class: "deleted-list" });
  fill(section, h("h2", {}, t("deletedTitle", { n: amount(photos) })), h("p", { class: "muted" }, t("deletedHint")), list);
  await pages(section, list, "/api/photos?deleted=true", signal, deletedItem);
}

function deletedItem(photo) {
  const restore = h("button", { type: "button", class: "button", onclick: () => undelete([photo]) }, t("restore"));
  const image = h("img", { src: thumbnailUrl(photo), alt: "", width: 96, height: 96, loading: "lazy", decoding: "async" });
  return h(
    "li",
    {},
    photo.width > 0 && image,
    h(
      "span",
      { class: "grow" },
      h("strong", {}, shortName(photo)),
      h("small", { class: "muted" }, photo.deleted_at ? agoText(photo.deleted_at) : ""),
    ),
    canWrite() && restore,
  );
}

async function pages(section, list, path, signal, item, token = "") {
  const separator = path.includes("?") ? "&" : "?";
  const page = await ask(`${path}${separator}page_size=${PAGE}&page_token=${encodeURIComponent(token)}`, { signal });
  list.append(...page.photos.map(item));
  section.querySelector(".more")?.remove();
  if (!page.next_page_token) return;
  const more = () => attempt(() => pages(section, list, path, signal, item, page.next_page_token));
  section.append(h("button", { type: "button", class: "button quiet more", onclick: more }, t("more")));
}
