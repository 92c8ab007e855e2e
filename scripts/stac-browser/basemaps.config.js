// The ground under the imagery: the coastline of the map page, from this server. STAC Browser's own asks OpenStreetMap
// and others on the internet for it.
import Feature from "ol/Feature.js";
import GeoJSON from "ol/format/GeoJSON.js";
import VectorLayer from "ol/layer/VectorImage.js";
import VectorSource from "ol/source/Vector.js";
import { get as getProjection } from "ol/proj.js";
import { Fill, Stroke, Style } from "ol/style.js";

const PROJECTION = "EPSG:3857";
const SEA = "#dfe7ea";
const LAND = new Style({
  fill: new Fill({ color: "#f7f5ef" }),
  stroke: new Stroke({ color: "#b9c3c6", width: 1 }),
});

/** A feature for each piece of land. A piece that crosses the antimeridian reaches beyond it: its other end is a copy. */
function pieces(geojson) {
  const world = getProjection(PROJECTION).getExtent();
  const land = new GeoJSON().readGeometry(geojson, { featureProjection: PROJECTION });
  const width = world[2] - world[0];
  return land.getPolygons().flatMap((polygon) => [-width, 0, width].map((shift) => {
    const copy = polygon.clone();
    copy.translate(shift, 0);
    return copy;
  })).filter((copy) => copy.intersectsExtent(world)).map((copy) => new Feature(copy));
}

/** STAC Browser makes layers of tiles; this one is put in the place of what it made. */
async function coastline(made, source, map) {
  const answer = await fetch(window.EOTILES_COASTLINE);
  map.getTargetElement().style.backgroundColor = SEA;
  return new VectorLayer({
    base: true,
    title: "Coastline",
    style: LAND,
    source: new VectorSource({
      wrapX: false,
      features: pieces(await answer.json()),
      attributions: 'Coastline: <a href="https://www.naturalearthdata.com" target="_blank">Natural Earth</a>',
    }),
  });
}

export default function configureBasemap(stac) {
  const targets = stac?.getMetadata?.("ssys:targets") ?? ["earth"];
  const isEarth = targets.some((target) => /^earth$/i.test(target));
  return window.EOTILES_COASTLINE && isEarth
    ? [{ is: "XYZ", title: "Coastline", projection: PROJECTION, layerCreated: coastline }]
    : [];
}
