// The choice of a page's language: it is in the address as `lang`, and goes along to the other pages of this service.
// Without scripts the browser's own language counts.

const NAME = "lang";

/** Let a person choose the language of a document that has the head of our pages. */
export function offerLanguages() {
  const field = document.getElementById("language");
  field.addEventListener("change", () => {
    const url = new URL(location.href);
    url.searchParams.set(NAME, field.value);
    location.assign(url);
  });
  const chosen = new URLSearchParams(location.search).get(NAME);
  if (!chosen) return;
  for (const link of document.querySelectorAll("header.top a[href]")) {
    const url = new URL(link.href);
    url.searchParams.set(NAME, chosen);
    link.href = url.href;
  }
}

offerLanguages();
