// JSON over HTTP. What goes wrong becomes one sentence that a person can read.

const PATIENCE_MS = 30_000;

/** What a service said, or that it could not be reached. `status` 0: no answer. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const getJson = (href, options) => request(href, { ...options, method: "GET" });

export const postJson = (href, body, options) => request(href, {
  ...options,
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

async function request(href, { signal, ...options }) {
  const deadline = AbortSignal.timeout(PATIENCE_MS);
  let response;
  try {
    response = await fetch(href, { ...options, signal: signal ? AbortSignal.any([signal, deadline]) : deadline });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, deadline.aborted ? "The server took too long to answer." : "The server cannot be reached.");
  }
  if (!response.ok) throw new ApiError(response.status, sentence(response.status, await response.text().catch(() => "")));
  return response.json();
}

/** The `detail` of problem+json, or the `description` or `message` that other STAC servers send, or the status. */
export function sentence(status, text) {
  try {
    const { detail, description, message } = JSON.parse(text);
    for (const said of [detail, description, message]) if (typeof said === "string" && said) return said;
  } catch {
    // Not JSON: an error page of a proxy says nothing that helps.
  }
  if (status === 503) return "The service is busy. Try again in a moment.";
  return status ? `The server answered ${status}.` : "The server cannot be reached.";
}

/** Whether a request ended because a newer one took its place. */
export const superseded = (error) => error?.name === "AbortError";
