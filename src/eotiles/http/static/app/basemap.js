// The ground under the imagery, made of what this server ships: land and sea, a graticule, footprints. No tile of
// anybody else's is asked for, so the map works without the internet.
import { LAND } from "./maplibre.js";

const EMPTY = { type: "FeatureCollection", features: [] };

const COLOURS = {
  light: { sea: "#dbe7ee", land: "#f4f2ec", coast: "#b9c7cf", near: "#eceeec", line: "#8fa3af", text: "#5d707c", halo: "#ffffff", mark: "#0b7a75" },
  dark: { sea: "#0d161d", land: "#1c2830", coast: "#33444f", near: "#18222a", line: "#41535f", text: "#8399a6", halo: "#0d161d", mark: "#3fd0c0" },
};

const dark = matchMedia("(prefers-color-scheme: dark)");

/** MapLibre's style in the colours that the person's system asks for. */
export function baseStyle() {
  const c = COLOURS[dark.matches ? "dark" : "light"];
  // Coastlines of 1:50 million are wrong by kilometres, so from zoom 9 on the ground is plain.
  const fade = ["interpolate", ["linear"], ["zoom"], 7, 1, 9, 0];
  return {
    version: 8,
    sources: {
      land: { type: "geojson", data: LAND },
      graticule: { type: "geojson", data: EMPTY },
      footprints: { type: "geojson", data: EMPTY, promoteId: "key" },
      centres: { type: "geojson", data: EMPTY, promoteId: "key" },
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": ["interpolate", ["linear"], ["zoom"], 7, c.sea, 9, c.near] } },
      { id: "land", type: "fill", source: "land", maxzoom: 9, paint: { "fill-color": c.land, "fill-opacity": fade } },
      { id: "coast", type: "line", source: "land", maxzoom: 9, paint: { "line-color": c.coast, "line-width": 0.8, "line-opacity": fade } },
      { id: "graticule", type: "line", source: "graticule", filter: ["==", ["geometry-type"], "LineString"], paint: { "line-color": c.line, "line-width": 0.6, "line-opacity": 0.45 } },
      {
        id: "degrees", type: "symbol", source: "graticule", filter: ["==", ["geometry-type"], "Point"],
        layout: { "text-field": ["get", "text"], "text-size": 11, "text-anchor": ["get", "anchor"], "text-offset": [0.2, -0.2], "text-font": ["sans-serif"] },
        paint: { "text-color": c.text, "text-halo-color": c.halo, "text-halo-width": 1.2 },
      },
      {
        id: "footprint-fill", type: "fill", source: "footprints",
        paint: { "fill-color": c.mark, "fill-opacity": ["case", flag("chosen"), 0, flag("hovered"), 0.25, 0.1] },
      },
      {
        id: "footprint-line", type: "line", source: "footprints",
        paint: { "line-color": c.mark, "line-width": ["case", flag("chosen"), 2, flag("hovered"), 2.5, 1.2], "line-opacity": ["case", flag("chosen"), 0.9, 0.75] },
      },
      {
        id: "centre", type: "circle", source: "centres", maxzoom: 10,
        paint: {
          "circle-color": c.mark, "circle-stroke-color": c.halo, "circle-stroke-width": 1.5,
          "circle-radius": ["case", flag("chosen"), 7, flag("hovered"), 7, 5],
          "circle-opacity": ["interpolate", ["linear"], ["zoom"], 8, 1, 10, 0],
          "circle-stroke-opacity": ["interpolate", ["linear"], ["zoom"], 8, 1, 10, 0],
        },
      },
    ],
  };
}

function flag(name) {
  return ["boolean", ["feature-state", name], false];
}

/** Give the map the other colours when the person's system turns light or dark; data and imagery stay. */
export function followTheme(map) {
  dark.addEventListener("change", () => {
    for (const { id, paint } of baseStyle().layers) {
      for (const [name, value] of Object.entries(paint)) map.setPaintProperty(id, name, value);
    }
  });
}
