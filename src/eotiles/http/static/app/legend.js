// What the colours mean: a ramp with its values, or one swatch a class.
import { getJson } from "./api.js";
import { h } from "./dom.js";
import { number } from "./format.js";
import { sibling } from "./layers.js";

/** The legend of a layer as the raster API gives it; null where it has none (true colour). */
export async function fetchLegend(layer, signal) {
  const legend = await getJson(sibling(layer, "legend", { f: "json" }), { signal });
  const stops = (legend.stops ?? []).filter((stop) => stop.color !== undefined);
  return stops.length ? { ...legend, stops } : null;
}

/** Fill a figure with a legend. Returns the function that points at a value on the ramp (null: at none). */
export function drawLegend(figure, legend) {
  if (legend.stops.some((stop) => stop.label)) {
    figure.replaceChildren(caption(legend), h("ul", {}, ...legend.stops.map((stop) => h("li", {}, swatch(stop), stop.label ?? number(stop.value)))));
    return () => {};
  }
  const stops = [...legend.stops].sort((a, b) => a.value - b.value);
  const [low, high] = [stops[0].value, stops.at(-1).value];
  const at = (value) => `${(100 * (value - low)) / (high - low)}%`;
  const ramp = stops.map((stop) => `${css(stop.color)} ${at(stop.value)}`).join(", ");
  const pointer = h("span", { className: "pointer", hidden: true });
  figure.replaceChildren(
    caption(legend),
    h("div", { className: "ramp", role: "img", "aria-label": `From ${number(low)} to ${number(high)}`, style: { "background-image": `linear-gradient(to right, ${ramp})` } }, pointer),
    h("div", { className: "ticks" }, ...ticks(low, high).map((value) => h("span", { style: { left: at(value) } }, number(value)))),
  );
  return (value) => {
    pointer.hidden = !Number.isFinite(value);
    if (!pointer.hidden) pointer.style.left = at(Math.min(high, Math.max(low, value)));
  };
}

const caption = (legend) => h("figcaption", {}, legend.title ?? "", legend.unit ? ` (${legend.unit})` : "");

const swatch = (stop) => h("span", { className: "swatch", style: { background: css(stop.color) } });

const ticks = (low, high) => [0, 0.25, 0.5, 0.75, 1].map((part) => Number((low + part * (high - low)).toPrecision(4)));

/** A colour of CSS from "#rrggbb", "#rrggbbaa" or [red, green, blue, alpha] of 0–255. */
function css(colour) {
  if (!Array.isArray(colour)) return String(colour);
  const [red, green, blue, alpha = 255] = colour;
  return `rgb(${red} ${green} ${blue} / ${alpha / 255})`;
}
