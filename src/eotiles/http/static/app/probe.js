// The value of the pixel under a click, from the same service and with the same parameters as the tiles.
import { getJson, superseded } from "./api.js";
import { h } from "./dom.js";
import { number, place } from "./format.js";
import { sibling } from "./layers.js";
import { Popup } from "./maplibre.js";

/** `onValue(value)` is told the number when a layer has one value a pixel, null when nothing is pointed at any more. */
export function createProbe(map, { onValue }) {
  let popup = null;
  let request = null;

  function close() {
    request?.abort();
    popup?.remove();
    popup = null;
  }

  return {
    close,
    async read(layer, spot) {
      close();
      request = new AbortController();
      const { signal } = request;
      const { lng, lat } = spot.wrap();
      const body = h("div", { className: "reading", role: "status" }, h("p", {}, "Reading…"));
      const where = h("p", { className: "where" }, place({ lng, lat }));
      popup = new Popup({ closeOnClick: false, maxWidth: "280px", focusAfterOpen: false });
      popup.setLngLat(spot).setDOMContent(body).addTo(map);
      popup.on("close", () => onValue(null));
      try {
        const route = `point/${lng.toFixed(7)},${lat.toFixed(7)}`;
        const answer = await getJson(sibling(layer, route), { signal });
        body.replaceChildren(...reading(layer, answer), where);
        if (answer.values.length === 1) onValue(answer.values[0]);
      } catch (error) {
        if (superseded(error)) return;
        body.replaceChildren(h("p", { className: "said" }, error.message), where);
      }
    },
  };
}

function reading(layer, { values, band_names: names = [], band_descriptions: described = names }) {
  if (!values.some((value) => Number.isFinite(value))) return [h("p", { className: "said" }, "No data here.")];
  if (values.length === 1) {
    return [h("p", { className: "value" }, h("span", {}, layer.name), h("strong", {}, number(values[0])))];
  }
  const rows = values.flatMap((value, i) => [
    h("dt", {}, bandName(described[i] ?? `Band ${i + 1}`)),
    h("dd", {}, number(value)),
  ]);
  return [h("dl", {}, ...rows)];
}

/** TiTiler writes ASSET_BAND, and assets of one band are mostly named like it. */
const bandName = (text) => text.replace(/^(.+)_\1$/, "$1");
