// How the pages talk to the service: calls, what an error says to a person, the key where one is needed. Everything
// comes from this host. Knows no page.

/** The path that this service stands at, with a slash at its end: a proxy may have put it below one of its own. */
export const ROOT = new URL("..", import.meta.url).pathname;

const KEY = "vitrine-key"; // in the session storage, so that it is gone with the tab
let keyDialog = null; // the promise of a key, while a person is asked for it

/** A call that failed. Its message is for people; the request's id is for the person who looks into the log. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {string} [requestId]
   * @param {number} [status] of HTTP; undefined when there was no answer
   */
  constructor(message, requestId, status) {
    super(message);
    this.requestId = requestId;
    this.status = status;
  }
}

const MESSAGES = {
  404: "This product is no longer in the catalogue.",
  408: "The picture took too long to arrive. Check your connection and try again.",
  413: "This picture is too large. Use a smaller copy of it.",
  429: "Too many searches at once. Try again in a few seconds.",
  503: "Many people are searching right now. Try again in a moment.",
  504: "The search took too long. Try again in a moment.",
};

/**
 * What a person reads about an error. One that is no ApiError is a mistake of the page and is logged.
 * @param {Error} error
 * @returns {string}
 */
export function messageOf(error) {
  if (error instanceof ApiError) return error.message;
  console.error(error);
  return "Something went wrong on this page. Reload it.";
}

/** @param {Error} error @returns {boolean} whether the page itself gave the call up */
export const wasAborted = (error) => error.name === "AbortError";

async function send(path, options) {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(key && { "X-API-Key": key }) };
  try {
    return await fetch(ROOT + path, { ...options, headers });
  } catch (error) {
    if (wasAborted(error)) throw error;
    throw new ApiError("The service cannot be reached. Check your connection and try again.");
  }
}

async function call(path, options) {
  let response = await send(path, options);
  while (response.status === 401 || response.status === 403) {
    if (!(await askForKey(response.status))) throw new ApiError("This catalogue cannot be searched without a key.");
    response = await send(path, options);
  }
  if (response.ok) return response.json();
  const error = await response.json().then((answer) => answer.error, () => ({}));
  const badImage = error.code === "bad_image" && "This file cannot be read as a picture. Use a JPEG or a PNG.";
  const refused = response.status < 500 && error.message && `The service refused this: ${error.message}.`;
  const message = badImage || MESSAGES[response.status] || refused || "Something went wrong in the service. Try again.";
  throw new ApiError(message, error.request_id, response.status);
}

/**
 * @param {string} path of the call, from the root of the service
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the JSON of the answer
 * @throws {ApiError}
 */
export const get = (path, signal) => call(path, { signal });

/**
 * @param {string} path of the call, from the root of the service
 * @param {object} body sent as JSON
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the JSON of the answer
 * @throws {ApiError}
 */
export const post = (path, body, signal) =>
  call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });

/** @param {string} id of a product @returns {string} the path of its call, from the root of the service */
export const productPath = (id) => `v1/products/${encodeURIComponent(id)}`;

/** @returns {boolean} whether calls are made with a key, which an element cannot send */
export const hasKey = () => Boolean(sessionStorage.getItem(KEY));

/**
 * @param {string} path of a picture, from the root of the service
 * @returns {Promise<Blob>}
 * @throws {Error} it cannot be had
 */
export async function fetchBlob(path) {
  const response = await send(path, { headers: { Accept: "image/avif,image/webp,image/*" } });
  if (!response.ok) throw new Error("no picture");
  return response.blob();
}

// Several calls may find out at once that a key is needed; the person is asked once.
function askForKey(status) {
  keyDialog ??= new Promise((resolve) => {
    const known = sessionStorage.getItem(KEY);
    const dialog = document.createElement("dialog");
    dialog.className = "ask-key";
    dialog.setAttribute("aria-labelledby", "key-title");
    dialog.innerHTML = `<form method="dialog">
      <h2 id="key-title">This catalogue asks for a key</h2>
      <p id="key-why"></p>
      <label for="key">Key</label>
      <input id="key" type="password" autocomplete="off" spellcheck="false" required placeholder="vtr_…">
      <p class="soft">The key stays in this tab and is deleted when you close it.</p>
      <div class="row"><button type="button" class="outline" id="key-cancel">Not now</button><button class="primary">Continue</button></div>
    </form>`;
    const unknown = known ? "This key is not known here. Check it and try again." : "The operator of the catalogue can give you one.";
    dialog.querySelector("#key-why").textContent = status === 403 ? "This key does not allow this. Use another one." : unknown;
    const end = (given) => {
      dialog.close();
      dialog.remove();
      keyDialog = null;
      resolve(given);
    };
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, dialog.querySelector("#key").value.trim());
      end(true);
    });
    dialog.querySelector("#key-cancel").addEventListener("click", () => end(false));
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(false);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  return keyDialog;
}
