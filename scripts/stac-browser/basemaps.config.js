// The ground under the imagery: the coastline of the map page, from this server. STAC Browser's own asks OpenStreetMap
// and others on the internet for it.
import GeoJSON from "ol/format/GeoJSON.js";
import VectorLayer from "ol/layer/VectorImage.js";
import VectorSource from "ol/source/Vector.js";
import { Fill, Stroke, Style } from "ol/style.js";

const ATTRIBUTION = 'Coastline: <a href="https://www.naturalearthdata.com" target="_blank">Natural Earth</a>';

/** STAC Browser makes layers of tiles; this one is put in the place of what it made. */
async function coastline(made, source, map) {
  map.getTargetElement().style.backgroundColor = "#dfe7ea";
  return new VectorLayer({
    base: true,
    title: "Coastline",
    source: new VectorSource({ url: window.EOTILES_COASTLINE, format: new GeoJSON(), attributions: ATTRIBUTION }),
    style: new Style({
      fill: new Fill({ color: "#f7f5ef" }),
      stroke: new Stroke({ color: "#b9c3c6", width: 1 }),
    }),
  });
}

export default function configureBasemap(stac) {
  const targets = stac?.getMetadata?.("ssys:targets") ?? ["earth"];
  if (!window.EOTILES_COASTLINE || !targets.some((target) => /^earth$/i.test(target))) {
    return [];
  }
  return [{ is: "XYZ", title: "Coastline", projection: "EPSG:3857", layerCreated: coastline }];
}
