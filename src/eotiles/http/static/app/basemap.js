// The ground under the imagery, made of what this server ships: land and sea, a graticule, footprints. No tile of
// anybody else's is asked for, so the map works without the internet.
import { LAND } from "./maplibre.js";

const EMPTY = { type: "FeatureCollection", features: [] };

const COLOURS = {
  light: {
    sea: "#dbe7ee", land: "#f4f2ec", coast: "#b9c7cf", near: "#eceeec",
    line: "#8fa3af", text: "#5d707c", halo: "#ffffff", mark: "#0b7a75",
  },
  dark: {
    sea: "#0d161d", land: "#1c2830", coast: "#33444f", near: "#18222a",
    line: "#41535f", text: "#8399a6", halo: "#0d161d", mark: "#3fd0c0",
  },
};

const dark = matchMedia("(prefers-color-scheme: dark)");

// Coastlines of 1:50 million are wrong by kilometres, so from zoom 9 on the ground is plain.
const fading = (from, to, before, after) => ["interpolate", ["linear"], ["zoom"], from, before, to, after];

const flag = (name) => ["boolean", ["feature-state", name], false];

/** MapLibre's style in the colours that the person's system asks for. */
export function baseStyle() {
  return {
    version: 8,
    sources: {
      land: { type: "geojson", data: LAND },
      graticule: { type: "geojson", data: EMPTY },
      footprints: { type: "geojson", data: EMPTY, promoteId: "key" },
      centres: { type: "geojson", data: EMPTY, promoteId: "key" },
    },
    layers: layers(COLOURS[dark.matches ? "dark" : "light"]),
  };
}

function layers(c) {
  const coast = fading(7, 9, 1, 0);
  const dot = fading(8, 10, 1, 0);
  return [
    layer("sea", "background", null, { "background-color": fading(7, 9, c.sea, c.near) }),
    layer("land", "fill", "land", { "fill-color": c.land, "fill-opacity": coast }, { maxzoom: 9 }),
    layer("coast", "line", "land", {
      "line-color": c.coast, "line-width": 0.8, "line-opacity": coast,
    }, { maxzoom: 9 }),
    layer("graticule", "line", "graticule", {
      "line-color": c.line, "line-width": 0.6, "line-opacity": 0.45,
    }, { filter: ["==", ["geometry-type"], "LineString"] }),
    // Imagery comes above this one: an archive holds many dates of a place, and their fills would add up to a tint.
    layer("footprint-fill", "fill", "footprints", {
      "fill-color": c.mark, "fill-opacity": ["case", flag("chosen"), 0, flag("hovered"), 0.25, 0.1],
    }),
    layer("degrees", "symbol", "graticule", {
      "text-color": c.text, "text-halo-color": c.halo, "text-halo-width": 1.2,
    }, {
      filter: ["==", ["geometry-type"], "Point"],
      layout: {
        "text-field": ["get", "text"], "text-size": 11, "text-font": ["sans-serif"],
        "text-anchor": "bottom-left", "text-offset": [0.2, -0.2],
      },
    }),
    layer("footprint-line", "line", "footprints", {
      "line-color": c.mark, "line-width": ["case", flag("chosen"), 2, flag("hovered"), 2.5, 1.2],
    }),
    layer("centre", "circle", "centres", {
      "circle-color": c.mark, "circle-opacity": dot,
      "circle-stroke-color": c.halo, "circle-stroke-opacity": dot, "circle-stroke-width": 1.5,
      "circle-radius": ["case", flag("chosen"), 7, flag("hovered"), 7, 5],
    }, { maxzoom: 10 }),
  ];
}

function layer(id, type, source, paint, more = {}) {
  return { id, type, ...(source ? { source } : {}), paint, ...more };
}

/** Give the map the other colours when the person's system turns light or dark; data and imagery stay. */
export function followTheme(map) {
  dark.addEventListener("change", () => {
    for (const { id, paint } of baseStyle().layers) {
      for (const [name, value] of Object.entries(paint)) map.setPaintProperty(id, name, value);
    }
  });
}
