// A button that puts an address on the clipboard and says so.
import { h } from "./dom.js";

export function copyButton(words, text) {
  const button = h("button", { type: "button", title: text, onclick: copy }, words);
  async function copy() {
    button.textContent = (await written(text)) ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = words; }, 1600);
  }
  return button;
}

/** Browsers give the clipboard to https and localhost only; elsewhere a selected field still works. */
async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", { value: text, className: "unseen", readOnly: true });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
