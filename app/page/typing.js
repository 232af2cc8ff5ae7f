// When a text field has a text to search for: with every key, and not in the middle of a composition. Knows no search.

/**
 * Call `action` whenever the field's text has changed. An input method composes a word from several keys (Japanese,
 * Chinese, Korean, accents); what it shows meanwhile is not what is meant. Keyboards on a screen call every word a
 * composition: there each letter counts.
 * @param {HTMLInputElement} field
 * @param {() => void} action
 */
export function onText(field, action) {
  const onScreen = matchMedia("(pointer: coarse)");
  field.addEventListener("input", (event) => {
    if (!event.isComposing || onScreen.matches) action();
  });
  field.addEventListener("compositionend", () => {
    if (!onScreen.matches) action();
  });
}
