// The one layer of imagery on the map, drawn from a TileJSON.
import { getJson, sentence } from "./api.js";

const ID = "imagery";
const BELOW = "degrees";

/** Pixels along a side of a tile: TileJSON has no field for it, TiTiler's addresses have a parameter. */
const sizeOf = ({ tiles: [template] }) => Number(new URL(template, document.baseURI).searchParams.get("tilesize")) || 256;

/**
 * `onFault(message)` is told in words what went wrong, null when a new layer starts; `onBusy(true | false)` whether
 * tiles are on their way; `onFar(true | false)` whether the map is too far out for the layer.
 */
export function createImagery(map, { onFault, onBusy, onFar }) {
  let opacity = 1;
  let nearest = 0;
  let asking = false;
  let request = null;

  map.on("error", async ({ error, sourceId }) => {
    if (sourceId !== ID) {
      console.warn(error?.message ?? error);
      return;
    }
    onFault(sentence(error.status ?? 0, error.body ? await error.body.text().catch(() => "") : ""));
  });
  map.on("dataloading", ({ sourceId }) => {
    if (sourceId === ID) onBusy(true);
  });
  map.on("idle", () => asking || onBusy(false));
  const judge = () => onFar(map.getZoom() < nearest);
  map.on("zoom", judge);

  function clear() {
    request?.abort();
    nearest = 0;
    judge();
    if (map.getLayer(ID)) map.removeLayer(ID);
    if (map.getSource(ID)) map.removeSource(ID);
  }

  return {
    /**
     * Draw a layer and return its TileJSON; null when it failed or another one was asked for meanwhile. `credit` is
     * shown where the TileJSON names nobody.
     */
    async show(layer, credit) {
      clear();
      onFault(null);
      onBusy(true);
      asking = true;
      request = new AbortController();
      const { signal } = request;
      try {
        const tilejson = await getJson(layer.href, { signal });
        map.addSource(ID, {
          type: "raster",
          tiles: tilejson.tiles,
          tileSize: sizeOf(tilejson),
          bounds: tilejson.bounds,
          minzoom: tilejson.minzoom ?? 0,
          maxzoom: tilejson.maxzoom ?? 22,
          scheme: tilejson.scheme ?? "xyz",
          attribution: tilejson.attribution || credit,
        });
        map.addLayer({
          id: ID,
          type: "raster",
          source: ID,
          paint: { "raster-opacity": opacity, "raster-fade-duration": 150, "raster-resampling": "nearest" },
        }, BELOW);
        asking = false;
        // A tile of 512 pixels stands for one zoom less than MapLibre counts for 256.
        nearest = (tilejson.minzoom ?? 0) - Math.log2(512 / sizeOf(tilejson));
        judge();
        return tilejson;
      } catch (error) {
        if (signal.aborted) return null;
        asking = false;
        onBusy(false);
        onFault(error.message);
        return null;
      }
    },
    clear() {
      clear();
      asking = false;
      onFault(null);
      onBusy(false);
    },
    /** 0 = not seen, 1 = nothing shines through. */
    setOpacity(value) {
      opacity = value;
      if (map.getLayer(ID)) map.setPaintProperty(ID, "raster-opacity", value);
    },
  };
}
