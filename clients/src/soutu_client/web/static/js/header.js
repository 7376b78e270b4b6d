// The head of the page: the box, the views, and a person's settings.

import { h, iconButton } from "./dom.js";
import { toggleFilters } from "./filters.js";
import { icon } from "./icons.js";
import { attempt } from "./messages.js";
import { current, go, place } from "./place.js";
import { emptyQuery, toUrl } from "./query.js";
import { searchBox } from "./search_box.js";
import { logOut, session } from "./session.js";
import { language, setLanguage, t } from "./strings.js";

const VIEWS = { photos: "photos", albums: "album", duplicates: "copies", library: "library" };

/** Fill the head. */
export function fillHeader(header) {
  const brand = h(
    "a",
    { class: "brand", href: "/", "aria-label": t("soutu"), onclick: goHome },
    h("img", { src: "/static/icons/icon.svg", alt: "", width: 30, height: 30 }),
    h("span", {}, t("soutu")),
  );
  const links = Object.entries(VIEWS).map(([view, name]) => viewLink(view, name));
  const filters = iconButton(icon("filter"), t("filters"), {
    class: "icon-button filters-button",
    onclick: () => {
      if (current().view !== "photos") go({ view: "photos" });
      toggleFilters();
    },
  });
  header.append(
    brand,
    h("div", { class: "search-row" }, searchBox(), filters),
    h("nav", { class: "views", "aria-label": t("views") }, links, menu()),
  );
  const follow = () => {
    for (const link of links) {
      if (link.dataset.view === current().view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    header.classList.toggle("is-elsewhere", current().view !== "photos");
  };
  place.addEventListener("change", follow);
  follow();
}

function goHome(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go({ view: "photos", photo: null, query: emptyQuery() });
}

function viewLink(view, name) {
  const move = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (view === "photos" && current().view === view) goHome(event);
    else go({ view, photo: null });
  };
  return h(
    "a",
    {
      class: "view-link",
      "data-view": view,
      "aria-label": t(view), // on a phone the word is not shown
      href: toUrl({ view, query: emptyQuery(), photo: null }),
      onclick: move,
    },
    icon(name),
    h("span", {}, t(view)),
  );
}

function menu() {
  const list = h("div", { class: "menu", id: "menu", popover: "auto" });
  const choice = (label, isChosen, choose) =>
    h(
      "button",
      { type: "button", class: "menu-item", "aria-pressed": String(isChosen), onclick: choose },
      label,
      isChosen && icon("check"),
    );
  const draw = () => {
    const theme = document.documentElement.dataset.theme ?? "system";
    list.replaceChildren(
      h("p", { class: "menu-head" }, t("theme")),
      ...["system", "light", "dark"].map((one) => choice(t(`theme_${one}`), one === theme, () => setTheme(one, draw))),
      h("p", { class: "menu-head" }, "语言 · Language"),
      choice("中文", language === "zh", () => setLanguage("zh")),
      choice("English", language === "en", () => setLanguage("en")),
    );
    const name = session.access?.name;
    if (session.hasToken) {
      list.append(
        h("p", { class: "menu-head" }, name ? t("loggedInAs", { name }) : t("account")),
        h("button", { type: "button", class: "menu-item", onclick: () => attempt(logOut) }, t("logOut")),
      );
    }
  };
  list.addEventListener("beforetoggle", draw);
  return [iconButton(icon("more"), t("menu"), { popovertarget: "menu", class: "icon-button menu-button" }), list];
}

function setTheme(theme, draw) {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem("soutu.theme");
  } else {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("soutu.theme", theme);
  }
  draw();
}
