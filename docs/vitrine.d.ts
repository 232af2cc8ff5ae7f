/** The HTTP interface of Vitrine.
 *
 * Made by `python -m tests.tools.api_types` from the service's OpenAPI document; not edited by hand. */

/** How much each part of a query counts. */
export interface Weights {
  text?: number;
  image?: number;
  like?: number;
  unlike?: number;
  vector?: number;
  modify?: number;
}

/** What a filter asks of one attribute; all that is given must hold. */
export interface Condition {
  /** Allowed value or values; case does not matter. */
  any?: string | number | boolean | Array<string | number | boolean> | null;
  /** Forbidden value or values; a product without the attribute passes. */
  not?: string | number | boolean | Array<string | number | boolean> | null;
  /** The value is a number or a date, and at least this. */
  gte?: number | string | null;
  /** The same, and more than this; with a day, after all of it. */
  gt?: number | string | null;
  /** The same, and at most this; with a day, until its end. */
  lte?: number | string | null;
  /** The same, and less than this. */
  lt?: number | string | null;
}

/**
 * What to search for and how: at least one of text, image, like, unlike and vector. With none of these, but with
 * filters, facets, sort or group_by, it asks for all products that pass the filters.
 */
export interface SearchRequest {
  /**
   * The part of the picture that counts: left, top, width and height in parts of the upright picture, each from 0
   * to 1, such as [0, 0.5, 1, 0.5] for its lower half; at least 0.02 wide and high.
   */
  crop?: Array<number> | null;
  /** What to look for, as a picture: data:image/png;base64,... Addresses are not fetched. */
  image?: string | null;
  /** What to look for, in words. */
  text?: string | null;
  /** Ids of products that what is looked for is like. */
  like?: Array<string>;
  /** Ids of products that it is unlike. */
  unlike?: Array<string>;
  /** What to look for, as a vector such as /v1/embeddings gives; its length does not matter. */
  vector?: Array<number> | null;
  /**
   * How what is looked for differs from image, like or vector, in words: in blue, without sleeves, as a skirt. What
   * they say of attributes filters, `strict` or not; the kind of product stays as it is in the picture. Not
   * together with text.
   */
  modify?: string | null;
  /**
   * With modify: whether the kind of product stays as it is in the picture, unless the words name another one;
   * then, for whom it is.
   */
  keep?: boolean;
  /**
   * Weight of each part: text 1, image 1, like 1, unlike 0.5 and vector 1, unless given; modify 1.5, beside 1 for
   * all others together.
   */
  weights?: Weights;
  /** How many results to return. */
  k?: number;
  /** How many of the best results to skip; filters narrow down what is deeper. */
  offset?: number;
  /**
   * Attribute to value, list of allowed values, or condition: any, not, gte, gt, lte, lt, of numbers or of dates
   * such as 2026-11-26. Several attributes must all hold; case does not matter.
   */
  filters?: Record<string, string | number | boolean | Array<string | number | boolean> | Condition>;
  /** Attributes whose values to count among what passes; each one's own filter is left out. */
  facets?: Array<string>;
  /**
   * Attributes of numbers, prices or dates, to tell how they are spread among what passes; each one's own filter is
   * left out.
   */
  histograms?: Array<string>;
  /**
   * title: one product per title. image: no near-duplicate of a better picture. Of the best 20,000 and 10,000
   * results; what comes after these is not looked through.
   */
  collapse?: "title" | "image" | null;
  /** With collapse image: pictures with at least this cosine count as one. */
  collapse_threshold?: number;
  /** Leave out what scores less than this. */
  min_score?: number | null;
  /**
   * What ranks. hybrid: words and vectors together. vector: vectors alone. lexical: words alone. hybrid when there
   * is a text, else vector, unless given.
   */
  mode?: "hybrid" | "vector" | "lexical" | null;
  /** Language of the text; told from its words, unless given. */
  language?: "en" | "fr" | "de" | "es" | "it" | null;
  /** Whether words that the catalogue does not know are corrected. */
  correct?: boolean;
  /** Phrases of the text, as in `interpreted`, that are not to be read as conditions. */
  dismiss?: Array<string>;
  /** Whether what is interpreted filters; a filter of the request on the same attribute goes first. */
  strict?: boolean;
  /**
   * Whether products whose pictures are near to many titles (hubs) come later than their cosines say: for a text of
   * three words a little, of six or more fully. Not in mode lexical, nor with modify. In mode vector, score and
   * relevance stay those of the cosine.
   */
  hub_correction?: boolean;
  /**
   * Leave out what is less relevant than this: a number from 0 to 1, or auto for the catalogue's own limit, which
   * there is none of with modify; total and facets count what is left.
   */
  cutoff?: "auto" | "none" | number;
  /**
   * Order of what is left: relevance, newest, or an attribute with a direction, as price:asc. Numbers come first,
   * then dates, truths and texts; products without the attribute come last.
   */
  sort?: string;
  /**
   * Attribute whose values make groups, of which each is one result; variant is item_group_id. The best product of
   * a group is shown, with the others in `group`; totals, facets and offset count groups.
   */
  group_by?: string | null;
  /** Whether each `image_url` names the content of its picture (`v`), so that browsers may keep it for a year. */
  image_versions?: boolean;
}

/** Several searches in one call. */
export interface BatchRequest {
  /**
   * Searches, each as it would be sent alone; a bad one is answered with an error of its own. Together they may ask
   * for at most 10,000 results.
   */
  queries: Array<SearchRequest | Record<string, unknown>>;
}

/** The values from one limit up to the next, as a filter takes them. */
export interface BucketResult {
  gte: number | string;
  lt: number | string;
  count: number;
}

/** A line of a bulk call that could not be carried out. */
export interface LineError {
  /** Its number, from 1. */
  line: number;
  /** The product, where the line could be read that far. */
  id: string | null;
  code: string;
  message: string;
}

/** What the lines of a bulk call came to. */
export interface BulkAnswer {
  created: number;
  replaced: number;
  /** Products that were what was sent, or gone, already. */
  unchanged: number;
  deleted: number;
  failed: number;
  /** Why lines failed; the first hundred. */
  errors: Array<LineError>;
  /** Whether this says what would be, and nothing was changed; where either was asked for. */
  dry_run: boolean;
  /** In mode sync: products that no line names; they are among `deleted`. */
  missing: number;
  /** In mode sync: the ids of the first ten of these. */
  missing_examples: Array<string>;
  /** With all of it. */
  catalogue_version: number;
}

/** How well one label fits. */
export interface LabelResult {
  label: string;
  /** Among the labels given; all together 1. */
  probability: number;
  /** Cosine of the angle between label and picture; 1 at best. */
  score: number;
}

/** The labels, best first. */
export interface ClassifyAnswer {
  results: Array<LabelResult>;
  /** The weights that judged. */
  encoder_id: string;
}

/** A picture, or a product for its picture, and the labels to choose from. */
export interface ClassifyRequest {
  /**
   * The part of the picture that counts: left, top, width and height in parts of the upright picture, each from 0
   * to 1, such as [0, 0.5, 1, 0.5] for its lower half; at least 0.02 wide and high.
   */
  crop?: Array<number> | null;
  /** The picture as data:image/png;base64,... Addresses are not fetched. */
  image?: string | null;
  /** The product whose picture it is, instead of an image. */
  product_id?: string | null;
  /** What the picture may show, in words; each once. */
  labels: Array<string>;
  /** Sentences in which {} stands for the label, such as 'a photo of a {}'; several are averaged. */
  templates?: Array<string>;
}

/** A text with words that were corrected; `correct: false` searches for what was typed. */
export interface Corrected {
  /** As it was typed. */
  from: string;
  /** As it was searched for. */
  to: string;
}

/** What a deletion by filter came to, or would come to. */
export interface DeletionAnswer {
  /** Products that pass the filters; to be sent as `confirm`. */
  count: number;
  /** The ids of the first ten. */
  examples: Array<string>;
  /** How many were taken out; 0 with dry_run. */
  deleted: number;
  /** How many stay, as others changed them in the meantime. */
  changed: number;
  catalogue_version: number;
}

/** What words of the text say of an attribute: one of some values, or bounds of a number. */
export interface Interpreted {
  /** The words, as they were typed; `dismiss` takes them. */
  text: string;
  attribute: string;
  /** Values that are meant, as the catalogue writes them; empty for bounds. */
  values: Array<string>;
  /** Whether products with these values are unwanted. */
  negated: boolean;
  gte: number | null;
  gt: number | null;
  lte: number | null;
  lt: number | null;
}

/** How the numbers or dates of an attribute are spread; limits are round, and dates are days. */
export interface HistogramResult {
  kind: "number" | "date";
  /** Whether all are whole numbers, or days. */
  whole: boolean;
  /** The smallest value; null where there is none. */
  min: number | string | null;
  max: number | string | null;
  /** How many values there are. */
  count: number;
  /** Without gaps, empty ones among them; they hold all values. */
  buckets: Array<BucketResult>;
}

/** Where the time went, in milliseconds; encode and search are those of the whole batch. */
export interface Timing {
  queue: number;
  understand: number;
  encode: number;
  search: number;
}

/** What carried a result, each 1 at best; null where it was not looked at. */
export interface SignalValues {
  /** Part of the text's words that the product carries, rare ones counting more. */
  words: number | null;
  /** Cosine of the angle between text and title. */
  title: number | null;
  /** Cosine of the angle between query and picture. */
  image: number | null;
}

/** One description that was found, and the products that carry it. */
export interface DescriptionResult {
  description: string;
  /** What ranks, higher is better; in mode vector the cosine between query and description. */
  score: number;
  /** How often results with such a score are right, 0 to 1; null where that was not measured. */
  relevance: number | null;
  /** Null: a description is its own reason. */
  signals: SignalValues | null;
  product_ids: Array<string>;
}

/** Distinct descriptions, best first. */
export interface DescriptionAnswer {
  /** What ranked. */
  mode: "hybrid" | "vector" | "lexical";
  /** The language that the text was read in; null where no text was read. */
  language: string | null;
  /** Null where no word was corrected. */
  corrected: Corrected | null;
  /** What the text says of attributes: a strong preference, and with `strict` a filter; of `modify` always a filter. */
  interpreted: Array<Interpreted>;
  /** The relevance below which results were left out; null: none were. */
  cutoff: number | null;
  /** How many products or descriptions pass; null where it is not known, as with collapse. */
  total: number | null;
  /** For each facet asked for: value to number of products, the most frequent first. */
  facets: Record<string, Record<string, number>>;
  /** For each histogram asked for: how the attribute is spread. */
  histograms: Record<string, HistogramResult>;
  /** With `modify`: attribute to values that results have because the picture seems to have them. */
  kept: Record<string, Array<string>>;
  /** Where there is something to know of the answer, such as how many products a comparison left out. */
  notes: Array<string>;
  /** The weights that ranked these results. */
  encoder_id: string;
  /** Version of the catalogue that was searched. */
  catalogue_version: number;
  timing_ms: Timing;
  results: Array<DescriptionResult>;
}

/** One field that cannot be used. */
export interface ErrorDetail {
  field: string;
  message: string;
}

/** What went wrong: `code` for programs, `message` for people. */
export interface ErrorBody {
  code: string;
  message: string;
  details: Array<ErrorDetail>;
  request_id: string;
}

/** The shape of every error. */
export interface ErrorAnswer {
  error: ErrorBody;
}

/** One answer per query, in their order. */
export interface DescriptionAnswers {
  answers: Array<DescriptionAnswer | ErrorAnswer>;
}

/** One of the first results of a query. */
export interface FoundExample {
  id: string;
  title: string;
  score: number;
  /** Whether it is an answer that was looked for. */
  right: boolean;
}

/** A query that does very well or very badly. */
export interface QueryExample {
  /** The product that asks; of a text, the one of its products that comes first. */
  id: string;
  title: string;
  /** Where its best right answer stands, from 1; ties count against it. */
  rank: number;
  /** Cosine of that answer. */
  score: number;
  /** What was found first. */
  found: Array<FoundExample>;
}

/** How many pairs of query and answer are how similar. */
export interface Similarity {
  /** Of the bins; one more than there are bins. */
  edges: Array<number>;
  /** Pairs that belong together. */
  right: Array<number>;
  /** All other pairs. */
  wrong: Array<number>;
  /** Of the other pairs, the most similar one of each query. */
  nearest_wrong: Array<number>;
}

/** One direction: which queries do worst and best, and how similar pairs are. */
export interface DirectionDetails {
  /** How many there are, of the slice where one is asked for. */
  queries: number;
  worst: Array<QueryExample>;
  best: Array<QueryExample>;
  /** Of all queries. */
  similarity: Similarity;
}

/** When figures were measured, and what it took. */
export interface Measured {
  /** When it ended; UTC. */
  at: string;
  /** How long it was computed. */
  seconds: number;
  /** On how many threads. */
  threads: number;
}

/** The error analysis behind the figures of an evaluation. */
export interface DetailsAnswer {
  /** Queries from these products. */
  split: "test" | "validation" | "train" | "all";
  encoder_id: string;
  catalogue_version: number;
  /** Name of the data set that the catalogue was built from. */
  source: string;
  /** Each distinct title asks for its pictures. */
  text_to_image: DirectionDetails;
  /** Each picture asks for its title among the distinct ones. */
  image_to_text: DirectionDetails;
  measured: Measured;
}

/** A fraction in [0, 1] with its 95 % interval. */
export interface Figure {
  value: number;
  low: number;
  high: number;
}

/** Figures of one direction: only the query's own product counts, or any product with its title. */
export interface Direction {
  strict_id: Record<string, Figure>;
  same_title: Record<string, Figure>;
}

/** The vector of one input. */
export interface Embedding {
  object: "embedding";
  /** Which input it belongs to, from 0. */
  index: number;
  /** Numbers, or base64 of little-endian float32. */
  embedding: Array<number> | string;
}

/** How many tokens the texts have; pictures have none. */
export interface Usage {
  prompt_tokens: number;
  total_tokens: number;
}

/** Vectors of unit length in the order of the inputs. */
export interface EmbeddingsAnswer {
  object: "list";
  data: Array<Embedding>;
  /** The encoder that made them. */
  model: string;
  usage: Usage;
}

/** Texts and pictures to encode, in the shape of OpenAI's call. */
export interface EmbeddingsRequest {
  /**
   * The part of the picture that counts: left, top, width and height in parts of the upright picture, each from 0
   * to 1, such as [0, 0.5, 1, 0.5] for its lower half; at least 0.02 wide and high.
   */
  crop?: Array<number> | null;
  /** A name that /v1/models lists; there is one model. */
  model?: string | null;
  /** Numbers, or the bytes of little-endian float32 as base64. */
  encoding_format?: "float" | "base64";
  /** The vectors' length; only the model's own is possible. */
  dimensions?: number | null;
  /** Ignored. */
  user?: string | null;
  /** A text or a list of them; one that begins with data:image/ is a picture. */
  input: string | Array<string>;
}

/** The titles of one value of an attribute. */
export interface Slice {
  value: string;
  /** Number of distinct titles that are queries. */
  queries: number;
  recall1: Figure;
  recall10: Figure;
  mrr10: Figure;
}

/** How well the served encoder finds the served products. */
export interface EvaluationAnswer {
  /** Queries from these products. */
  split: "test" | "validation" | "train" | "all";
  encoder_id: string;
  catalogue_version: number;
  /** Name of the data set that the catalogue was built from. */
  source: string;
  /** Number of products that are queries. */
  queries: number;
  /** How many products they are looked for among: all of them. */
  gallery: number;
  image_to_text: Direction;
  text_to_image: Direction;
  /** One query per distinct title, text to image; recall counts every product of that title. */
  titles: Record<string, number | Figure>;
  /**
   * The same, ranked as mode vector ranks a search for the title: by the cosine less a part of the product's
   * hubness (see hub_correction), which is measured against the catalogue's own titles. Null where the catalogue
   * has no hubness.
   */
  titles_hub_corrected?: Record<string, number | Figure> | null;
  /** The titles apart, by attribute and by how many products share them. */
  slices: Record<string, Array<Slice>>;
  /** What the titles can be told apart by: names that `slices` takes. */
  attributes: Array<string>;
  measured: Measured;
}

/** A word of a description, and what it does for the match. */
export interface WordResult {
  word: string;
  /** How much the score falls when this word is left out; below 0 it disturbs. */
  weight: number;
}

/** A description word by word. */
export interface ExplainedResult {
  description: string;
  /** Cosine of the angle between picture and description; 1 at best. */
  score: number;
  words: Array<WordResult>;
}

/** The descriptions, in the order in which they were sent. */
export interface ExplainAnswer {
  results: Array<ExplainedResult>;
  /** The weights that judged. */
  encoder_id: string;
}

/** Descriptions, and what they are matched with: a picture, products for their pictures, a vector, or several. */
export interface ExplainRequest {
  /**
   * The part of the picture that counts: left, top, width and height in parts of the upright picture, each from 0
   * to 1, such as [0, 0.5, 1, 0.5] for its lower half; at least 0.02 wide and high.
   */
  crop?: Array<number> | null;
  /** The picture as data:image/png;base64,... Addresses are not fetched. */
  image?: string | null;
  /** Ids of products whose pictures they are. */
  like?: Array<string>;
  /** A vector such as /v1/embeddings gives; its length does not matter. */
  vector?: Array<number> | null;
  /** What may be said of the picture, each in words. */
  descriptions: Array<string>;
}

/** How many products have which value. */
export interface FacetsAnswer {
  /**
   * Attribute to value to number of products, the most frequent first; a filter on the attribute itself is left
   * out.
   */
  facets: Record<string, Record<string, number>>;
  /** Attribute to what all its values are. */
  types: Record<string, "text" | "number" | "boolean" | "date" | "list" | "mixed">;
  /** How many products pass all filters; null where it is not known. */
  total: number | null;
  catalogue_version: number;
}

/** A product of a group. */
export interface Member {
  id: string;
  title: string;
  attributes: Record<string, string | number | boolean | Array<string>>;
  image_url: string;
}

/** The products that one result stands for, where a search groups them. */
export interface GroupResult {
  /** The value that they share; null for a product without one, which is alone. */
  value: string | null;
  /** How many of them pass. */
  count: number;
  /** The best of them, at most 20; the first one is the result itself. */
  members: Array<Member>;
}

/** The process runs. */
export interface Health {
  status: "ok";
}

/** What pages write for attributes and values in a language; what is not named stays as the catalogue has it. */
export interface LabelsAnswer {
  /** The language of the labels: en, fr, de, es or it. */
  language: string;
  /** Attribute to its name. */
  attributes: Record<string, string>;
  /** Attribute to value to label, at most 2,000 of them; no two values of an attribute share a label. */
  values: Record<string, Record<string, string>>;
}

/** A product in a list: the fields that were asked for. */
export interface ListedProduct {
  id: string;
  title?: string | null;
  split?: string | null;
  attributes?: Record<string, string | number | boolean | Array<string>> | null;
  image_url?: string | null;
  image_urls?: Array<string> | null;
  /** Names the product's content, for If-Match. */
  etag?: string | null;
  /** Of each picture, in order: BLAKE2b of its bytes, 16 bytes long, in hexadecimal digits. */
  picture_digests?: Array<string> | null;
}

/** Some products, in the order of their ids. */
export interface ListAnswer {
  products: Array<ListedProduct>;
  /** What to send as `after` for the products behind these; null at the end. */
  next: string | null;
  /** Version of the catalogue when the list was made. */
  catalogue_version: number;
}

/** The values of one attribute, to colour a map by. */
export interface MapAttribute {
  /** The most frequent first. */
  values: Array<string>;
  /** Per product its value's place in `values`, 65535 for none: uint16 as base64. */
  codes: string;
}

/** One word of what a region of the map is called. */
export interface RegionWordAnswer {
  text: string;
  /** The attribute whose value it is; null for a word of titles. */
  attribute?: string | null;
}

/** What a region of the map is called. */
export interface RegionAnswer {
  /** 0 for the largest regions; each level has four times as many. */
  level: number;
  /** Its middle, in the square of the products. */
  x: number;
  y: number;
  /** Products of the region that have its word. */
  count: number;
  /** Its own word, and behind it one of a region around it, if that says what it is a part of. */
  words: Array<RegionWordAnswer>;
}

/** The places of the products in two dimensions; near ones look alike. */
export interface MapAnswer {
  /** umap: a map that an earlier version has made. */
  method: "tsne" | "pca" | "umap";
  created: string;
  encoder_id: string;
  catalogue_version: number;
  /** Products that are not shown: of more than 200,000, some are left out evenly. */
  left_out: number;
  /** Of the products, N. */
  ids: Array<string>;
  /** N little-endian uint16 as base64: the map is a square of 65535. */
  x: string;
  /** The same, upwards. */
  y: string;
  /** Attributes with few enough values to colour by. */
  attributes: Record<string, MapAttribute>;
  /** What its regions are called, the largest regions first. */
  labels: Array<RegionAnswer>;
}

/** One name of the model that is served. */
export interface Model {
  id: string;
  object: "model";
  /** When its catalogue was built, in seconds since 1970. */
  created: number;
  owned_by: string;
  /** The id of its weights; a catalogue carries the same. */
  encoder_id: string;
  /** Numbers in a vector. */
  dimensions: number;
  /** Height and width in pixels that pictures are scaled to. */
  image_size: Array<number>;
  /** Tokens of a text that are read; what follows is not. */
  max_tokens?: number | null;
  /** What texts are read by, before training. */
  text_tower?: string | null;
  /** What pictures are seen by, before training. */
  image_tower?: string | null;
  /** The configuration that it was trained by. */
  recipe?: string | null;
}

/** The model that is served, by its lasting name and by the id of its weights. */
export interface ModelsAnswer {
  object: "list";
  data: Array<Model>;
}

/** One product that was found. */
export interface ProductResult {
  id: string;
  title: string;
  /**
   * What ranks, higher is better; in mode vector the cosine between query and picture, of which hub correction
   * takes off a part for the order alone. 0 where there was nothing to search for.
   */
  score: number;
  /** How often results with such a score are right, 0 to 1; null where that was not measured. */
  relevance: number | null;
  /** Why it is here; null where nothing but the score is known. */
  signals: SignalValues | null;
  attributes: Record<string, string | number | boolean | Array<string>>;
  /** Its picture: of several, the one that fits best. */
  image_url: string;
  /** The products that it stands for; only with group_by. */
  group?: GroupResult | null;
}

/** Products, best first. */
export interface ProductAnswer {
  /** What ranked. */
  mode: "hybrid" | "vector" | "lexical";
  /** The language that the text was read in; null where no text was read. */
  language: string | null;
  /** Null where no word was corrected. */
  corrected: Corrected | null;
  /** What the text says of attributes: a strong preference, and with `strict` a filter; of `modify` always a filter. */
  interpreted: Array<Interpreted>;
  /** The relevance below which results were left out; null: none were. */
  cutoff: number | null;
  /** How many products or descriptions pass; null where it is not known, as with collapse. */
  total: number | null;
  /** For each facet asked for: value to number of products, the most frequent first. */
  facets: Record<string, Record<string, number>>;
  /** For each histogram asked for: how the attribute is spread. */
  histograms: Record<string, HistogramResult>;
  /** With `modify`: attribute to values that results have because the picture seems to have them. */
  kept: Record<string, Array<string>>;
  /** Where there is something to know of the answer, such as how many products a comparison left out. */
  notes: Array<string>;
  /** The weights that ranked these results. */
  encoder_id: string;
  /** Version of the catalogue that was searched. */
  catalogue_version: number;
  timing_ms: Timing;
  results: Array<ProductResult>;
}

/** One answer per query, in their order. */
export interface ProductAnswers {
  answers: Array<ProductAnswer | ErrorAnswer>;
}

/** One product of the catalogue. */
export interface ProductDetail {
  id: string;
  title: string;
  /** The part of the data this product belongs to: train, validation or test. */
  split: string;
  attributes: Record<string, string | number | boolean | Array<string>>;
  /** Its first picture. */
  image_url: string;
  /** All of its pictures, in order. */
  image_urls: Array<string>;
}

/** What a product is to be; what is left out stays as it is. */
export interface ProductRequest {
  /** Its id; in a call for one product, that of the address. */
  id?: string | null;
  /** What it is called; it is found under these words. A new product needs one. */
  title?: string | null;
  /**
   * Attribute to value, to filter by: a text, a number, true, false or a list. Those that are not named stay; null
   * takes one out, and null for all of them takes out all.
   */
  attributes?: Record<string, boolean | number | string | Array<boolean | number | string | null> | null> | null;
  /** Its picture: data:image/png;base64,... A new product needs one; left out, the pictures stay. */
  image?: string | null;
  /** Its pictures, in order, behind `image` where both are sent. They replace all that it has. */
  images?: Array<string> | null;
  /** Whether what is not sent goes: all attributes that are not named. Pictures stay all the same. */
  replace?: boolean;
}

/** How far an evaluation is. */
export interface ProgressAnswer {
  /** idle: nobody has asked for it here; waiting: others are computed before it; ready: it is kept. */
  state: "idle" | "waiting" | "measuring" | "ready";
  /** What is computed. */
  stage: "reading" | "image_to_text" | "text_to_image" | "titles" | "intervals" | "slices" | null;
  /** Part of all that is done. */
  done: number;
  /** For how long it is computed. */
  seconds: number;
  /** Estimate of the seconds until it ends; null as long as there is none. */
  left_s: number | null;
}

/** A query went through the whole service. */
export interface Ready {
  status: "ready";
  encoder_id: string;
  catalogue_version: number;
  products: number;
  device: string;
  took_ms: number;
}

/** A part of the picture that shows one thing. */
export interface Region {
  /** Left, top, width and height in parts of the upright picture, as `crop` takes them. */
  box: Array<number>;
  /** Value that most of the nearest products have; null where they disagree. */
  label: string | null;
  /** The attribute that it is a value of. */
  attribute: string | null;
  /** Cosine of the angle between the region and the nearest product; 1 at best. */
  score: number;
  /** Unit vector of the region, to search with. */
  vector: Array<number>;
}

/** The things that stand out, the clearest first; the whole picture where nothing does. */
export interface RegionsAnswer {
  regions: Array<Region>;
  /** The encoder that made the vectors. */
  encoder_id: string;
}

/** A picture that may show several things. */
export interface RegionsRequest {
  image?: string | null;
}

/** A completion of what is being typed. */
export interface SuggestionResult {
  text: string;
  kind: "brand" | "value" | "title" | "phrase";
  /** The attribute that a value is of; null for other kinds. */
  attribute: string | null;
  /** Products that it leads to. */
  count: number;
}

/** Completions, the likeliest first. */
export interface SuggestionsAnswer {
  suggestions: Array<SuggestionResult>;
  /** Version of the catalogue that they come from. */
  catalogue_version: number;
}

/** The value of one attribute. */
export interface TagResult {
  /** As the catalogue writes it; of a list, one item. */
  value: string | number | boolean;
  /** How often a vote like this one is right in this catalogue, 0 to 1. */
  confidence: number;
}

/** What was found for one product or picture. */
export interface Tagged {
  /** Of the product; not there for a picture. */
  id: string;
  /** Number of the picture, from 0; not there for a product. */
  index: number;
  /** Attribute to value; one on which the vote is open is left out. */
  tags: Record<string, TagResult>;
}

/** The attributes of each product or picture, in the order of the request. */
export interface TagAnswer {
  results: Array<Tagged>;
  encoder_id: string;
  catalogue_version: number;
}

/** Products, or pictures, to find values of attributes for. */
export interface TagRequest {
  /** Products of the catalogue. Neither itself nor products of its title vote for one. */
  ids?: Array<string>;
  /** Pictures as data:image/png;base64,... Addresses are not fetched. */
  images?: Array<string>;
  /** Attributes to find values of; all that a vote can tell, unless given. */
  attributes?: Array<string>;
  /** Leave out values that are less sure than this. */
  min_confidence?: number;
}

/** Each operation by its id: how it is called, and what it answers. */
export interface Operations {
  /** Search Images */
  search: {
    method: "POST";
    url: "/v1/search";
    body: SearchRequest;
    answer: ProductAnswer;
  };
  /** Search By Address */
  searchByAddress: {
    method: "GET";
    url: "/v1/search";
    query: { "q"?: string; "like"?: Array<string>; "unlike"?: Array<string>; "modify"?: string; "keep"?: boolean; "weights"?: string; "k"?: number; "offset"?: number; "filters"?: string; "facets"?: Array<string>; "histograms"?: Array<string>; "collapse"?: "title" | "image" | string; "collapse_threshold"?: number; "min_score"?: number; "mode"?: "hybrid" | "vector" | "lexical" | string; "language"?: "en" | "fr" | "de" | "es" | "it" | string; "correct"?: boolean; "dismiss"?: Array<string>; "strict"?: boolean; "hub_correction"?: boolean; "cutoff"?: "auto" | "none" | number | string; "sort"?: string; "group_by"?: string; "image_versions"?: boolean };
    answer: ProductAnswer;
  };
  /** Search Images */
  searchImages: {
    method: "POST";
    url: "/v1/search/images";
    body: SearchRequest;
    answer: ProductAnswer;
  };
  /** Search Descriptions */
  searchDescriptions: {
    method: "POST";
    url: "/v1/search/descriptions";
    body: SearchRequest;
    answer: DescriptionAnswer;
  };
  /** Search Images Batch */
  searchBatch: {
    method: "POST";
    url: "/v1/search/images/batch";
    body: BatchRequest;
    answer: ProductAnswers;
  };
  /** Search Descriptions Batch */
  searchDescriptionsBatch: {
    method: "POST";
    url: "/v1/search/descriptions/batch";
    body: BatchRequest;
    answer: DescriptionAnswers;
  };
  /** Embeddings */
  embed: {
    method: "POST";
    url: "/v1/embeddings";
    body: EmbeddingsRequest;
    answer: EmbeddingsAnswer;
  };
  /** Regions */
  findRegions: {
    method: "POST";
    url: "/v1/regions";
    body: RegionsRequest;
    answer: RegionsAnswer;
  };
  /** Suggest */
  suggest: {
    method: "GET";
    url: "/v1/suggest";
    query: { "q": string; "k"?: number };
    answer: SuggestionsAnswer;
  };
  /** Classify */
  classify: {
    method: "POST";
    url: "/v1/classify";
    body: ClassifyRequest;
    answer: ClassifyAnswer;
  };
  /** Models */
  listModels: {
    method: "GET";
    url: "/v1/models";
    answer: ModelsAnswer;
  };
  /** Model */
  getModel: {
    method: "GET";
    url: "/v1/models/{name}";
    path: { "name": string };
    answer: Model;
  };
  /** Tag */
  tag: {
    method: "POST";
    url: "/v1/tag";
    body: TagRequest;
    answer: TagAnswer;
  };
  /** Facets */
  facets: {
    method: "GET";
    url: "/v1/facets";
    query: { "attribute"?: Array<string>; "filters"?: string; "limit"?: number };
    answer: FacetsAnswer;
  };
  /** Labels */
  labels: {
    method: "GET";
    url: "/v1/labels";
    query: { "lang"?: string | null };
    answer: LabelsAnswer;
  };
  /** Evaluation */
  evaluate: {
    method: "GET";
    url: "/v1/evaluation";
    query: { "split"?: "test" | "validation" | "train" | "all"; "slices"?: Array<string> };
    answer: EvaluationAnswer;
  };
  /** Evaluation Progress */
  evaluationProgress: {
    method: "GET";
    url: "/v1/evaluation/progress";
    query: { "split"?: "test" | "validation" | "train" | "all"; "report"?: "figures" | "details" };
    answer: ProgressAnswer;
  };
  /** Evaluation Details */
  evaluationDetails: {
    method: "GET";
    url: "/v1/evaluation/details";
    query: { "split"?: "test" | "validation" | "train" | "all"; "slice"?: string | null; "offset"?: number; "limit"?: number };
    answer: DetailsAnswer;
  };
  /** Explain */
  explain: {
    method: "POST";
    url: "/v1/explain";
    body: ExplainRequest;
    answer: ExplainAnswer;
  };
  /** Product Map */
  map: {
    method: "GET";
    url: "/v1/map";
    answer: MapAnswer;
  };
  /** List Products */
  listProducts: {
    method: "GET";
    url: "/v1/products";
    query: { "after"?: string | null; "limit"?: number | null; "filters"?: string; "fields"?: string };
    answer: ListAnswer;
  };
  /** Write Products */
  writeProducts: {
    method: "POST";
    url: "/v1/products";
    query: { "mode"?: "edit" | "sync"; "max_delete"?: number; "dry_run"?: boolean };
    body: string | Blob | FormData;
    answer: BulkAnswer;
  };
  /** Delete Products */
  deleteProducts: {
    method: "DELETE";
    url: "/v1/products";
    query: { "filters": string; "dry_run"?: boolean; "confirm"?: number | null };
    answer: DeletionAnswer;
  };
  /** Product Image */
  getImage: {
    method: "GET";
    url: "/v1/products/{product_id}/image";
    path: { "product_id": string };
    query: { "n"?: number; "w"?: number | null; "v"?: string | null };
    answer: unknown;
  };
  /** Similar */
  similar: {
    method: "GET";
    url: "/v1/products/{product_id}/similar";
    path: { "product_id": string };
    query: { "k"?: number; "offset"?: number; "same"?: Array<string>; "not"?: "title"; "filters"?: string; "facets"?: Array<string>; "sort"?: string; "collapse"?: "title" | "image" | string; "collapse_threshold"?: number; "group_by"?: string; "min_score"?: number; "cutoff"?: "auto" | "none" | number | string; "image_versions"?: boolean };
    answer: ProductAnswer;
  };
  /** Product */
  getProduct: {
    method: "GET";
    url: "/v1/products/{product_id}";
    path: { "product_id": string };
    answer: ProductDetail;
  };
  /** Put Product */
  putProduct: {
    method: "PUT";
    url: "/v1/products/{product_id}";
    path: { "product_id": string };
    header: { "If-Match"?: string; "If-None-Match"?: "*" };
    body: ProductRequest;
    answer: ProductDetail;
  };
  /** Patch Product */
  patchProduct: {
    method: "PATCH";
    url: "/v1/products/{product_id}";
    path: { "product_id": string };
    header: { "If-Match"?: string };
    body: ProductRequest;
    answer: ProductDetail;
  };
  /** Delete Product */
  deleteProduct: {
    method: "DELETE";
    url: "/v1/products/{product_id}";
    path: { "product_id": string };
    header: { "If-Match"?: string };
    answer: unknown;
  };
  /** Reload */
  reload: {
    method: "POST";
    url: "/v1/admin/reload";
    answer: Ready;
  };
  /** Healthz */
  health: {
    method: "GET";
    url: "/healthz";
    answer: Health;
  };
  /** Readyz */
  ready: {
    method: "GET";
    url: "/readyz";
    answer: Ready;
  };
  /** Metrics */
  metrics: {
    method: "GET";
    url: "/metrics";
    answer: unknown;
  };
}
