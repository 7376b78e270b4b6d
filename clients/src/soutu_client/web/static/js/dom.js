// Elements without markup: text is always a text node, whatever characters a file's name holds.

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "open", "indeterminate"]);

/** Make an element. `on…` properties are listeners; null, undefined and false leave a property or a child out. */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  put(element, ...children);
  return element;
}

/** Append children, leaving out what is nothing. */
export function put(element, ...children) {
  for (const child of children.flat(3)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/** Replace everything that an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  put(element, ...children);
}

/** A button that shows an icon, and its label to those who hear pages. */
export function iconButton(icon, label, properties) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, ...properties }, icon);
}

/** Whether a person is writing, so that letters are no shortcuts. */
export function isWriting(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
