// The texts of a page in one language, with its plurals, and the catalogue's own names in it. Knows no elements.

import { humanName } from "./elements.js";
import { fetchFile } from "./lazy.js";
import { Kept } from "./recover.js";

/** @typedef {string|Object<Intl.LDMLPluralRule, string>} Text with places such as {count}; by plural where it is an object */
/** @typedef {{attributes: Object<string, string>, values: Object<string, Object<string, string>>}} Labels */

/** @type {Map<string, Kept<Object<string, Text>>>} files do not change, and all elements share theirs */
const loaded = new Map();

/** The languages that the texts are written in; the first stands for all others. */
export const LANGUAGES = ["en", "fr", "de", "es", "it"];

/** @param {string} tag such as "fr-CH" @returns {string} the language among ours */
export const languageOf = (tag) => LANGUAGES.find((one) => one === tag.toLowerCase().split("-")[0]) ?? LANGUAGES[0];

/** The words of one language. */
export class Words {
  /** @type {Labels} what the catalogue's attributes and values are called, where it is not as the catalogue has them */
  labels = { attributes: {}, values: {} };

  /**
   * @param {string} language
   * @param {Object<string, Text>} texts
   */
  constructor(language, texts) {
    this.language = language;
    this.texts = texts;
    this.plurals = new Intl.PluralRules(language);
    this.numbers = new Intl.NumberFormat(language);
  }

  /**
   * @param {string} key of a text
   * @param {Object<string, string|number>} [values] of its places; numbers are written as the language does
   * @returns {string}
   */
  say(key, values = {}) {
    const text = this.texts[key] ?? key;
    const chosen = typeof text === "string" ? text : (text[this.plurals.select(values.count)] ?? text.other);
    return chosen.replace(/\{(\w+)\}/g, (place, name) => {
      const value = values[name];
      return typeof value === "number" ? this.numbers.format(value) : (value ?? place);
    });
  }

  /**
   * A text whose places are elements: parts("Searched for {to}.", {to: strong}).
   * @param {string} key
   * @param {Object<string, Node>} values
   * @returns {(string|Node)[]}
   */
  parts(key, values) {
    return this.say(key).split(/(\{\w+\})/).filter(Boolean).map((part) => values[part.slice(1, -1)] ?? part);
  }

  /** @param {string} name of an attribute @returns {string} */
  sayAttribute(name) {
    return this.labels.attributes[name] ?? humanName(name);
  }

  /**
   * @param {string} attribute
   * @param {string|number|boolean|string[]} value of it
   * @returns {string} as a person reads it
   */
  sayValue(attribute, value) {
    if (Array.isArray(value)) return value.map((one) => this.sayValue(attribute, one)).join(", ");
    if (value === true || value === "true") return this.say("filters.yes");
    if (value === false || value === "false") return this.say("filters.no");
    return this.labels.values[attribute]?.[value] ?? String(value);
  }
}

function load(name) {
  if (!loaded.has(name)) loaded.set(name, new Kept(async () => (await fetchFile(`words/${name}.json`)).json()));
  return loaded.get(name).get();
}

/**
 * @param {string} language one of `LANGUAGES`
 * @param {boolean} [lab] whether the texts of the laboratory's pages come, too
 * @returns {Promise<Words>}
 * @throws {Error} the texts cannot be loaded
 */
export async function loadWords(language, lab = false) {
  const parts = await Promise.all([load(language), lab ? load(`${language}-lab`) : {}]);
  return new Words(language, Object.assign({}, ...parts));
}
