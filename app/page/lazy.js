// Files beside this one that are loaded when they are first needed, and again after a failure. Knows no page.

import { keepTrying, Kept } from "./recover.js";

/** @type {Map<string, Kept<any>>} name -> module: files do not change, and all elements share theirs */
const loaded = new Map();

// A browser may remember that an address failed: the next attempt has another one.
function keptModule(name) {
  let attempt = 0;
  const load = () => {
    const address = new URL(name, import.meta.url);
    if (attempt) address.searchParams.set("again", attempt);
    attempt += 1;
    return import(address.href).catch(mayComeLater);
  };
  if (!loaded.has(name)) loaded.set(name, new Kept(load));
  return loaded.get(name);
}

// There was no answer.
function mayComeLater(error) {
  throw Object.assign(error, { status: undefined });
}

/**
 * @param {string} name of a module, such as "drawer.js"
 * @param {AbortSignal} signal ends the attempts
 * @returns {Promise<any>} the module, as soon as it can be had
 * @throws {Error} it cannot be had
 */
export function lazy(name, signal) {
  return keepTrying(() => keptModule(name).get(), { signal });
}

/**
 * @param {string} name of a file, such as "base.css"
 * @returns {Promise<Response>}
 * @throws {import("./recover.js").Failure} it cannot be loaded
 */
export async function fetchFile(name) {
  const response = await fetch(new URL(name, import.meta.url)).catch(mayComeLater);
  const { ok, status } = response;
  if (!ok) throw Object.assign(new Error(`Vitrine: the file ${name} cannot be loaded (${status})`), { status });
  return response;
}
