// What the colours mean: a ramp with its values, or one swatch a class.
import { getJson } from "./api.js";
import { h } from "./dom.js";
import { number } from "./format.js";
import { sibling } from "./layers.js";

/** The legend of a computed layer, as the raster API gives it; null where nothing could be shown. */
export async function fetchLegend(layer, signal) {
  const legend = await getJson(sibling(layer, "legend", { f: "json" }), { signal });
  return legend.stops?.length ? legend : null;
}

/** Fill a figure with a legend. Returns the function that points at a value on the ramp (null: at none). */
export function drawLegend(figure, legend) {
  const caption = h("figcaption", {}, legend.title ?? "", legend.unit ? ` (${legend.unit})` : "");
  if (legend.type === "classes") {
    figure.replaceChildren(caption, h("ul", {}, ...legend.stops.map(swatch)));
    return () => {};
  }
  const [low, high] = [legend.stops[0].value, legend.stops.at(-1).value];
  const at = (value) => `${(100 * (value - low)) / (high - low)}%`;
  const pointer = h("span", { className: "pointer", hidden: true });
  const colours = legend.stops.map((stop) => `${stop.color} ${at(stop.value)}`).join(", ");
  figure.replaceChildren(
    caption,
    h("div", {
      className: "ramp",
      role: "img",
      "aria-label": `Colours from ${number(low)} to ${number(high)}`,
      style: { "background-image": `linear-gradient(to right, ${colours})` },
    }, pointer),
    h("div", { className: "ticks" }, ...spaced(low, high, legend.ticks).map(
      (value) => h("span", { style: { left: at(value) } }, number(value)),
    )),
  );
  return (value) => {
    pointer.hidden = !Number.isFinite(value);
    if (!pointer.hidden) pointer.style.left = at(Math.min(high, Math.max(low, value)));
  };
}

const swatch = (stop) => h("li", {}, h("span", { className: "swatch", style: { background: stop.color } }), stop.label);

/** Both ends, and of the values proposed between them those that leave room for the ends. */
function spaced(low, high, proposed = [(low + high) / 2]) {
  const room = (high - low) * 0.14;
  return [low, ...proposed.filter((value) => value - low > room && high - value > room), high];
}
