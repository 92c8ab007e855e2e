// Sentences about what went wrong, over the map until read or outdated.
import { $, h } from "./dom.js";

/** Say something. `retry` puts a button beside it; the notice goes when it is pressed. */
export function say(words, { retry } = {}) {
  clear();
  const act = retry ? h("button", { type: "button", onclick: () => { clear(); retry(); } }, "Try again") : null;
  const close = h("button", { type: "button", className: "quiet", "aria-label": "Close", onclick: clear }, "×");
  $("notices").append(h("p", { className: "notice" }, h("span", {}, words), act, close));
}

export function clear() {
  $("notices").replaceChildren();
}
