// How a page or an element talks to the service: where it is, its calls, the key where one is needed, what an error is.
// Knows no page and no text: an error names the key of its text.

import { wasAborted } from "./recover.js";

/** The folder of these files, as they were loaded. */
export const ASSETS = new URL("./", import.meta.url).href;

/** Where the service is that these files come from, with a slash at the end: a proxy may have put it below a path. */
export const HOME = new URL("../../", ASSETS).href;

const KEY = "vitrine-key"; // in the session storage, so that it is gone with the tab

/** A call that failed. `key` and `values` are its text in the words of the page. */
export class ApiError extends Error {
  /**
   * @param {string} key of the text that says it to a person
   * @param {object} [about]
   * @param {number} [about.status] of HTTP; undefined when there was no answer
   * @param {string} [about.requestId] for the person who looks into the log
   * @param {number} [about.retryAfter] seconds after which the service asks to try again
   * @param {Object<string, string>} [about.values] of the text
   */
  constructor(key, { status, requestId, retryAfter, values = {} } = {}) {
    super(key);
    this.name = "ApiError";
    Object.assign(this, { key, status, requestId, retryAfter, values });
  }
}

const BY_STATUS = {
  404: "states.gone",
  408: "states.slowPicture",
  413: "states.largePicture",
  429: "states.tooMany",
  503: "states.busy",
  504: "states.slowSearch",
};

/** @param {string} id of a product @returns {string} the path of its call, from the root of the service */
export const productPath = (id) => `v1/products/${encodeURIComponent(id)}`;

// A page may be denied the storage: then a key lasts as long as the page.
function storedKey() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

async function errorOf(response) {
  const error = await response.json().then((answer) => answer.error ?? {}, () => ({}));
  const refused = response.status < 500 && error.message ? "states.refused" : "states.failed";
  const key = error.code === "bad_image" ? "states.badPicture" : (BY_STATUS[response.status] ?? refused);
  return new ApiError(key, {
    status: response.status,
    requestId: error.request_id,
    retryAfter: Number(response.headers.get("Retry-After")) || undefined,
    values: { message: error.message ?? "" },
  });
}

/** The calls of one service. */
export class Service {
  /**
   * Asks a person for a key: (status of the refusal, whether a key was sent) -> the key, or null. A page sets it; where
   * nobody is asked, a refusal is an error.
   * @type {?(status: number, known: boolean) => Promise<?string>}
   */
  askForKey = null;

  /**
   * @param {string} root address of the service, with a slash at the end
   * @param {?string} [key] a publishable key; null: the one that a person has given in this tab
   */
  constructor(root, key = null) {
    this.root = root;
    this.published = Boolean(key);
    this.key = key ?? storedKey();
    this.asking = null; // the promise of a key: several calls find out at once that one is needed
  }

  /** @param {string} path @returns {string} its address in this service */
  address(path) {
    return this.root + path;
  }

  /** @returns {boolean} whether calls are made with a key, which an element such as an image cannot send */
  hasKey() {
    return Boolean(this.key);
  }

  /**
   * @param {string} path of the call, from the root of the service
   * @param {RequestInit} [init]
   * @param {AbortSignal} [signal]
   * @returns {Promise<Response>} an answer that is no error
   * @throws {ApiError} DOMException: the signal gave it up
   */
  async send(path, init = {}, signal = undefined) {
    let response = await this.once(path, init, signal);
    while (response.status === 401 || response.status === 403) {
      if (!(await this.renewKey(response.status))) throw new ApiError("states.needsKey", { status: response.status });
      response = await this.once(path, init, signal);
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  async once(path, init, signal) {
    const headers = { ...init.headers, ...(this.key && { "X-API-Key": this.key }) };
    try {
      return await fetch(this.root + path, { ...init, headers, signal });
    } catch (error) {
      if (wasAborted(error)) throw error;
      throw new ApiError("states.unreachable");
    }
  }

  async renewKey(status) {
    if (!this.askForKey || this.published) return false;
    this.asking ??= this.askForKey(status, this.hasKey()).finally(() => {
      this.asking = null;
    });
    const key = await this.asking;
    if (!key) return false;
    this.key = key;
    try {
      sessionStorage.setItem(KEY, key);
    } catch {
      // it lasts as long as the page
    }
    return true;
  }

  /**
   * @param {string} path of the call, from the root of the service
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>} the JSON of the answer
   * @throws {ApiError}
   */
  async get(path, signal) {
    return (await this.send(path, {}, signal)).json();
  }

  /**
   * @param {string} path of the call, from the root of the service
   * @param {object} body sent as JSON
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>} the JSON of the answer
   * @throws {ApiError}
   */
  async post(path, body, signal) {
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return (await this.send(path, init, signal)).json();
  }

  /**
   * @param {string} path of a picture, from the root of the service
   * @param {AbortSignal} [signal]
   * @returns {Promise<Blob>}
   * @throws {ApiError}
   */
  async blob(path, signal) {
    return (await this.send(path, { headers: { Accept: "image/avif,image/webp,image/*" } }, signal)).blob();
  }
}
