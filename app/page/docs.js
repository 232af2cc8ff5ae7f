// Starts Swagger UI on the service's own OpenAPI document, and adds what it lacks: a search over the calls, buttons that
// copy. "Try it out" sends a call to this service.

import { element } from "./elements.js";
import { HOME } from "./service.js";

/* global SwaggerUIBundle */

const COPIED_MS = 1500; // that a button says that it has copied

const shown = document.getElementById("swagger-ui");
const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches); // Swagger UI's own class
followScheme();
dark.addEventListener("change", followScheme);

// The path of a call is a link inside a button, which a keyboard and a screen reader cannot use. The button opens the
// call and puts it into the address by itself.
const plainPaths = ({ React }) => ({ components: { DeepLink: ({ text }) => React.createElement("span", null, text) } });

// The document names no host: its calls go to where this page is from, below a proxy's path, too.
const calls = await fetch(`${HOME}openapi.json`).then((answer) => answer.json());
const below = new URL(HOME).pathname.replace(/\/$/, "");

SwaggerUIBundle({
  spec: below ? { ...calls, servers: [{ url: below }] } : calls,
  dom_id: "#swagger-ui",
  deepLinking: true, // an open call is in the address
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0, // schemas are closed at first
  validatorUrl: null, // by default the document is sent to a validator on another host
  plugins: [plainPaths],
});

/* Finding a call: by its method, its path, and what is said of it */

const find = document.getElementById("find");
const textOf = (call) => {
  const [path, method] = [call.querySelector("[data-path]")?.dataset.path ?? "", call.querySelector(".opblock-summary-method")?.textContent ?? ""];
  const about = calls.paths[path]?.[method.toLowerCase()] ?? {};
  return `${method} ${path} ${about.summary ?? ""} ${about.description ?? ""}`.toLowerCase();
};

function showFound() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const group of shown.querySelectorAll(".opblock-tag-section")) {
    let some = 0;
    for (const call of group.querySelectorAll(".opblock")) {
      const text = textOf(call);
      call.hidden = !words.every((word) => text.includes(word));
      some += Number(!call.hidden);
    }
    group.hidden = !some && words.length > 0;
    count += some;
  }
  const found = document.getElementById("found");
  found.textContent = count || !words.length ? "" : found.dataset.none;
}
find.addEventListener("input", showFound);

/* Copying what stands in a box of code */

function copyButton(box) {
  const button = element("button", { type: "button", className: "copy" }, shown.dataset.copy);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(box.textContent);
    button.textContent = shown.dataset.copied;
    setTimeout(() => (button.textContent = shown.dataset.copy), COPIED_MS);
  });
  return button;
}

// What Swagger UI leaves without a name, out of reach of a keyboard, or without a way to copy it.
const NAMES = { "textarea.body-param__text": "Request body", "select.examples-select-element": "Example", "#servers": "Service" };
new MutationObserver(() => {
  for (const [selector, name] of Object.entries(NAMES)) {
    document.querySelectorAll(`${selector}:not([aria-label])`).forEach((field) => field.setAttribute("aria-label", name));
  }
  document.querySelectorAll("pre.microlight:not([tabindex])").forEach((code) => code.setAttribute("tabindex", "0"));
  for (const box of document.querySelectorAll(".example pre.microlight, .highlight-code pre.microlight")) {
    const beside = box.nextElementSibling;
    if (!beside?.classList.contains("copy") && !box.parentElement.querySelector(".copy-to-clipboard")) box.after(copyButton(box));
  }
}).observe(shown, { childList: true, subtree: true });
