// The list of what was found. Every row is a button, so that a keyboard does what a mouse does.
import { keyOf, titleOf } from "./catalogue.js";
import { $, h, halves, safeUrl } from "./dom.js";
import { facts, when } from "./format.js";

export function createResults({ onPick, onHover, onMore }) {
  const list = $("results");
  const more = $("more");
  more.addEventListener("click", onMore);

  function row(item) {
    const key = keyOf(item);
    return h("li", {}, h(
      "button",
      {
        type: "button", className: "scene", data: { key }, "aria-pressed": "false",
        "aria-label": [titleOf(item), when(item.properties), facts(item.properties)].filter(Boolean).join(", "),
        onclick: () => onPick(item),
        onmouseenter: () => onHover(key), onmouseleave: () => onHover(null),
        onfocus: () => onHover(key), onblur: () => onHover(null),
      },
      picture(item),
      h(
        "span",
        { className: "words" },
        h("strong", { className: "cut", title: titleOf(item) }, ...halves(titleOf(item))),
        h("span", {}, when(item.properties)),
        h("span", { className: "facts" }, facts(item.properties)),
      ),
    ));
  }

  return {
    /** `append`: the next page of the same search. */
    show(items, { append = false, more: further = false } = {}) {
      if (!append) list.replaceChildren();
      list.append(...items.map(row));
      more.hidden = !further;
    },
    say(words) {
      $("count").textContent = words;
    },
    /** Mark the row of the item that is shown, and bring it into view. */
    choose(key) {
      for (const button of list.querySelectorAll("button")) {
        const chosen = button.dataset.key === key;
        button.setAttribute("aria-pressed", String(chosen));
        // On a phone the list does not scroll by itself: the whole panel would jump.
        if (chosen && list.scrollHeight > list.clientHeight) button.scrollIntoView({ block: "nearest" });
      }
    },
    hover(key) {
      for (const button of list.querySelectorAll("button")) button.classList.toggle("hovered", button.dataset.key === key);
    },
  };
}

/** The thumbnail, or an empty frame of its size where there is none or it does not load. */
function picture(item) {
  const asset = Object.values(item.assets ?? {}).find(({ roles }) => roles?.includes("thumbnail"));
  const source = asset ? safeUrl(asset.href) : null;
  const frame = h("span", { className: "thumb" });
  if (source) frame.append(h("img", { src: source, alt: "", loading: "lazy", onerror: (event) => event.target.remove() }));
  return frame;
}
