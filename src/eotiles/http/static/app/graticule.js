// Lines of longitude and latitude with their degrees at the lower and left edge, as dense as the view needs.

const STEPS = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const LINES = 5;

/** Keep the source `graticule` of the map in step with its view. */
export function drawGraticule(map) {
  const draw = () => map.getSource("graticule")?.setData(graticule(map.getBounds(), map));
  map.on("moveend", draw);
  map.on("resize", draw);
  draw();
}

function graticule(bounds, map) {
  const [west, east] = [bounds.getWest(), bounds.getEast()];
  const [south, north] = [Math.max(-85, bounds.getSouth()), Math.min(85, bounds.getNorth())];
  const step = STEPS.findLast((size) => (east - west) / size < LINES * 1.6) ?? STEPS[0];
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const { height } = map.getContainer().getBoundingClientRect();
  const foot = map.unproject([0, height - 30]).lat;
  const edge = map.unproject([6, 0]).lng;
  const features = [];
  for (const lng of multiples(west, east, step)) {
    features.push(line([[lng, south], [lng, 0.5 * (south + north)], [lng, north]]));
    features.push(label([lng, Math.max(foot, -85)], text(wrapped(lng), digits, "E", "W"), "bottom-left"));
  }
  for (const lat of multiples(south, north, step)) {
    features.push(line([[west, lat], [east, lat]]));
    if (lat > foot) features.push(label([edge, lat], text(lat, digits, "N", "S"), "bottom-left"));
  }
  return { type: "FeatureCollection", features };
}

function multiples(low, high, step) {
  const first = Math.ceil(low / step);
  const count = Math.max(0, Math.min(100, Math.floor(high / step) - first + 1));
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toFixed(6)));
}

const wrapped = (lng) => ((((lng + 180) % 360) + 360) % 360) - 180;

const text = (value, digits, positive, negative) => (
  `${Math.abs(value).toFixed(digits)}°${value > 0 ? positive : value < 0 ? negative : ""}`
);

const line = (coordinates) => ({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates } });

const label = (coordinates, words, anchor) => (
  { type: "Feature", properties: { text: words, anchor }, geometry: { type: "Point", coordinates } }
);
