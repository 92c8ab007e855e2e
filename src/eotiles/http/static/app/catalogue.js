// The STAC API: collections, search, items.
import { getJson, postJson } from "./api.js";

const PAGE = 24;

/** Every collection, by title. */
export async function listCollections(stac) {
  const found = [];
  let href = `${stac}/collections?limit=200`;
  for (let pages = 0; href && pages < 20; pages += 1) {
    const { collections, links = [] } = await getJson(href);
    found.push(...collections);
    href = links.find((link) => link.rel === "next")?.href;
  }
  return found.sort((a, b) => titleOf(a).localeCompare(titleOf(b)));
}

export const titleOf = (thing) => thing.title || thing.properties?.title || thing.id;

/**
 * The first page of a search: { items, matched, more }; `more(signal)` gives the next page, null after the last.
 * `query`: collection, from and to (YYYY-MM-DD or ""), cloud (at most, in percent; null: any), bbox (null: anywhere).
 */
export async function search(stac, query, signal) {
  const body = { limit: PAGE, sortby: [{ field: "properties.datetime", direction: "desc" }] };
  if (query.collection) body.collections = [query.collection];
  if (query.from || query.to) {
    body.datetime = `${query.from ? `${query.from}T00:00:00Z` : ".."}/${query.to ? `${query.to}T23:59:59Z` : ".."}`;
  }
  if (query.cloud !== null) {
    body["filter-lang"] = "cql2-json";
    body.filter = { op: "<=", args: [{ property: "eo:cloud_cover" }, query.cloud] };
  }
  if (query.bbox) body.bbox = query.bbox;
  return page(await postJson(`${stac}/search`, body, { signal }), body);
}

function page(answer, body) {
  const next = (answer.links ?? []).find((link) => link.rel === "next");
  const follow = async (signal) => {
    if (next.method !== "POST") return page(await getJson(next.href, { signal }), body);
    const wanted = next.merge ? { ...body, ...next.body } : next.body;
    return page(await postJson(next.href, wanted, { signal }), wanted);
  };
  return {
    items: answer.features.filter((item) => item.geometry),
    matched: answer.numberMatched ?? answer.context?.matched ?? null,
    more: next ? follow : null,
  };
}

export const getItem = (stac, collection, id, signal) => getJson(stac + pathOf({ collection, id }), { signal });

/** Of an item, below the address of the STAC API or of STAC Browser. */
export const pathOf = ({ collection, id }) =>
  `/collections/${encodeURIComponent(collection)}/items/${encodeURIComponent(id)}`;

/** A name for an item that is one of its kind in all collections. */
export const keyOf = (item) => `${item.collection}/${item.id}`;

/** West, south, east, north in degrees; of a box with heights, without them. */
export function boundsOf(item) {
  const box = item.bbox;
  return box.length === 6 ? [box[0], box[1], box[3], box[4]] : box;
}

/** Whom to name beside an item's imagery. */
export function creditOf({ properties }) {
  const producers = (properties.providers ?? []).filter(({ roles }) => !roles || roles.includes("producer"));
  return properties.attribution ?? producers.map(({ name }) => name).join(", ");
}
