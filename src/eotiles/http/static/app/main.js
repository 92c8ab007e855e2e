// The composition: the parts of the page know their own work only, and meet here.
import { readAddress, writeAddress } from "./address.js";
import { getJson } from "./api.js";
import { getItem, listCollections } from "./catalogue.js";
import { $, settled } from "./dom.js";
import { createFinder } from "./finder.js";
import { createMap, viewBounds } from "./mapview.js";
import { say } from "./notices.js";
import { busy, createViewer } from "./viewer.js";

async function start() {
  const arrived = readAddress();
  const config = await getJson("config.json");
  introduce(config);
  const map = await createMap();
  const finder = createFinder({
    stac: config.stac,
    bounds: () => viewBounds(map),
    onPick: (item) => viewer.pick(item, { step: true }),
    onHover: (key) => viewer.hover(key),
    onFound: (items) => viewer.show(items),
    onCollection: (id) => writeAddress({ collection: id }),
  });
  const viewer = createViewer(map, { browser: config.browser, onShow: finder.choose, onHover: finder.hover });
  map.on("moveend", settled(finder.moved, 400));
  addEventListener("popstate", () => open(readAddress(), { config, finder, viewer }));
  await load(arrived, { config, finder, viewer });
}

/** Put the name of this server and the addresses of its services on the page. */
function introduce(config) {
  document.title = config.title;
  $("title").textContent = config.title;
  $("version").textContent = `eotiles ${config.version}`;
  $("stac-root").href = `${config.stac}/`;
  $("raster-docs").href = `${config.raster}/api.html`;
  if (config.browser) $("browser").href = `${config.browser}/`;
  $("browser").hidden = !config.browser;
}

async function load(arrived, parts) {
  const { config, finder } = parts;
  try {
    const collections = await listCollections(config.stac);
    if (collections.length === 0) {
      finder.refuse("No collection yet");
      say("The catalogue is empty. `eotiles ingest files PATH…` puts imagery into it.");
      busy(false);
      return;
    }
    finder.offer(collections, arrived.collection);
  } catch (error) {
    finder.refuse("Not available");
    say(`The catalogue cannot be read. ${error.message}`, { retry: () => load(arrived, parts) });
    busy(false);
    return;
  }
  await finder.find();
  await open(arrived, parts, { fly: !arrived.view, otherwise: finder.first });
}

/** Show what an address asks for; where it names no item, the one given. */
async function open(address, { config, viewer }, { fly = true, otherwise = null } = {}) {
  viewer.setOpacity(address.opacity);
  try {
    const item = address.item && address.collection
      ? await getItem(config.stac, address.collection, address.item)
      : otherwise;
    if (item) viewer.pick(item, { key: address.layer, fly });
    else busy(false);
  } catch (error) {
    say(error.message);
    busy(false);
  }
}

$("panel-toggle").addEventListener("click", () => {
  const open = $("panel").classList.toggle("folded") === false;
  $("panel-toggle").setAttribute("aria-expanded", String(open));
  $("panel-toggle").textContent = open ? "Hide" : "Show";
});

start().catch((error) => {
  say(`The map could not start. ${error.message}`);
  busy(false);
  console.error(error);
});
