// Starts Swagger UI on the service's own OpenAPI document. "Try it out" sends a call to this service.

import { HOME } from "./service.js";

/* global SwaggerUIBundle */

const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches); // Swagger UI's own class
followScheme();
dark.addEventListener("change", followScheme);

// The path of a call is a link inside a button, which a keyboard and a screen reader cannot use. The button opens the
// call and puts it into the address by itself.
const plainPaths = ({ React }) => ({ components: { DeepLink: ({ text }) => React.createElement("span", null, text) } });

// The document names no host: its calls go to where this page is from, below a proxy's path, too.
const calls = await fetch(`${HOME}openapi.json`).then((answer) => answer.json());

SwaggerUIBundle({
  spec: HOME === "/" ? calls : { ...calls, servers: [{ url: HOME.slice(0, -1) }] },
  dom_id: "#swagger-ui",
  deepLinking: true, // an open call is in the address
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0, // schemas are closed at first
  validatorUrl: null, // by default the document is sent to a validator on another host
  plugins: [plainPaths],
});

// What Swagger UI leaves without a name, or out of reach of a keyboard.
const NAMES = { "textarea.body-param__text": "Request body", "select.examples-select-element": "Example", "#servers": "Service" };
new MutationObserver(() => {
  for (const [selector, name] of Object.entries(NAMES)) {
    document.querySelectorAll(`${selector}:not([aria-label])`).forEach((field) => field.setAttribute("aria-label", name));
  }
  document.querySelectorAll("pre.microlight:not([tabindex])").forEach((code) => code.setAttribute("tabindex", "0"));
}).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
