// The choice of a page's language: it is in the address as `lang`, and goes along to the other pages of this service.
// Without scripts the browser's own language counts.

const NAME = "lang";

const withLanguage = (address, language) => {
  const url = new URL(address);
  url.searchParams.set(NAME, language);
  return url.href;
};

const field = document.getElementById("language");
field.addEventListener("change", () => location.assign(withLanguage(location.href, field.value)));

const chosen = new URLSearchParams(location.search).get(NAME);
if (chosen) {
  for (const link of document.querySelectorAll("header.top a[href]")) link.href = withLanguage(link.href, chosen);
}
