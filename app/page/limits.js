// Bounds of the service that the page keeps to: a test compares them with the service's own.

/** @type {{facets: number, histograms: number, explainedWords: number}} of one request */
export const LIMITS = { facets: 32, histograms: 16, explainedWords: 1000 };
