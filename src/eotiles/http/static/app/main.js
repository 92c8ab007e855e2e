// The composition: the parts of the page know their own work only, and meet here.
import { readAddress, writeAddress } from "./address.js";
import { getJson, superseded } from "./api.js";
import { getItem, keyOf, listCollections, search } from "./catalogue.js";
import { $, settled } from "./dom.js";
import { createImagery } from "./imagery.js";
import { createLayerPanel } from "./layerpanel.js";
import { layersOf } from "./layers.js";
import { createFootprints, createMap, flyTo, viewBounds } from "./mapview.js";
import { clear, say } from "./notices.js";
import { createProbe } from "./probe.js";
import { createResults } from "./results.js";
import { createSearch } from "./search.js";

const shown = { item: null, layer: null, found: [], more: null };
let config;
let map;
let asked = null;

const form = createSearch({
  onChange: () => find(),
  onCollection(id) {
    writeAddress({ collection: id });
    find();
  },
});
const results = createResults({
  onPick: (item) => pick(item, { step: true }),
  onHover: (key) => footprints?.hover(key),
  onMore: () => find({ append: true }),
});
const panel = createLayerPanel({
  onLayer: (layer) => draw(layer),
  onOpacity(percent) {
    imagery.setOpacity(percent / 100);
    later(percent);
  },
  onZoom: () => flyTo(map, shown.item),
  onRetry: () => draw(shown.layer),
});
const later = settled((percent) => writeAddress({ opacity: percent === 100 ? null : percent }), 200);
let footprints;
let imagery;
let probe;

/** Search; the newest question wins. */
async function find({ append = false } = {}) {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  const query = { ...form.question(), bbox: form.inView ? viewBounds(map) : null };
  results.say("Searching…");
  try {
    const page = append ? await shown.more(signal) : await search(config.stac, query, signal);
    shown.found = append ? [...shown.found, ...page.items] : page.items;
    shown.more = page.more;
    form.learn(page.items);
    results.show(page.items, { append, more: page.more !== null });
    results.say(counted(shown.found.length, page));
    footprints.show(withShown());
    if (shown.item) results.choose(keyOf(shown.item));
    clear();
  } catch (error) {
    if (superseded(error)) return;
    results.say("");
    say(`The catalogue could not be searched. ${error.message}`, { retry: () => find({ append }) });
  }
}

/** What was found, and the item on the map even where the search did not find it. */
function withShown() {
  const missing = shown.item && !shown.found.some((item) => keyOf(item) === keyOf(shown.item));
  return missing ? [...shown.found, shown.item] : shown.found;
}

function counted(count, { matched, more }) {
  if (count === 0) return "Nothing found";
  if (matched !== null && matched > count) return `${count} of ${matched}`;
  return `${count}${more ? "+" : ""}`;
}

/** Show an item: its layers, its imagery, its place in the list. */
function pick(item, { layer: key = shown.layer?.key, fly = true, step = false } = {}) {
  const layers = layersOf(item);
  const layer = layers.find((one) => one.key === key) ?? layers[0] ?? null;
  shown.item = item;
  writeAddress({ collection: item.collection, item: item.id, layer: layer?.key ?? null }, { step });
  results.choose(keyOf(item));
  footprints.show(withShown());
  footprints.choose(keyOf(item));
  panel.open(item, layers, layer);
  if (fly) flyTo(map, item, { animate: step });
  draw(layer);
}

async function draw(layer) {
  shown.layer = layer;
  probe.close();
  if (!layer) {
    imagery.clear();
    return;
  }
  writeAddress({ layer: layer.key });
  panel.explain(layer);
  const tilejson = await imagery.show(layer);
  if (tilejson && shown.layer === layer) panel.share(shown.item, layer, tilejson);
}

/** A click: on the item that is shown it reads a value, on another footprint it goes there. */
function point({ point: pixel, lngLat }) {
  const items = footprints.at(pixel);
  if (shown.layer && items.some((item) => keyOf(item) === keyOf(shown.item))) probe.read(shown.layer, lngLat);
  else if (items.length) pick(items[0], { step: true });
}

/** What the page's address asks for; without an item, the first that is found. */
async function open({ first = false } = {}) {
  const address = readAddress();
  panel.setOpacity(address.opacity);
  imagery.setOpacity(address.opacity / 100);
  const fly = !(first && address.view);
  if (address.item && address.collection) {
    try {
      pick(await getItem(config.stac, address.collection, address.item), { layer: address.layer, fly });
    } catch (error) {
      say(error.message);
    }
  } else if (first && shown.found.length) {
    pick(shown.found[0], { layer: address.layer, fly });
  }
}

function busy(yes) {
  $("progress").hidden = !yes;
  document.documentElement.dataset.state = yes ? "busy" : "idle";
}

async function start() {
  config = await getJson("config.json");
  document.title = config.title;
  $("title").textContent = config.title;
  $("version").textContent = `eotiles ${config.version}`;
  $("stac-root").href = `${config.stac}/`;
  $("raster-docs").href = `${config.raster}/api.html`;
  map = await createMap();
  imagery = createImagery(map, { onFault: panel.fault, onBusy: busy });
  probe = createProbe(map, { onValue: panel.point });
  footprints = createFootprints(map, { onHover: results.hover });
  map.on("click", point);
  map.getCanvas().addEventListener("keydown", (event) => {
    if (event.key === "Enter") point({ point: map.project(map.getCenter()), lngLat: map.getCenter() });
  });
  map.on("moveend", settled(() => form.inView && find(), 400));
  addEventListener("popstate", () => open());
  await load();
}

async function load() {
  try {
    const collections = await listCollections(config.stac);
    if (collections.length === 0) {
      form.refuse("No collection yet");
      say("The catalogue is empty. `eotiles ingest files PATH…` puts imagery into it.");
      busy(false);
      return;
    }
    form.offer(collections, readAddress().collection);
  } catch (error) {
    form.refuse("Not available");
    say(`The catalogue cannot be read. ${error.message}`, { retry: load });
    busy(false);
    return;
  }
  await find();
  await open({ first: true });
}

$("panel-toggle").addEventListener("click", () => {
  const open = $("panel").classList.toggle("folded") === false;
  $("panel-toggle").setAttribute("aria-expanded", String(open));
  $("panel-toggle").textContent = open ? "Hide" : "Show";
});

start().catch((error) => {
  say(`The map could not start. ${error.message}`);
  console.error(error);
});
