// The map itself: controls, footprints of what was found, and where to look.
import { baseStyle, followTheme } from "./basemap.js";
import { boundsOf, keyOf, titleOf } from "./catalogue.js";
import { $, settled } from "./dom.js";
import { drawGraticule } from "./graticule.js";
import { AttributionControl, Map, NavigationControl, ScaleControl } from "./maplibre.js";

const CLOSEST = 16;
const CANVAS = "Map. Arrow keys move it, plus and minus zoom, Enter reads the value at the centre.";

/** A map that can be drawn on; the ground may still be loading. Rejects where the browser has no WebGL 2. */
export async function createMap() {
  const map = new Map({
    container: "map",
    style: baseStyle(),
    center: [10, 25],
    zoom: 1.6,
    maxZoom: 20,
    hash: true,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new AttributionControl({ compact: innerWidth < 720 }), "bottom-right");
  map.addControl(new NavigationControl({ showCompass: false }), "bottom-right");
  map.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-left");
  map.getCanvas().setAttribute("aria-label", CANVAS);
  await map.once("style.load");
  drawGraticule(map);
  followTheme(map);
  return map;
}

/** Draw the footprints of items, and say whether one is found at a point. */
export function createFootprints(map, { onHover }) {
  let items = new globalThis.Map();
  let chosen = null;
  let hovered = null;

  const mark = (key, state) => {
    if (!key) return;
    for (const source of ["footprints", "centres"]) map.setFeatureState({ source, id: key }, state);
  };
  const hover = (key) => {
    if (key === hovered) return;
    mark(hovered, { hovered: false });
    mark(key, { hovered: true });
    hovered = key;
  };
  const at = (point) => {
    const found = map.queryRenderedFeatures(point, { layers: ["centre", "footprint-fill"] });
    return found.map((feature) => items.get(feature.properties.key)).filter(Boolean);
  };
  map.on("mousemove", settled((event) => {
    const [first] = at(event.point);
    const key = first ? keyOf(first) : null;
    map.getCanvas().style.cursor = key ? (key === chosen ? "crosshair" : "pointer") : "";
    hover(key);
    onHover(key);
  }, 20));

  return {
    at,
    hover,
    show(found) {
      items = new globalThis.Map(found.map((item) => [keyOf(item), item]));
      map.getSource("footprints").setData(collection(found, (item) => item.geometry));
      map.getSource("centres").setData(collection(found, centre));
    },
    choose(key) {
      mark(chosen, { chosen: false });
      mark(key, { chosen: true });
      chosen = key;
    },
  };
}

const collection = (items, geometry) => ({
  type: "FeatureCollection",
  features: items.map((item) => (
    { type: "Feature", properties: { key: keyOf(item), title: titleOf(item) }, geometry: geometry(item) }
  )),
});

function centre(item) {
  const [west, south, east, north] = boundsOf(item);
  return { type: "Point", coordinates: [(west + east + (east < west ? 360 : 0)) / 2, (south + north) / 2] };
}

/**
 * Fly to west, south, east, north, beside the card that lies on the map. At once where motion is not wanted (MapLibre sees
 * to that).
 */
export function flyTo(map, [west, south, east, north], { animate = true } = {}) {
  const wide = $("map").clientWidth > 760;
  map.fitBounds([[west, south], [east < west ? east + 360 : east, north]], {
    padding: { top: 48, bottom: 56, left: 56, right: wide ? 356 : 48 },
    maxZoom: CLOSEST,
    duration: animate ? 1400 : 0,
  });
}

/** West, south, east, north of what is in view, as a search takes it. */
export function viewBounds(map) {
  const bounds = map.getBounds();
  const [west, east] = [bounds.getWest(), bounds.getEast()];
  if (east - west >= 360) return [-180, Math.max(-90, bounds.getSouth()), 180, Math.min(90, bounds.getNorth())];
  const wrap = (lng) => ((((lng + 180) % 360) + 360) % 360) - 180;
  return [wrap(west), Math.max(-90, bounds.getSouth()), wrap(east), Math.min(90, bounds.getNorth())];
}
