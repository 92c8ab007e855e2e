// The search form: what is asked, and when.
import { titleOf } from "./catalogue.js";
import { $, h, settled } from "./dom.js";

/** The form. `onChange()` is called when the question changed; `onCollection(id)` when another collection was picked. */
export function createSearch({ onChange, onCollection }) {
  const form = $("search");
  const fields = form.elements;
  let collections = [];
  let cloudy = false;

  form.addEventListener("submit", (event) => event.preventDefault());
  fields.collection.addEventListener("change", () => {
    describe();
    showCloud(false);
    onCollection(fields.collection.value);
  });
  for (const name of ["from", "to", "inview"]) fields[name].addEventListener("change", onChange);
  const slid = settled(onChange, 250);
  fields.cloud.addEventListener("input", () => {
    $("cloud-value").value = fields.cloud.value === "100" ? "any" : `≤ ${fields.cloud.value} %`;
    slid();
  });

  function describe() {
    const collection = collections.find(({ id }) => id === fields.collection.value);
    const text = (collection?.description ?? "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[*_`#]/g, "");
    $("about").textContent = text.length > 220 ? `${text.slice(0, 219).trimEnd()}…` : text;
    $("about").hidden = text === "";
    const [[from, to] = []] = collection?.extent?.temporal?.interval ?? [];
    for (const name of ["from", "to"]) {
      fields[name].min = (from ?? "").slice(0, 10);
      fields[name].max = (to ?? "").slice(0, 10);
    }
  }

  function showCloud(shown) {
    cloudy = shown;
    $("cloud").hidden = !shown;
    if (!shown) {
      fields.cloud.value = "100";
      $("cloud-value").value = "any";
    }
  }

  return {
    /** Offer these collections and pick one, or all of them where `picked` is not among them. */
    offer(list, picked) {
      collections = list;
      const all = list.length === 1 ? [] : [h("option", { value: "" }, "All collections")];
      fields.collection.replaceChildren(...all, ...list.map((one) => h("option", { value: one.id }, titleOf(one))));
      fields.collection.value = list.some(({ id }) => id === picked) ? picked : (all.length ? "" : list[0].id);
      describe();
    },
    /** Say that nothing can be picked, and why. */
    refuse(words) {
      fields.collection.replaceChildren(h("option", { value: "" }, words));
    },
    /** Show the cloud slider once an item says how cloudy it is. */
    learn(items) {
      if (!cloudy && items.some((item) => Number.isFinite(item.properties["eo:cloud_cover"]))) showCloud(true);
    },
    get inView() {
      return fields.inview.checked;
    },
    /** The question without its bounds. */
    question() {
      const cloud = Number(fields.cloud.value);
      return {
        collection: fields.collection.value || null,
        from: fields.from.value,
        to: fields.to.value,
        cloud: cloudy && cloud < 100 ? cloud : null,
      };
    },
  };
}
