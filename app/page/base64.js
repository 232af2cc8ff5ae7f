// Bytes as text: read from base64, and written in base64url, which stands in an address as it is. Knows no page.

/** @param {string} text in base64 or base64url @returns {Uint8Array} @throws {DOMException} it is neither */
export const bytesOf = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));

/** @param {Uint8Array} bytes @returns {string} in base64url */
export const codeOf = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
