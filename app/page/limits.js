// Bounds of the service that the page keeps to: a test compares them with the service's own.

/** @type {{facets: number, explainedWords: number}} of one request */
export const LIMITS = { facets: 32, explainedWords: 1000 };
