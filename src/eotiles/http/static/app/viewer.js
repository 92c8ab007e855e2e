// The map at work: the item that is shown, the layer it is drawn as, and what a click means.
import { writeAddress } from "./address.js";
import { boundsOf, creditOf, keyOf } from "./catalogue.js";
import { $, settled } from "./dom.js";
import { createImagery } from "./imagery.js";
import { createLayerPanel } from "./layerpanel.js";
import { layersOf } from "./layers.js";
import { createFootprints, flyTo } from "./mapview.js";
import { createProbe } from "./probe.js";

/** `onShow(item)` is told which item is on the map, `onHover(key)` which one the mouse is over (null: none).
 * `browser` is the address of STAC Browser (null: there is none). */
export function createViewer(map, { browser, onShow, onHover }) {
  let item = null;
  let layer = null;
  let extent = null;
  let found = [];

  const panel = createLayerPanel({
    browser,
    onLayer: (wanted) => draw(wanted),
    onZoom: () => flyTo(map, extent),
    onRetry: () => draw(layer),
    onOpacity(percent) {
      imagery.setOpacity(percent / 100);
      remember(percent);
    },
  });
  const remember = settled((percent) => writeAddress({ opacity: percent === 100 ? null : percent }), 200);
  const imagery = createImagery(map, { onFault: panel.fault, onBusy: busy, onFar: panel.far });
  const probe = createProbe(map, { onValue: panel.point });
  const footprints = createFootprints(map, { onHover });
  map.on("click", point);
  map.getCanvas().addEventListener("keydown", (event) => {
    if (event.key === "Enter") point({ point: map.project(map.getCenter()), lngLat: map.getCenter() });
  });

  /** `fly`: how to go to where the layer is, once that is known; null stays. */
  async function draw(wanted, fly = null) {
    layer = wanted;
    probe.close();
    if (!layer) {
      imagery.clear();
      return;
    }
    writeAddress({ layer: layer.key });
    panel.explain(layer);
    const tilejson = await imagery.show(layer, creditOf(item));
    if (!tilejson) return;
    panel.share(item, wanted, tilejson);
    // A layer can be smaller than its item: bands differ in what they cover.
    extent = tilejson.bounds ?? extent;
    if (fly) flyTo(map, extent, fly);
  }

  /** On the item that is shown a click reads a value, on another footprint it goes there. */
  function point({ point: pixel, lngLat }) {
    const items = footprints.at(pixel);
    if (layer && items.some((one) => keyOf(one) === keyOf(item))) probe.read(layer, lngLat);
    else if (items.length) pick(items[0], { step: true });
  }

  /** Footprints of what was found, and of the shown item even where the search did not find it. */
  function outline() {
    const missing = item && !found.some((one) => keyOf(one) === keyOf(item));
    footprints.show(missing ? [...found, item] : found);
  }

  /**
   * Show an item as the layer `key`, else as the layer shown before, else as its first. `step`: the person asked for it,
   * so Back returns, and the map flies; `fly: false` leaves the view as it is.
   */
  function pick(wanted, { key = layer?.key, fly = true, step = false } = {}) {
    const layers = layersOf(wanted);
    const first = layers.find((one) => one.key === key) ?? layers[0] ?? null;
    item = wanted;
    writeAddress({ collection: item.collection, item: item.id, layer: first?.key ?? null }, { step });
    onShow(item);
    outline();
    footprints.choose(keyOf(item));
    panel.open(item, layers, first);
    extent = boundsOf(item);
    if (fly) flyTo(map, extent, { animate: step });
    draw(first, fly ? { animate: step } : null);
  }

  return {
    pick,
    hover: footprints.hover,
    show(items) {
      found = items;
      outline();
    },
    setOpacity(percent) {
      panel.setOpacity(percent);
      imagery.setOpacity(percent / 100);
    },
  };
}

/** Say on the page whether imagery is on its way. */
export function busy(yes) {
  $("progress").hidden = !yes;
  document.documentElement.dataset.state = yes ? "busy" : "idle";
}
