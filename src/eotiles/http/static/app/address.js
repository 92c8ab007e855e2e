// What can be shared: the page's query says what is shown, MapLibre's hash (#zoom/latitude/longitude) from where.

/** What the address says: collection, item, layer (null where it says nothing), opacity 0–100. */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const opacity = Number.parseInt(query.get("opacity") ?? "100", 10);
  return {
    collection: query.get("collection"),
    item: query.get("item"),
    layer: query.get("layer"),
    opacity: Number.isFinite(opacity) ? Math.min(100, Math.max(0, opacity)) : 100,
    view: location.hash.length > 1,
  };
}

/** Put values into the address; null takes one out. `step`: a new entry that Back returns from. */
export function writeAddress(values, { step = false } = {}) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  if (url.href === location.href) return;
  history[step ? "pushState" : "replaceState"](history.state, "", url);
}
