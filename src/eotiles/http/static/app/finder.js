// The left column at work: asks the catalogue what the form says and lists what it answers.
import { superseded } from "./api.js";
import { keyOf, search } from "./catalogue.js";
import { clear, say } from "./notices.js";
import { createResults } from "./results.js";
import { createSearch } from "./search.js";

/**
 * `bounds()` is what is in view; `onPick(item)`, `onHover(key)` tell what the person does with the list, `onFound(items)`
 * what is listed, `onCollection(id)` which collection was picked.
 */
export function createFinder({ stac, bounds, onPick, onHover, onFound, onCollection }) {
  let found = [];
  let next = null;
  let request = null;
  let chosen = null;

  const form = createSearch({
    onChange: () => find(),
    onCollection(id) {
      onCollection(id);
      find();
    },
  });
  const results = createResults({ onPick, onHover, onMore: () => find({ append: true }) });

  /** Search; the newest question wins. */
  async function find({ append = false } = {}) {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    const query = { ...form.question(), bbox: form.inView ? bounds() : null };
    results.say("Searching…");
    try {
      const page = append ? await next(signal) : await search(stac, query, signal);
      found = append ? [...found, ...page.items] : page.items;
      next = page.more;
      form.learn(page.items);
      results.show(page.items, { append, more: next !== null });
      results.say(counted(found.length, page));
      results.choose(chosen);
      onFound(found);
      clear();
    } catch (error) {
      if (superseded(error)) return;
      results.say("");
      say(`The catalogue could not be searched. ${error.message}`, { retry: () => find({ append }) });
    }
  }

  return {
    find,
    offer: form.offer,
    refuse: form.refuse,
    hover: results.hover,
    get first() {
      return found[0] ?? null;
    },
    /** Mark the item that is on the map. */
    choose(item) {
      chosen = keyOf(item);
      results.choose(chosen);
    },
    /** The map has moved. */
    moved() {
      if (form.inView) find();
    },
  };
}

function counted(count, { matched, more }) {
  if (count === 0) return "Nothing found";
  if (matched !== null && matched > count) return `${count} of ${matched}`;
  return `${count}${more ? "+" : ""}`;
}
