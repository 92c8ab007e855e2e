// Elements from data. Text stays text: nothing here parses markup.

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/**
 * A new element. `properties` are set as DOM properties, `on…` are listeners, `data` and `style` are objects, names with
 * a dash are attributes. Children are elements or text; null and undefined are left out.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const TAIL = 12;

/** Two spans of a title, for an element of class `cut`, whose end is always shown: ids of one archive begin alike. */
export function halves(title) {
  const letters = [...title];
  const tail = letters.length > 2 * TAIL ? letters.splice(-TAIL) : [];
  return [letters, tail].map((part) => h("span", {}, part.join("")));
}

/** An address that may be put into a link or a picture: http(s) only, never javascript: or data:. */
export function safeUrl(href, base = document.baseURI) {
  try {
    const url = new URL(href, base);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** `work`, but only once nobody has asked for it for `pause` milliseconds. */
export function settled(work, pause) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), pause);
  };
}
