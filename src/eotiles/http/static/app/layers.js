// What an item can be drawn as: one layer for each `tilejson` web-map-link, and the addresses that belong to it.

/** Parameters that may make a layer one of values, which have a legend; a layer without any is a picture. */
const COMPUTED = ["index", "expression", "model", "render", "colormap", "colormap_name"];

/**
 * Layers of an item in the order of its links: { key, name, title, computed, href }. `key` is what stands in the page's
 * address.
 */
export function layersOf(item) {
  const seen = new Set();
  return (item.links ?? []).filter((link) => link.rel === "tilejson").flatMap((link) => {
    const parameters = new URL(link.href, document.baseURI).searchParams;
    const index = parameters.get("index") ?? indexOf(link);
    const title = link.title || index || "Imagery";
    const key = link.render ?? index ?? slug(title);
    if (seen.has(key)) return [];
    seen.add(key);
    const computed = COMPUTED.some((name) => parameters.has(name));
    return [{ key, ...named(title, index), computed, href: link.href }];
  });
}

/** A render of an index is called like it, and its title begins so: "NDVI: Vegetation". */
function indexOf({ render, title = "" }) {
  return render && title.toLowerCase().startsWith(`${render.toLowerCase()}:`) ? render : null;
}

/** "NDVI" in bold and the rest of the title beside it, whichever way the title is written. */
function named(title, index) {
  if (!index) return { name: title, title: "" };
  const name = index.toUpperCase();
  const rest = title.replace(new RegExp(`^${escaped(name)}\\b[\\s:–—-]*`, "i"), "").replace(/^\((.*)\)$/, "$1");
  return { name, title: rest };
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const slug = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");

/** Route `route` of the same item with the same parameters, e.g. legend or point/7.1,50.2. */
export function sibling(layer, route, parameters = {}) {
  const url = new URL(layer.href, document.baseURI);
  url.pathname = url.pathname.replace(/\/[^/]+\/tilejson\.json$/, `/${route}`);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}
