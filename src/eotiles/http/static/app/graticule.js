// Lines of longitude and latitude with their degrees at the lower and left edge, as dense as the view needs.

const STEPS = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const LINES = 8;

/** Keep the source `graticule` of the map in step with its view. */
export function drawGraticule(map) {
  const draw = () => map.getSource("graticule").setData(graticule(map));
  map.on("moveend", draw);
  map.on("resize", draw);
  draw();
}

function graticule(map) {
  const bounds = map.getBounds();
  const [west, east] = [bounds.getWest(), bounds.getEast()];
  const [south, north] = [Math.max(-85, bounds.getSouth()), Math.min(85, bounds.getNorth())];
  const step = STEPS.findLast((size) => (east - west) / size < LINES) ?? STEPS[0];
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const foot = map.unproject([0, map.getContainer().clientHeight - 30]).lat;
  const edge = map.unproject([6, 0]).lng;
  const meridians = multiples(west, east, step).flatMap((lng) => [
    line([[lng, south], [lng, north]]),
    label([lng, Math.max(foot, -85)], degrees(wrapped(lng), digits, "E", "W")),
  ]);
  const parallels = multiples(south, north, step).flatMap((lat) => [
    line([[west, lat], [east, lat]]),
    ...(lat > foot ? [label([edge, lat], degrees(lat, digits, "N", "S"))] : []),
  ]);
  return { type: "FeatureCollection", features: [...meridians, ...parallels] };
}

function multiples(low, high, step) {
  const first = Math.ceil(low / step);
  const count = Math.min(100, Math.max(0, Math.floor(high / step) - first + 1));
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toFixed(6)));
}

const wrapped = (lng) => ((((lng + 180) % 360) + 360) % 360) - 180;

function degrees(value, digits, positive, negative) {
  const side = value === 0 ? "" : value > 0 ? positive : negative;
  return `${Math.abs(value).toFixed(digits)}°${side}`;
}

const feature = (type, coordinates, properties = {}) => (
  { type: "Feature", properties, geometry: { type, coordinates } }
);

const line = (coordinates) => feature("LineString", coordinates);

const label = (coordinates, text) => feature("Point", coordinates, { text });
