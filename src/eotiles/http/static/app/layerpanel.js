// The card on the map: which layer, how much of it, what its colours mean, and what to take away.
import { superseded } from "./api.js";
import { pathOf, titleOf } from "./catalogue.js";
import { $, h, halves, safeUrl } from "./dom.js";
import { when } from "./format.js";
import { drawLegend, fetchLegend } from "./legend.js";
import { copyButton } from "./share.js";

export function createLayerPanel({ browser, onLayer, onOpacity, onZoom, onRetry }) {
  const card = $("layers");
  let request = null;
  let point = () => {};

  $("zoom-to").addEventListener("click", onZoom);
  $("fault").querySelector("button").addEventListener("click", onRetry);
  $("opacity").addEventListener("input", () => {
    const percent = Number($("opacity").value);
    $("opacity-value").value = `${percent} %`;
    onOpacity(percent);
  });

  function choice(layer, checked) {
    return h(
      "label",
      { className: "choice", title: layer.title || layer.name },
      h("input", { type: "radio", name: "layer", value: layer.key, checked, onchange: () => onLayer(layer) }),
      h("span", { className: "name" }, layer.name),
      layer.title ? h("span", { className: "full" }, layer.title) : null,
    );
  }

  return {
    /** Show what an item can be drawn as, with `picked` chosen. */
    open(item, layers, picked) {
      $("scene-title").replaceChildren(...halves(titleOf(item)));
      $("scene-title").ariaLabel = titleOf(item);
      $("scene-title").title = titleOf(item);
      $("scene-date").textContent = when(item.properties);
      const rows = layers.map((layer) => choice(layer, layer === picked));
      $("choices").replaceChildren(
        h("legend", { className: "unseen" }, "Show"),
        ...(rows.length ? rows : [h("p", { className: "none" }, "Nothing of this item can be drawn.")]),
      );
      $("scene-text").textContent = item.properties.description ?? "";
      $("scene-about").hidden = !item.properties.description;
      $("legend").hidden = true;
      $("actions").replaceChildren();
      card.hidden = false;
    },
    /** Fetch and draw the legend of a computed layer; the imagery does not wait for it. */
    async explain(layer) {
      request?.abort();
      request = new AbortController();
      const { signal } = request;
      $("legend").hidden = true;
      point = () => {};
      if (!layer.computed) return;
      try {
        const legend = await fetchLegend(layer, signal);
        if (!legend || signal.aborted) return;
        point = drawLegend($("legend"), legend);
        $("legend").hidden = false;
      } catch (error) {
        if (!superseded(error)) console.warn(`No legend for ${layer.key}: ${error.message}`);
      }
    },
    /** Offer the addresses of a layer for other maps. */
    share(item, layer, tilejson) {
      const self = safeUrl(item.links.find((link) => link.rel === "self")?.href ?? "");
      $("actions").replaceChildren(
        copyButton("Copy TileJSON", new URL(layer.href, document.baseURI).href),
        copyButton("Copy XYZ", tilejson.tiles[0]),
        h(
          "span",
          { className: "links" },
          self ? h("a", { href: self, target: "_blank", rel: "noopener" }, "STAC item") : null,
          browser ? h("a", { href: browser + pathOf(item) }, "STAC Browser") : null,
        ),
      );
    },
    setOpacity(percent) {
      $("opacity").value = String(percent);
      $("opacity-value").value = `${percent} %`;
    },
    /** Point at a value on the legend; null: at none. */
    point: (value) => point(value),
    /** Say that the map is too far out for the layer to be seen. */
    far(yes) {
      $("far").hidden = !yes;
    },
    /** Say what went wrong with the imagery; null: nothing. */
    fault(words) {
      $("fault").hidden = words === null;
      $("fault").querySelector("span").textContent = words ?? "";
    },
  };
}
