// The one layer of imagery on the map, drawn from a TileJSON.
import { getJson, sentence } from "./api.js";

const ID = "imagery";
const BELOW = "degrees";

/**
 * `onFault(message)` is told in words what went wrong, null when a new layer starts; `onBusy(true | false)` whether
 * tiles are on their way.
 */
export function createImagery(map, { onFault, onBusy }) {
  let opacity = 1;
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
  map.on("idle", () => onBusy(false));

  function clear() {
    request?.abort();
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
      request = new AbortController();
      const { signal } = request;
      try {
        const tilejson = await getJson(layer.href, { signal });
        map.addSource(ID, {
          type: "raster",
          tiles: tilejson.tiles,
          tileSize: tilejson.tileSize ?? 256,
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
        return tilejson;
      } catch (error) {
        if (signal.aborted) return null;
        onBusy(false);
        onFault(error.message);
        return null;
      }
    },
    clear() {
      clear();
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
