// The one place that names MapLibre's file. The worker is a file of our own origin: no blob: worker in the policy.
import {
  AttributionControl, Map, NavigationControl, Popup, ScaleControl, setWorkerUrl,
} from "../vendor/maplibre-gl-6.17.0/maplibre-gl.mjs";

setWorkerUrl(new URL("../vendor/maplibre-gl-6.17.0/maplibre-gl-worker.mjs", import.meta.url).href);

export { AttributionControl, Map, NavigationControl, Popup, ScaleControl };

export const LAND = new URL("../vendor/world-atlas-2.0.2/land.json", import.meta.url).href;
