// Colours by their names: what is drawn beside a colour's name, in the languages of the pages. Knows no elements.

const HEX = {
  black: "#1b1b1d", white: "#ffffff", blue: "#2f62c9", "navy blue": "#1d2a55", "turquoise blue": "#2fb7c4", teal: "#1c7d80",
  "sea green": "#3c9d78", green: "#2f8a45", olive: "#757a34", "lime green": "#8ccf2c", "fluorescent green": "#a8ff2e",
  khaki: "#a99f6d", red: "#d0202e", maroon: "#741d2c", burgundy: "#6b1530", rust: "#a8481f", pink: "#f2a0b9",
  magenta: "#d6247f", rose: "#e0708c", peach: "#fac3a0", orange: "#ef7c1e", yellow: "#f4d13a", mustard: "#c99a24",
  purple: "#6d3b97", lavender: "#b7a4dc", mauve: "#b684a5", grey: "#8b8d91", "grey melange": "#adaeb2", charcoal: "#44474c",
  steel: "#75828c", silver: "#c3c6cb", gold: "#c9a545", bronze: "#8f6a3a", copper: "#b4693d", metallic: "#9aa0a6",
  brown: "#74482a", "coffee brown": "#4a3024", "mushroom brown": "#a48f80", tan: "#c79a67", beige: "#e0d0b0",
  taupe: "#8d7f74", nude: "#e6bfa3", skin: "#ebc4a6", cream: "#f7efd6", "off white": "#f5f2e9",
};
const MANY = "conic-gradient(#d0202e, #f4d13a, #2f8a45, #2f62c9, #6d3b97, #d0202e)";

// Other words for them, by language; without accents.
const WORDS = {
  en: "gray=grey navy=navy blue turquoise=turquoise blue aqua=turquoise blue lime=lime green violet=purple lilac=lavender " +
    "ivory=cream ecru=beige wine=burgundy fuchsia=magenta coral=peach anthracite=charcoal golden=gold camel=tan mint=sea green",
  fr: "noir=black noire=black blanc=white blanche=white bleu=blue bleue=blue marine=navy blue turquoise=turquoise blue " +
    "vert=green verte=green kaki=khaki rouge=red bordeaux=burgundy rose=pink jaune=yellow moutarde=mustard violet=purple " +
    "violette=purple mauve=mauve gris=grey grise=grey anthracite=charcoal argent=silver argente=silver dore=gold or=gold " +
    "cuivre=copper marron=brown brun=brown camel=tan creme=cream ecru=beige ivoire=cream peche=peach chair=nude lavande=lavender",
  de: "schwarz=black weiss=white weiß=white blau=blue dunkelblau=navy blue marineblau=navy blue türkis=turquoise blue " +
    "turkis=turquoise blue petrol=teal grün=green grun=green oliv=olive rot=red bordeaux=burgundy weinrot=burgundy rosa=pink " +
    "pink=magenta gelb=yellow senf=mustard senfgelb=mustard lila=purple violett=purple flieder=lavender grau=grey " +
    "anthrazit=charcoal silber=silver gold=gold bronze=bronze kupfer=copper braun=brown dunkelbraun=coffee brown " +
    "creme=cream wollweiss=off white hautfarben=nude pfirsich=peach hellblau=#9cc3ea hellgrau=#c9cbce dunkelgrau=charcoal",
  es: "negro=black negra=black blanco=white blanca=white azul=blue marino=navy blue turquesa=turquoise blue verde=green " +
    "oliva=olive caqui=khaki rojo=red roja=red granate=maroon burdeos=burgundy rosa=pink fucsia=magenta naranja=orange " +
    "amarillo=yellow amarilla=yellow mostaza=mustard morado=purple morada=purple lila=lavender lavanda=lavender gris=grey " +
    "antracita=charcoal plateado=silver plata=silver dorado=gold oro=gold bronce=bronze cobre=copper marron=brown crema=cream " +
    "crudo=beige melocoton=peach nude=nude",
  it: "nero=black nera=black bianco=white bianca=white blu=navy blue azzurro=#7db7e8 azzurra=#7db7e8 turchese=turquoise blue " +
    "verde=green oliva=olive cachi=khaki rosso=red rossa=red bordeaux=burgundy fucsia=magenta arancione=orange giallo=yellow " +
    "gialla=yellow senape=mustard viola=purple lilla=lavender lavanda=lavender grigio=grey grigia=grey antracite=charcoal " +
    "argento=silver oro=gold dorato=gold bronzo=bronze rame=copper marrone=brown cammello=tan crema=cream panna=off white pesca=peach",
};
const SEVERAL = /^(multi\w*|mehrfarbig|bunt|multicolore|varios|colorful|colourful|rainbow|assorted)$/;
const NAMES = /colou?r|farbe|couleur|colore?\b/;

const named = new Map(Object.entries(HEX));
for (const pairs of Object.values(WORDS)) {
  for (const [, word, meant] of pairs.matchAll(/([^\s=]+)=((?:(?!\s[^\s=]+=).)+)/g)) {
    if (!named.has(word)) named.set(word, HEX[meant.trim()] ?? meant.trim());
  }
}

/** @param {string} text @returns {string} without accents, cases and marks, as names are compared */
export const plainText = (text) =>
  text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[\s_/-]+/g, " ").trim();

/** @param {string} attribute @returns {boolean} whether its values are names of colours */
export const isColour = (attribute) => NAMES.test(attribute.toLowerCase());

/**
 * @param {string} value such as "Navy Blue" or "bleu"
 * @returns {?string} a CSS background; null for a name that is not known
 */
export function swatchOf(value) {
  const name = plainText(value);
  if (SEVERAL.test(name)) return MANY;
  const whole = named.get(name);
  if (whole) return whole;
  // Of several words one names the colour: "light blue", "bleu clair".
  const known = name.split(" ").map((word) => named.get(word)).filter(Boolean);
  return known.length ? known[known.length - 1] : null;
}
