// Dates, numbers and places as people read them. Times are UTC, as in the catalogue.

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

/** When an item was taken: an instant, or the interval in which it was. */
export function when(properties) {
  const { datetime, start_datetime: start, end_datetime: end } = properties;
  if (datetime) {
    const date = new Date(datetime);
    return Number.isNaN(date.valueOf()) ? "" : `${DAY.format(date)}, ${MINUTE.format(date)} UTC`;
  }
  if (!start || !end) return "";
  const [first, last] = [DAY.format(new Date(start)), DAY.format(new Date(end))];
  return first === last ? first : `${first} – ${last}`;
}

/** Short facts of an item: platform, ground sample distance, cloud cover. */
export function facts(properties) {
  const cloud = properties["eo:cloud_cover"];
  return [
    properties.platform ?? properties.constellation,
    Number.isFinite(properties.gsd) ? `${properties.gsd} m` : null,
    Number.isFinite(cloud) ? `${Math.round(cloud)} % cloud` : null,
  ].filter(Boolean).join(" · ");
}

/** Longitude and latitude in degrees: 50.1234° N, 7.1234° E. */
export function place({ lng, lat }) {
  const part = (value, positive, negative) => `${Math.abs(value).toFixed(5)}° ${value < 0 ? negative : positive}`;
  return `${part(lat, "N", "S")}, ${part(lng, "E", "W")}`;
}

const NUMBER = new Intl.NumberFormat("en", { maximumSignificantDigits: 4, useGrouping: false });

/** A number with up to four significant digits and a true minus sign. */
export function number(value) {
  return Number.isFinite(value) ? NUMBER.format(value).replace("-", "−") : "–";
}
