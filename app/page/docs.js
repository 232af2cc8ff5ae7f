// Starts Swagger UI on the service's own OpenAPI document. "Try it out" sends a call to this service.

/* global SwaggerUIBundle */

const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches); // Swagger UI's own class
followScheme();
dark.addEventListener("change", followScheme);

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true, // a call that is open is in the address
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0, // schemas are closed at first
  validatorUrl: null, // by default the document is sent to a validator on another host
});
